/** The result of a claim: one transaction, guarded by the lease and its fencing number (decisions 6, 7, 10, 14, 26). */
import { createHash } from 'node:crypto';
import type { ResultRequest, ResultResponse } from '../../domain/contracts/tasks';
import type { LedgerCall, ScoringVersion } from '../../domain/scoring/types';
import { cleanJson, cleanText } from '../../domain/tasks/clean-json';
import { BASELINE_TTL_SECONDS } from '../../domain/tasks/claim-item';
import { entryJobId, readEntry, type MinerEntry } from '../../domain/tasks/entries';
import {
  rejectedDuplicate,
  rejectedNotClaimed,
  rejectedNotOffered,
  rejectedRunClosed,
} from '../../domain/tasks/rejections';
import { decideEntry, type LatencyBudgets } from '../../domain/tasks/settle';
import { truthFromBaseline } from '../../domain/tasks/truth';
import type { EnrichmentRecord } from '../../domain/oracle/record';
import type { Logger } from '../logging';
import { locateClaim, lockTask, type ClaimRecord } from './claim-lookup';
import { RETURNED_ROW } from './claims';
import type { Prisma } from './index';
import { type Db, type DbTx } from './index';
import { storeJudgment } from './judgments';
import { attestedCalls, jobCosts, usd } from './ledger';
import { remainingTaskCount } from './task-progress';

export interface SubmitRequest {
  taskEvaluationId: string;
  validatorHotkey: string;
  body: ResultRequest;
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
  const key = {
    taskEvaluationId: request.taskEvaluationId,
    validatorHotkey: request.validatorHotkey,
    fencing: body.fencing == null ? null : BigInt(body.fencing),
    jobIds: body.miner_results.map(entryJobId),
  };
  const claim = await locateClaim(db, key);
  const entries = body.miner_results.map(readEntry).filter((entry) => entry !== null);
  const releases = new Map(
    body.released_miners.map((item) => [item.miner_hotkey.trim(), cleanText(item.reason ?? '')] as const),
  );
  // Read before any lock is taken: these may be many rows, and a failure here must not hold up other claims.
  const ledger = await readLedgers(db, claim, request.logger);
  const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex');

  return db.$transaction(async (tx) => {
    const now = await lockTask(tx, request.taskEvaluationId, request.now);
    const held = await locateClaim(tx, { ...key, fencing: claim.fencing });
    if (held.status === 'settled') return replay(held);
    if (held.status !== 'claimed' || held.expiresAt <= now) throw rejectedNotClaimed(held);
    refuseBadNames(entries, body, held.offered);
    const run = await tx.evaluationRun.findUniqueOrThrow({ where: { id: held.runId } });
    if (run.status !== 'open') throw rejectedRunClosed(run.id);
    return settle(tx, { request, claim: held, entries, releases, ledger, digest, now, run });
  });
}

interface Settlement {
  request: SubmitRequest;
  claim: ClaimRecord;
  entries: readonly MinerEntry[];
  releases: ReadonlyMap<string, string>;
  ledger: Ledgers;
  digest: string;
  now: Date;
  run: { scoringVersion: number };
}

async function settle(tx: DbTx, s: Settlement): Promise<SubmitOutcome> {
  const { claim, now, request } = s;
  const task = await recordTruth(tx, s);
  const rows = await tx.minerEvaluationTask.findMany({
    where: { taskEvaluationId: claim.taskEvaluationId, claimFencing: claim.fencing, status: 'claimed' },
    orderBy: { id: 'asc' },
  });
  const version = s.run.scoringVersion as ScoringVersion;
  const byHotkey = new Map(s.entries.map((entry) => [entry.minerHotkey, entry]));
  const disputed: string[] = [];
  const returned: SubmitOutcome['returned'] = [];

  for (const row of rows) {
    const entry = byHotkey.get(row.minerHotkey);
    const jobId = row.jobId ?? '';
    const decision = entry
      ? decideEntry(
          entry,
          { mode: task.mode, payload: task.payload, mustNotClaim: task.mustNotClaim },
          { calls: s.ledger.calls.get(jobId) ?? [], costUsd: s.ledger.costOf(jobId) },
          { version, budgets: request.settings.budgets, costFloorUsd: request.settings.costFloorUsd },
        )
      : {
          kind: 'returned' as const,
          reason: s.releases.get(row.minerHotkey)?.slice(0, 500) || 'left out of the result',
        };
    if (decision.kind === 'returned' || !entry) {
      const reason = decision.kind === 'returned' ? decision.reason : 'left out of the result';
      await tx.minerEvaluationTask.update({
        where: { id: row.id },
        data: { ...RETURNED_ROW, statusReason: reason, updatedAt: now },
      });
      returned.push({ minerHotkey: row.minerHotkey, reason });
      continue;
    }
    if (decision.disputed) disputed.push(row.minerHotkey);
    await storeJudgment(tx, {
      row,
      entry,
      decision,
      validatorHotkey: claim.validatorHotkey,
      fencing: claim.fencing,
      calls: s.ledger.calls.get(jobId) ?? [],
      costUsd: s.ledger.costOf(jobId),
      version,
      oracleStatus: task.oracleStatus,
      feedbackEnabled: request.settings.feedbackEnabled,
      now,
    });
  }

  const remaining = await remainingTaskCount(tx, claim.runId, claim.familyId);
  const response: ResultResponse = {
    task_evaluation_id: claim.taskEvaluationId,
    status: 'accepted',
    family_evaluation_complete: remaining === 0,
    remaining_task_count: remaining,
  };
  await tx.taskClaim.update({
    where: { fencing: claim.fencing },
    data: { status: 'settled', endedAt: now, resultDigest: s.digest, responseJson: response },
  });
  return { response, replayed: false, disputed, returned };
}

function replay(claim: ClaimRecord): SubmitOutcome {
  return { response: claim.responseJson as ResultResponse, replayed: true, disputed: [], returned: [] };
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
  calls: Map<string, LedgerCall[]>;
  /** USD of model calls; null when the ledger could not be read. */
  costOf(jobId: string): number | null;
}

/**
 * Reads both ledgers for the jobs that were given out with this lease. Tool calls that cannot be read fail the request,
 * which the validator repeats; costs that cannot be read are unknown, and an unknown cost is never held against a miner
 * (decision 29).
 */
async function readLedgers(db: Db, claim: ClaimRecord, logger: Logger): Promise<Ledgers> {
  const jobs = await db.attemptJob.findMany({ where: { fencing: claim.fencing }, select: { jobId: true } });
  const jobIds = jobs.map((job) => job.jobId);
  const calls = await attestedCalls(db, jobIds);
  const costs = await jobCosts(db, jobIds).catch((error: unknown) => {
    logger.error('the cost ledger could not be read; the cost factor is left out of this result', {
      taskEvaluationId: claim.taskEvaluationId,
      fencing: claim.fencing,
      error,
    });
    return null;
  });
  return {
    calls,
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
async function recordTruth(tx: DbTx, { request, claim, now }: Settlement): Promise<SettledTask> {
  const task = await tx.taskEvaluation.findUniqueOrThrow({ where: { id: claim.taskEvaluationId } });
  const payload = (task.payloadJson ?? {}) as Record<string, unknown>;
  const baseline = request.body.baseline_response
    ? (cleanJson(request.body.baseline_response) as Record<string, unknown>)
    : null;
  const found = truthFromBaseline(task, payload, baseline, claim.validatorHotkey);
  const age = task.baselineCachedAt ? (now.getTime() - task.baselineCachedAt.getTime()) / 1000 : Infinity;
  const kept = (task.baselineResponseJson as Record<string, unknown> | null)?._reconciled;
  const stale =
    task.baselineSource !== 'owner' && (task.baselineResponseJson === null || age >= BASELINE_TTL_SECONDS);
  if (found || (baseline && stale)) {
    await tx.taskEvaluation.update({
      where: { id: task.id },
      data: {
        ...(found && {
          oracleStatus: found.oracle_status,
          expectedClaimsJson: found.expected_claims,
          mustNotClaimJson: found.must_not_claim,
          enrichment: { create: validatorEnrichment(claim, found, now) },
        }),
        ...(baseline &&
          stale && {
            baselineResponseJson: {
              ...baseline,
              ...(kept && !found ? { _reconciled: kept } : {}),
            } as Prisma.InputJsonObject,
            baselineCachedAt: now,
            baselineSource: 'validator',
            oracleCostUsd: request.body.oracle_cost_usd,
          }),
      },
    });
  }
  return {
    mode: task.mode,
    payload,
    mustNotClaim:
      found?.must_not_claim ?? (Array.isArray(task.mustNotClaimJson) ? task.mustNotClaimJson : []),
    oracleStatus: found?.oracle_status ?? task.oracleStatus,
  };
}

/** The validator's finding as it is kept and published, beside the owner's of other runs. */
function validatorEnrichment(claim: ClaimRecord, record: EnrichmentRecord, now: Date) {
  return {
    runId: claim.runId,
    familyId: claim.familyId,
    taskId: claim.taskId,
    side: 'validator',
    validatorHotkey: claim.validatorHotkey,
    status: 'settled',
    oracleStatus: record.oracle_status,
    recordJson: record as unknown as Prisma.InputJsonObject,
    costMicroUsd: record.cost_micro_usd,
    startedAt: now,
    settledAt: now,
  };
}
