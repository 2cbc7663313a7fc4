import type { Redis } from 'ioredis';
import { admitInWindow } from '../redis/rate-limit';
import { HostRateLimited, HostRateUnknown } from './errors';

/** Requests to one host in a sliding window, counted for all jobs and all services together. */
export interface HostRate {
  limit: number;
  windowMs: number;
}

/**
 * Lets a request to a host pass.
 * @returns a function that throws HostRateLimited when the host has been asked often enough, and HostRateUnknown when
 *   Redis cannot tell
 */
export function hostRateLimiter(
  redis: Redis,
  { limit, windowMs }: HostRate,
): (host: string) => Promise<void> {
  return async (host) => {
    const verdict = await admitInWindow(redis, `eirel:fetch-host:${host}`, limit, windowMs, Date.now()).catch(
      (error: unknown) => {
        throw new HostRateUnknown({ cause: error });
      },
    );
    if (!verdict.admitted) throw new HostRateLimited(host, verdict.retryAfterMs);
  };
}
