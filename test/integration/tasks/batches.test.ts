/** Claims and results that go to the database together are each what they would be alone. */
import { claimTasks, type ClaimRequest } from '../../../adapters/postgres/claims';
import { claimOnce } from '../../../adapters/postgres/claim-once';
import { submitResult } from '../../../adapters/postgres/results';
import { createLogger } from '../../../adapters/logging';
import type { HttpError } from '../../../domain/http-errors';
import { resultRequestSchema } from '../../../domain/contracts/tasks';
import type { ClaimedTask } from '../../../domain/tasks/claim-item';
import { startDatabase, type TaskDatabase } from './database';
import { clear, entry, FAMILY, seedRun } from './seed';

jest.setTimeout(120_000);

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase(12);
});
afterAll(() => database?.stop());
beforeEach(() => clear(database.db));

const logger = createLogger('batches-test', 'silent');
const validator = (index: number): string => `5Validator${index}`;

function request(index: number, extra: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    familyId: FAMILY,
    validatorHotkey: validator(index),
    batchSize: 1,
    leaseSeconds: 900,
    maxAttempts: 3,
    ...extra,
  };
}

function settle(task: ClaimedTask, by: string, extra: object = {}) {
  return submitResult(database.db, {
    taskEvaluationId: task.taskEvaluationId,
    validatorHotkey: by,
    body: resultRequestSchema.parse({
      fencing: Number(task.fencing),
      miner_results: task.miners.map(({ hotkey }) => entry(hotkey)),
      ...extra,
    }),
    settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
    logger,
  });
}

const claimAll = (requests: ClaimRequest[]) =>
  Promise.all(requests.map((one) => claimTasks(database.db, one)));

it('no task is leased twice, and each claimer gets as many as it asked for', async () => {
  const { db } = database;
  await seedRun(db, { tasks: 30, miners: 3 });
  const outcomes = await claimAll(
    Array.from({ length: 12 }, (_, index) => request(index, { batchSize: 1 + (index % 3) })),
  );
  expect(outcomes.map(({ tasks }) => tasks.length)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
  const tasks = outcomes.flatMap((outcome) => outcome.tasks);
  expect(new Set(tasks.map(({ taskEvaluationId }) => taskEvaluationId)).size).toBe(24);
  expect(new Set(tasks.map(({ fencing }) => fencing)).size).toBe(24);
  expect(outcomes.every(({ remainingTaskCount }) => remainingTaskCount === 30)).toBe(true);
  for (const [index, { tasks: leased }] of outcomes.entries()) {
    for (const task of leased) {
      const claim = await db.taskClaim.findUniqueOrThrow({ where: { fencing: task.fencing } });
      expect(claim).toMatchObject({
        validatorHotkey: validator(index),
        taskEvaluationId: task.taskEvaluationId,
      });
      expect(claim.minerHotkeysJson).toEqual(task.miners.map(({ hotkey }) => hotkey));
      const jobs = await db.attemptJob.findMany({ where: { fencing: task.fencing } });
      expect(new Set(jobs.map(({ jobId }) => jobId))).toEqual(new Set(task.miners.map(({ jobId }) => jobId)));
    }
  }
});

it('the last tasks go to somebody, and the others get none', async () => {
  await seedRun(database.db, { tasks: 5, miners: 2 });
  const outcomes = await claimAll(Array.from({ length: 8 }, (_, index) => request(index, { batchSize: 2 })));
  expect(outcomes.flatMap(({ tasks }) => tasks)).toHaveLength(5);
});

it('each answer is judged by two validators where two are asked for, never by one twice', async () => {
  const { db } = database;
  await seedRun(db, { tasks: 12, miners: 2, quorum: 2 });
  // What one has judged is to be claimed again by another, so nobody leaves before all is done.
  const until = Date.now() + 50_000;
  const left = () => db.minerEvaluationTask.count({ where: { status: { not: 'evaluated' } } });
  await Promise.all(
    Array.from({ length: 6 }, async (_, index) => {
      while ((await left()) > 0 && Date.now() < until) {
        const { tasks } = await claimTasks(db, request(index, { batchSize: 2 }));
        await Promise.all(tasks.map((task) => settle(task, validator(index))));
      }
    }),
  );
  const rows = await db.minerEvaluationTask.findMany({ include: { results: true } });
  for (const row of rows) {
    expect(row.status).toBe('evaluated');
    expect(new Set(row.results.map(({ validatorHotkey }) => validatorHotkey)).size).toBe(2);
  }
});

it('the same result sent several times at once is stored once', async () => {
  const { db } = database;
  await seedRun(db, { tasks: 4, miners: 3 });
  const { tasks } = await claimTasks(db, request(0, { batchSize: 4 }));
  const outcomes = await Promise.all(
    [...tasks, ...tasks, ...tasks].map((task) => settle(task, validator(0))),
  );
  expect(outcomes.filter(({ replayed }) => !replayed)).toHaveLength(4);
  expect(outcomes.every(({ response }) => response.status === 'accepted')).toBe(true);
  expect(await db.taskMinerResult.count()).toBe(12);
  expect(
    outcomes.filter(({ replayed }) => replayed).map(({ response }) => response.remaining_task_count),
  ).toEqual(Array.from({ length: 8 }, () => expect.any(Number)));
});

it('results that are refused change nothing for those they came with', async () => {
  const { db } = database;
  await seedRun(db, { tasks: 6, miners: 2 });
  const { tasks } = await claimTasks(db, request(0, { batchSize: 6 }));
  const outcomes = await Promise.allSettled(
    tasks.map((task, index) => {
      // A stranger, a lease that never was, somebody who was not offered, and three that are as they should be.
      if (index === 1) return settle(task, validator(9));
      if (index === 2) return settle(task, validator(0), { fencing: 1 });
      if (index === 3) return settle(task, validator(0), { miner_results: [entry('5Stranger')] });
      return settle(task, validator(0));
    }),
  );
  expect(
    outcomes.map((one) => (one.status === 'fulfilled' ? 200 : (one.reason as HttpError).status)),
  ).toEqual([200, 403, 403, 400, 200, 200]);
  expect(await db.taskMinerResult.count()).toBe(6);
  expect(await db.taskClaim.count({ where: { status: 'settled' } })).toBe(3);
});

it('one that the database refuses is refused alone', async () => {
  const { db } = database;
  await seedRun(db, { tasks: 5, miners: 2 });
  const { tasks } = await claimTasks(db, request(0, { batchSize: 5 }));
  await db.$executeRawUnsafe(
    `ALTER TABLE task_miner_results ADD CONSTRAINT only_for_this_test CHECK (proxy_cost_usd < 100)`,
  );
  try {
    const outcomes = await Promise.allSettled(
      tasks.map((task, index) =>
        settle(task, validator(0), {
          miner_results: task.miners.map(({ hotkey }) => ({
            ...entry(hotkey),
            proxy_cost_usd: index === 2 ? 500 : 0.01,
          })),
        }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  } finally {
    await db.$executeRawUnsafe(`ALTER TABLE task_miner_results DROP CONSTRAINT only_for_this_test`);
  }
  expect(await db.taskMinerResult.count()).toBe(8);
  expect((await settle(tasks[2] as ClaimedTask, validator(0))).replayed).toBe(false);
});

it('claims under one key are one claim, whatever they come with', async () => {
  const { db } = database;
  await seedRun(db, { tasks: 20, miners: 2 });
  const outcomes = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      claimOnce(db, request(index % 3, { batchSize: 2, claimKey: `key-${index % 3}` })),
    ),
  );
  for (const place of [0, 1, 2]) {
    const answers = outcomes.filter((_, index) => index % 3 === place);
    const [first] = answers;
    expect(first?.tasks).toHaveLength(2);
    for (const { tasks } of answers) {
      expect(tasks.map(({ fencing }) => fencing)).toEqual(first?.tasks.map(({ fencing }) => fencing));
    }
  }
  expect(await db.taskClaim.count()).toBe(6);
});
