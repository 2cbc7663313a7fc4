/** The counters that claims read instead of counting: whatever happens to rows, they say what a count would. */
import fc from 'fast-check';
import { claimTasks, heartbeatClaim, releaseClaim } from '../../../adapters/postgres/claims';
import { createLogger } from '../../../adapters/logging';
import { expireRunRows, reapExpired } from '../../../adapters/postgres/reaper';
import { submitResult } from '../../../adapters/postgres/results';
import { remainingTaskCount } from '../../../adapters/postgres/task-progress';
import { resultRequestSchema } from '../../../domain/contracts/tasks';
import type { ClaimedTask } from '../../../domain/tasks/claim-item';
import { startDatabase, type TaskDatabase } from './database';
import { clear, entry, FAMILY, seedRun, type SeededRun } from './seed';

jest.setTimeout(120_000);

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase(12);
});
afterAll(() => database?.stop());

const logger = createLogger('counters-test', 'silent');
const START = new Date('2026-01-01T00:00:00Z').getTime();

/** What the counters must equal. */
async function counted(run: SeededRun) {
  const [row] = await database.db.$queryRaw<{ open: bigint; wrong: bigint }[]>`
    SELECT count(*) FILTER (WHERE open > 0) AS open,
      count(*) FILTER (WHERE (open, pending, retry) <> (open_rows, pending_rows, retry_rows)) AS wrong FROM (
      SELECT t.id, t.open_rows, t.pending_rows, t.retry_rows,
        count(*) FILTER (WHERE m.status IN ('pending', 'claimed')) AS open,
        count(*) FILTER (WHERE m.status = 'pending') AS pending,
        count(*) FILTER (WHERE m.status = 'pending' AND m.attempt_count > 0) AS retry
      FROM task_evaluations t LEFT JOIN miner_evaluation_tasks m ON m.task_evaluation_id = t.id
      WHERE t.epoch_id = ${run.runId} GROUP BY t.id) per_task`;
  return { open: Number(row?.open), wrong: Number(row?.wrong) };
}

type Step =
  | { do: 'claim'; by: number; batch: number }
  | { do: 'settle' | 'drop' | 'release' | 'beat'; which: number }
  | { do: 'wait'; seconds: number }
  | { do: 'reap' | 'break' | 'delete' | 'void' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      by: fc.nat(2),
      batch: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('settle' as const, 'drop' as const, 'release' as const, 'beat' as const),
      which: fc.nat(9),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 120 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom<'reap' | 'break' | 'delete' | 'void'>('reap', 'break', 'delete', 'void'),
    }),
  },
);

async function play(run: SeededRun, steps: Step[]): Promise<void> {
  const { db } = database;
  let now = START;
  const held: { by: string; task: ClaimedTask }[] = [];
  for (const one of steps) {
    now += 10;
    const at = new Date(now);
    if (one.do === 'claim') {
      const by = `validator-${one.by}`;
      const { tasks, remainingTaskCount: told } = await claimTasks(db, {
        familyId: FAMILY,
        validatorHotkey: by,
        batchSize: one.batch,
        leaseSeconds: 60,
        maxAttempts: 2,
        now: at,
      });
      if (tasks.length > 0) expect(told).toBe((await counted(run)).open);
      held.push(...tasks.map((task) => ({ by, task })));
    } else if (one.do === 'wait') {
      now += one.seconds * 1000;
    } else if (one.do === 'reap') {
      await reapExpired(db, { now: at, maxAttempts: 2 });
    } else if (one.do === 'break') {
      await db.$executeRaw`UPDATE managed_deployments SET health_status = CASE health_status WHEN 'healthy' THEN 'unhealthy' ELSE 'healthy' END WHERE miner_hotkey = ${run.miners[0]?.hotkey}`;
    } else if (one.do === 'delete') {
      await db.$executeRaw`DELETE FROM miner_evaluation_tasks WHERE id = (SELECT min(id) FROM miner_evaluation_tasks WHERE status = 'pending' AND attempt_count = 0)`;
    } else if (one.do === 'void') {
      // As a failed enrichment does, and an operator who has it tried again.
      await db.$executeRaw`UPDATE miner_evaluation_tasks SET status = CASE status WHEN 'pending' THEN 'unscored' ELSE 'pending' END WHERE status IN ('pending', 'unscored') AND task_index = 1`;
    } else if ('which' in one) {
      const lease = held[one.which % Math.max(1, held.length)];
      if (!lease) continue;
      const key = {
        taskEvaluationId: lease.task.taskEvaluationId,
        validatorHotkey: lease.by,
        fencing: lease.task.fencing,
        now: at,
      };
      // A lease that is over is refused, which must change nothing either.
      const over = () => undefined;
      if (one.do === 'release') await releaseClaim(db, { ...key, reason: 'no time' }).catch(over);
      else if (one.do === 'beat')
        await heartbeatClaim(db, { ...key, leaseSeconds: 60, workCapSeconds: 100 }).catch(over);
      else {
        const named = one.do === 'drop' ? lease.task.miners.slice(1) : lease.task.miners;
        await submitResult(db, {
          ...key,
          body: resultRequestSchema.parse({
            fencing: Number(lease.task.fencing),
            miner_results: named.map(({ hotkey }) => entry(hotkey)),
          }),
          settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
          logger,
        }).catch(over);
      }
    }
    const { open, wrong } = await counted(run);
    expect(wrong).toBe(0);
    expect(await remainingTaskCount(db, run.runId, FAMILY)).toBe(open);
  }
  await expireRunRows(db, run.runId, { mode: 'now', now: new Date(now) });
  expect(await remainingTaskCount(db, run.runId, FAMILY)).toBe(0);
}

it('equal a count after any history', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 14 }),
      fc.constantFrom(1, 2),
      async (steps, quorum) => {
        await clear(database.db);
        await play(await seedRun(database.db, { tasks: 4, miners: 3, quorum }), steps);
      },
    ),
    { numRuns: 12 },
  );
});

it('equal a count after many validators worked at once, and reached nought together', async () => {
  const { db } = database;
  await clear(db);
  const run = await seedRun(db, { tasks: 40, miners: 3 });
  const complete: boolean[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const by = `validator-${index}`;
      for (;;) {
        const { tasks } = await claimTasks(db, {
          familyId: FAMILY,
          validatorHotkey: by,
          batchSize: 2,
          leaseSeconds: 60,
          maxAttempts: 3,
        });
        if (tasks.length === 0) return;
        for (const task of tasks) {
          const { response } = await submitResult(db, {
            taskEvaluationId: task.taskEvaluationId,
            validatorHotkey: by,
            body: resultRequestSchema.parse({
              fencing: Number(task.fencing),
              miner_results: task.miners.map(({ hotkey }) => entry(hotkey)),
            }),
            settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
            logger,
          });
          complete.push(response.family_evaluation_complete);
        }
      }
    }),
  );
  expect(await counted(run)).toEqual({ open: 0, wrong: 0 });
  expect(await remainingTaskCount(db, run.runId, FAMILY)).toBe(0);
  expect(complete).toHaveLength(40);
  expect(await db.taskMinerResult.count()).toBe(120);
  expect(complete.filter(Boolean).length).toBeLessThanOrEqual(8);
});

it('serves a result for more miners than one statement is prepared for', async () => {
  const { db } = database;
  await clear(db);
  await seedRun(db, { tasks: 1, miners: 45 });
  const { tasks } = await claimTasks(db, {
    familyId: FAMILY,
    validatorHotkey: 'v',
    batchSize: 1,
    leaseSeconds: 60,
    maxAttempts: 3,
  });
  const task = tasks[0] as ClaimedTask;
  const outcome = await submitResult(db, {
    taskEvaluationId: task.taskEvaluationId,
    validatorHotkey: 'v',
    body: resultRequestSchema.parse({
      miner_results: task.miners.slice(0, 43).map(({ hotkey }) => entry(hotkey)),
    }),
    settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
    logger,
  });
  expect(outcome.returned.map(({ reason }) => reason)).toEqual([
    'left out of the result',
    'left out of the result',
  ]);
  expect(outcome.response.remaining_task_count).toBe(1);
  expect(await db.taskMinerResult.count()).toBe(43);
  expect(await db.evalFeedback.count()).toBe(43);
  expect(
    await db.minerEvaluationTask.groupBy({ by: ['status'], _count: true, orderBy: { status: 'asc' } }),
  ).toEqual([
    { status: 'evaluated', _count: 43 },
    { status: 'pending', _count: 2 },
  ]);
});
