/** Leases on tasks: claim, heartbeat, release (decisions 6, 7 and 26; practice.md P2). */
import {
  BASELINE_TTL_SECONDS,
  JOB_GRACE_SECONDS,
  extendedExpiry,
  type ClaimedMiner,
  type ClaimedTask,
} from '../../domain/tasks/claim-item';
import { rejectedNotClaimed } from '../../domain/tasks/rejections';
import { CLAIMABLE_ENRICHMENT, SERVABLE_DEPLOYMENT_STATUSES } from '../../domain/status';
import { lockTask, locateClaim, type ClaimKey } from './claim-lookup';
import { Prisma, type Db } from './index';
import { prepared } from './prepared';
import { sqlNow } from './sql';
import { remainingTasks } from './task-progress';

export interface ClaimRequest {
  /** Without one the open run. */
  runId?: string | null;
  familyId: string;
  validatorHotkey: string;
  /** Tasks at the most. */
  batchSize: number;
  leaseSeconds: number;
  /** Failed attempts after which a row is not handed out any more. */
  maxAttempts: number;
  /** The claimer's name for this claim, under which its answer can be asked for again (`claimOnce`). */
  claimKey?: string | null;
  /** The database's clock without one. */
  now?: Date;
}

export interface ClaimOutcome {
  tasks: ClaimedTask[];
  /** 0 when nothing was handed out, else tasks that are pending or claimed. */
  remainingTaskCount: number;
}

/** One leased task as the statements of a claim answer it. */
export interface ClaimRow {
  task_evaluation_id: string;
  epoch_id: string;
  family_id: string;
  task_id: string;
  task_index: number;
  payload_json: Record<string, unknown>;
  rubric_version: string;
  benchmark_version: string;
  scoring_version: number;
  fencing: bigint;
  claimed_at: Date;
  expires_at: Date;
  expected_claims_json: unknown;
  must_not_claim_json: unknown;
  oracle_status: string | null;
  cached_baseline: Record<string, unknown> | null;
  miners: ClaimedMiner[];
  remaining: bigint;
}

/** How often a claim that met only tasks just taken by others looks again. */
const CLAIM_TRIES = 4;

/**
 * Leases up to `batchSize` tasks of the open run to one validator: for each, every miner row that may be judged now,
 * under one fencing number. Rows of a lease that has run out are taken over and their old claim ends as expired.
 */
export async function claimTasks(db: Db, request: ClaimRequest): Promise<ClaimOutcome> {
  for (let attempt = 1; ; attempt += 1) {
    const rows = await prepared<ClaimRow>(db, claimStatement(request));
    if (rows.length > 0) {
      // Counted in the same statement: leasing turns pending tasks into claimed ones, which changes no sum.
      return { tasks: rows.map(toClaimedTask), remainingTaskCount: Number(rows[0]?.remaining ?? 0) };
    }
    // Another claimer can commit between this statement's snapshot and its locks; then what was picked is gone while
    // the next task is free. A new statement sees that.
    if (attempt >= CLAIM_TRIES || !(await hasClaimable(db, request)))
      return { tasks: [], remainingTaskCount: 0 };
  }
}

/**
 * The claim as one statement. Order of locks, here and everywhere: the task's row, then its miner rows by id; claimers
 * skip tasks that are locked, so they wait for nobody. `locked` re-reads each miner row under its lock, which is
 * what keeps two claimers from leasing the same one.
 */
function claimStatement(request: ClaimRequest): Prisma.Sql {
  return Prisma.sql`
    ${runAndClock(request)},
    expired AS MATERIALIZED (
      SELECT DISTINCT m.task_evaluation_id AS id
      FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
      WHERE m.status = 'claimed' AND m.claim_expires_at <= (SELECT now FROM clock) AND ${claimableRow(request)}
    ),
    candidate AS MATERIALIZED (
      SELECT t.id
      FROM task_evaluations t CROSS JOIN LATERAL (
        (SELECT 1 FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
         WHERE m.task_evaluation_id = t.id AND m.status = 'pending' AND ${claimableRow(request)} LIMIT 1)
        UNION ALL
        (SELECT 1 FROM expired e WHERE e.id = t.id)
        LIMIT 1) ready
      WHERE ${claimableTask(request)}
      ORDER BY t.task_index
      LIMIT ${request.batchSize}::int
      FOR UPDATE OF t SKIP LOCKED
    ),
    locked AS MATERIALIZED (
      SELECT m.id, m.task_evaluation_id, m.claim_fencing AS old_fencing
      FROM candidate c
        JOIN miner_evaluation_tasks m ON m.task_evaluation_id = c.id
        JOIN managed_deployments d ON d.id = m.deployment_id
      WHERE ${claimableRow(request)}
      ORDER BY m.id
      FOR UPDATE OF m
    ),
    fenced AS MATERIALIZED (
      SELECT l.task_evaluation_id, nextval('claim_fencing_seq') AS fencing
      FROM (SELECT DISTINCT task_evaluation_id FROM locked) l
    ),
    leased AS (
      UPDATE miner_evaluation_tasks m
      SET status = 'claimed', status_reason = NULL, claimed_by_validator = ${request.validatorHotkey}::text,
          claimed_at = clock.now, claim_expires_at = clock.now + make_interval(secs => ${request.leaseSeconds}::float8),
          claim_fencing = f.fencing, attempt_count = m.attempt_count + 1,
          job_id = 'job-' || replace(gen_random_uuid()::text, '-', ''), updated_at = clock.now
      FROM locked l JOIN fenced f USING (task_evaluation_id), clock
      WHERE m.id = l.id
      RETURNING m.id, m.epoch_id, m.task_evaluation_id, m.task_id, m.miner_hotkey, m.deployment_id, m.job_id,
        m.attempt_count, m.claim_fencing, m.claim_expires_at
    ),
    ended AS (
      UPDATE task_claims c SET status = 'expired', ended_at = clock.now,
        release_reason = 'the lease ran out and the task was claimed again'
      FROM clock
      WHERE c.fencing = ANY (ARRAY(SELECT old_fencing FROM locked WHERE old_fencing IS NOT NULL))
        AND c.status = 'claimed' AND c.expires_at <= clock.now
    ),
    jobs AS (
      INSERT INTO attempt_jobs (job_id, miner_evaluation_task_id, epoch_id, task_id, deployment_id, miner_hotkey,
        validator_hotkey, fencing, attempt, expires_at, created_at)
      SELECT job_id, id, epoch_id, task_id, deployment_id, miner_hotkey, ${request.validatorHotkey}::text,
        claim_fencing, attempt_count, claim_expires_at + make_interval(secs => ${JOB_GRACE_SECONDS}::float8), clock.now
      FROM leased, clock
    ),
    offered AS MATERIALIZED (
      SELECT l.task_evaluation_id, max(l.claim_fencing) AS fencing, max(l.claim_expires_at) AS expires_at,
        jsonb_agg(l.miner_hotkey ORDER BY d.created_at, d.id) AS hotkeys,
        jsonb_agg(jsonb_build_object('rowId', l.id, 'hotkey', l.miner_hotkey, 'deploymentId', l.deployment_id,
          'jobId', l.job_id, 'attempt', l.attempt_count) ORDER BY d.created_at, d.id) AS miners
      FROM leased l JOIN managed_deployments d ON d.id = l.deployment_id
      GROUP BY l.task_evaluation_id
    ),
    claims AS (
      INSERT INTO task_claims (fencing, task_evaluation_id, epoch_id, family_id, task_id, validator_hotkey,
        miner_hotkeys_json, status, claimed_at, expires_at, claim_key, claim_slot)
      SELECT o.fencing, t.id, t.epoch_id, t.family_id, t.task_id, ${request.validatorHotkey}::text, o.hotkeys,
        'claimed', clock.now, o.expires_at, ${request.claimKey ?? null}::text,
        CASE WHEN ${request.claimKey ?? null}::text IS NOT NULL THEN row_number() OVER (ORDER BY o.fencing) END
      FROM offered o JOIN task_evaluations t ON t.id = o.task_evaluation_id, clock
    )
    SELECT t.id AS task_evaluation_id, t.epoch_id, t.family_id, t.task_id, t.task_index, t.payload_json,
      r.rubric_version, r.benchmark_version, r.scoring_version, o.fencing, clock.now AS claimed_at, o.expires_at,
      t.expected_claims_json, t.must_not_claim_json, t.oracle_status, o.miners,
      CASE WHEN t.baseline_source = 'owner'
          OR t.baseline_cached_at > clock.now - make_interval(secs => ${BASELINE_TTL_SECONDS}::float8)
        THEN t.baseline_response_json END AS cached_baseline,
      ${remainingTasks(Prisma.sql`(SELECT id FROM run)`, request.familyId)} AS remaining
    FROM offered o JOIN task_evaluations t ON t.id = o.task_evaluation_id
      JOIN evaluation_runs r ON r.id = t.epoch_id, clock
    ORDER BY t.task_index, t.id`;
}

/** One value each, so that the planner can look them up in indexes. */
function runAndClock(request: ClaimRequest): Prisma.Sql {
  const runId = request.runId ?? null;
  return Prisma.sql`
    WITH clock AS MATERIALIZED (SELECT ${sqlNow(request.now)} AS now),
    run AS MATERIALIZED (
      SELECT id FROM evaluation_runs
      -- The boundary holds also while no worker is up to close the run.
      WHERE status = 'open' AND phase = 'running' AND ends_at > (SELECT now FROM clock) AND (${runId}::text IS NULL OR id = ${runId}::text))`;
}

/** Over `t`; tasks without an open row are not looked at. */
function claimableTask(request: ClaimRequest): Prisma.Sql {
  return Prisma.sql`t.epoch_id = (SELECT id FROM run) AND t.family_id = ${request.familyId}::text
    AND t.open_rows > 0 AND t.enrichment_status IN (${Prisma.join([...CLAIMABLE_ENRICHMENT])})`;
}

/** Over `m` (row) and `d` (its deployment). A judgment that succeeded is not a failed attempt. */
function claimableRow(request: ClaimRequest): Prisma.Sql {
  return Prisma.sql`m.status IN ('pending', 'claimed')
    AND (m.status = 'pending' OR m.claim_expires_at <= (SELECT now FROM clock))
    AND m.attempt_count - m.judgment_count < ${request.maxAttempts}::int
    AND d.status IN (${Prisma.join([...SERVABLE_DEPLOYMENT_STATUSES])}) AND d.health_status = 'healthy'
    AND (m.judgment_count = 0 OR NOT EXISTS (
      SELECT 1 FROM task_miner_results e
      WHERE e.miner_evaluation_task_id = m.id AND e.validator_hotkey = ${request.validatorHotkey}::text))`;
}

async function hasClaimable(db: Db, request: ClaimRequest): Promise<boolean> {
  const rows = await prepared(
    db,
    Prisma.sql`
    ${runAndClock(request)}
    SELECT 1 FROM task_evaluations t
      JOIN miner_evaluation_tasks m ON m.task_evaluation_id = t.id
      JOIN managed_deployments d ON d.id = m.deployment_id
    WHERE ${claimableTask(request)} AND ${claimableRow(request)} LIMIT 1`,
  );
  return rows.length > 0;
}

export function toClaimedTask(row: ClaimRow): ClaimedTask {
  return {
    taskEvaluationId: row.task_evaluation_id,
    runId: row.epoch_id,
    familyId: row.family_id,
    taskId: row.task_id,
    taskIndex: row.task_index,
    payload: row.payload_json,
    rubricVersion: row.rubric_version,
    benchmarkVersion: row.benchmark_version,
    scoringVersion: row.scoring_version,
    fencing: row.fencing,
    claimedAt: row.claimed_at,
    expiresAt: row.expires_at,
    expectedClaims: Array.isArray(row.expected_claims_json) ? row.expected_claims_json : [],
    mustNotClaim: Array.isArray(row.must_not_claim_json) ? row.must_not_claim_json : [],
    oracleStatus: row.oracle_status,
    cachedBaseline: row.cached_baseline,
    miners: row.miners,
  };
}

export interface HeartbeatRequest extends ClaimKey {
  leaseSeconds: number;
  /** Longest life of a lease counted from its claim, seconds; at least the lease itself. */
  workCapSeconds: number;
  now?: Date;
}

/**
 * Extends a lease by `leaseSeconds` from now, up to the work cap (decision 6).
 * @returns the new end of the lease, and its fencing number
 * @throws HttpError 403 for an unknown task or one the signer never held, 409 with the reason for a lease that is over
 */
export async function heartbeatClaim(
  db: Db,
  request: HeartbeatRequest,
): Promise<{ taskEvaluationId: string; expiresAt: Date; fencing: bigint }> {
  return db.$transaction(async (tx) => {
    const now = await lockTask(tx, request.taskEvaluationId, request.now);
    const claim = await locateClaim(tx, request);
    if (claim.status !== 'claimed' || claim.expiresAt <= now) throw rejectedNotClaimed(claim);
    const cap = Math.max(request.workCapSeconds, request.leaseSeconds);
    const expiresAt = extendedExpiry(claim, { leaseSeconds: request.leaseSeconds, workCapSeconds: cap }, now);
    await tx.taskClaim.update({ where: { fencing: claim.fencing }, data: { expiresAt, heartbeatAt: now } });
    await tx.minerEvaluationTask.updateMany({
      where: { taskEvaluationId: claim.taskEvaluationId, claimFencing: claim.fencing, status: 'claimed' },
      data: { claimExpiresAt: expiresAt, updatedAt: now },
    });
    await tx.attemptJob.updateMany({
      where: { fencing: claim.fencing },
      data: { expiresAt: new Date(expiresAt.getTime() + JOB_GRACE_SECONDS * 1000) },
    });
    return { taskEvaluationId: claim.taskEvaluationId, expiresAt, fencing: claim.fencing };
  });
}

export interface ReleaseRequest extends ClaimKey {
  reason: string;
  now?: Date;
}

/**
 * Gives a lease back: its rows are pending again, the attempt stays counted. Releasing twice changes nothing more.
 * @throws HttpError as `heartbeatClaim`
 */
export async function releaseClaim(db: Db, request: ReleaseRequest): Promise<void> {
  await db.$transaction(async (tx) => {
    const now = await lockTask(tx, request.taskEvaluationId, request.now);
    const claim = await locateClaim(tx, request);
    if (claim.status === 'released') return;
    if (claim.status !== 'claimed' || claim.expiresAt <= now) throw rejectedNotClaimed(claim);
    await tx.taskClaim.update({
      where: { fencing: claim.fencing },
      data: { status: 'released', releaseReason: request.reason, endedAt: now },
    });
    await tx.minerEvaluationTask.updateMany({
      where: { taskEvaluationId: claim.taskEvaluationId, claimFencing: claim.fencing, status: 'claimed' },
      data: { ...RETURNED_ROW, statusReason: request.reason, updatedAt: now },
    });
  });
}

/** What a row loses when it goes back to the pool. Its fencing stays, as the highest it was ever leased under. */
export const RETURNED_ROW = {
  status: 'pending',
  claimedByValidator: null,
  claimedAt: null,
  claimExpiresAt: null,
} as const;
