/** The result of a claim: decided, then one transaction, guarded by the lease and its fencing number (decisions 6, 7, 10, 14, 26). */
import { createHash } from 'node:crypto';
import type { ResultRequest, ResultResponse } from '../../domain/contracts/tasks';
import type { EnrichmentRecord } from '../../domain/oracle/record';
import type { ScoringVersion } from '../../domain/scoring/types';
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
import { judgedRow } from './judgments';
import { usd } from './ledger';
import { readForResult, type HeldClaim, type HeldRow } from './result-reads';
import { settleClaim, type SettledRow } from './settle-rows';

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
 * out, or that could not be judged through no fault of theirs, go back to the pool with a reason. It is decided without
 * a lock and written in one transaction under the task's, which checks that what was decided from still holds; if not,
 * nothing is written and it is decided anew.
 * @throws HttpError 403 for an unknown task or a stranger's, 409 for a lease that is over, 400 for entries that name
 *   miners twice or miners that were not offered
 */
export async function submitResult(db: Db, request: SubmitRequest): Promise<SubmitOutcome> {
  const { body } = request;
  const entries = body.miner_results.map(readEntry).filter((entry) => entry !== null);
  const releases = new Map(
    body.released_miners.map((item) => [item.miner_hotkey.trim(), cleanText(item.reason ?? '')] as const),
  );
  const digest = request.digest ?? createHash('sha256').update(JSON.stringify(body)).digest('hex');
  for (let attempt = 1; attempt <= TRIES; attempt += 1) {
    const held = await readForResult(db, request);
    if (held.status === 'settled') {
      return { response: held.responseJson as ResultResponse, replayed: true, disputed: [], returned: [] };
    }
    if (held.status !== 'claimed' || held.expiresAt <= held.now) throw rejectedNotClaimed(held);
    refuseBadNames(entries, body, held.offered);
    if (held.runStatus !== 'open') throw rejectedRunClosed(held.runId);
    noteUnknownCosts(held, request);
    const outcome = await settle(db, { request, held, entries, releases, digest });
    if (outcome) return outcome;
  }
  throw new Error(
    `what the result of task ${request.taskEvaluationId} rests on changed ${TRIES} times while it was decided; ` +
      'nothing was stored, the same result can be sent again',
  );
}

/** Each time, something has to be written to the same task meanwhile, which ends: a lease is lost once. */
const TRIES = 8;

interface Decision {
  request: SubmitRequest;
  held: HeldClaim;
  entries: readonly MinerEntry[];
  releases: ReadonlyMap<string, string>;
  digest: string;
}

/** Decides and writes; null when it has to be decided anew. */
async function settle(db: Db, decision: Decision): Promise<SubmitOutcome | null> {
  const { held, request, entries, digest } = decision;
  const { truth, baseline, task } = recordedTruth(decision);
  const byHotkey = new Map(entries.map((entry) => [entry.minerHotkey, entry]));
  const rows = held.rows.map((row) => decideRow(row, byHotkey.get(row.minerHotkey), task, decision));
  const remaining = await settleClaim(db, {
    taskEvaluationId: request.taskEvaluationId,
    validatorHotkey: request.validatorHotkey,
    fencing: held.fencing,
    truthTag: held.truthTag,
    digest,
    rows,
    truth,
    baseline,
    baselineCostUsd: request.body.oracle_cost_usd,
    now: request.now,
  });
  if (remaining === null) return null;
  const hotkeyOf = new Map(held.rows.map((row) => [row.id, row.minerHotkey]));
  return {
    response: {
      task_evaluation_id: request.taskEvaluationId,
      status: 'accepted',
      family_evaluation_complete: remaining === 0,
      remaining_task_count: remaining,
    },
    replayed: false,
    disputed: rows.flatMap(({ judgment }) => (judgment?.disputed ? [judgment.minerHotkey] : [])),
    returned: rows
      .filter(({ judgment }) => judgment === null)
      .map(({ end }) => ({ minerHotkey: hotkeyOf.get(end.rowId) ?? '', reason: end.reason ?? '' })),
  };
}

function decideRow(
  row: HeldRow,
  entry: MinerEntry | undefined,
  task: SettledTask,
  { held, releases, request }: Decision,
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
  });
  if (!entry) return back(releases.get(row.minerHotkey)?.slice(0, 500) || 'left out of the result');
  const costUsd = held.costError === null ? usd(BigInt(held.modelMicroUsd.get(row.jobId ?? '') ?? 0)) : null;
  const version = held.scoringVersion as ScoringVersion;
  const { budgets, costFloorUsd } = request.settings;
  const decision = decideEntry(
    entry,
    { mode: task.mode, payload: task.payload, mustNotClaim: task.mustNotClaim },
    { calls: row.calls, costUsd },
    { version, budgets, costFloorUsd },
  );
  if (decision.kind === 'returned') return back(decision.reason);
  return judgedRow({
    row,
    entry,
    decision,
    validatorHotkey: request.validatorHotkey,
    earlier: held.earlier.filter((item) => item.rowId === row.id),
    calls: row.calls,
    costUsd,
    version,
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

/** An unknown cost is never held against a miner (decision 29); the operator is told. */
function noteUnknownCosts(held: HeldClaim, { logger, taskEvaluationId }: SubmitRequest): void {
  if (held.costError === null) return;
  logger.error('the cost ledger could not be read; the cost factor is left out of this result', {
    taskEvaluationId,
    fencing: held.fencing,
    error: held.costError,
  });
}

interface SettledTask {
  mode: string;
  payload: Record<string, unknown>;
  mustNotClaim: unknown[];
}

/**
 * The baseline to store where neither the owner's nor one younger than 12 hours is, and the validator's oracle findings
 * where none are recorded; and the task as it is judged with them. A baseline that replaces an old one keeps the
 * findings that the task is judged by.
 */
function recordedTruth({ request, held }: Decision): {
  truth: EnrichmentRecord | null;
  baseline: Record<string, unknown> | null;
  task: SettledTask;
} {
  const { task, now } = held;
  const baseline = request.body.baseline_response
    ? (cleanJson(request.body.baseline_response) as Record<string, unknown>)
    : null;
  const truth = truthFromBaseline(
    { oracleStatus: task.oracleStatus },
    task.payload,
    baseline,
    request.validatorHotkey,
  );
  const age = task.baselineCachedAt ? (now.getTime() - task.baselineCachedAt.getTime()) / 1000 : Infinity;
  const stale = task.baselineSource !== 'owner' && (!task.hasBaseline || age >= BASELINE_TTL_SECONDS);
  return {
    truth,
    baseline:
      baseline && stale
        ? { ...baseline, ...(task.reconciled && !truth ? { _reconciled: task.reconciled } : {}) }
        : null,
    task: {
      mode: task.mode,
      payload: task.payload,
      mustNotClaim: truth?.must_not_claim ?? task.mustNotClaim,
    },
  };
}
