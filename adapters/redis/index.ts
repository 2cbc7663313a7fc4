import { Redis } from 'ioredis';

/**
 * A connection that fails fast: what is kept in Redis guards requests, and a guard that hangs is as bad as none.
 * @param url `redis://` or `rediss://`
 * @param options.onError told of every connection error; without it errors would end the process
 */
export function createRedis(url: string, options: { onError: (error: Error) => void }): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    // A command while disconnected is refused at once instead of being sent later, when nobody waits for it any more.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    commandTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(200 * attempt, 3_000),
  });
  redis.on('error', options.onError);
  return redis;
}

/** Connects, and goes on without a connection when the server is not there yet: the client keeps trying. */
export async function connectRedis(redis: Redis): Promise<void> {
  if (redis.status !== 'wait') return;
  await redis.connect().catch(() => {
    // Reported through the error listener; requests that need Redis are refused until it is there.
  });
}

/** `ok` or why not, for health pages. */
export async function pingRedis(redis: Redis): Promise<string> {
  try {
    return (await redis.ping()) === 'PONG' ? 'ok' : 'unexpected answer';
  } catch (error) {
    return `unreachable: ${error instanceof Error ? error.message : String(error)}`;
  }
}
