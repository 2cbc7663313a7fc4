/** What becomes of agents when their run is over: the best, those that lost, those that never had their turn. */
import { membersOf } from '../../../activities/run-members';
import { runPolicyFromEnv } from '../../../activities/run-policy';
import { settleDeployments } from '../../../activities/run-settling';
import { createScheduledRun } from '../../../adapters/postgres/runs';
import { startDatabase, type TaskDatabase } from '../tasks/database';
import { clear, FAMILY, seedRun, type SeededRun } from '../tasks/seed';

const policy = runPolicyFromEnv({
  EIREL_OWNER_SECRET: 'a-secret-of-the-sampler',
  EIREL_RUN_TOP_CARRYOVER_PER_FAMILY: '1',
});

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase();
}, 120_000);
afterAll(() => database.stop());

/** Run 2 is over; its members and whoever run 1 let stay, by what is to become of them. */
async function runTwo(): Promise<{ run: SeededRun; named: Record<string, SeededRun['miners'][number]> }> {
  const { db } = database;
  await clear(db);
  const run = await seedRun(db, { tasks: 2, miners: 5, sequence: 2 });
  const [best, newLoser, carriedLoser, neverServed, straggler] = run.miners as [
    SeededRun['miners'][number],
    SeededRun['miners'][number],
    SeededRun['miners'][number],
    SeededRun['miners'][number],
    SeededRun['miners'][number],
  ];
  const named = { best, newLoser, carriedLoser, neverServed, straggler };
  for (const [name, { submissionId, deploymentId }] of Object.entries(named)) {
    const earlier = ['carriedLoser', 'straggler', 'best'].includes(name);
    await db.managedMinerSubmission.update({
      where: { id: submissionId },
      data: { introducedRunId: earlier ? 'run-1' : 'run-2' },
    });
    await db.minerEvaluationTask.updateMany({
      where: { deploymentId },
      data: { status: name === 'neverServed' ? 'unscored' : 'evaluated' },
    });
  }
  // It was let stay by run 1, and is no member of run 2.
  await db.minerEvaluationTask.deleteMany({ where: { deploymentId: straggler.deploymentId } });
  const snapshot = await db.epochTargetSnapshot.findFirstOrThrow();
  const members = snapshot.membersJson as { metadata: { deployment_id: string } }[];
  await db.epochTargetSnapshot.update({
    where: { id: snapshot.id },
    data: {
      membersJson: members.filter(({ metadata }) => metadata.deployment_id !== straggler.deploymentId),
    },
  });
  await db.runFamilyResult.create({
    data: {
      runId: run.runId,
      familyId: FAMILY,
      hasWinner: true,
      winnerDeploymentId: best.deploymentId,
      winnerHotkey: best.hotkey,
      topDeploymentIdsJson: [best.deploymentId],
    },
  });
  return { run, named };
}

/** Notes what workflows are told, in place of Temporal. */
function listener() {
  const told: Record<string, string> = {};
  return {
    told,
    retireSubmission: (submissionId: string, reason: string) => {
      told[submissionId] = `retire: ${reason}`;
      return Promise.resolve();
    },
    signalDeployment: (row: { submissionId: string }, signal: string, request: object) => {
      told[row.submissionId] = `${signal} ${JSON.stringify(request)}`;
      return Promise.resolve();
    },
  };
}

test('the best go on, new losers stay cold for one more run, others are retired, and who never had a turn is put off', async () => {
  const { db } = database;
  const { run, named } = await runTwo();
  const signaller = listener();
  const settled = await settleDeployments({ db, signaller, policy }, run.runId);
  expect(settled).toEqual({ kept: 1, retired: 2 });
  const toldOf = (name: string) => signaller.told[named[name]?.submissionId ?? ''];
  expect(toldOf('best')).toBe('promote {"rank":1}');
  expect(toldOf('newLoser')).toBe('drain {"by":"pool"}');
  expect(toldOf('carriedLoser')).toBe('retire: not among the best 1 of run-2');
  expect(toldOf('straggler')).toBe('retire: not among the best 1 of run-2');
  expect(toldOf('neverServed')).toBeUndefined();

  const rowOf = (name: string) =>
    db.managedMinerSubmission.findUniqueOrThrow({ where: { id: named[name]?.submissionId ?? '' } });
  expect(await rowOf('neverServed')).toMatchObject({
    introducedRunId: 'run-3',
    statusReason: 'its agent never had its turn in run-2: it takes part in run-3',
  });
  expect(await rowOf('newLoser')).toMatchObject({
    introducedRunId: 'run-2',
    statusReason: 'not among the best 1 of run-2; retired when run-3 closes',
  });

  // The next run is between the winner and who was put off.
  const window = { startsAt: new Date(), endsAt: new Date(Date.now() + 1000) };
  await createScheduledRun(db, { sequence: 3, ...window, ...policy });
  const members = await membersOf(db, 'run-3', policy);
  expect(members.map((member) => member.id).sort()).toEqual(
    [named.best?.deploymentId, named.neverServed?.deploymentId].sort(),
  );
});

test('settled twice, the same workflows are told the same, and rows stay', async () => {
  const { db } = database;
  const { run } = await runTwo();
  const [first, second] = [listener(), listener()];
  const once = await settleDeployments({ db, signaller: first, policy }, run.runId);
  const rows = await db.managedMinerSubmission.findMany({ orderBy: { id: 'asc' } });
  expect(await settleDeployments({ db, signaller: second, policy }, run.runId)).toEqual(once);
  expect(second.told).toEqual(first.told);
  const again = await db.managedMinerSubmission.findMany({ orderBy: { id: 'asc' } });
  expect(again.map((row) => [row.id, row.introducedRunId, row.statusReason])).toEqual(
    rows.map((row) => [row.id, row.introducedRunId, row.statusReason]),
  );
});

test('a run that could rank nobody retires nobody', async () => {
  const { db } = database;
  const { run } = await runTwo();
  await db.runFamilyResult.updateMany({ data: { topDeploymentIdsJson: [], hasWinner: false } });
  const signaller = listener();
  expect(await settleDeployments({ db, signaller, policy }, run.runId)).toEqual({ kept: 0, retired: 0 });
  expect(Object.values(signaller.told)).toEqual([]);
});
