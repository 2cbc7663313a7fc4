/** What the runtime proxy needs to know of a deployment in a run, and of the attempt that a call belongs to. */
import { Prisma, type Db } from './index';

/** A deployment as a run sees it. */
export interface RunDeployment {
  deploymentId: string;
  familyId: string;
  deploymentRevision: string;
  status: string;
  healthStatus: string;
  /** Where the agent listens, null while it is not placed. */
  runtimeEndpointUrl: string | null;
  /** Changes with every start of the agent. */
  runtimeInstanceId: string | null;
  latencyMsP50: number;
  /** `runtime.kind` of its manifest. */
  runtimeKind: string;
  /** Status of the run's snapshot; null when the deployment is not a member of it. */
  snapshotStatus: string | null;
}

/** @returns null when there is no such deployment */
export async function findRunDeployment(
  db: Db,
  runId: string,
  deploymentId: string,
): Promise<RunDeployment | null> {
  const row = await db.managedDeployment.findUnique({
    where: { id: deploymentId },
    include: { submission: { select: { manifestJson: true } } },
  });
  if (!row) return null;
  const [snapshot] = await db.$queryRaw<{ status: string }[]>`
    SELECT status FROM epoch_target_snapshots
    WHERE epoch_id = ${runId} AND family_id = ${row.familyId}
      AND members_json @> ${JSON.stringify([{ metadata: { deployment_id: deploymentId } }])}::jsonb`;
  const manifest = row.submission.manifestJson as { runtime?: { kind?: unknown } } | null;
  return {
    deploymentId: row.id,
    familyId: row.familyId,
    deploymentRevision: row.deploymentRevision,
    status: row.status,
    healthStatus: row.healthStatus,
    runtimeEndpointUrl: row.runtimeEndpointUrl,
    runtimeInstanceId: row.runtimeInstanceId,
    latencyMsP50: row.latencyMsP50,
    runtimeKind: typeof manifest?.runtime?.kind === 'string' ? manifest.runtime.kind : 'base_agent',
    snapshotStatus: snapshot?.status ?? null,
  };
}

/** Where an agent is right now. */
export interface RuntimeState {
  status: string;
  healthStatus: string;
  runtimeEndpointUrl: string | null;
  runtimeInstanceId: string | null;
}

/** @returns null when there is no such deployment */
export function runtimeState(db: Db, deploymentId: string): Promise<RuntimeState | null> {
  return db.managedDeployment.findUnique({
    where: { id: deploymentId },
    select: { status: true, healthStatus: true, runtimeEndpointUrl: true, runtimeInstanceId: true },
  });
}

/** One attempt and the lease that it was given out with. */
export interface Attempt {
  jobId: string;
  rowId: string;
  runId: string;
  taskId: string;
  deploymentId: string;
  validatorHotkey: string;
  claim: {
    fencing: bigint;
    status: string;
    releaseReason: string | null;
    expiresAt: Date;
    endedAt: Date | null;
  };
}

interface AttemptRow {
  job_id: string;
  miner_evaluation_task_id: string;
  epoch_id: string;
  task_id: string;
  deployment_id: string;
  validator_hotkey: string;
  fencing: bigint;
  status: string;
  release_reason: string | null;
  expires_at: Date;
  ended_at: Date | null;
}

const ATTEMPT = Prisma.sql`
  SELECT j.job_id, j.miner_evaluation_task_id, j.epoch_id, j.task_id, j.deployment_id, j.validator_hotkey, j.fencing,
    c.status, c.release_reason, c.expires_at, c.ended_at
  FROM attempt_jobs j JOIN task_claims c ON c.fencing = j.fencing`;

/** The attempt of a job id, whatever became of its lease. */
export async function findAttempt(db: Db, jobId: string): Promise<Attempt | null> {
  const [row] = await db.$queryRaw<AttemptRow[]>(Prisma.sql`${ATTEMPT} WHERE j.job_id = ${jobId}`);
  return row ? toAttempt(row) : null;
}

/** The attempts of several job ids, by job id; unknown ones are left out. */
export async function findAttempts(db: Db, jobIds: readonly string[]): Promise<Map<string, Attempt>> {
  const rows = await db.$queryRaw<AttemptRow[]>(
    Prisma.sql`${ATTEMPT} WHERE j.job_id = ANY(${[...jobIds]}::text[])`,
  );
  return new Map(rows.map((row) => [row.job_id, toAttempt(row)]));
}

export interface LiveAttemptKey {
  runId: string;
  deploymentId: string;
  /** Null finds any validator's. */
  validatorHotkey: string | null;
  /** Names of the task as a request carries them; without any, the latest attempt at this deployment is meant. */
  taskIds: readonly string[];
  now: Date;
}

/** The latest attempt at a deployment whose lease still runs. */
export async function findLiveAttempt(db: Db, key: LiveAttemptKey): Promise<Attempt | null> {
  // From the leases that run, which are few, to the job of their row at this deployment.
  const [row] = await db.$queryRaw<AttemptRow[]>(Prisma.sql`${ATTEMPT}
    JOIN miner_evaluation_tasks m ON m.task_evaluation_id = c.task_evaluation_id AND m.job_id = j.job_id
    WHERE c.status = 'claimed' AND c.expires_at > ${key.now.toISOString()}::timestamp AND c.epoch_id = ${key.runId}
      AND (${key.validatorHotkey}::text IS NULL OR c.validator_hotkey = ${key.validatorHotkey}::text)
      AND (${key.taskIds.length} = 0 OR c.task_id = ANY(${[...key.taskIds]}::text[]))
      AND m.deployment_id = ${key.deploymentId}
    ORDER BY c.fencing DESC LIMIT 1`);
  return row ? toAttempt(row) : null;
}

function toAttempt(row: AttemptRow): Attempt {
  return {
    jobId: row.job_id,
    rowId: row.miner_evaluation_task_id,
    runId: row.epoch_id,
    taskId: row.task_id,
    deploymentId: row.deployment_id,
    validatorHotkey: row.validator_hotkey,
    claim: {
      fencing: row.fencing,
      status: row.status,
      releaseReason: row.release_reason,
      expiresAt: row.expires_at,
      endedAt: row.ended_at,
    },
  };
}

/**
 * Counts one death of the agent's process under a (task, miner), over all its attempts.
 * @returns how many there were, this one included
 */
export async function recordCrash(db: Db, rowId: string): Promise<number> {
  const row = await db.minerEvaluationTask.update({
    where: { id: rowId },
    data: { crashCount: { increment: 1 } },
    select: { crashCount: true },
  });
  return row.crashCount;
}
