/** Leases on tasks: claim, heartbeat, release (decisions 6, 7 and 26; practice.md P2). */
import {
  BASELINE_TTL_SECONDS,
  extendedExpiry,
  type ClaimedMiner,
  type ClaimedTask,
} from '../../domain/tasks/claim-item';
import { rejectedNotClaimed } from '../../domain/tasks/rejections';
import { CLAIMABLE_ENRICHMENT, SERVABLE_DEPLOYMENT_STATUSES } from '../../domain/status';
import { lockTask, locateClaim, type ClaimKey } from './claim-lookup';
import { Prisma, type Db } from './index';
import { laneOf } from './lane';
import { byPlace, columns, prepared } from './prepared';

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

/**
 * Leases up to `batchSize` tasks of the open run to one validator: for each, every miner row that may be judged now,
 * under one fencing number. Rows of a lease that has run out are taken over and their old claim ends as expired. One
 * statement, with what else is asked at the moment; what it does is the function `claim_batch` of the schema.
 */
export async function claimTasks(db: Db, request: ClaimRequest): Promise<ClaimOutcome> {
  const rows = await claimLane(db).submit(request);
  return { tasks: rows.map(toClaimedTask), remainingTaskCount: Number(rows[0]?.remaining ?? 0) };
}

// Tasks. One statement leaves no other claimer to skip for.
const claimLane = laneOf(claimRows, { statements: 1, most: 8, weight: ({ batchSize }) => batchSize });

async function claimRows(db: Db, requests: readonly ClaimRequest[]): Promise<ClaimRow[][]> {
  const rows = await prepared<ClaimRow & { at: number }>(
    db,
    Prisma.sql`
    SELECT * FROM claim_batch(${columns(requests, [
      ['text', (request) => request.runId],
      ['text', (request) => request.familyId],
      ['text', (request) => request.validatorHotkey],
      ['int4', (request) => request.batchSize],
      ['float8', (request) => request.leaseSeconds],
      ['int4', (request) => request.maxAttempts],
      ['text', (request) => request.claimKey],
      ['timestamp', (request) => request.now?.toISOString()],
    ])}, ${[...SERVABLE_DEPLOYMENT_STATUSES]}::text[], ${[...CLAIMABLE_ENRICHMENT]}::text[],
      ${BASELINE_TTL_SECONDS}::float8)
    ORDER BY task_index, task_evaluation_id`,
  );
  return byPlace(rows, requests);
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
