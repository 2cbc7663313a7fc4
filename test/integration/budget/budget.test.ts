import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BudgetExhausted, BudgetKeeper, type Budgets } from '../../../adapters/budget/keeper';
import { createPrismaLedger, type LedgerEntry, type ProviderLedger } from '../../../adapters/budget/ledger';
import { createPrisma, type PrismaClient } from '../../../adapters/postgres';
import { connectRedis, createRedis } from '../../../adapters/redis';
import { testDatabase, testRedis, type TestDatabase, type TestRedis } from '../../harness/stack';

let database: TestDatabase;
let redisDatabase: TestRedis;
let prisma: PrismaClient;
let ledger: ProviderLedger;
let clients: Redis[];

beforeAll(async () => {
  database = await testDatabase();
  redisDatabase = await testRedis();
  prisma = createPrisma(database.url);
  ledger = createPrismaLedger(prisma);
  // Two processes share the counters.
  clients = [0, 1].map(() => createRedis(redisDatabase.url, { onError: () => undefined }));
  await Promise.all(clients.map(connectRedis));
}, 60_000);

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await prisma.$disconnect();
  await redisDatabase.drop();
  await database.drop();
});

const HOLD_MS = 60_000;

interface Job {
  jobId: string;
  deploymentId: string;
  runId: string;
}

const newJob = (known: Partial<Job> = {}): Job => ({
  jobId: `job-${randomUUID()}`,
  deploymentId: randomUUID(),
  runId: 'run-1',
  ...known,
});

function entryOf(job: Job, id: string, costMicroUsd: number): LedgerEntry {
  return {
    ...job,
    id,
    kind: 'llm',
    provider: 'p',
    model: 'm',
    status: 'ok',
    errorCode: null,
    promptTokens: 1,
    completionTokens: 1,
    costMicroUsd,
    latencyMs: 1,
  };
}

/** What was recorded and what is still held, of a job or a (run, deployment). */
async function spentOf(where: Partial<Job>): Promise<{ recorded: number; held: number }> {
  const recorded = await prisma.providerCall.aggregate({ where, _sum: { costMicroUsd: true } });
  const held = await prisma.budgetHold.aggregate({ where, _sum: { amountMicroUsd: true } });
  return { recorded: Number(recorded._sum.costMicroUsd ?? 0n), held: Number(held._sum.amountMicroUsd ?? 0n) };
}

const keepers = (budgets: Budgets): BudgetKeeper[] =>
  clients.map((redis) => new BudgetKeeper(redis, ledger, budgets));

/** One call: held, made, recorded, settled. @returns what it cost, or null when the budget refused it */
async function call(keeper: BudgetKeeper, job: Job, plan: { worst: number; cost: number; ms: number }) {
  const id = randomUUID();
  let reservation;
  try {
    reservation = await keeper.reserve(job, id, plan.worst, HOLD_MS);
  } catch (error) {
    if (error instanceof BudgetExhausted) return null;
    throw error;
  }
  await sleep(plan.ms);
  await ledger.record(entryOf(job, id, plan.cost));
  await keeper.settle(reservation, plan.cost);
  return plan.cost;
}

describe('200 calls at once', () => {
  it('against a budget for 50 never overspend, with Redis lost again and again while they are made', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 20, max: 180 }), { minLength: 1, maxLength: 6 }),
        fc.array(
          fc.record({
            part: fc.constantFrom(100, 100, 100, 99, 50, 0),
            ms: fc.integer({ min: 10, max: 90 }),
          }),
          {
            minLength: 20,
            maxLength: 20,
          },
        ),
        async (losses, plans) => {
          const worst = 1000;
          const budget = 50 * worst;
          const processes = keepers({ jobMicroUsd: budget, runMicroUsd: 10 * budget });
          const job = newJob();
          const lose = losses.map(async (ms) => {
            await sleep(ms);
            await clients[0]!.flushdb();
          });
          const outcomes = await Promise.all(
            Array.from({ length: 200 }, async (_, index) => {
              const plan = plans[index % plans.length]!;
              // Spread, so that there are calls under way and calls to come whenever Redis is lost.
              await sleep(index);
              const cost = Math.round((worst * plan.part) / 100);
              return call(processes[index % 2]!, job, { worst, cost, ms: plan.ms });
            }),
          );
          await Promise.all(lose);
          const { recorded, held } = await spentOf({ jobId: job.jobId });
          expect(held).toBe(0);
          expect(recorded).toBeLessThanOrEqual(budget);
          expect(recorded).toBe(outcomes.reduce<number>((sum, cost) => sum + (cost ?? 0), 0));
          // What is left can be spent to the last micro-USD, and no further.
          const last = { worst: budget - recorded, cost: budget - recorded, ms: 0 };
          expect(await call(processes[0]!, job, last)).toBe(budget - recorded);
          expect(await call(processes[1]!, job, { worst: 1, cost: 1, ms: 0 })).toBeNull();
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);

  it('that cost their worst case pass exactly 50 times, in a job and over the jobs of a run', async () => {
    const [one, two] = keepers({ jobMicroUsd: 50_000, runMicroUsd: 70_000 });
    const first = newJob();
    const second = newJob({ deploymentId: first.deploymentId });
    const plan = { worst: 1000, cost: 1000, ms: 5 };
    const costs = await Promise.all(
      Array.from({ length: 200 }, (_, i) => call(i % 2 ? one! : two!, first, plan)),
    );
    expect(costs.filter((cost) => cost !== null)).toHaveLength(50);
    const more = await Promise.all(Array.from({ length: 100 }, () => call(two!, second, plan)));
    expect(more.filter((cost) => cost !== null)).toHaveLength(20);
    expect(await spentOf({ deploymentId: first.deploymentId })).toEqual({ recorded: 70_000, held: 0 });
  }, 30_000);
});

describe('a Redis that is lost', () => {
  it('while calls are under way takes no hold with it', async () => {
    const [keeper, other] = keepers({ jobMicroUsd: 3_000, runMicroUsd: 30_000 });
    const job = newJob();
    const ids = [randomUUID(), randomUUID()];
    const held = await Promise.all(ids.map((id) => keeper!.reserve(job, id, 1_000, HOLD_MS)));
    await clients[0]!.flushdb();
    await expect(other!.reserve(job, randomUUID(), 1_001, HOLD_MS)).rejects.toMatchObject({
      scope: 'job',
      budgetMicroUsd: 3_000,
      usedMicroUsd: 2_000,
    });
    await ledger.record(entryOf(job, ids[0]!, 400));
    expect(await keeper!.settle(held[0]!, 400)).toEqual({ jobUsedMicroUsd: 1_400, remainingMicroUsd: 1_600 });
    // Lost once more between the record and the settlement.
    await ledger.record(entryOf(job, ids[1]!, 500));
    await clients[0]!.flushdb();
    expect(await other!.settle(held[1]!, 500)).toEqual({ jobUsedMicroUsd: 900, remainingMicroUsd: 2_100 });
    await expect(other!.reserve(job, randomUUID(), 2_101, HOLD_MS)).rejects.toThrow(BudgetExhausted);
    await expect(other!.reserve(job, randomUUID(), 2_100, HOLD_MS)).resolves.toMatchObject({
      heldMicroUsd: 2_100,
    });
  });

  it('between a grant and its confirmation lets those go first who were confirmed', async () => {
    const job = newJob();
    const budgets = { jobMicroUsd: 1_000, runMicroUsd: 30_000 };
    const other = new BudgetKeeper(clients[1]!, ledger, budgets);
    // Redis has granted the hold and is lost, and another call takes its place, before the ledger has it.
    const overtaken: ProviderLedger = {
      ...ledger,
      async hold(hold) {
        await clients[0]!.flushdb();
        await other.reserve(job, randomUUID(), 1_000, HOLD_MS);
        await ledger.hold(hold);
      },
    };
    const late = new BudgetKeeper(clients[0]!, overtaken, budgets);
    await expect(late.reserve(job, randomUUID(), 1_000, HOLD_MS)).rejects.toThrow(BudgetExhausted);
    expect(await spentOf({ jobId: job.jobId })).toEqual({ recorded: 0, held: 1_000 });
  });
});

it('a hold whose process was killed lapses, and its call counts when it was made after all', async () => {
  const [keeper] = keepers({ jobMicroUsd: 1_000, runMicroUsd: 30_000 });
  const job = newJob();
  const id = randomUUID();
  const reservation = await keeper!.reserve(job, id, 1_000, 3_000);
  await expect(keeper!.reserve(job, randomUUID(), 1, HOLD_MS)).rejects.toThrow(BudgetExhausted);
  await sleep(3_100);
  const second = randomUUID();
  await expect(keeper!.reserve(job, second, 300, HOLD_MS)).resolves.toBeDefined();
  // Longer than it could take, and yet it was made: the ledger has it, so the counter has it too.
  await ledger.record(entryOf(job, id, 700));
  await keeper!.settle(reservation, 700);
  await expect(keeper!.reserve(job, randomUUID(), 1, HOLD_MS)).rejects.toMatchObject({ usedMicroUsd: 1_000 });
});

it('a record that does not fit fails alone and leaves its hold', async () => {
  const [keeper] = keepers({ jobMicroUsd: 10_000, runMicroUsd: 30_000 });
  const job = newJob();
  const ids = [randomUUID(), randomUUID(), randomUUID()];
  await Promise.all(ids.map((id) => keeper!.reserve(job, id, 1_000, HOLD_MS)));
  const outcomes = await Promise.allSettled(
    ids.map((id, index) =>
      ledger.record({ ...entryOf(job, id, 1_000), ...(index === 1 ? { provider: 'x'.repeat(33) } : {}) }),
    ),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await spentOf({ jobId: job.jobId })).toEqual({ recorded: 2_000, held: 1_000 });
});

it('is refused and nothing held when the ledger is away', async () => {
  const away: ProviderLedger = { ...ledger, hold: () => Promise.reject(new Error('connection refused')) };
  const keeper = new BudgetKeeper(clients[0]!, away, { jobMicroUsd: 1_000, runMicroUsd: 30_000 });
  const job = newJob();
  await expect(keeper.reserve(job, randomUUID(), 1_000, HOLD_MS)).rejects.toThrow('connection refused');
  const [healthy] = keepers({ jobMicroUsd: 1_000, runMicroUsd: 30_000 });
  await expect(healthy!.reserve(job, randomUUID(), 1_000, HOLD_MS)).resolves.toBeDefined();
});
