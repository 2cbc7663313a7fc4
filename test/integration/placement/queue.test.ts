/** Room is promised to one agent at a time, in order, on a real database. */
import { decide, releaseRoom, reserveRoom } from '../../../adapters/postgres/placement';
import type { Headroom, NodeCapacity } from '../../../domain/placement';
import { startDatabase, type TaskDatabase } from '../tasks/database';
import { clear, seedRun } from '../tasks/seed';

const HEADROOM: Headroom = { cpuMillis: 500, memoryBytes: 0, pods: 0 };
const nodes = (cpu: number, nodeName = 'one'): NodeCapacity[] => [
  {
    nodeName,
    totalCpuMillis: cpu,
    totalMemoryBytes: 1e12,
    usedCpuMillis: 0,
    usedMemoryBytes: 0,
    maxPods: 100,
    runningPods: 0,
    deploymentIds: [],
  },
];

let database: TaskDatabase;
let ids: string[];
beforeAll(async () => {
  database = await startDatabase();
}, 120_000);
afterAll(() => database.stop());
beforeEach(async () => {
  const { db } = database;
  await clear(db);
  const run = await seedRun(db, { tasks: 1, miners: 8 });
  ids = run.miners.map(({ deploymentId }) => deploymentId);
  for (const [index, id] of ids.entries()) {
    await db.managedDeployment.update({
      where: { id },
      data: {
        status: 'received',
        placementStatus: 'pending',
        requestedCpuMillis: 1000,
        requestedMemoryBytes: 1024n,
        assignedCpuMillis: 0,
        assignedMemoryBytes: 0n,
        assignedNodeName: null,
        activeSetRank: null,
        createdAt: new Date(Date.UTC(2030, 0, 1, 0, index)),
      },
    });
  }
});

test('eight that ask at once for room for three: three are promised it, five stand in order', async () => {
  const { db } = database;
  const answers = await Promise.all(ids.map((id) => reserveRoom(db, id, nodes(3500), HEADROOM)));
  expect(answers.filter(({ admitted }) => admitted)).toHaveLength(3);
  const waiting = ids.filter((_, index) => !answers[index]?.admitted);
  // As each one's workflow marks it.
  const asked = { id: { in: waiting } };
  await db.managedDeployment.updateMany({ where: asked, data: { status: 'pending_capacity' } });
  const now = await Promise.all(waiting.map((id) => reserveRoom(db, id, nodes(3500), HEADROOM)));
  expect(now).toMatchObject([1, 2, 3, 4, 5].map((position) => ({ admitted: false, position, of: 5 })));
  const rows = await db.managedDeployment.findMany({ where: { placementStatus: 'assigned' } });
  expect(rows.map((row) => [row.assignedNodeName, row.assignedCpuMillis])).toEqual(
    Array(3).fill(['one', 1000]),
  );
  // Asking again gives the same promise; an agent that crashes keeps its room.
  const [kept] = ids.filter((_, index) => answers[index]?.admitted);
  await db.managedDeployment.update({ where: { id: kept ?? '' }, data: { status: 'unhealthy' } });
  expect(await reserveRoom(db, kept ?? '', nodes(3500), HEADROOM)).toEqual({
    admitted: true,
    nodeName: 'one',
  });
});

test('what is given back goes to the head of the queue only', async () => {
  const { db } = database;
  const [first = '', second = '', third = ''] = ids;
  await reserveRoom(db, first, nodes(1500), HEADROOM);
  for (const id of [third, second]) {
    await reserveRoom(db, id, nodes(1500), HEADROOM);
    await db.managedDeployment.update({ where: { id }, data: { status: 'pending_capacity' } });
  }
  // One that its run has not given a turn yet holds nobody up.
  await db.managedDeployment.update({
    where: { id: ids[3] ?? '' },
    data: { placementStatus: 'pending_capacity', status: 'standby_cold', createdAt: new Date(0) },
  });
  await db.managedDeployment.update({
    where: { id: first },
    data: { status: 'retired', placementStatus: 'released', assignedCpuMillis: 0 },
  });
  expect(await decide(db, third, nodes(1500), HEADROOM)).toMatchObject({
    admitted: false,
    position: 2,
    of: 2,
  });
  expect(await reserveRoom(db, second, nodes(1500), HEADROOM)).toEqual({ admitted: true, nodeName: 'one' });
  await releaseRoom(db, second, 'the cluster found no node after all');
  expect(await decide(db, second, nodes(1500), HEADROOM)).toEqual({ admitted: true, nodeName: 'one' });
  const row = await db.managedDeployment.findUniqueOrThrow({ where: { id: second } });
  expect(row).toMatchObject({
    placementStatus: 'pending_capacity',
    placementErrorText: 'the cluster found no node after all',
  });
});

test('a promise on a node that is gone is given anew', async () => {
  const { db } = database;
  const [first = ''] = ids;
  await reserveRoom(db, first, nodes(1500), HEADROOM);
  expect(await reserveRoom(db, first, [], HEADROOM)).toMatchObject({ admitted: false });
  expect(await reserveRoom(db, first, nodes(1500, 'two'), HEADROOM)).toEqual({
    admitted: true,
    nodeName: 'two',
  });
});
