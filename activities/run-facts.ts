import { Prisma, type Db } from '../adapters/postgres';
import { prepared } from '../adapters/postgres/prepared';
import type { ObjectStore } from '../adapters/object-store/types';
import type { EvaluationTask } from '../domain/contracts/dataset';
import type { FamilyHead, JudgmentFacts, ResultFacts, RunFacts } from '../domain/evidence/contract';
import { deriveSeed } from '../domain/sampling/seed';
import type { PoolItem, SamplerPromise } from '../domain/sampling/freeze';
import type { ScoringVersion } from '../domain/scoring';
import { enrichmentRecordSchema } from '../domain/oracle/record';
import { forbiddenClaims, fullInput, type StoredInput, type UnjudgedRecord } from '../domain/tasks/settle';
import { naiveIso } from '../domain/time';
import { badState } from './failures';
import type { RunPolicy } from './run-policy';

export interface FactSources {
  db: Db;
  objectStore: ObjectStore;
  policy: RunPolicy;
}

/** What was recorded of a closed run as a whole, before anything is computed from it. */
export interface CollectedFacts {
  run: RunFacts['run'];
  families: FamilyHead[];
  /** Results of a family, task by task, so that no more than two tasks' rows are in memory. */
  results(family: FamilyHead): AsyncIterable<ResultFacts[]>;
}

/**
 * Reads what was recorded of a closed run. Scores, winner and weights all come from these facts through the computation of
 * `domain/evidence`, so that whoever holds the published facts computes the same.
 */
export async function collectFacts(sources: FactSources, runId: string): Promise<CollectedFacts> {
  const { db, policy } = sources;
  const run = await db.evaluationRun.findUnique({ where: { id: runId } });
  if (!run?.closedAt) throw badState(`run ${runId} is not closed, so there is nothing to score yet`);
  const milliseconds = (seconds: number): number => seconds * 1000;
  const tasks = await db.taskEvaluation.findMany({
    where: { runId, familyId: policy.familyId },
    orderBy: { taskIndex: 'asc' },
    include: { enrichment: true },
  });
  const ids = tasks.map((task) => task.id);
  return {
    run: {
      run_id: run.id,
      sequence: run.sequence,
      scoring_version: versionOf(run.scoringVersion),
      quorum: run.taskQuorum,
      started_at: naiveIso(run.startedAt),
      ends_at: naiveIso(run.endsAt),
      closed_at: naiveIso(run.closedAt),
      judge_model: run.judgeModel,
      latency_budgets_ms: {
        instant: milliseconds(policy.latencyBudgets.instant),
        thinking: milliseconds(policy.latencyBudgets.thinking),
      },
    },
    families: [await familyFacts(sources, run, tasks)],
    results: (family) => resultFacts(db, runId, family.family_id, ids),
  };
}

function versionOf(stored: number): ScoringVersion {
  return stored === 1 ? 1 : 2;
}

type Run = Prisma.EvaluationRunGetPayload<object>;
type Task = Prisma.TaskEvaluationGetPayload<{ include: { enrichment: true } }>;

async function familyFacts(sources: FactSources, run: Run, tasks: readonly Task[]): Promise<FamilyHead> {
  const { db, policy } = sources;
  const familyId = policy.familyId;
  const runId = run.id;
  const snapshot = await db.epochTargetSnapshot.findUnique({
    where: { runId_familyId: { runId, familyId } },
  });
  if (!snapshot) throw badState(`run ${runId} has no frozen snapshot to score`);
  const previous = await db.runFamilyResult.findFirst({
    where: { familyId, hasWinner: true, run: { sequence: { lt: run.sequence } } },
    orderBy: { run: { sequence: 'desc' } },
  });
  return {
    family_id: familyId,
    benchmark_version: run.benchmarkVersion,
    rubric_version: run.rubricVersion,
    family_weight: policy.familyWeights[familyId] ?? 0,
    min_score: (run.minScoresJson as Record<string, number>)[familyId] ?? 0,
    previous_winner:
      previous?.winnerDeploymentId && previous.winnerHotkey
        ? { deployment_id: previous.winnerDeploymentId, hotkey: previous.winnerHotkey }
        : null,
    sampler: await samplerFacts(
      sources,
      run,
      tasks.map((task) => task.taskId),
    ),
    members: await memberFacts(db, snapshot.membersJson),
    tasks: tasks.map((task) => ({
      task_id: task.taskId,
      task_index: task.taskIndex,
      payload: task.payloadJson as unknown as EvaluationTask,
      expected_claims: task.expectedClaimsJson as string[],
      must_not_claim: forbiddenClaims({
        mode: task.mode,
        payload: task.payloadJson as Record<string, unknown>,
        mustNotClaim: task.mustNotClaimJson as unknown[],
      }),
      oracle_status: task.oracleStatus,
      ...enrichmentFacts(task.enrichment?.recordJson),
    })),
  };
}

/** What the oracles found, as it was settled; a task with a fixed answer has none. */
function enrichmentFacts(
  recordJson: Prisma.JsonValue | undefined,
): Pick<FamilyHead['tasks'][number], 'disagreement_note' | 'enrichment'> {
  const enrichment = recordJson ? enrichmentRecordSchema.parse(recordJson) : null;
  return { disagreement_note: enrichment?.disagreement_note ?? null, enrichment };
}

/** The draw, with the seed: this is where the promise that was made at opening is kept. */
async function samplerFacts(
  sources: FactSources,
  run: Run,
  taskIds: string[],
): Promise<FamilyHead['sampler']> {
  const { objectStore, policy } = sources;
  const { sampler, pool_index_key: key } = run.metadataJson as unknown as {
    sampler?: SamplerPromise;
    pool_index_key?: string;
  };
  // A draw that was cut short for a smoke test cannot be repeated, so nothing is promised about it.
  if (!sampler || !key || policy.taskLimit !== null) return null;
  const pool = JSON.parse((await objectStore.getBytes(key)).toString('utf8')) as PoolItem[];
  return {
    ...sampler,
    seed: deriveSeed(policy.familyId, run.sequence, policy.ownerSecret),
    pool,
    task_ids: taskIds,
  };
}

async function memberFacts(db: Db, json: Prisma.JsonValue): Promise<FamilyHead['members']> {
  const members = json as unknown as Array<{
    hotkey: string;
    uid: number | null;
    metadata: { deployment_id: string; submission_id: string };
  }>;
  const deployments = await db.managedDeployment.findMany({
    where: { id: { in: members.map((m) => m.metadata.deployment_id) } },
    include: { submission: true },
  });
  const byId = new Map(deployments.map((deployment) => [deployment.id, deployment]));
  const bans = await db.bannedHotkey.findMany({
    where: { hotkey: { in: members.map((m) => m.hotkey) }, liftedAt: null },
  });
  const banned = new Map(bans.map((ban) => [ban.hotkey, `banned: ${ban.reason}`]));
  return members.map((member) => {
    const deployment = byId.get(member.metadata.deployment_id);
    if (!deployment) throw badState(`member ${member.hotkey} of the snapshot has lost its deployment`);
    return {
      hotkey: member.hotkey,
      uid: member.uid,
      deployment_id: deployment.id,
      submission_id: deployment.submissionId,
      archive_sha256: deployment.submission.archiveSha256,
      submitted_at: naiveIso(deployment.submission.createdAt),
      deployed_at: naiveIso(deployment.createdAt),
      ...exclusion(banned.get(member.hotkey), deployment.submission),
    };
  });
}

/** A member that is banned or was taken back keeps its scores and cannot win; one that was only superseded can. */
function exclusion(
  ban: string | undefined,
  submission: { status: string; statusReason: string | null },
): { excluded?: string } {
  if (ban) return { excluded: ban };
  if (!['withdrawn', 'rejected'].includes(submission.status)) return {};
  return { excluded: submission.statusReason || submission.status };
}

/** What of a judgment is a fact; the judge's whole output stays where it is. */
interface StoredJudgment {
  row_id: string;
  validator_hotkey: string;
  fencing: bigint;
  job_id: string | null;
  composite_input_json: unknown;
  /** Only where it was judged. */
  miner_response_json: unknown;
  miner_latency_seconds: number;
  judge_cost_usd: number;
  guidance: string | null;
  final_task_score: number | null;
}

/** The next task is read while the one before is worked on. */
async function* resultFacts(
  db: Db,
  runId: string,
  familyId: string,
  taskIds: readonly string[],
): AsyncGenerator<ResultFacts[]> {
  const read = (index: number): Promise<ResultFacts[]> | null => {
    const id = taskIds[index];
    if (id === undefined) return null;
    const reading = taskResults(db, runId, familyId, id);
    // Whoever stops in between does not wait for it.
    reading.catch(() => undefined);
    return reading;
  };
  let next = read(0);
  for (let index = 0; next !== null; index += 1) {
    const rows = await next;
    next = read(index + 1);
    yield rows;
  }
}

async function taskResults(db: Db, runId: string, familyId: string, taskId: string): Promise<ResultFacts[]> {
  const [rows, judgments] = await Promise.all([
    db.minerEvaluationTask.findMany({
      where: { taskEvaluationId: taskId, runId, familyId },
      select: {
        id: true,
        minerHotkey: true,
        deploymentId: true,
        taskId: true,
        status: true,
        statusReason: true,
      },
      orderBy: { minerHotkey: 'asc' },
    }),
    prepared<StoredJudgment>(
      db,
      Prisma.sql`
      SELECT e.miner_evaluation_task_id AS row_id, e.validator_hotkey, e.fencing, e.job_id, e.composite_input_json,
        CASE WHEN e.composite_input_json -> 'unjudged' IS NULL THEN e.miner_response_json END AS miner_response_json,
        e.miner_latency_seconds, e.judge_cost_usd, e.final_task_score,
        CASE WHEN json_typeof(e.judge_output_json #> '{metadata,eval_guidance}') = 'string'
          THEN e.judge_output_json #>> '{metadata,eval_guidance}' END AS guidance
      FROM miner_evaluation_tasks m JOIN task_miner_results e ON e.miner_evaluation_task_id = m.id
      WHERE m.task_evaluation_id = ${taskId}::text
      ORDER BY e.miner_evaluation_task_id, e.fencing, e.validator_hotkey`,
    ),
  ]);
  const byRow = grouped(judgments);
  return rows.map((row) => ({
    miner_hotkey: row.minerHotkey,
    deployment_id: row.deploymentId,
    task_id: row.taskId,
    status: row.status === 'evaluated' ? 'scored' : row.status === 'unscored' ? 'unscored' : 'missing',
    reason: row.statusReason,
    judgments: (byRow.get(row.id) ?? []).map(judgmentFacts),
  }));
}

function grouped(judgments: readonly StoredJudgment[]): Map<string, StoredJudgment[]> {
  const groups = new Map<string, StoredJudgment[]>();
  for (const judgment of judgments) {
    const group = groups.get(judgment.row_id);
    if (group) group.push(judgment);
    else groups.set(judgment.row_id, [judgment]);
  }
  return groups;
}

function judgmentFacts(result: StoredJudgment): JudgmentFacts {
  const stored = result.composite_input_json as StoredInput | UnjudgedRecord;
  const unjudged = 'unjudged' in stored ? stored : null;
  return {
    validator_hotkey: result.validator_hotkey,
    fencing: Number(result.fencing),
    job_id: result.job_id,
    input:
      'unjudged' in stored ? null : (fullInput(stored, result.miner_response_json) as JudgmentFacts['input']),
    failure_reason: unjudged?.reason ?? null,
    miner_latency_seconds: result.miner_latency_seconds,
    judge_cost_usd: result.judge_cost_usd,
    guidance: result.guidance,
    validator_composite: result.final_task_score,
  };
}
