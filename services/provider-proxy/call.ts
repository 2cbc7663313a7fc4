import { randomUUID } from 'node:crypto';
import type { Balance, Reservation } from '../../adapters/budget/keeper';
import {
  KNOWN_PROVIDERS,
  LlmError,
  longestPauseMs,
  type RawChatRequest,
  type RawChatResult,
} from '../../adapters/llm';
import { HttpError } from '../../domain/http-errors';
import {
  costMicroUsd,
  microToUsd,
  UnpricedModelError,
  worstCaseMicroUsd,
  type TokenUsage,
} from '../../domain/pricing/cost';
import { FAILED, record, reserve, settle, type CallHead, type ProxyDeps } from './accounting';
import type { Caller } from './auth';
import { boundPayload, guessTokens, type BoundedPayload } from './bounds';

const HOLD_MARGIN_MS = 60_000;

/** A model call as it was asked for, in either shape. */
export interface AskedCall {
  provider: string;
  model: string;
  /** OpenAI chat-completions body. */
  payload: Readonly<Record<string, unknown>>;
  /** Time for one attempt, in seconds; the operator's ceiling applies. */
  timeoutSeconds: number;
}

/** A call whose worst-case price is held. Money in micro-USD. */
export interface HeldCall {
  caller: Caller;
  head: CallHead;
  bounded: BoundedPayload;
  worstMicroUsd: number;
  timeoutMs: number;
  reservation: Reservation;
}

/** What a call came to. Money in micro-USD. */
export interface Settled {
  usage: TokenUsage;
  costMicroUsd: number;
  balance: Balance;
}

/**
 * Bounds the price of a call and holds it.
 * @param given the payload and its bounds, where it is none of chat completions
 * @throws HttpError 400 for a provider, model or payload that cannot be served, 403 for a provider that the caller may
 *   not use, 429 when a budget would be passed, 503 when the counters cannot be reached
 */
export async function hold(
  caller: Caller,
  asked: AskedCall,
  deps: ProxyDeps,
  given?: BoundedPayload,
): Promise<HeldCall> {
  const { config, metrics } = deps;
  const { provider, model } = asked;
  if (!(KNOWN_PROVIDERS as readonly string[]).includes(provider)) {
    throw new HttpError(400, `unsupported provider; known are ${KNOWN_PROVIDERS.join(', ')}`);
  }
  if (config.ownerOnly.has(provider) && !caller.isOwner) {
    throw new HttpError(403, `provider ${provider} is for the owner's own services only`);
  }
  metrics.requests.inc();
  metrics.providerRequests.inc({ provider });
  const bounded = given ?? bound(asked.payload);
  const worstMicroUsd = priced(() => worstCaseMicroUsd(provider, model, bounded, config.prices));
  const head = { ...caller.job, id: randomUUID(), kind: 'llm', provider, model };
  const timeoutMs = Math.min(asked.timeoutSeconds, config.maxTimeoutSeconds) * 1000;
  const { maxRetries } = config.llm;
  const holdMs =
    timeoutMs * (maxRetries + 1) +
    longestPauseMs(maxRetries) +
    config.disconnectGraceSeconds * 1000 +
    HOLD_MARGIN_MS;
  const reservation = await reserve(caller.job, head, worstMicroUsd, holdMs, deps);
  return { caller, head, bounded, worstMicroUsd, timeoutMs, reservation };
}

/**
 * Makes a held call, records it and settles it. What it returns may be shown, since the ledger has it.
 * @throws HttpError 502 or 503 for a vendor's failure, which costs nothing; 503 when it cannot be recorded
 */
export async function make(
  held: HeldCall,
  deps: ProxyDeps,
  send: (request: RawChatRequest) => Promise<RawChatResult> = (request) => deps.llm.chatRaw(request),
): Promise<Settled & { result: RawChatResult }> {
  const { head, bounded, timeoutMs } = held;
  const { provider, model } = head;
  const startedAt = performance.now();
  let result: RawChatResult;
  try {
    result = await send({ provider, model, payload: bounded.payload, timeoutMs });
  } catch (error) {
    throw await fail(held, error, performance.now() - startedAt, deps);
  }
  if (!result.usage) {
    deps.logger.warn('a vendor did not say what a call used; it is guessed', { provider, model });
  }
  const usage = result.usage ?? guessUsage(bounded, guessTokens(result.raw.choices));
  const settled = await close(held, usage, { errorCode: null, latencyMs: result.latencyMs }, deps);
  return { ...settled, result };
}

/** Records a call that the vendor never accepted, and gives its hold back. Returns what to throw. */
export async function fail(
  held: HeldCall,
  error: unknown,
  latencyMs: number,
  deps: ProxyDeps,
): Promise<unknown> {
  const { head, reservation, caller } = held;
  const failure = error instanceof LlmError ? error : null;
  const errorCode = failure?.kind ?? 'internal';
  await record({ ...head, ...FAILED, errorCode, latencyMs: Math.round(latencyMs) }, deps);
  await settle(reservation, 0, caller.job, deps);
  if (!failure) return error;
  deps.logger.warn('a model call failed', {
    job_id: head.jobId,
    provider: head.provider,
    model: head.model,
    kind: failure.kind,
    reason: failure.message,
  });
  return upstreamError(failure);
}

/**
 * Records what a call used and puts its price in the place of its hold.
 * @param costMicroUsd of the call where it is not the price of its usage
 * @throws HttpError 503 when it cannot be recorded
 */
export async function close(
  held: HeldCall,
  usage: TokenUsage,
  outcome: { errorCode: string | null; latencyMs: number; costMicroUsd?: number },
  deps: ProxyDeps,
): Promise<Settled> {
  const { head, worstMicroUsd, reservation, caller } = held;
  const { provider, model } = head;
  const cost = outcome.costMicroUsd ?? costMicroUsd(provider, model, usage, deps.config.prices);
  if (cost > worstMicroUsd) {
    deps.logger.warn('a call cost more than its bound', {
      provider,
      model,
      cost_micro_usd: cost,
      bound: worstMicroUsd,
    });
  }
  const { promptTokens, completionTokens } = usage;
  const { errorCode } = outcome;
  const latencyMs = Math.round(outcome.latencyMs);
  const status = errorCode === null ? 'ok' : 'error';
  const entry = { ...head, status, errorCode, promptTokens, completionTokens, latencyMs } as const;
  await record({ ...entry, costMicroUsd: cost }, deps);
  const balance = await settle(reservation, cost, caller.job, deps);
  deps.metrics.costUsd.inc({ provider }, microToUsd(cost));
  deps.logger.info('model call', {
    job_id: head.jobId,
    provider,
    model,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    cost_micro_usd: cost,
    latency_ms: latencyMs,
    ...(errorCode === null ? {} : { error_code: errorCode }),
  });
  return { usage, costMicroUsd: cost, balance };
}

/** The use of a call of which the vendor said nothing, from its texts, never above its bounds. */
export function guessUsage(bounded: BoundedPayload, outputTokens: number): TokenUsage {
  return {
    promptTokens: Math.min(
      guessTokens(bounded.payload.messages ?? bounded.payload.input),
      bounded.promptTokens,
    ),
    completionTokens: Math.min(outputTokens, bounded.outputTokens),
    cachedTokens: 0,
    reasoningTokens: 0,
  };
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

/** What a caller is told of a vendor's failure; `error_code` is its kind. */
export function upstreamError(failure: LlmError): HttpError {
  const { provider, kind, message } = failure;
  const extra = { error_code: kind };
  switch (kind) {
    case 'not_configured':
      return new HttpError(503, message, extra);
    case 'rate_limited':
      // Without a status it is our own queue that is full.
      return failure.status === undefined
        ? new HttpError(503, message, extra, { 'Retry-After': '2' })
        : new HttpError(502, `provider upstream retries exhausted (${provider}): ${message}`, extra);
    case 'provider_down':
    case 'timeout':
    case 'cancelled':
      return new HttpError(502, `provider upstream unavailable (${provider}): ${message}`, extra);
    case 'unknown_model':
    case 'refused':
    case 'too_long':
      return new HttpError(502, `provider upstream error (${provider}): ${message}`, extra);
  }
}
