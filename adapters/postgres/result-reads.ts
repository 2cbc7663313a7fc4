/** What a result is decided from, read at one moment, and where its lease and its task stand; one statement. */
import type { ResultRequest } from '../../domain/contracts/tasks';
import type { LedgerCall } from '../../domain/scoring/types';
import { entryJobId } from '../../domain/tasks/entries';
import { rejectedNotFound, rejectedWrongValidator } from '../../domain/tasks/rejections';
import type { ClaimRecord } from './claim-lookup';
import { Prisma, type Db } from './index';
import type { LeasedRow, StoredJudgment } from './judgments';
import { laneOf } from './lane';
import { byPlace, columns, prepared } from './prepared';

/** Whose result it is, and for what. */
export interface ResultKey {
  taskEvaluationId: string;
  validatorHotkey: string;
  body: ResultRequest;
  now?: Date;
}

/** A task as a result is judged by it. */
export interface JudgedTask {
  mode: string;
  payload: Record<string, unknown>;
  oracleStatus: string | null;
  mustNotClaim: unknown[];
  hasBaseline: boolean;
  baselineCachedAt: Date | null;
  baselineSource: string | null;
  /** What the stored baseline says about the oracles' findings. */
  reconciled: unknown;
}

/** A leased row with the tool calls of its job, oldest first. */
export interface HeldRow extends LeasedRow {
  calls: LedgerCall[];
}

/** A lease as it stood when it was read. */
export interface HeldClaim extends Omit<ClaimRecord, 'taskEvaluationId' | 'validatorHotkey'> {
  now: Date;
  runStatus: string;
  scoringVersion: number;
  task: JudgedTask;
  /** Changes with whatever of the task a decision rests on. */
  truthTag: string;
  /** Rows that are still leased under it. */
  rows: HeldRow[];
  /** Judgments of those rows by others; only where a row needs more than one. */
  earlier: (StoredJudgment & { rowId: string })[];
  /** Micro-USD of model calls by job; a job without any is left out. */
  modelMicroUsd: ReadonlyMap<string, number>;
  /** Why the costs could not be read, null when they could. */
  costError: string | null;
}

interface ReadRow {
  now: Date;
  fencing: bigint;
  run_id: string;
  family_id: string;
  task_id: string;
  offered: unknown;
  status: string;
  release_reason: string | null;
  claimed_at: Date;
  expires_at: Date;
  ended_at: Date | null;
  response_json: unknown;
  run_status: string;
  scoring_version: number;
  mode: string;
  payload_json: unknown;
  oracle_status: string | null;
  must_not_claim_json: unknown;
  baseline_reconciled: unknown;
  has_baseline: boolean;
  baseline_cached_at: Date | null;
  baseline_source: string | null;
  truth_tag: string;
  rows: LeasedRow[] | null;
  calls: (LedgerCall & { jobId: string })[] | null;
  earlier: HeldClaim['earlier'] | null;
  model_micro_usd: Record<string, number> | null;
  cost_error: string | null;
}

/**
 * Finds the lease that a result is for, by the rules of `locateClaim`, and reads what is decided from.
 * @throws HttpError 403 for an unknown task, and for one that the signer never held (under that number)
 */
export async function readForResult(db: Db, request: ResultKey): Promise<HeldClaim> {
  const row = await readLane(db).submit(request);
  if (row) return heldClaim(row);
  const task = request.taskEvaluationId;
  const known = await prepared(db, Prisma.sql`SELECT 1 FROM task_evaluations WHERE id = ${task}::text`);
  throw known.length > 0 ? rejectedWrongValidator() : rejectedNotFound();
}

// Results.
const readLane = laneOf(readRows, { statements: 1, most: 16, weight: () => 1 });

async function readRows(db: Db, keys: readonly ResultKey[]): Promise<(ReadRow | undefined)[]> {
  const rows = await prepared<ReadRow & { at: number }>(
    db,
    Prisma.sql`
    SELECT * FROM read_for_results(${columns(keys, [
      ['text', (key) => key.taskEvaluationId],
      ['text', (key) => key.validatorHotkey],
      ['int8', ({ body }) => (body.fencing == null ? null : BigInt(body.fencing))],
      ['jsonb', ({ body }) => body.miner_results.map(entryJobId).filter((id) => id !== '')],
      ['timestamp', (key) => key.now?.toISOString()],
    ])})`,
  );
  return byPlace(rows, keys).map(([row]) => row);
}

function heldClaim(row: ReadRow): HeldClaim {
  return {
    now: row.now,
    fencing: row.fencing,
    runId: row.run_id,
    familyId: row.family_id,
    taskId: row.task_id,
    offered: Array.isArray(row.offered) ? row.offered.map(String) : [],
    status: row.status,
    releaseReason: row.release_reason,
    claimedAt: row.claimed_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    responseJson: row.response_json,
    runStatus: row.run_status,
    scoringVersion: row.scoring_version,
    task: {
      mode: row.mode,
      payload: (row.payload_json ?? {}) as Record<string, unknown>,
      oracleStatus: row.oracle_status,
      mustNotClaim: Array.isArray(row.must_not_claim_json) ? row.must_not_claim_json : [],
      hasBaseline: row.has_baseline,
      baselineCachedAt: row.baseline_cached_at,
      baselineSource: row.baseline_source,
      reconciled: row.baseline_reconciled,
    },
    truthTag: row.truth_tag,
    rows: (row.rows ?? []).map((item) => ({ ...item, calls: callsOf(row.calls, item.jobId) })),
    earlier: row.earlier ?? [],
    modelMicroUsd: new Map(Object.entries(row.model_micro_usd ?? {})),
    costError: row.cost_error,
  };
}

function callsOf(calls: ReadRow['calls'], jobId: string | null): LedgerCall[] {
  return (calls ?? []).flatMap(({ jobId: of, ...call }) => (of === jobId ? [call] : []));
}
