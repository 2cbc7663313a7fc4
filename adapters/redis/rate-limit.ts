import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

// A sorted set of the accepted calls of the window; a refused call leaves no trace, so it does not push the window on.
const ADMIT = `
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= limit then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return tonumber(oldest[2]) + window - now
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], math.ceil(window))
return -1`;

/** `ticket` takes the call back with `forgetAdmission`. */
export type RateVerdict = { admitted: true; ticket: string } | { admitted: false; retryAfterMs: number };

/**
 * Counts a call in a sliding window, if it fits.
 * @param key the window's name
 * @param limit calls per window
 * @param windowMs length of the window in milliseconds
 * @param now milliseconds since the epoch
 * @throws whatever the client throws when Redis cannot be asked
 */
export async function admitInWindow(
  redis: Redis,
  key: string,
  limit: number,
  windowMs: number,
  now: number,
): Promise<RateVerdict> {
  const ticket = `${now}:${randomUUID()}`;
  const waitMs = Number(await redis.eval(ADMIT, 1, key, now, windowMs, limit, ticket));
  return waitMs < 0 ? { admitted: true, ticket } : { admitted: false, retryAfterMs: Math.max(1, waitMs) };
}

/** Takes an admitted call out of its window. */
export async function forgetAdmission(redis: Redis, key: string, ticket: string): Promise<void> {
  await redis.zrem(key, ticket);
}
