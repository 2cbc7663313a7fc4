/** Taking in submissions: one transaction per upload, serialised per hotkey (api.md section 4.1, "Side effects"). */
import { createHash, randomUUID } from 'node:crypto';
import { Prisma } from './generated/client';
import type { DbTx, PrismaClient } from './index';
import { ensureTargetRun } from './target-run';
import type { TargetRunPolicy } from './target-run';

/** A payment as it goes into `submission_fees`; amounts in rao. */
export interface FeeRecord {
  genesisHash: string;
  blockHash: string;
  extrinsicHash: string;
  extrinsicIndex: number | null;
  blockNumber: number | null;
  amountRao: bigint | null;
  payer: string | null;
  /** `pending` is a payment that is not final yet; the submission's workflow keeps asking. */
  status: 'verified' | 'pending';
  reason: string | null;
}

export interface NewSubmission {
  minerHotkey: string;
  familyId: string;
  agentName: string;
  manifest: Prisma.InputJsonObject;
  archive: { storageKey: string; sha256: string; sizeBytes: number; entryCount: number };
  /** As the miner named them, stored even where no fee is asked. */
  extrinsicHash: string | null;
  blockHash: string | null;
  fee: FeeRecord | null;
  cpuMillis: number;
  memoryBytes: bigint;
  /** Address that miners and validators reach this API at. */
  baseUrl: string;
  /** Submissions that one hotkey may make in its lifetime; 0 for no limit. */
  lifetimeCap: number;
  runPolicy: TargetRunPolicy;
  now: Date;
}

export interface RetiredPredecessor {
  submissionId: string;
  deploymentId: string | null;
  /** True when it is a member of a run that is going on: it is scored to the end of that run (decision 8). */
  keptForRun: boolean;
}

export type AcceptOutcome =
  | {
      kind: 'accepted';
      submissionId: string;
      deploymentId: string;
      introducedRunId: string;
      predecessor: RetiredPredecessor | null;
    }
  | { kind: 'cap_reached' }
  | { kind: 'fee_used' };

export const SUBMISSION_BENCHMARK_VERSION = 'general_chat_v1';
export const SUBMISSION_RUBRIC_VERSION = 'general_chat_rubric_v1';
export const SUBMISSION_JUDGE_MODEL = 'local-rubric-judge';

/** Submissions that count against a hotkey's lifetime cap. */
export function countForCap(db: PrismaClient | DbTx, hotkey: string): Promise<number> {
  return db.managedMinerSubmission.count({ where: { minerHotkey: hotkey, countsForCap: true } });
}

/** True when the extrinsic has paid for, or is named by, an earlier submission. */
export async function extrinsicUsed(db: PrismaClient | DbTx, extrinsicHash: string): Promise<boolean> {
  const [row] = await db.$queryRaw<{ used: boolean }[]>`
    SELECT EXISTS (SELECT 1 FROM managed_miner_submissions WHERE lower(extrinsic_hash) = ${extrinsicHash.toLowerCase()})
        OR EXISTS (SELECT 1 FROM submission_fees WHERE extrinsic_hash = ${extrinsicHash.toLowerCase()}) AS used`;
  return row?.used ?? false;
}

/**
 * Stores a submission, its artifact, its fee and its deployment, and retires the hotkey's previous submission, all or
 * nothing. Uploads of one hotkey are serialised, so the cap cannot be raced; one fee is taken once, whoever is faster.
 */
export async function acceptSubmission(db: PrismaClient, input: NewSubmission): Promise<AcceptOutcome> {
  try {
    return await db.$transaction((tx) => insertSubmission(tx, input));
  } catch (error) {
    if (isFeeConflict(error)) return { kind: 'fee_used' };
    throw error;
  }
}

function isFeeConflict(error: unknown): boolean {
  return (
    error instanceof Prisma.PrismaClientKnownRequestError &&
    error.code === 'P2002' &&
    error.meta?.modelName === 'SubmissionFee'
  );
}

async function insertSubmission(tx: DbTx, input: NewSubmission): Promise<AcceptOutcome> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`submission:${input.minerHotkey}`}, 0))`;
  if (input.lifetimeCap > 0 && (await countForCap(tx, input.minerHotkey)) >= input.lifetimeCap) {
    return { kind: 'cap_reached' };
  }
  const run = await ensureTargetRun(tx, input.runPolicy, input.now);
  const previous = await tx.managedMinerSubmission.findFirst({
    where: { minerHotkey: input.minerHotkey },
    orderBy: { submissionSeq: 'desc' },
  });
  const submissionId = randomUUID();
  const deploymentId = randomUUID();
  const seq = (previous?.submissionSeq ?? 0) + 1;
  const predecessor = previous ? await retirePredecessor(tx, previous.id, submissionId, input.now) : null;
  const artifact = await tx.submissionArtifact.create({
    data: {
      storageKey: input.archive.storageKey,
      sha256: input.archive.sha256,
      sizeBytes: input.archive.sizeBytes,
      entryCount: input.archive.entryCount,
      manifestJson: input.manifest,
      createdAt: input.now,
    },
  });
  await tx.managedMinerSubmission.create({
    data: {
      id: submissionId,
      minerHotkey: input.minerHotkey,
      submissionSeq: seq,
      familyId: input.familyId,
      status: 'received',
      statusReason: `accepted; it waits for ${run.id} to open`,
      artifactId: artifact.id,
      manifestJson: input.manifest,
      archiveSha256: input.archive.sha256,
      submissionBlock: Math.floor(input.now.getTime() / 1000),
      introducedRunId: run.id,
      extrinsicHash: input.extrinsicHash,
      blockHash: input.blockHash,
      createdAt: input.now,
      updatedAt: input.now,
    },
  });
  if (input.fee) await insertFee(tx, submissionId, input.fee, input.now);
  await insertDeployment(tx, { submissionId, deploymentId, seq, input });
  await tx.submissionEvent.create({
    data: {
      submissionId,
      step: 'received',
      outcome: 'done',
      reason: `archive of ${input.archive.sizeBytes} bytes accepted for ${run.id}`,
      detailsJson: { archive_sha256: input.archive.sha256, introduced_run_id: run.id },
      createdAt: input.now,
    },
  });
  return { kind: 'accepted', submissionId, deploymentId, introducedRunId: run.id, predecessor };
}

async function insertFee(tx: DbTx, submissionId: string, fee: FeeRecord, now: Date): Promise<void> {
  await tx.submissionFee.create({
    data: {
      submissionId,
      ...fee,
      extrinsicHash: fee.extrinsicHash.toLowerCase(),
      blockHash: fee.blockHash.toLowerCase(),
      verifiedAt: fee.status === 'verified' ? now : null,
      createdAt: now,
    },
  });
}

async function insertDeployment(
  tx: DbTx,
  {
    submissionId,
    deploymentId,
    seq,
    input,
  }: {
    submissionId: string;
    deploymentId: string;
    seq: number;
    input: NewSubmission;
  },
): Promise<void> {
  const revision = createHash('sha256')
    .update(`${input.archive.sha256}:${input.minerHotkey}:${seq}`)
    .digest('hex');
  await tx.managedDeployment.create({
    data: {
      id: deploymentId,
      submissionId,
      minerHotkey: input.minerHotkey,
      familyId: input.familyId,
      deploymentRevision: revision,
      imageRef: `managed://${input.familyId}/${revision}`,
      endpoint: `${input.baseUrl}/runtime/${deploymentId}`,
      status: 'queued',
      healthStatus: 'queued',
      placementStatus: 'queued',
      healthDetailsJson: { build: 'queued', deploy: 'queued', manifest_agent: input.agentName },
      requestedCpuMillis: input.cpuMillis,
      requestedMemoryBytes: input.memoryBytes,
      benchmarkVersion: SUBMISSION_BENCHMARK_VERSION,
      rubricVersion: SUBMISSION_RUBRIC_VERSION,
      judgeModel: SUBMISSION_JUDGE_MODEL,
      createdAt: input.now,
      updatedAt: input.now,
    },
  });
}

async function retirePredecessor(
  tx: DbTx,
  previousId: string,
  successorId: string,
  now: Date,
): Promise<RetiredPredecessor> {
  const deployment = await tx.managedDeployment.findFirst({
    where: { submissionId: previousId },
    orderBy: { createdAt: 'desc' },
  });
  const keptForRun = deployment ? await isMemberOfOpenRun(tx, deployment.id) : false;
  const reason = keptForRun
    ? `superseded by submission ${successorId}; its deployment is scored to the end of the open run`
    : `superseded by submission ${successorId}`;
  await tx.managedMinerSubmission.updateMany({
    where: { id: previousId, status: { notIn: ['rejected', 'withdrawn', 'retired'] } },
    data: { status: 'retired', statusReason: reason, updatedAt: now },
  });
  await tx.submissionEvent.createMany({
    data: [{ submissionId: previousId, step: 'superseded', outcome: 'done', reason, createdAt: now }],
    skipDuplicates: true,
  });
  if (deployment && !keptForRun && deployment.status !== 'retired')
    await retireDeployment(tx, deployment, now);
  return { submissionId: previousId, deploymentId: deployment?.id ?? null, keptForRun };
}

async function retireDeployment(
  tx: DbTx,
  deployment: { id: string; familyId: string; healthDetailsJson: unknown },
  now: Date,
): Promise<void> {
  const details = {
    ...(deployment.healthDetailsJson as Prisma.JsonObject),
    stop_reason: 'resubmit',
  };
  await tx.managedDeployment.update({
    where: { id: deployment.id },
    data: {
      status: 'retired',
      healthStatus: 'retired',
      pendingRuntimeStop: true,
      isActive: false,
      activeSetRank: null,
      healthDetailsJson: details,
      retiredAt: now,
      updatedAt: now,
    },
  });
  await tx.deploymentHealthEvent.create({
    data: {
      deploymentId: deployment.id,
      familyId: deployment.familyId,
      status: 'retired',
      reason: 'resubmit',
      createdAt: now,
    },
  });
}

/** True when the deployment is frozen into the snapshot, or has tasks, of a run that has not completed. */
async function isMemberOfOpenRun(tx: DbTx, deploymentId: string): Promise<boolean> {
  const member = JSON.stringify([{ metadata: { deployment_id: deploymentId } }]);
  const [row] = await tx.$queryRaw<{ member: boolean }[]>`
    SELECT EXISTS (
      SELECT 1 FROM evaluation_runs r JOIN epoch_target_snapshots s ON s.epoch_id = r.id
      WHERE r.status <> 'completed' AND s.members_json @> ${member}::jsonb
    ) OR EXISTS (
      SELECT 1 FROM evaluation_runs r JOIN miner_evaluation_tasks t ON t.epoch_id = r.id
      WHERE r.status <> 'completed' AND t.deployment_id = ${deploymentId}
    ) AS member`;
  return row?.member ?? false;
}

const withDeployment = { deployments: { orderBy: { createdAt: 'desc' as const }, take: 1 } };

export type SubmissionRow = Prisma.ManagedMinerSubmissionGetPayload<{ include: typeof withDeployment }>;

/** One submission with its newest deployment, null when there is none by that id. */
export function findSubmission(db: PrismaClient, id: string): Promise<SubmissionRow | null> {
  return db.managedMinerSubmission.findUnique({ where: { id }, include: withDeployment });
}

/** Submissions with their newest deployment, newest first; of one hotkey when it is given. */
export function listSubmissions(
  db: PrismaClient,
  filter: { hotkey?: string; limit: number; offset: number },
): Promise<SubmissionRow[]> {
  return db.managedMinerSubmission.findMany({
    where: filter.hotkey === undefined ? {} : { minerHotkey: filter.hotkey },
    include: withDeployment,
    orderBy: [{ createdAt: 'desc' }, { submissionSeq: 'desc' }],
    take: filter.limit,
    skip: filter.offset,
  });
}
