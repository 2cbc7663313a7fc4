import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

import type { JobIdentity, ProviderLedger, SpentSoFar } from './ledger';
import { ENSURE, MARK, RESERVE, SEED, SETTLE } from './scripts';

/** Ceilings of spending, in micro-USD. They come from the operator, never from a request. */
export interface Budgets {
  /** Of one job, that is one attempt at one task. */
  jobMicroUsd: number;
  /** Of one deployment over one run. */
  runMicroUsd: number;
}

const COUNTER_TTL_MS = 7 * 24 * 3600 * 1000;
const ATTEMPTS = 12;

type BudgetScope = 'job' | 'run';

interface Counter {
  scope: BudgetScope;
  /** Its keys: hash, holds, mark. */
  keys: readonly [hash: string, holds: string, mark: string];
  ceiling: number;
  spent: () => Promise<SpentSoFar>;
}

/** A hold that was granted; give it back with `settle`. Money in micro-USD. */
export interface Reservation {
  job: JobIdentity;
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

/**
 * Spending limits (decisions.md row 19). A call is counted against up to two counters, its job's and its
 * (run, deployment)'s. The whole of its worst-case price is held on both in one step before it is sent, and replaced
 * by the actual price when it is back, so that calls in flight together can never pass a ceiling that one alone
 * could not.
 *
 * Redis counts; PostgreSQL is the truth. A hold is written there too before its call is sent, and goes in the same
 * statement that records the call, so that the ledger always has every call once: as a hold or as a record. A counter
 * that Redis has lost is set anew from both, exactly. A hold that was never settled (its process was killed, or Redis
 * was away at the wrong moment) lapses after the longest time that the call could have taken.
 */
export class BudgetKeeper {
  private readonly seeding = new Map<string, Promise<void>>();

  constructor(
    private readonly redis: Redis,
    private readonly ledger: ProviderLedger,
    private readonly budgets: Budgets,
  ) {}

  /**
   * Holds an amount on every counter of the job, or on none.
   * @param callId under which the call will be recorded
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
    const ceilings = counters.map((counter) => counter.ceiling);
    const ms = Math.ceil(holdMs);
    const [, , requestCount = 1] = await this.granted(counters, () =>
      this.run(RESERVE, counters, amountMicroUsd, callId, ms, COUNTER_TTL_MS, randomUUID(), ...ceilings),
    );
    const reservation = { job, callId, heldMicroUsd: amountMicroUsd, requestCount, counters };
    try {
      const { jobId, deploymentId, runId } = job;
      await this.ledger.hold({ callId, jobId, deploymentId, runId, amountMicroUsd, lapseMs: ms });
      // A Redis that was lost meanwhile may have been set anew from a ledger that did not know the hold yet.
      await this.granted(counters, () => this.run(ENSURE, counters, amountMicroUsd, callId, ms, ...ceilings));
    } catch (error) {
      await this.takeBack(reservation);
      throw error;
    }
    return reservation;
  }

  /**
   * Replaces the hold by what the call cost; 0 gives it all back. The call must be in the ledger before, or its hold
   * released there.
   */
  async settle(reservation: Reservation, actualMicroUsd: number): Promise<Balance> {
    const { counters, heldMicroUsd, callId } = reservation;
    const used = await this.run<number[]>(
      SETTLE,
      counters,
      heldMicroUsd,
      callId,
      actualMicroUsd,
      COUNTER_TTL_MS,
      randomUUID(),
    );
    const sums = await Promise.all(
      counters.map(async (counter, i) => {
        const known = used[i] ?? -1;
        if (known >= 0) return known;
        const { costMicroUsd, holds } = await counter.spent();
        return holds.reduce((sum, hold) => sum + hold.amountMicroUsd, costMicroUsd);
      }),
    );
    const left = counters.map((counter, i) => counter.ceiling - (sums[i] ?? 0));
    return { jobUsedMicroUsd: sums[0] ?? 0, remainingMicroUsd: Math.max(0, Math.min(...left)) };
  }

  /** Runs a script until every counter is known and has room, setting those anew that Redis does not know. */
  private async granted(
    counters: readonly Counter[],
    script: () => Promise<readonly [string, ...number[]]>,
  ): Promise<readonly [string, ...number[]]> {
    for (let tries = 0; tries < ATTEMPTS; tries += 1) {
      const answer = await script();
      const [verdict, which = 1, used = 0] = answer;
      if (verdict === 'ok') return answer;
      const counter = counters[which - 1];
      if (!counter) throw new Error('a budget script named a counter that does not exist');
      if (verdict === 'exhausted') throw new BudgetExhausted(counter.scope, counter.ceiling, used);
      await this.seed(counter);
    }
    throw new Error('budget counters vanish as fast as they are set; is Redis evicting keys?');
  }

  /** Lets go of a hold whose call is not made. What cannot be reached for that lapses by itself. */
  private async takeBack(reservation: Reservation): Promise<void> {
    try {
      await this.ledger.release(reservation.callId);
      await this.settle(reservation, 0);
    } catch {
      // The caller is told of the failure that led here.
    }
  }

  /** Sets a counter anew from the ledger; those who need the same one at the same time wait for the first. */
  private seed(counter: Counter): Promise<void> {
    const [key] = counter.keys;
    const running = this.seeding.get(key);
    if (running) return running;
    const work = this.seedNow(counter).finally(() => this.seeding.delete(key));
    this.seeding.set(key, work);
    return work;
  }

  private async seedNow({ keys, spent }: Counter): Promise<void> {
    const mark = (await this.redis.eval(MARK, 1, keys[2], randomUUID(), COUNTER_TTL_MS)) as string;
    const { costMicroUsd, calls, holds } = await spent();
    const members = holds.flatMap((hold) => [`${hold.callId}:${hold.amountMicroUsd}`, hold.lapseMs]);
    await this.redis.eval(SEED, keys.length, ...keys, mark, costMicroUsd, calls, COUNTER_TTL_MS, ...members);
  }

  private run<T>(
    script: string,
    counters: readonly Counter[],
    ...args: readonly (string | number)[]
  ): Promise<T> {
    const keys = counters.flatMap((counter) => counter.keys);
    return this.redis.eval(script, keys.length, ...keys, ...args) as Promise<T>;
  }

  private countersOf(job: JobIdentity): Counter[] {
    const { jobId, deploymentId, runId } = job;
    // The braces keep the counters of a call on one node of a Redis cluster, which a script needs.
    const tag = `eirel:budget:{${deploymentId ?? jobId}}`;
    const keysOf = (name: string) =>
      [`${tag}:${name}`, `${tag}:${name}:holds`, `${tag}:${name}:mark`] as const;
    const counters: Counter[] = [
      {
        scope: 'job',
        keys: keysOf(`job:${jobId}`),
        ceiling: this.budgets.jobMicroUsd,
        spent: () => this.ledger.spentByJob(jobId),
      },
    ];
    if (deploymentId && runId) {
      counters.push({
        scope: 'run',
        keys: keysOf(`run:${runId}`),
        ceiling: this.budgets.runMicroUsd,
        spent: () => this.ledger.spentByRun(runId, deploymentId),
      });
    }
    return counters;
  }
}
