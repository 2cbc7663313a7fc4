import type { Redis } from 'ioredis';
import type { JobIdentity } from '../../adapters/budget/ledger';

const TTL_SECONDS = 86_400;

// KEYS: counter. ARGV: limit, ttl. Answers -1 for a counter that is not there, 0 for one that is full, else the count.
const ADMIT = `
local used = redis.call('GET', KEYS[1])
if not used then return -1 end
if tonumber(used) >= tonumber(ARGV[1]) then return 0 end
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return count`;

/**
 * Calls of one service by one job. Redis counts; a counter that it does not know starts from the durable ledger, so
 * that losing Redis gives nobody new calls.
 */
export class Quota {
  private readonly prefix: string;

  /**
   * @param service name that keeps the counters of services apart
   * @param recorded calls of a job that the ledger has
   */
  constructor(
    private readonly redis: Redis,
    service: string,
    private readonly recorded: (jobId: string) => Promise<number>,
  ) {
    this.prefix = `eirel:tool-quota:${service}:`;
  }

  /**
   * Counts a call if it fits.
   * @returns false when the job has made `limit` calls already; Redis and PostgreSQL errors pass through
   */
  async admit(job: JobIdentity, limit: number): Promise<boolean> {
    const key = this.prefix + job.jobId;
    for (let tries = 0; tries < 3; tries += 1) {
      const count = Number(await this.redis.eval(ADMIT, 1, key, limit, TTL_SECONDS));
      if (count >= 0) return count > 0;
      await this.redis.set(key, await this.recorded(job.jobId), 'EX', TTL_SECONDS, 'NX');
    }
    throw new Error('quota counters vanish as fast as they are set; is Redis evicting keys?');
  }

  /** Sets the counters of all jobs that are counted now back to 0. @returns how many there were */
  async reset(): Promise<number> {
    let cleared = 0;
    let cursor = '0';
    do {
      const [next, keys] = await this.redis.scan(cursor, 'MATCH', `${this.prefix}*`, 'COUNT', 500);
      cursor = next;
      for (const key of keys) {
        if ((await this.redis.set(key, 0, 'EX', TTL_SECONDS, 'XX')) === 'OK') cleared += 1;
      }
    } while (cursor !== '0');
    return cleared;
  }
}
