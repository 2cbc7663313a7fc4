import { FetchFailed, HostRateLimited, HostRateUnknown, SsrfBlocked } from '../../adapters/safe-fetch';
import { HttpError } from '../../domain/http-errors';
import { ledgerAway } from '../tools';
import type { FetchMetrics } from './metrics';

/** Turns a failure of fetching into the answer that the caller gets, and counts it; anything else stays what it is. */
export function fetchRefusal(error: unknown, metrics?: FetchMetrics): unknown {
  if (error instanceof SsrfBlocked) {
    metrics?.ssrfBlocks.inc();
    return new HttpError(400, { error: 'ssrf_blocked', reason: error.reason });
  }
  if (error instanceof HostRateLimited) {
    metrics?.rateLimitBlocks.inc();
    const seconds = Math.ceil(error.retryAfterMs / 1000);
    return new HttpError(
      429,
      { error: 'per_host_rate_limit_exceeded', host: error.host },
      {},
      { 'Retry-After': String(seconds) },
    );
  }
  if (error instanceof FetchFailed) {
    metrics?.failures.inc({ kind: error.kind });
    return new HttpError(502, { error: 'fetch_failed', reason: error.reason });
  }
  if (error instanceof HostRateUnknown) return ledgerAway('the page was not fetched, try again');
  return error;
}
