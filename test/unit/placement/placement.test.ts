import fc from 'fast-check';
import {
  admit,
  bestFit,
  withHolds,
  type Asking,
  type Headroom,
  type NodeCapacity,
} from '../../../domain/placement';

const NONE: Headroom = { cpuMillis: 0, memoryBytes: 0, pods: 0 };
const node = (nodeName: string, cpu: number, more: Partial<NodeCapacity> = {}): NodeCapacity => ({
  nodeName,
  totalCpuMillis: cpu,
  totalMemoryBytes: 1e9,
  usedCpuMillis: 0,
  usedMemoryBytes: 0,
  maxPods: 100,
  runningPods: 0,
  deploymentIds: [],
  ...more,
});
const asks = (deploymentId: string, cpuMillis: number, more: Partial<Asking> = {}): Asking => ({
  deploymentId,
  cpuMillis,
  memoryBytes: 1,
  rank: null,
  createdAt: 0,
  ...more,
});

test('a running agent is counted once, a promise that is not kept yet as well', () => {
  const nodes = [node('a', 3000, { usedCpuMillis: 1000, runningPods: 1, deploymentIds: ['runs'] })];
  const hold = { nodeName: 'a', cpuMillis: 1000, memoryBytes: 1 };
  const after = withHolds(nodes, [
    { deploymentId: 'runs', ...hold },
    { deploymentId: 'starts', ...hold },
    { deploymentId: 'elsewhere', ...hold, nodeName: 'gone' },
  ]);
  expect(after[0]).toMatchObject({ usedCpuMillis: 2000, runningPods: 2 });
});

test('the best of the last run come first, then the older; each knows its place', () => {
  const asking = [
    asks('young', 1000, { createdAt: 3 }),
    asks('old', 1000, { createdAt: 1 }),
    asks('second', 1000, { createdAt: 9, rank: 2 }),
    asks('first', 1000, { createdAt: 9, rank: 1 }),
  ];
  const nodes = [node('a', 1500)];
  expect(admit(nodes, [], asking, 'first', NONE)).toEqual({ admitted: true, nodeName: 'a' });
  const places = ['second', 'old', 'young'].map((id) => admit(nodes, [], asking, id, NONE));
  expect(places).toMatchObject([2, 3, 4].map((position) => ({ admitted: false, position, of: 4 })));
  expect(places[0]).toMatchObject({
    reason:
      'insufficient_runtime_capacity: 1000 mCPU and 0 MiB are not free on any of 1 node(s); position 2 of 4 in the queue',
  });
});

test('small agents do not pass a large one that waits, but one that fits nowhere holds up nobody', () => {
  const nodes = [node('a', 2000, { usedCpuMillis: 1000 })];
  const large = asks('large', 2000, { createdAt: 1 });
  const small = asks('small', 500, { createdAt: 2 });
  expect(admit(nodes, [], [large, small], 'small', NONE).admitted).toBe(false);
  const huge = asks('huge', 9000, { createdAt: 1 });
  expect(admit(nodes, [], [huge, small], 'small', NONE).admitted).toBe(true);
  expect(admit(nodes, [], [huge, small], 'huge', NONE)).toMatchObject({
    reason: expect.stringContaining('fit on no node, however empty') as string,
  });
});

test('without nodes everybody waits, and is told so', () => {
  expect(admit([], [], [asks('one', 1)], 'one', NONE)).toMatchObject({
    admitted: false,
    reason: 'no_verified_runtime_nodes: no node takes agents; position 1 of 1 in the queue',
  });
});

test('whoever is admitted one after the other, no node is ever promised more than it has', () => {
  const cpu = fc.integer({ min: 0, max: 8 });
  fc.assert(
    fc.property(
      fc.array(cpu, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 2 }),
      (sizes, needs, spare) => {
        const nodes = sizes.map((size, index) => node(`n${index}`, size));
        const headroom = { ...NONE, cpuMillis: spare };
        let waiting = needs.map((need, index) => asks(`d${index}`, need, { createdAt: index }));
        const holds = [];
        for (const one of [...waiting]) {
          const admission = admit(nodes, holds, waiting, one.deploymentId, headroom);
          if (!admission.admitted) continue;
          holds.push({ ...one, nodeName: admission.nodeName });
          waiting = waiting.filter(({ deploymentId }) => deploymentId !== one.deploymentId);
        }
        for (const { nodeName, totalCpuMillis, usedCpuMillis } of withHolds(nodes, holds)) {
          expect([nodeName, usedCpuMillis <= Math.max(0, totalCpuMillis - spare)]).toEqual([nodeName, true]);
        }
        // Nobody who could be served waits behind nobody.
        const [head] = waiting.filter((one) => bestFit(nodes, one, headroom) !== null);
        if (head) expect(bestFit(withHolds(nodes, holds), head, headroom)).toBeNull();
      },
    ),
  );
});
