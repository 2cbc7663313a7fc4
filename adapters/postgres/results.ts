/** The result of a claim: one transaction, guarded by the lease and its fencing number (decisions 6, 7, 10, 14, 26). */
import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { ResultRequest, ResultResponse } from '../../domain/contracts/tasks';
import type { LedgerCall, ScoringVersion } from '../../domain/scoring/types';
import { cleanJson, cleanText } from '../../domain/tasks/clean-json';
import { BASELINE_TTL_SECONDS } from '../../domain/tasks/claim-item';
import { readEntry, type MinerEntry } from '../../domain/tasks/entries';
import {
  rejectedDuplicate,
  rejectedNotClaimed,
  rejectedNotOffered,
  rejectedRunClosed,
} from '../../domain/tasks/rejections';
import { decideEntry, type LatencyBudgets } from '../../domain/tasks/settle';
import { truthFromBaseline } from '../../domain/tasks/truth';
import type { Logger } from '../logging';
import type { Db } from './index';
import { judgedRow, type LeasedRow } from './judgments';
import { jobCosts, usd } from './ledger';
import { inTransaction } from './prepared';
import {
  endClaim,
  locateWithJobs,
  lockForResult,
  readHeld,
  storeBaseline,
  storeTruth,
  type HeldClaim,
  type LocatedClaim,
  type LockedTask,
} from './result-reads';
import { writeSettledRows, type SettledRow } from './settle-rows';

export interface SubmitRequest {
  taskEvaluationId: string;
  validatorHotkey: string;
  body: ResultRequest;
  /** SHA-256 of the body as it was sent, lowercase hex; of its JSON without one. */
  digest?: string;
  settings: ScoringSettings;
  logger: Logger;
  now?: Date;
}

/** What scores depend on besides the run and the task. */
export interface ScoringSettings {
  budgets: LatencyBudgets;
  /** USD; null for the formula's default. */
  costFloorUsd: number | null;
  feedbackEnabled: boolean;
}

export interface SubmitOutcome {
  response: ResultResponse;
  /** True when the lease was settled before and its stored answer is given again. */
  replayed: boolean;
  /** Hotkeys whose official score differs from the validator's. */
  disputed: string[];
  /** Hotkeys that went back to the pool, with the reason. */
  returned: { minerHotkey: string; reason: string }[];
}

/**
 * Settles a lease with its result.
 *
 * The same lease sent again gets the stored answer, whatever the second body says. Offered miners that the body leaves
 * out, or that could not be judged through no fault of theirs, go back to the pool with a reason. Everything is written
 * in one transaction under the task's lock, or nothing is.
 * @throws HttpError 403 for an unknown task or a stranger's, 409 for a lease that is over, 400 for entries that name
 *   miners twice or miners that were not offered
 */
export async function submitResult(db: Db, request: SubmitRequest): Promise<SubmitOutcome> {
  const { body } = request;
  const entries = body.miner_results.map(readEntry).filter((entry) => entry !== null);
  const releases = new Map(
    body.released_miners.map((item) => [item.miner_hotkey.trim(), cleanText(item.reason ?? '')] as const),
  );
  // Read before any lock is taken: these may be many rows, and a failure here must not hold up other claims.
  const located = await locateWithJobs(db, request);
  const ledger = await readLedgers(db, located, request);
  const digest = request.digest ?? createHash('sha256').update(JSON.stringify(body)).digest('hex');

  return inTransaction(db, async (client) => {
    const task = await lockForResult(client, request.taskEvaluationId);
    const held = await readHeld(client, located.fencing, request.now);
    if (held.status === 'settled') {
      return { response: held.responseJson as ResultResponse, replayed: true, disputed: [], returned: [] };
    }
    if (held.status !== 'claimed' || held.expiresAt <= held.now) throw rejectedNotClaimed(held);
    refuseBadNames(entries, body, held.offered);
    if (held.runStatus !== 'open') throw rejectedRunClosed(held.runId);
    return settle(client, { request, task, held, entries, releases, ledger, digest });
  });
}

interface Settlement {
  request: SubmitRequest;
  task: LockedTask;
  held: HeldClaim;
  entries: readonly MinerEntry[];
  releases: ReadonlyMap<string, string>;
  ledger: Ledgers;
  digest: string;
}

async function settle(client: PoolClient, s: Settlement): Promise<SubmitOutcome> {
  const { held, request } = s;
  const task = await recordTruth(client, s);
  const byHotkey = new Map(s.entries.map((entry) => [entry.minerHotkey, entry]));
  const decided = held.rows.map((row) => decideRow(row, byHotkey.get(row.minerHotkey), task, s));
  await writeSettledRows(
    client,
    {
      runId: held.runId,
      familyId: held.familyId,
      taskEvaluationId: held.taskEvaluationId,
      taskId: held.taskId,
      validatorHotkey: held.validatorHotkey,
      fencing: held.fencing,
      now: held.now,
    },
    decided,
  );
  const remaining = await endClaim(client, held, s.digest);
  const hotkeyOf = new Map(held.rows.map((row) => [row.id, row.minerHotkey]));
  return {
    response: {
      task_evaluation_id: request.taskEvaluationId,
      status: 'accepted',
      family_evaluation_complete: remaining === 0,
      remaining_task_count: remaining,
    },
    replayed: false,
    disputed: decided.flatMap(({ judgment }) => (judgment?.disputed ? [judgment.minerHotkey] : [])),
    returned: decided
      .filter(({ judgment }) => judgment === null)
      .map(({ end }) => ({ minerHotkey: hotkeyOf.get(end.rowId) ?? '', reason: end.reason ?? '' })),
  };
}

function decideRow(
  row: LeasedRow,
  entry: MinerEntry | undefined,
  task: SettledTask,
  { held, ledger, releases, request }: Settlement,
): SettledRow {
  const back = (reason: string): SettledRow => ({
    end: {
      rowId: row.id,
      status: 'pending',
      reason,
      judgmentCount: row.judgmentCount,
      officialComposite: null,
      verdict: null,
    },
    judgment: null,
    feedback: null,
  });
  if (!entry) return back(releases.get(row.minerHotkey)?.slice(0, 500) || 'left out of the result');
  const jobId = row.jobId ?? '';
  const calls = ledger.calls.get(jobId) ?? [];
  const costUsd = ledger.costOf(jobId);
  const version = held.scoringVersion as ScoringVersion;
  const { budgets, costFloorUsd, feedbackEnabled } = request.settings;
  const decision = decideEntry(
    entry,
    { mode: task.mode, payload: task.payload, mustNotClaim: task.mustNotClaim },
    { calls, costUsd },
    { version, budgets, costFloorUsd },
  );
  if (decision.kind === 'returned') return back(decision.reason);
  return judgedRow({
    row,
    entry,
    decision,
    validatorHotkey: held.validatorHotkey,
    earlier: held.earlier.filter((item) => item.rowId === row.id),
    calls,
    costUsd,
    version,
    oracleStatus: task.oracleStatus,
    feedbackEnabled,
  });
}

function refuseBadNames(
  entries: readonly MinerEntry[],
  body: ResultRequest,
  offered: readonly string[],
): void {
  const named = [
    ...entries.map((entry) => entry.minerHotkey),
    ...body.released_miners.map((item) => item.miner_hotkey.trim()).filter((hotkey) => hotkey !== ''),
  ];
  const strangers = [...new Set(named.filter((hotkey) => !offered.includes(hotkey)))];
  if (strangers.length > 0) throw rejectedNotOffered(strangers, offered);
  const twice = [...new Set(named.filter((hotkey, index) => named.indexOf(hotkey) !== index))];
  if (twice.length > 0) throw rejectedDuplicate(twice);
}

interface Ledgers {
  calls: ReadonlyMap<string, readonly LedgerCall[]>;
  /** USD of model calls; null when the ledger could not be read. */
  costOf(jobId: string): number | null;
}

/**
 * The costs of the jobs that were given out with this lease, beside their tool calls. Tool calls that cannot be read have
 * failed the request, which the validator repeats; costs that cannot be read are unknown, and an unknown cost is never
 * held against a miner (decision 29).
 */
async function readLedgers(db: Db, located: LocatedClaim, request: SubmitRequest): Promise<Ledgers> {
  const costs = await jobCosts(db, [...located.calls.keys()]).catch((error: unknown) => {
    request.logger.error('the cost ledger could not be read; the cost factor is left out of this result', {
      taskEvaluationId: request.taskEvaluationId,
      fencing: located.fencing,
      error,
    });
    return null;
  });
  return {
    calls: located.calls,
    costOf: (jobId) => (costs === null ? null : usd(costs.get(jobId)?.modelMicroUsd ?? 0n)),
  };
}

interface SettledTask {
  mode: string;
  payload: Record<string, unknown>;
  mustNotClaim: unknown[];
  oracleStatus: string | null;
}

/**
 * Stores the baseline where neither the owner's nor one younger than 12 hours is, and the validator's oracle findings
 * where none are recorded. A baseline that replaces an old one keeps the findings that the task is judged by.
 */
async function recordTruth(client: PoolClient, { request, task, held }: Settlement): Promise<SettledTask> {
  const payload = (task.payload_json ?? {}) as Record<string, unknown>;
  const baseline = request.body.baseline_response
    ? (cleanJson(request.body.baseline_response) as Record<string, unknown>)
    : null;
  const current = { oracleStatus: task.oracle_status };
  const found = truthFromBaseline(current, payload, baseline, held.validatorHotkey);
  const age = task.baseline_cached_at
    ? (held.now.getTime() - task.baseline_cached_at.getTime()) / 1000
    : Infinity;
  const kept = (task.baseline_response_json as Record<string, unknown> | null)?._reconciled;
  const stale =
    task.baseline_source !== 'owner' && (task.baseline_response_json === null || age >= BASELINE_TTL_SECONDS);
  if (found) await storeTruth(client, held, found);
  if (baseline && stale) {
    const stored = { ...baseline, ...(kept && !found ? { _reconciled: kept } : {}) };
    const cost = request.body.oracle_cost_usd;
    await storeBaseline(client, request.taskEvaluationId, stored, cost, held.now);
  }
  return {
    mode: task.mode,
    payload,
    mustNotClaim:
      found?.must_not_claim ?? (Array.isArray(task.must_not_claim_json) ? task.must_not_claim_json : []),
    oracleStatus: found?.oracle_status ?? task.oracle_status,
  };
}
