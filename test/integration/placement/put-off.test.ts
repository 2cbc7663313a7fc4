/** A run freezes only those that it has room for; the others keep their place for the next one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPolicyFromEnv } from '../../../activities/run-policy';
import { createRunActivities } from '../../../activities/runs';
import { objectStoreFromEnv } from '../../../adapters/object-store';
import { startDatabase, type TaskDatabase } from '../tasks/database';
import { clear, seedRun } from '../tasks/seed';

let database: TaskDatabase;
const root = mkdtempSync(join(tmpdir(), 'eirel-put-off-'));
beforeAll(async () => {
  database = await startDatabase();
}, 120_000);
afterAll(async () => {
  await database.stop();
  rmSync(root, { recursive: true, force: true });
});

test('who waits for room is not frozen, and is introduced to the next run with the reason', async () => {
  const { db } = database;
  await clear(db);
  const { runId, miners } = await seedRun(db, { tasks: 1, miners: 3 });
  await db.minerEvaluationTask.deleteMany();
  await db.taskEvaluation.deleteMany();
  await db.epochTargetSnapshot.deleteMany();
  await db.managedMinerSubmission.updateMany({ data: { introducedRunId: runId } });
  const [, waiting] = miners;
  await db.managedDeployment.update({
    where: { id: waiting?.deploymentId ?? '' },
    data: {
      status: 'pending_capacity',
      healthStatus: 'pending_capacity',
      placementStatus: 'pending_capacity',
      placementErrorText: 'insufficient_runtime_capacity: position 1 of 1 in the queue',
    },
  });
  const objectStore = objectStoreFromEnv({ ARTIFACT_STORAGE_ROOT: root });
  const task = {
    task_id: 't1',
    prompt: 'Why?',
    mode: 'instant',
    category: 'no_tool',
    expected_output: { answer: 'so' },
    metadata: {},
  };
  await objectStore.put('bundle.json', Buffer.from(JSON.stringify({ tasks: [task] })));
  await db.evaluationRun.update({ where: { id: runId }, data: { bundleKey: 'bundle.json' } });
  const runs = createRunActivities({
    db,
    objectStore,
    signaller: undefined as never,
    policy: runPolicyFromEnv({ EIREL_OWNER_SECRET: 'a-secret-of-the-sampler' }),
    stopping: new AbortController().signal,
  } as never);

  expect(await runs.freezeAndSeed(runId)).toEqual({ members: 2, tasks: 1 });
  expect(await runs.freezeAndSeed(runId)).toEqual({ members: 2, tasks: 1 });
  const rows = await db.minerEvaluationTask.findMany();
  expect(rows.map((row) => row.minerHotkey).sort()).toEqual(
    miners
      .filter((miner) => miner !== waiting)
      .map(({ hotkey }) => hotkey)
      .sort(),
  );
  const submission = await db.managedMinerSubmission.findUniqueOrThrow({
    where: { id: waiting?.submissionId ?? '' },
  });
  expect(submission.introducedRunId).toBe('run-2');
  expect(submission.statusReason).toMatch(/^put off from run-1 to run-2.*position 1 of 1/);
  expect(await db.evaluationRun.findUnique({ where: { id: 'run-2' } })).toMatchObject({
    status: 'scheduled',
  });
  const events = await db.submissionEvent.findMany({ where: { submissionId: submission.id } });
  expect(events.map(({ step, outcome }) => [step, outcome])).toEqual([['run', 'put_off_run-1']]);
});
