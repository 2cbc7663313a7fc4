/** A claim under a key is one claim, however often it is asked for. */
import { claimOnce } from '../../../adapters/postgres/claim-once';
import { heartbeatClaim, releaseClaim, type ClaimRequest } from '../../../adapters/postgres/claims';
import { startDatabase, type TaskDatabase } from './database';
import { clear, FAMILY, seedRun } from './seed';

jest.setTimeout(120_000);

let database: TaskDatabase;
const V1 = '5ValidatorOne';
const V2 = '5ValidatorTwo';

beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database?.stop());
beforeEach(() => clear(database.db));

const claim = (validatorHotkey: string, claimKey: string | null, extra: Partial<ClaimRequest> = {}) =>
  claimOnce(database.db, {
    familyId: FAMILY,
    validatorHotkey,
    batchSize: 2,
    leaseSeconds: 900,
    maxAttempts: 3,
    claimKey,
    ...extra,
  });

it('answers the same leases under the same key, jobs included, and leases nothing more', async () => {
  await seedRun(database.db, { tasks: 6, miners: 2 });
  const first = await claim(V1, 'loop-1');
  const again = await claim(V1, 'loop-1', { batchSize: 5 });
  expect(first.tasks).toHaveLength(2);
  expect(again).toEqual(first);
  expect(await database.db.taskClaim.count()).toBe(2);
  expect(await database.db.attemptJob.count()).toBe(4);

  const next = await claim(V1, 'loop-2');
  expect(next.tasks.map(({ taskIndex }) => taskIndex)).toEqual([2, 3]);
  // Keys are each validator's own.
  const other = await claim(V2, 'loop-1');
  expect(other.tasks.map(({ taskIndex }) => taskIndex)).toEqual([4, 5]);
  // With nothing left to lease, an old key still finds its own.
  expect((await claim(V1, 'loop-1')).tasks).toEqual(first.tasks);
});

it('makes one claim of a hundred simultaneous requests under one key', async () => {
  await seedRun(database.db, { tasks: 20, miners: 1 });
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => claim(V1, 'loop-1')));
  // One that comes before the first has committed may find nothing yet; none finds other tasks.
  const answers = new Set(outcomes.map(({ tasks }) => tasks.map(({ fencing }) => fencing).join()));
  answers.delete('');
  expect(answers.size).toBe(1);
  expect(await database.db.taskClaim.count()).toBe(2);
  expect(await database.db.minerEvaluationTask.count({ where: { status: 'claimed' } })).toBe(2);
});

it('does not use a key up while there is nothing to claim', async () => {
  expect((await claim(V1, 'loop-1')).tasks).toEqual([]);
  await seedRun(database.db, { tasks: 1, miners: 1 });
  expect((await claim(V1, 'loop-1')).tasks).toHaveLength(1);
});

it('leaves out what is not leased any more, and knows a lease that was extended', async () => {
  await seedRun(database.db, { tasks: 4, miners: 1 });
  const { tasks } = await claim(V1, 'loop-1');
  const [released, kept] = tasks;
  if (!released || !kept) throw new Error('two tasks were to be claimed');
  const ref = (task: typeof kept) => ({
    taskEvaluationId: task.taskEvaluationId,
    validatorHotkey: V1,
    fencing: task.fencing,
  });
  await releaseClaim(database.db, { ...ref(released), reason: 'a test' });
  const { expiresAt } = await heartbeatClaim(database.db, {
    ...ref(kept),
    leaseSeconds: 900,
    workCapSeconds: 3000,
  });
  expect((await claim(V1, 'loop-1')).tasks).toEqual([{ ...kept, expiresAt }]);
  // All over: the key has its answer, and that is nothing.
  const muchLater = new Date(expiresAt.getTime() + 1000);
  expect((await claim(V1, 'loop-1', { now: muchLater })).tasks).toEqual([]);
});

it('treats requests without a key as claims of their own', async () => {
  await seedRun(database.db, { tasks: 4, miners: 1 });
  await claim(V1, null);
  expect((await claim(V1, null)).tasks.map(({ taskIndex }) => taskIndex)).toEqual([2, 3]);
});
