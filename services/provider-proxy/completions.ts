import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import {
  KNOWN_PROVIDERS,
  LlmError,
  longestPauseMs,
  type LlmClient,
  type RawChatResult,
} from '../../adapters/llm';
import { messageOf, type Logger } from '../../adapters/logging';
import { HttpError } from '../../domain/http-errors';
import {
  costMicroUsd,
  microToUsd,
  UnpricedModelError,
  worstCaseMicroUsd,
  type TokenUsage,
} from '../../domain/pricing/cost';
import { boundPayload, guessTokens, type BoundedPayload } from './bounds';
import {
  BudgetExhausted,
  type Balance,
  type BudgetKeeper,
  type Reservation,
} from '../../adapters/budget/keeper';
import type { ProviderProxyConfig } from './config';
import {
  BUDGET_EXHAUSTED,
  type JobIdentity,
  type LedgerEntry,
  type ProviderLedger,
} from '../../adapters/budget/ledger';
import type { ProxyMetrics } from './metrics';

const positive = (fallback: number) => z.int().min(1).default(fallback);

/** Body of `POST /v1/chat/completions`, the original's own shape (runtime-and-tools.md 3.2). */
export const completionRequestSchema = z.object({
  provider: z.string().min(1).max(32),
  model: z.string().min(1).max(128),
  payload: z.record(z.string(), z.unknown()),
  max_requests: positive(24),
  max_total_tokens: positive(60_000),
  max_wall_clock_seconds: positive(300),
  per_request_timeout_seconds: z.number().min(1).default(60),
});
export type CompletionRequest = z.infer<typeof completionRequestSchema>;

/** What the handlers work with. */
export interface ProxyDeps {
  config: ProviderProxyConfig;
  llm: LlmClient;
  ledger: ProviderLedger;
  budget: BudgetKeeper;
  metrics: ProxyMetrics;
  logger: Logger;
}

const HOLD_MARGIN_MS = 60_000;

/**
 * Makes one model call for a job: bounds its price, holds it, calls the vendor, writes the ledger, settles, answers.
 * The answer leaves only after the ledger has the call.
 * @throws HttpError 400 for a provider or payload that cannot be served, 429 when a budget would be passed, 502 for a
 *   vendor's failure, 503 for what is not configured or a ledger out of reach
 */
export async function complete(
  job: JobIdentity,
  request: CompletionRequest,
  deps: ProxyDeps,
): Promise<object> {
  const { config, llm, metrics, logger } = deps;
  const { provider, model } = request;
  if (!(KNOWN_PROVIDERS as readonly string[]).includes(provider))
    throw new HttpError(400, 'unsupported provider');
  metrics.requests.inc();
  metrics.providerRequests.inc({ provider });

  const bounded = bound(request.payload);
  const worst = priced(() => worstCaseMicroUsd(provider, model, bounded, config.prices));
  const call = { ...job, id: randomUUID(), kind: 'llm', provider, model };
  const timeoutMs = Math.min(request.per_request_timeout_seconds, config.maxTimeoutSeconds) * 1000;
  const holdMs =
    timeoutMs * (config.llm.maxRetries + 1) + longestPauseMs(config.llm.maxRetries) + HOLD_MARGIN_MS;
  const reservation = await reserve(job, call, worst, holdMs, deps);

  const startedAt = performance.now();
  let result: RawChatResult;
  try {
    result = await llm.chatRaw({ provider, model, payload: bounded.payload, timeoutMs });
  } catch (error) {
    const failure = error instanceof LlmError ? error : null;
    const latencyMs = Math.round(performance.now() - startedAt);
    await record({ ...call, ...FAILED, errorCode: failure?.kind ?? 'internal', latencyMs }, deps);
    await settle(reservation, 0, job, deps);
    if (!failure) throw error;
    logger.warn('a model call failed', {
      job_id: job.jobId,
      provider,
      model,
      kind: failure.kind,
      reason: failure.message,
    });
    throw upstreamError(failure);
  }

  const usage = result.usage ?? guessUsage(bounded, result);
  const cost = costMicroUsd(provider, model, usage, config.prices);
  if (!result.usage) logger.warn('a vendor did not say what a call used; it is guessed', { provider, model });
  if (cost > worst)
    logger.warn('a call cost more than its bound', { provider, model, cost_micro_usd: cost, bound: worst });
  const { promptTokens, completionTokens } = usage;
  const { latencyMs } = result;
  await record(
    { ...call, status: 'ok', errorCode: null, promptTokens, completionTokens, costMicroUsd: cost, latencyMs },
    deps,
  );
  const balance = await settle(reservation, cost, job, deps);
  metrics.costUsd.inc({ provider }, microToUsd(cost));
  logger.info('model call', {
    job_id: job.jobId,
    provider,
    model,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    cost_micro_usd: cost,
    latency_ms: latencyMs,
  });
  return {
    upstream_response: result.raw,
    usage: {
      provider,
      model,
      request_count: reservation.requestCount,
      estimated_total_tokens: guessTokens(request.payload.messages) + bounded.outputTokens,
      max_requests: request.max_requests,
      max_total_tokens: request.max_total_tokens,
      actual_prompt_tokens: promptTokens,
      actual_completion_tokens: completionTokens,
      actual_total_tokens: promptTokens + completionTokens,
      latency_seconds: Number((latencyMs / 1000).toFixed(4)),
      cost_usd: microToUsd(cost),
      cost_usd_used: microToUsd(balance.jobUsedMicroUsd),
      cost_remaining_usd: microToUsd(balance.remainingMicroUsd),
    },
  };
}

/** The part of an entry that a call which never succeeded has. */
export const FAILED = { status: 'error', promptTokens: 0, completionTokens: 0, costMicroUsd: 0 } as const;

type CallHead = Pick<LedgerEntry, 'id' | 'kind' | 'provider' | 'model' | keyof JobIdentity>;

/**
 * Holds the price of a call, or says no and keeps that in the ledger.
 * @throws HttpError 429 with the budget and what is used of it, in USD; 503 when the counters cannot be reached
 */
export async function reserve(
  job: JobIdentity,
  call: CallHead,
  amountMicroUsd: number,
  holdMs: number,
  deps: ProxyDeps,
): Promise<Reservation> {
  try {
    return await deps.budget.reserve(job, call.id, amountMicroUsd, holdMs);
  } catch (error) {
    if (error instanceof BudgetExhausted) {
      deps.metrics.rejections.inc();
      await record({ ...call, ...FAILED, errorCode: BUDGET_EXHAUSTED, latencyMs: 0 }, deps);
      throw new HttpError(429, 'run budget exhausted', {
        budget_usd: microToUsd(error.budgetMicroUsd),
        cost_usd_used: microToUsd(error.usedMicroUsd),
        budget_scope: error.scope,
      });
    }
    deps.logger.error('the budget counters cannot be reached', { error: messageOf(error) });
    throw new HttpError(
      503,
      'the budget ledger cannot be reached; the call was not sent, try again',
      {},
      RETRY_SOON,
    );
  }
}

const RETRY_SOON = { 'Retry-After': '2' };
const RECORD_ATTEMPTS = 4;

/**
 * Writes a call into the durable ledger, trying again for about a second.
 * @throws HttpError 503 when it cannot be written; the answer is then withheld, and the hold stays until it lapses
 */
export async function record(entry: LedgerEntry, deps: Pick<ProxyDeps, 'ledger' | 'logger'>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await deps.ledger.record(entry);
      return;
    } catch (error) {
      if (attempt < RECORD_ATTEMPTS) {
        await delay(100 * 2 ** attempt);
        continue;
      }
      deps.logger.error('a call could not be recorded', { error: messageOf(error), entry });
      throw new HttpError(
        503,
        'the cost ledger cannot be written; the answer is withheld, try again',
        {},
        RETRY_SOON,
      );
    }
  }
}

/**
 * Settles a hold. A call that is in the ledger is not lost with Redis: the balance then comes from the ledger, and
 * the counter is set anew from it once the hold has lapsed.
 */
export async function settle(
  reservation: Reservation,
  actualMicroUsd: number,
  job: JobIdentity,
  deps: ProxyDeps,
): Promise<Balance> {
  try {
    return await deps.budget.settle(reservation, actualMicroUsd);
  } catch (error) {
    deps.logger.warn('a hold could not be settled and will lapse', {
      job_id: job.jobId,
      error: messageOf(error),
    });
    const { costMicroUsd: used } = await deps.ledger.spentByJob(job.jobId);
    return {
      jobUsedMicroUsd: used,
      remainingMicroUsd: Math.max(0, deps.config.budgets.jobMicroUsd - used),
    };
  }
}

function bound(payload: Readonly<Record<string, unknown>>): BoundedPayload {
  try {
    return boundPayload(payload);
  } catch (error) {
    if (error instanceof RangeError) throw new HttpError(400, error.message);
    throw error;
  }
}

function priced(price: () => number): number {
  try {
    return price();
  } catch (error) {
    if (error instanceof UnpricedModelError) throw new HttpError(400, error.message);
    throw error;
  }
}

function guessUsage(bounded: BoundedPayload, result: RawChatResult): TokenUsage {
  return {
    promptTokens: Math.min(guessTokens(bounded.payload.messages), bounded.promptTokens),
    completionTokens: Math.min(guessTokens(result.raw.choices), bounded.outputTokens),
    cachedTokens: 0,
    reasoningTokens: 0,
  };
}

function upstreamError(failure: LlmError): HttpError {
  const { provider, kind, message } = failure;
  switch (kind) {
    case 'not_configured':
      return new HttpError(503, message);
    case 'rate_limited':
      return new HttpError(502, `provider upstream retries exhausted (${provider}): ${message}`);
    case 'provider_down':
    case 'timeout':
    case 'cancelled':
      return new HttpError(502, `provider upstream unavailable (${provider}): ${message}`);
    case 'unknown_model':
    case 'refused':
    case 'too_long':
      return new HttpError(502, `provider upstream error (${provider}): ${message}`);
  }
}
