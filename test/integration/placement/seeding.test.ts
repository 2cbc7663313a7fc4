/** A run's rows: one for each (miner, task), the same however often they are written. */
import { createHash } from 'node:crypto';
import type { Member } from '../../../activities/run-members';
import { seedTasks } from '../../../activities/seeding';
import type { EvaluationBundle } from '../../../domain/contracts/dataset';
import { startDatabase, type TaskDatabase } from '../tasks/database';
import { clear, FAMILY, seedRun } from '../tasks/seed';

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase();
}, 120_000);
afterAll(() => database.stop());

test('every miner gets every task once, in order, under an id that follows from both', async () => {
  const { db } = database;
  await clear(db);
  const { runId } = await seedRun(db, { tasks: 1, miners: 3 });
  await db.minerEvaluationTask.deleteMany();
  await db.taskEvaluation.deleteMany();
  const members = (await db.managedDeployment.findMany()) as Member[];
  const bundle = {
    tasks: ['a', 'b'].map((task_id) => ({
      task_id,
      family_id: FAMILY,
      prompt: 'Question?',
      mode: 'instant',
      category: 'no_tool',
      expected_output: { answer: 'x' },
      metadata: {},
      oracle_source: 'deterministic',
    })),
  } as unknown as EvaluationBundle;
  const seed = () => db.$transaction((tx) => seedTasks(tx, runId, FAMILY, 2, bundle, members, 'owner'));
  await seed();
  await seed();
  const rows = await db.minerEvaluationTask.findMany({
    orderBy: [{ taskIndex: 'asc' }, { deploymentId: 'asc' }],
  });
  expect(rows).toHaveLength(6);
  for (const row of rows) {
    const member = members.find(({ id }) => id === row.deploymentId);
    const hex = createHash('sha256').update(`${row.taskEvaluationId}/${row.minerHotkey}`).digest('hex');
    const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
    expect(row).toMatchObject({
      id,
      status: 'pending',
      requiredJudgments: 2,
      attemptCount: 0,
      minerHotkey: member?.minerHotkey,
      submissionId: member?.submissionId,
      taskId: ['a', 'b'][row.taskIndex],
    });
    expect(Math.abs(row.createdAt.getTime() - Date.now())).toBeLessThan(3_600_000);
  }
  expect(await db.minerEvaluationSummary.count()).toBe(3);
});
