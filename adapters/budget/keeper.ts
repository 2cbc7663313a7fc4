import type { Redis } from 'ioredis';

import type { JobIdentity, ProviderLedger, SpentSoFar } from './ledger';

/** Ceilings of spending, in micro-USD. They come from the operator, never from a request. */
export interface Budgets {
  /** Of one job, that is one attempt at one task. */
  jobMicroUsd: number;
  /** Of one deployment over one run. */
  runMicroUsd: number;
}

/**
 * Spending limits (decisions.md row 19). A call is counted against up to two counters, its job's and its
 * (run, deployment)'s. The whole of its worst-case price is held on both in one step before it is sent, and replaced
 * by the actual price when it is back, so that calls in flight together can never pass a ceiling that one alone
 * could not.
 *
 * Redis holds the counters; PostgreSQL is the truth. A counter that Redis does not know is first set to what the
 * ledger says was spent. A hold that was never settled (its process was killed, or Redis was away at the wrong moment)
 * lapses after the longest time that the call could have taken; whether the call was made is then not known here, so
 * the counter is set anew from the ledger.
 *
 * Per counter: a hash with `settled`, `late` and `held` in micro-USD and `calls`, and a sorted set of holds, scored by
 * when they lapse.
 */

const COUNTER_TTL_MS = 7 * 24 * 3600 * 1000;

// KEYS: hash, holds for each counter. ARGV: amount, call id, hold ms, ttl ms, a ceiling for each counter.
// Answers {'ok', used1, calls1, used2, calls2}, {'missing', n} or {'exhausted', n, used}.
const RESERVE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local amount = tonumber(ARGV[1])
local counters = #KEYS / 2
local used = {}
for i = 1, counters do
  local hash, holds = KEYS[2 * i - 1], KEYS[2 * i]
  local lapsed = redis.call('ZRANGEBYSCORE', holds, '-inf', now)
  for _, hold in ipairs(lapsed) do
    redis.call('HINCRBY', hash, 'held', '-' .. string.match(hold, '%d+$'))
    redis.call('ZREM', holds, hold)
  end
  if #lapsed > 0 then redis.call('HDEL', hash, 'settled', 'late') end
  if redis.call('HEXISTS', hash, 'settled') == 0 then return {'missing', i} end
  local sums = redis.call('HMGET', hash, 'settled', 'late', 'held')
  used[i] = tonumber(sums[1] or 0) + tonumber(sums[2] or 0) + tonumber(sums[3] or 0)
end
for i = 1, counters do
  if used[i] + amount > tonumber(ARGV[4 + i]) then return {'exhausted', i, used[i]} end
end
local answer = {'ok'}
for i = 1, counters do
  local hash, holds = KEYS[2 * i - 1], KEYS[2 * i]
  redis.call('HINCRBY', hash, 'held', ARGV[1])
  redis.call('ZADD', holds, now + tonumber(ARGV[3]), ARGV[2] .. ':' .. ARGV[1])
  answer[#answer + 1] = used[i] + amount
  answer[#answer + 1] = redis.call('HINCRBY', hash, 'calls', 1)
  redis.call('PEXPIRE', hash, ARGV[4])
  redis.call('PEXPIRE', holds, ARGV[4])
end
return answer`;

// KEYS as above. ARGV: held amount, call id, actual amount, ttl ms. Answers the use of each counter.
const SETTLE = `
local answer = {}
for i = 1, #KEYS / 2 do
  local hash, holds = KEYS[2 * i - 1], KEYS[2 * i]
  if redis.call('ZREM', holds, ARGV[2] .. ':' .. ARGV[1]) == 1 then
    redis.call('HINCRBY', hash, 'held', '-' .. ARGV[1])
  end
  local field = redis.call('HEXISTS', hash, 'settled') == 1 and 'settled' or 'late'
  redis.call('HINCRBY', hash, field, ARGV[3])
  redis.call('PEXPIRE', hash, ARGV[4])
  local sums = redis.call('HMGET', hash, 'settled', 'late', 'held')
  answer[i] = tonumber(sums[1] or 0) + tonumber(sums[2] or 0) + tonumber(sums[3] or 0)
end
return answer`;

// KEYS: hash. ARGV: settled, calls, ttl ms. A counter that somebody else has set meanwhile is left alone.
const SEED = `
if redis.call('HSETNX', KEYS[1], 'settled', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'calls', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1`;

type BudgetScope = 'job' | 'run';

interface Counter {
  scope: BudgetScope;
  hash: string;
  holds: string;
  ceiling: number;
  spent: () => Promise<SpentSoFar>;
}

/** A hold that was granted; give it back with `settle`. Money in micro-USD. */
export interface Reservation {
  callId: string;
  heldMicroUsd: number;
  /** Calls that this job has been granted, this one included. */
  requestCount: number;
  counters: readonly Counter[];
}

/** What is left after a settlement, in micro-USD. */
export interface Balance {
  jobUsedMicroUsd: number;
  /** The least that any of the counters has left; never below 0. */
  remainingMicroUsd: number;
}

/** The call would, at worst, pass a ceiling. Money in micro-USD. */
export class BudgetExhausted extends Error {
  override readonly name = 'BudgetExhausted';
  constructor(
    readonly scope: BudgetScope,
    readonly budgetMicroUsd: number,
    readonly usedMicroUsd: number,
  ) {
    super('run budget exhausted');
  }
}

/** Holds and settles against the counters of a job. */
export class BudgetKeeper {
  constructor(
    private readonly redis: Redis,
    private readonly ledger: ProviderLedger,
    private readonly budgets: Budgets,
  ) {}

  /**
   * Holds an amount on every counter of the job, or on none.
   * @param holdMs after how long the hold lapses if it is never settled
   * @throws BudgetExhausted when a counter has not enough left; Redis and PostgreSQL errors pass through
   */
  async reserve(
    job: JobIdentity,
    callId: string,
    amountMicroUsd: number,
    holdMs: number,
  ): Promise<Reservation> {
    const counters = this.countersOf(job);
    const keys = keysOf(counters);
    for (let tries = 0; tries < 5; tries += 1) {
      const [verdict, ...rest] = (await this.redis.eval(
        RESERVE,
        keys.length,
        ...keys,
        amountMicroUsd,
        callId,
        Math.ceil(holdMs),
        COUNTER_TTL_MS,
        ...counters.map((counter) => counter.ceiling),
      )) as [string, ...number[]];
      if (verdict === 'ok') {
        return { callId, heldMicroUsd: amountMicroUsd, requestCount: rest[1] ?? 1, counters };
      }
      const counter = counters[(rest[0] ?? 1) - 1];
      if (!counter) throw new Error('the budget script named a counter that does not exist');
      if (verdict === 'exhausted') throw new BudgetExhausted(counter.scope, counter.ceiling, rest[1] ?? 0);
      await this.seed(counter);
    }
    throw new Error('budget counters vanish as fast as they are set; is Redis evicting keys?');
  }

  /** Replaces the hold by what the call cost; 0 gives it all back. */
  async settle(reservation: Reservation, actualMicroUsd: number): Promise<Balance> {
    const keys = keysOf(reservation.counters);
    const used = (await this.redis.eval(
      SETTLE,
      keys.length,
      ...keys,
      reservation.heldMicroUsd,
      reservation.callId,
      actualMicroUsd,
      COUNTER_TTL_MS,
    )) as number[];
    const left = reservation.counters.map((counter, i) => counter.ceiling - (used[i] ?? 0));
    return { jobUsedMicroUsd: used[0] ?? 0, remainingMicroUsd: Math.max(0, Math.min(...left)) };
  }

  private async seed(counter: Counter): Promise<void> {
    const { costMicroUsd, calls } = await counter.spent();
    await this.redis.eval(SEED, 1, counter.hash, costMicroUsd, calls, COUNTER_TTL_MS);
  }

  private countersOf(job: JobIdentity): Counter[] {
    const { jobId, deploymentId, runId } = job;
    // The braces keep the counters of a call on one node of a Redis cluster, which a script needs.
    const tag = `eirel:provider-budget:{${deploymentId ?? jobId}}`;
    const counters: Counter[] = [
      {
        scope: 'job',
        hash: `${tag}:job:${jobId}`,
        holds: `${tag}:job:${jobId}:holds`,
        ceiling: this.budgets.jobMicroUsd,
        spent: () => this.ledger.spentByJob(jobId),
      },
    ];
    if (deploymentId && runId) {
      counters.push({
        scope: 'run',
        hash: `${tag}:run:${runId}`,
        holds: `${tag}:run:${runId}:holds`,
        ceiling: this.budgets.runMicroUsd,
        spent: () => this.ledger.spentByRun(runId, deploymentId),
      });
    }
    return counters;
  }
}

function keysOf(counters: readonly Counter[]): string[] {
  return counters.flatMap((counter) => [counter.hash, counter.holds]);
}
