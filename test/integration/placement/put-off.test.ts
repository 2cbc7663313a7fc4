/** Who never had room in a run is not scored in it, voids nobody's tasks, and keeps its place for the next one. */
import { runPolicyFromEnv } from '../../../activities/run-policy';
import { putOffUnserved } from '../../../activities/run-members';
import { startDatabase, type TaskDatabase } from '../tasks/database';
import { clear, seedRun } from '../tasks/seed';

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase();
}, 120_000);
afterAll(() => database.stop());

test('who never had room leaves the run as it closes, and is introduced to the next with the reason', async () => {
  const { db } = database;
  await clear(db);
  const { runId, miners } = await seedRun(db, { tasks: 2, miners: 4 });
  const [served, waiting, interrupted] = miners;
  for (const one of [waiting, interrupted]) {
    await db.managedDeployment.update({
      where: { id: one?.deploymentId ?? '' },
      data: {
        status: 'pending_capacity',
        healthStatus: 'pending_capacity',
        placementStatus: 'pending_capacity',
        placementErrorText: 'insufficient_runtime_capacity: position 1 of 2 in the queue',
      },
    });
  }
  // It was being asked when its node went away: what it did counts, and the rest is the owner's lapse.
  await db.minerEvaluationTask.updateMany({
    where: { deploymentId: interrupted?.deploymentId ?? '', taskIndex: 0 },
    data: { attemptCount: 1 },
  });
  const policy = runPolicyFromEnv({ EIREL_OWNER_SECRET: 'a-secret-of-the-sampler' });
  expect(await putOffUnserved(db, runId, policy)).toBe(1);
  expect(await putOffUnserved(db, runId, policy)).toBe(0);

  const rows = await db.minerEvaluationTask.findMany({ distinct: ['minerHotkey'] });
  expect(rows.map((row) => row.minerHotkey).sort()).toEqual(
    miners
      .filter((miner) => miner !== waiting)
      .map(({ hotkey }) => hotkey)
      .sort(),
  );
  expect(rows.map((row) => row.minerHotkey)).toContain(served?.hotkey);
  const snapshot = await db.epochTargetSnapshot.findFirstOrThrow();
  expect(JSON.stringify(snapshot.membersJson)).not.toContain(waiting?.deploymentId);
  const submission = await db.managedMinerSubmission.findUniqueOrThrow({
    where: { id: waiting?.submissionId ?? '' },
  });
  expect(submission.introducedRunId).toBe('run-2');
  expect(submission.statusReason).toMatch(/^put off from run-1 to run-2.*position 1 of 2/);
  expect(await db.evaluationRun.findUnique({ where: { id: 'run-2' } })).toMatchObject({
    status: 'scheduled',
  });
  const events = await db.submissionEvent.findMany({ where: { submissionId: submission.id } });
  expect(events.map(({ step, outcome }) => [step, outcome])).toEqual([['run', 'put_off_run-1']]);
});
