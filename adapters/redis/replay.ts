import type { Redis } from 'ioredis';

// All keys or none: a replay that knows one of two keys must not be able to burn the other.
const CLAIM = `
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then return 0 end
end
for _, key in ipairs(KEYS) do
  redis.call('SET', key, '1', 'PX', ARGV[1])
end
return 1`;

/**
 * Claims every key in one atomic step.
 * @param ttlMs life of the keys in milliseconds
 * @returns false when one of them was claimed before; nothing is changed then
 * @throws whatever the client throws when Redis cannot be asked
 */
export async function claimReplayKeys(
  redis: Redis,
  keys: readonly string[],
  ttlMs: number,
): Promise<boolean> {
  const claimed = await redis.eval(CLAIM, keys.length, ...keys, String(Math.ceil(ttlMs)));
  return claimed === 1;
}
