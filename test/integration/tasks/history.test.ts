/**
 * A random schedule of validators, sweeps and a close over one database, everything at once, and then the questions of a
 * history checker: one accepted score per (task, miner), fencing numbers that only grow, nothing scored after the
 * close, the same answer to the same lease. HISTORY_SEED repeats a schedule's decisions.
 */
import { claimTasks, heartbeatClaim, releaseClaim } from '../../../adapters/postgres/claims';
import { expireRunRows, reapExpired } from '../../../adapters/postgres/reaper';
import { submitResult } from '../../../adapters/postgres/results';
import { createLogger } from '../../../adapters/logging';
import { resultRequestSchema } from '../../../domain/contracts/tasks';
import { HttpError } from '../../../domain/http-errors';
import type { ClaimedTask } from '../../../domain/tasks/claim-item';
import { startDatabase, type TaskDatabase } from './database';
import { clear, entry, FAMILY, seedRun } from './seed';

jest.setTimeout(120_000);

const LEASE = 100;
const MAX_ATTEMPTS = 8;
const logger = createLogger('history', 'silent');

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase(24);
});
afterAll(() => database?.stop());

type Event =
  | { op: 'claimed'; at: number; until: number; validator: string; task: ClaimedTask }
  | {
      op: 'accepted';
      at: number;
      until: number;
      fencing: bigint;
      settled: string[];
      answer: string;
      replayed: boolean;
    }
  | { op: 'refused'; at: number; until: number; status: number }
  | { op: 'closed'; at: number; until: number };

/** Small seeded generator (mulberry32): numbers in 0..1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs the schedule; the clock is logical and moves in jumps, so that leases run out while work is under way. */
async function play(seed: number, quorum: number): Promise<{ runId: string; events: Event[] }> {
  const { db } = database;
  const run = await seedRun(db, { tasks: 20, miners: 3, quorum });
  const random = generator(seed);
  const events: Event[] = [];
  let clock = Date.now();
  let order = 0;
  let closing = false;

  const actor = async (validator: string, steps: number) => {
    const held: ClaimedTask[] = [];
    const pick = () => held[Math.floor(random() * held.length)];
    for (let step = 0; step < steps; step += 1) {
      clock += Math.floor(random() * 6_000);
      const now = new Date(clock);
      const at = (order += 1);
      const dice = random();
      const task = pick();
      try {
        if (dice < 0.4 || !task) {
          const { tasks } = await claimTasks(db, {
            familyId: FAMILY,
            validatorHotkey: validator,
            batchSize: 1 + Math.floor(random() * 2),
            leaseSeconds: LEASE,
            maxAttempts: MAX_ATTEMPTS,
            now,
          });
          for (const claimed of tasks) {
            held.push(claimed);
            events.push({ op: 'claimed', at, until: (order += 1), validator, task: claimed });
          }
        } else if (dice < 0.8) {
          // Any lease ever held, however stale, with some of its miners left out.
          const chosen = task.miners.filter(() => random() < 0.8);
          const results = chosen.map((miner) =>
            entry(miner.hotkey, {
              miner_response: { output: { answer: 'forty-two' }, metadata: { job_id: miner.jobId } },
            }),
          );
          const named = random() < 0.5 || results.length === 0;
          const outcome = await submitResult(db, {
            taskEvaluationId: task.taskEvaluationId,
            validatorHotkey: validator,
            body: resultRequestSchema.parse({
              miner_results: results,
              ...(named ? { fencing: Number(task.fencing) } : {}),
            }),
            settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
            logger,
            now,
          });
          const back = outcome.returned.map((item) => item.minerHotkey);
          events.push({
            op: 'accepted',
            at,
            until: (order += 1),
            fencing: task.fencing,
            settled: chosen.filter((miner) => !back.includes(miner.hotkey)).map((miner) => miner.rowId),
            answer: `${outcome.response.remaining_task_count} ${outcome.response.family_evaluation_complete}`,
            replayed: outcome.replayed,
          });
        } else if (dice < 0.88) {
          await heartbeatClaim(db, {
            taskEvaluationId: task.taskEvaluationId,
            validatorHotkey: validator,
            fencing: task.fencing,
            leaseSeconds: LEASE,
            workCapSeconds: 3 * LEASE,
            now,
          });
        } else if (dice < 0.93) {
          await releaseClaim(db, {
            taskEvaluationId: task.taskEvaluationId,
            validatorHotkey: validator,
            fencing: task.fencing,
            reason: 'given back',
            now,
          });
        } else {
          await reapExpired(db, { now, maxAttempts: MAX_ATTEMPTS });
        }
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        events.push({ op: 'refused', at, until: (order += 1), status: error.status });
      }
      if (!closing && step > steps * 0.7) {
        closing = true;
        const started = (order += 1);
        await db.evaluationRun.update({ where: { id: run.runId }, data: { phase: 'aggregating' } });
        await expireRunRows(db, run.runId, { mode: 'now', now });
        events.push({ op: 'closed', at: started, until: (order += 1) });
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, index) => actor(`5Validator${index}`, 50)));
  return { runId: run.runId, events };
}

const given = process.env.HISTORY_SEED;
const schedules = [
  { seed: Number(given ?? 1), quorum: 1 },
  { seed: Number(given ?? 20260131), quorum: 2 },
];

describe.each(schedules)('history with seed $seed, quorum $quorum', ({ seed, quorum }) => {
  let events: Event[];
  beforeAll(async () => {
    await clear(database.db);
    ({ events } = await play(seed, quorum));
  });

  const of = <O extends Event['op']>(op: O) =>
    events.filter((event): event is Extract<Event, { op: O }> => event.op === op);

  it('is a schedule that tests something', () => {
    expect(of('claimed').length).toBeGreaterThan(10);
    expect(of('accepted').filter((event) => !event.replayed).length).toBeGreaterThan(15);
    expect(of('refused').filter((event) => event.status === 409).length).toBeGreaterThan(5);
    expect(of('closed')).toHaveLength(1);
  });

  it('has as many accepted scores per (task, miner) as its quorum, each by another validator', async () => {
    const accepted = new Map<string, number>();
    for (const event of of('accepted').filter((item) => !item.replayed)) {
      for (const rowId of event.settled) accepted.set(rowId, (accepted.get(rowId) ?? 0) + 1);
    }
    const results = await database.db.taskMinerResult.findMany();
    const stored = new Map<string, Set<string>>();
    for (const result of results) {
      const by = stored.get(result.minerEvaluationTaskId) ?? new Set();
      stored.set(result.minerEvaluationTaskId, by.add(result.validatorHotkey));
    }
    for (const count of accepted.values()) expect(count).toBeLessThanOrEqual(quorum);
    expect(Object.fromEntries([...stored].map(([rowId, by]) => [rowId, by.size]))).toEqual(
      Object.fromEntries(accepted),
    );
    const rows = await database.db.minerEvaluationTask.findMany();
    for (const row of rows) {
      expect(row.judgmentCount).toBe(stored.get(row.id)?.size ?? 0);
      expect(row.status === 'evaluated').toBe(row.judgmentCount === quorum);
      expect(['evaluated', 'unscored', 'expired']).toContain(row.status);
    }
  });

  it('has fencing numbers that only grow, and accepts only the latest', async () => {
    const byRow = new Map<string, { at: number; until: number; fencing: bigint }[]>();
    for (const { at, until, task } of of('claimed')) {
      for (const miner of task.miners) {
        byRow.set(miner.rowId, [...(byRow.get(miner.rowId) ?? []), { at, until, fencing: task.fencing }]);
      }
    }
    const all = of('claimed').map(({ task }) => task.fencing);
    expect(new Set(all).size).toBe(all.length);
    for (const claims of byRow.values()) {
      for (const a of claims) {
        // Of two claims that did not overlap in time, the later has the higher number.
        for (const b of claims) if (a.until < b.at) expect(a.fencing < b.fencing).toBe(true);
      }
    }
    for (const event of of('accepted').filter((item) => !item.replayed)) {
      for (const rowId of event.settled) {
        const newer = (byRow.get(rowId) ?? []).filter(
          (claim) => claim.until < event.at && claim.fencing > event.fencing,
        );
        expect(newer).toEqual([]);
      }
    }
  });

  it('scores nothing after the close', () => {
    const closed = of('closed')[0];
    const late = of('accepted').filter((event) => !event.replayed && closed && event.at > closed.until);
    expect(late).toEqual([]);
    expect(of('claimed').filter((event) => closed && event.at > closed.until)).toEqual([]);
  });

  it('gives the same answer to the same lease', () => {
    const answers = new Map<bigint, Set<string>>();
    for (const event of of('accepted')) {
      answers.set(event.fencing, (answers.get(event.fencing) ?? new Set()).add(event.answer));
    }
    for (const given of answers.values()) expect(given.size).toBe(1);
  });
});
