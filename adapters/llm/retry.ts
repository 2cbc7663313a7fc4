import { setTimeout as delay } from 'node:timers/promises';
import { LlmError, type LlmErrorDetails } from './errors';

const RETRY_AFTER_MIN_SECONDS = 0.5;
const RETRY_AFTER_MAX_SECONDS = 30;
const RETRIED_STATUSES = new Set([429, 502, 503, 504, 529]);

/** How an attempt is repeated. */
export interface RetryPolicy {
  maxRetries: number;
  baseDelayMs: number;
  signal: AbortSignal | undefined;
  details: LlmErrorDetails;
}

/** Longest time that the pauses between the attempts of one call can take, in milliseconds. */
export function longestPauseMs(maxRetries: number): number {
  return maxRetries * RETRY_AFTER_MAX_SECONDS * 1000;
}

/**
 * Runs an attempt until it succeeds, fails for good, or has been repeated often enough.
 * Between attempts: what Retry-After says (0.5 to 30 s), else a random time between half and all of base * 2^n, so that callers who
 * failed together do not come back together.
 * @throws the last attempt's LlmError, or one of kind `cancelled` when the signal fires during a pause
 */
export async function withRetries<T>(policy: RetryPolicy, attempt: () => Promise<T>): Promise<T> {
  for (let n = 0; ; n += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LlmError) || n >= policy.maxRetries || !isWorthRetrying(error)) throw error;
      await pause(pauseMs(error, n, policy.baseDelayMs), policy);
    }
  }
}

function isWorthRetrying(error: LlmError): boolean {
  if (!error.retryable) return false;
  // Without a status the vendor was not reached, or our own queue is full, to which one more caller is no help.
  if (error.status === undefined) return error.kind === 'provider_down';
  return RETRIED_STATUSES.has(error.status);
}

function pauseMs(error: LlmError, n: number, baseDelayMs: number): number {
  if (error.retryAfterSeconds !== undefined) {
    const seconds = Math.min(
      Math.max(error.retryAfterSeconds, RETRY_AFTER_MIN_SECONDS),
      RETRY_AFTER_MAX_SECONDS,
    );
    return seconds * 1000;
  }
  const ceiling = Math.min(baseDelayMs * 2 ** n, RETRY_AFTER_MAX_SECONDS * 1000);
  return ceiling / 2 + (Math.random() * ceiling) / 2;
}

async function pause(ms: number, policy: RetryPolicy): Promise<void> {
  try {
    await delay(ms, undefined, policy.signal ? { signal: policy.signal } : {});
  } catch {
    throw new LlmError('cancelled', `call to ${policy.details.provider} was cancelled`, policy.details);
  }
}
