import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { BudgetExhausted, type BudgetKeeper, type Reservation } from '../../adapters/budget/keeper';
import { BUDGET_EXHAUSTED, type JobIdentity } from '../../adapters/budget/ledger';
import { messageOf, type Logger } from '../../adapters/logging';
import { HttpError } from '../../domain/http-errors';
import { microToUsd } from '../../domain/pricing/cost';
import { parseBody } from '../http';
import type { CallerAuth } from './auth';
import { away, identify } from './identify';
import type { ToolLedger } from './ledger';
import type { ToolMetrics } from './metrics';
import type { Quota } from './quota';
import type { ToolDefinition, ToolResult, ToolServiceConfig, ToolServiceWords } from './types';

/** What the middleware works with. */
export interface ToolDeps {
  config: ToolServiceConfig;
  words: ToolServiceWords;
  auth: CallerAuth;
  quota: Quota;
  budget: BudgetKeeper;
  ledger: ToolLedger;
  metrics: ToolMetrics;
  logger: Logger;
}

const HOLD_MARGIN_MS = 60_000;

/**
 * Carries out one tool call: who calls, what is asked, how many calls and how much money are left, the work, the
 * ledger, the settlement. The answer is returned only when the ledger has the call.
 * @throws HttpError 400, 401 or 403 for the caller, 422 for the body, 429 for quota or budget, 503 for a ledger out
 *   of reach, and what the tool itself refuses with
 */
export async function callTool(
  tool: ToolDefinition,
  req: Request,
  res: Response,
  deps: ToolDeps,
): Promise<unknown> {
  const { job } = await identify(req, deps);
  if (!job) throw new HttpError(400, deps.words.missingJob);
  const input = parseBody(tool.request, req);
  await admit(job, req, deps);

  const id = randomUUID();
  const args = tool.loggedArgs?.(input) ?? (input as Record<string, unknown>);
  const entry = { id, job, tool: tool.name, args, priced: tool.priceMicroUsd > 0 };
  const reservation = await reserve(tool, entry, deps);

  const startedAt = performance.now();
  const outcome = await carryOut(tool, input, { id, job }, res, deps);
  const latencyMs = Math.round(performance.now() - startedAt);
  const costMicroUsd = outcome.result ? tool.priceMicroUsd : 0;
  const failure = outcome.result ? (outcome.result.failure ?? null) : describe(outcome.error);
  const digest = outcome.result ? (outcome.result.digest ?? outcome.result.body) : undefined;
  try {
    await deps.ledger.record({ ...entry, digest, failure, costMicroUsd, latencyMs });
  } catch (error) {
    // The hold is left to lapse: whether the call stands in the ledger is not known.
    deps.metrics.ledgerFailures.inc();
    throw error;
  }
  if (reservation) await settle(reservation, costMicroUsd, job, deps);

  const status = failure === null ? 'ok' : 'error';
  deps.metrics.calls.inc({ tool: tool.name, outcome: status });
  deps.metrics.seconds.observe({ tool: tool.name }, latencyMs / 1000);
  if (costMicroUsd > 0) deps.metrics.costUsd.inc({ tool: tool.name }, microToUsd(costMicroUsd));
  deps.logger.info('tool call', {
    call_id: id,
    job_id: job.jobId,
    run_id: job.runId,
    deployment_id: job.deploymentId,
    tool: tool.name,
    status,
    ...(failure === null ? {} : { failure }),
    cost_micro_usd: costMicroUsd,
    latency_ms: latencyMs,
    request_id: res.locals.requestId as unknown,
  });
  if (!outcome.result) throw outcome.error;
  return outcome.result.body;
}

type Outcome = { result: ToolResult<unknown> } | { result: null; error: unknown };

async function carryOut(
  tool: ToolDefinition,
  input: unknown,
  { id, job }: { id: string; job: JobIdentity },
  res: Response,
  { logger }: ToolDeps,
): Promise<Outcome> {
  const controller = new AbortController();
  const giveUp = (reason: string) => controller.abort(new HttpError(504, reason));
  const timer = setTimeout(
    () => giveUp(`the call took longer than ${tool.maxSeconds} s`),
    tool.maxSeconds * 1000,
  );
  const onClose = () => giveUp('the caller went away');
  res.once('close', onClose);
  try {
    return { result: await tool.run(input, { id, job, signal: controller.signal, logger }) };
  } catch (error) {
    return { result: null, error };
  } finally {
    clearTimeout(timer);
    res.off('close', onClose);
  }
}

async function admit(job: JobIdentity, req: Request, deps: ToolDeps): Promise<void> {
  const { maxRequestsPerJob } = deps.config;
  // A caller may bind itself to fewer calls; the SDK always sends its own default. More than the ceiling is the ceiling.
  const asked = Number(req.header('x-eirel-max-requests'));
  const limit =
    Number.isInteger(asked) && asked >= 1 ? Math.min(asked, maxRequestsPerJob) : maxRequestsPerJob;
  let admitted: boolean;
  try {
    admitted = await deps.quota.admit(job, limit);
  } catch (error) {
    throw away('the call was not made, try again', error, deps);
  }
  if (admitted) return;
  deps.metrics.quotaRejections.inc();
  throw new HttpError(429, deps.words.quotaExceeded(limit));
}

type EntryHead = { id: string; job: JobIdentity; args: Record<string, unknown>; priced: boolean };

async function reserve(tool: ToolDefinition, entry: EntryHead, deps: ToolDeps): Promise<Reservation | null> {
  if (tool.priceMicroUsd === 0) return null;
  try {
    return await deps.budget.reserve(
      entry.job,
      entry.id,
      tool.priceMicroUsd,
      tool.maxSeconds * 1000 + HOLD_MARGIN_MS,
    );
  } catch (error) {
    if (!(error instanceof BudgetExhausted)) throw away('the call was not made, try again', error, deps);
    deps.metrics.budgetRejections.inc({ scope: error.scope });
    await deps.ledger.record({
      ...entry,
      tool: tool.name,
      digest: undefined,
      failure: BUDGET_EXHAUSTED,
      costMicroUsd: 0,
      latencyMs: 0,
    });
    throw new HttpError(429, 'run budget exhausted', {
      budget_usd: microToUsd(error.budgetMicroUsd),
      cost_usd_used: microToUsd(error.usedMicroUsd),
      budget_scope: error.scope,
    });
  }
}

async function settle(
  reservation: Reservation,
  costMicroUsd: number,
  job: JobIdentity,
  { budget, logger }: ToolDeps,
): Promise<void> {
  try {
    await budget.settle(reservation, costMicroUsd);
  } catch (error) {
    // The ledger has the call: the counter is set anew from it once the hold has lapsed.
    logger.warn('a hold could not be settled and will lapse', { job_id: job.jobId, error: messageOf(error) });
  }
}

function describe(error: unknown): string {
  if (!(error instanceof HttpError)) return 'internal error';
  return typeof error.detail === 'string' ? error.detail : JSON.stringify(error.detail);
}
