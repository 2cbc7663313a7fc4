/** What a result reads under its task's lock, and the small writes beside its rows; each one statement. */
import type { PoolClient } from 'pg';
import type { EnrichmentRecord } from '../../domain/oracle/record';
import type { ResultRequest } from '../../domain/contracts/tasks';
import type { LedgerCall } from '../../domain/scoring/types';
import { entryJobId } from '../../domain/tasks/entries';
import { rejectedNotFound, rejectedWrongValidator } from '../../domain/tasks/rejections';
import { Prisma, type Db } from './index';
import type { LeasedRow, StoredJudgment } from './judgments';
import { prepared } from './prepared';
import { sqlNow } from './sql';
import { remainingTasks } from './task-progress';

/** Whose result it is, and for what. */
export interface ResultKey {
  taskEvaluationId: string;
  validatorHotkey: string;
  body: ResultRequest;
}

export interface LocatedClaim {
  fencing: bigint;
  /** Tool calls of each job that was given out with the lease, oldest first. */
  calls: ReadonlyMap<string, readonly LedgerCall[]>;
}

/**
 * Finds the lease that a result is for, by the rules of `locateClaim`, with the tool calls of its jobs.
 * @throws HttpError 403 for an unknown task, and for one that the signer never held (under that number)
 */
export async function locateWithJobs(db: Db, request: ResultKey): Promise<LocatedClaim> {
  const { taskEvaluationId: task, validatorHotkey: validator, body } = request;
  const fencing = body.fencing == null ? null : BigInt(body.fencing);
  const jobIds = body.miner_results.map(entryJobId).filter((id) => id !== '');
  const [found] = await prepared<{
    fencing: bigint;
    jobs: { id: string; calls: LedgerCall[] | null }[] | null;
  }>(
    db,
    Prisma.sql`
    SELECT c.fencing, (
      SELECT jsonb_agg(jsonb_build_object('id', j.job_id, 'calls', (
        SELECT jsonb_agg(jsonb_build_object('tool_name', l.tool_name, 'status', l.status) ORDER BY l.ts, l.id)
        FROM orchestrator_tool_call_log l WHERE l.job_id = j.job_id)))
      FROM attempt_jobs j WHERE j.fencing = c.fencing) AS jobs
    FROM task_claims c
    WHERE c.task_evaluation_id = ${task}::text AND c.validator_hotkey = ${validator}::text AND c.fencing = coalesce(
      ${fencing}::bigint,
      (SELECT min(j.fencing) FROM attempt_jobs j JOIN task_claims own ON own.fencing = j.fencing
       WHERE j.job_id = ANY (${jobIds}::text[]) AND j.validator_hotkey = ${validator}::text
         AND own.task_evaluation_id = ${task}::text),
      (SELECT max(own.fencing) FROM task_claims own
       WHERE own.task_evaluation_id = ${task}::text AND own.validator_hotkey = ${validator}::text))`,
  );
  if (found) {
    const calls = new Map((found.jobs ?? []).map((job) => [job.id, job.calls ?? []]));
    return { fencing: found.fencing, calls };
  }
  const known = await prepared(db, Prisma.sql`SELECT 1 FROM task_evaluations WHERE id = ${task}::text`);
  throw known.length > 0 ? rejectedWrongValidator() : rejectedNotFound();
}

export interface LockedTask {
  mode: string;
  payload_json: unknown;
  oracle_status: string | null;
  must_not_claim_json: unknown;
  baseline_response_json: unknown;
  baseline_cached_at: Date | null;
  baseline_source: string | null;
}

/** Locks the task for the rest of the transaction, as `lockTask` does. @throws HttpError 403 `rejected_not_found` */
export async function lockForResult(client: PoolClient, taskEvaluationId: string): Promise<LockedTask> {
  const [task] = await prepared<LockedTask>(
    client,
    Prisma.sql`
    SELECT mode, payload_json, oracle_status, must_not_claim_json, baseline_response_json,
      baseline_cached_at, baseline_source
    FROM task_evaluations WHERE id = ${taskEvaluationId}::text FOR UPDATE`,
  );
  if (!task) throw rejectedNotFound();
  return task;
}

/** A lease as it stands once its task is locked. */
export interface HeldClaim {
  /** Read after the lock was had, so that waiting for it cannot stretch the lease. */
  now: Date;
  fencing: bigint;
  taskEvaluationId: string;
  runId: string;
  familyId: string;
  taskId: string;
  validatorHotkey: string;
  /** Hotkeys offered, in the order of the claim. */
  offered: string[];
  status: string;
  releaseReason: string | null;
  claimedAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
  responseJson: unknown;
  runStatus: string;
  scoringVersion: number;
  /** Rows that are still leased under it. */
  rows: LeasedRow[];
  /** Judgments of those rows by others; only where a row needs more than one. */
  earlier: (StoredJudgment & { rowId: string })[];
}

type HeldRow = Omit<HeldClaim, 'offered' | 'rows' | 'earlier'> & {
  offered: unknown;
  rows: LeasedRow[] | null;
  earlier: HeldClaim['earlier'] | null;
};

export async function readHeld(
  client: PoolClient,
  fencing: bigint,
  now: Date | undefined,
): Promise<HeldClaim> {
  const [held] = await prepared<HeldRow>(
    client,
    Prisma.sql`
    SELECT ${sqlNow(now)} AS now, c.fencing, c.task_evaluation_id AS "taskEvaluationId", c.epoch_id AS "runId",
      c.family_id AS "familyId", c.task_id AS "taskId", c.validator_hotkey AS "validatorHotkey",
      c.miner_hotkeys_json AS offered, c.status, c.release_reason AS "releaseReason", c.claimed_at AS "claimedAt",
      c.expires_at AS "expiresAt", c.ended_at AS "endedAt", c.response_json AS "responseJson",
      r.status AS "runStatus", r.scoring_version AS "scoringVersion",
      (SELECT jsonb_agg(jsonb_build_object('id', m.id, 'minerHotkey', m.miner_hotkey, 'jobId', m.job_id,
          'requiredJudgments', m.required_judgments, 'judgmentCount', m.judgment_count) ORDER BY m.id)
        FROM miner_evaluation_tasks m
        WHERE m.task_evaluation_id = c.task_evaluation_id AND m.claim_fencing = c.fencing AND m.status = 'claimed') AS rows,
      (SELECT jsonb_agg(jsonb_build_object('rowId', m.id, 'validatorHotkey', e.validator_hotkey,
          'officialComposite', e.official_composite, 'agreementVerdict', e.agreement_verdict,
          'judgeOutput', e.judge_output_json, 'factors', e.factors_json) ORDER BY e.fencing, e.validator_hotkey)
        FROM miner_evaluation_tasks m JOIN task_miner_results e ON e.miner_evaluation_task_id = m.id
        WHERE m.task_evaluation_id = c.task_evaluation_id AND m.claim_fencing = c.fencing AND m.status = 'claimed'
          AND m.required_judgments > 1) AS earlier
    FROM task_claims c JOIN evaluation_runs r ON r.id = c.epoch_id
    WHERE c.fencing = ${fencing}::bigint`,
  );
  if (!held) throw rejectedNotFound();
  const offered = Array.isArray(held.offered) ? held.offered.map(String) : [];
  return { ...held, offered, rows: held.rows ?? [], earlier: held.earlier ?? [] };
}

/** Stores what a validator's oracles found, as it is kept and published beside the owner's of other runs. */
export async function storeTruth(
  client: PoolClient,
  held: HeldClaim,
  record: EnrichmentRecord,
): Promise<void> {
  const now = Prisma.sql`${held.now.toISOString()}::timestamp`;
  await prepared(
    client,
    Prisma.sql`
    WITH told AS (
      UPDATE task_evaluations SET oracle_status = ${record.oracle_status}::text,
        expected_claims_json = ${JSON.stringify(record.expected_claims)}::jsonb,
        must_not_claim_json = ${JSON.stringify(record.must_not_claim)}::jsonb, updated_at = ${now}
      WHERE id = ${held.taskEvaluationId}::text)
    INSERT INTO task_enrichments (task_evaluation_id, epoch_id, family_id, task_id, side, validator_hotkey, status,
      oracle_status, record_json, cost_micro_usd, started_at, settled_at, updated_at)
    VALUES (${held.taskEvaluationId}::text, ${held.runId}::text, ${held.familyId}::text, ${held.taskId}::text,
      'validator', ${held.validatorHotkey}::text, 'settled', ${record.oracle_status}::text,
      ${JSON.stringify(record)}::jsonb, ${record.cost_micro_usd}::bigint, ${now}, ${now}, ${now})`,
  );
}

/** Stores a validator's baseline; the cost is in USD. */
export async function storeBaseline(
  client: PoolClient,
  taskEvaluationId: string,
  baseline: Readonly<Record<string, unknown>>,
  costUsd: number,
  now: Date,
): Promise<void> {
  await prepared(
    client,
    Prisma.sql`
    UPDATE task_evaluations SET baseline_response_json = ${JSON.stringify(baseline)}::jsonb,
      baseline_cached_at = ${now.toISOString()}::timestamp, baseline_source = 'validator',
      oracle_cost_usd = ${costUsd}::float8
    WHERE id = ${taskEvaluationId}::text`,
  );
}

/**
 * Ends a lease as settled and keeps the answer with it, for whoever sends the same result again.
 * @returns tasks of the run that are still open, this result counted
 */
export async function endClaim(client: PoolClient, held: HeldClaim, digest: string): Promise<number> {
  const [ended] = await prepared<{ remaining: bigint }>(
    client,
    Prisma.sql`
    UPDATE task_claims c SET status = 'settled', ended_at = ${held.now.toISOString()}::timestamp,
      result_digest = ${digest}::text,
      response_json = jsonb_build_object('task_evaluation_id', c.task_evaluation_id, 'status', 'accepted',
        'family_evaluation_complete', open.tasks = 0, 'remaining_task_count', open.tasks)
    FROM (SELECT ${remainingTasks(Prisma.sql`${held.runId}::text`, held.familyId)} AS tasks) open
    WHERE c.fencing = ${held.fencing}::bigint
    RETURNING open.tasks AS remaining`,
  );
  return Number(ended?.remaining ?? 0);
}
