import fc from 'fast-check';
import { planPool, slotsOf, type PoolMember } from '../../../domain/pool';
import { DEPLOYMENT_STATUSES } from '../../../domain/status';

const member = (id: string, extra: Partial<PoolMember> = {}): PoolMember => ({
  deploymentId: id,
  status: 'received',
  healthy: false,
  built: true,
  submittedAt: 0,
  openRows: 5,
  idleMs: null,
  failing: false,
  held: false,
  ...extra,
});
const up = { status: 'deployed_for_eval', healthy: true } as const;
const GRACE = 600_000;

describe('the pool', () => {
  test('the newest go first; the others wait', () => {
    const members = [
      member('old', { submittedAt: 1 }),
      member('new', { submittedAt: 3 }),
      member('mid', { submittedAt: 2 }),
    ];
    expect(planPool(members, 2, GRACE)).toEqual({
      keep: ['new', 'mid'],
      activate: ['new', 'mid'],
      drain: [],
      waiting: ['old'],
    });
  });

  test('who is done makes room for who waits, and stays warm only where there is room', () => {
    const done = member('done', { ...up, openRows: 0, idleMs: 1000, submittedAt: 9 });
    const next = member('next');
    expect(planPool([done, next], 1, GRACE)).toMatchObject({
      keep: ['next'],
      drain: ['done'],
      activate: ['next'],
    });
    expect(planPool([done, next], 2, GRACE)).toMatchObject({ keep: ['done', 'next'], drain: [] });
    expect(planPool([{ ...done, idleMs: GRACE }], 2, GRACE)).toMatchObject({ keep: [], drain: ['done'] });
    const cold = member('cold', { status: 'standby_cold', openRows: 0, idleMs: 0 });
    expect(planPool([cold], 2, GRACE)).toMatchObject({ keep: [], activate: [], drain: [] });
  });

  test('active agents run whatever happens; one that an operator drained does not, not even an active one', () => {
    expect(planPool([member('a', { ...up, status: 'active', openRows: 0 })], 0, GRACE).keep).toEqual(['a']);
    const held = member('h', { ...up, status: 'active', held: true });
    expect(planPool([held], 3, GRACE)).toMatchObject({ keep: [], drain: ['h'], activate: [] });
  });

  test('one that keeps crashing lets others go first, and an agent without its image is not started', () => {
    const crashing = member('crash', { status: 'unhealthy', failing: true, submittedAt: 9 });
    expect(planPool([crashing, member('b')], 1, GRACE)).toMatchObject({ keep: ['b'], drain: ['crash'] });
    expect(planPool([member('late', { built: false })], 1, GRACE)).toMatchObject({
      keep: ['late'],
      activate: [],
    });
    expect(planPool([member('bad', { status: 'build_failed' })], 1, GRACE)).toEqual({
      keep: [],
      activate: [],
      drain: [],
      waiting: [],
    });
  });

  test('never more than fit, nobody both kept and drained, and carrying the plan out leads to rest', () => {
    const members = fc.uniqueArray(
      fc.record({
        deploymentId: fc.uuid(),
        status: fc.constantFrom(...DEPLOYMENT_STATUSES),
        healthy: fc.boolean(),
        built: fc.boolean(),
        submittedAt: fc.nat(1000),
        openRows: fc.option(fc.nat(3)),
        idleMs: fc.option(fc.nat(2 * GRACE)),
        failing: fc.boolean(),
        held: fc.boolean(),
      }),
      { selector: (one) => one.deploymentId, maxLength: 12 },
    );
    fc.assert(
      fc.property(members, fc.nat(6), (all, slots) => {
        const plan = planPool(all, slots, GRACE);
        const active = all.filter((one) => one.status === 'active').length;
        expect(plan.keep.length).toBeLessThanOrEqual(slots + active);
        expect(plan.keep.filter((id) => plan.drain.includes(id))).toEqual([]);
        expect(plan.keep.filter((id) => plan.waiting.includes(id))).toEqual([]);
        const after = all.map((one): PoolMember => {
          if (plan.activate.includes(one.deploymentId))
            return { ...one, status: 'deployed_for_eval', healthy: true };
          if (plan.drain.includes(one.deploymentId))
            return { ...one, status: 'standby_cold', healthy: false };
          return one;
        });
        const next = planPool(after, slots, GRACE);
        expect([...next.keep].sort()).toEqual([...plan.keep].sort());
        expect(next.activate).toEqual([]);
        expect(next.drain).toEqual([]);
      }),
    );
  });

  test('slots are what runs out first of processor, memory and pods', () => {
    const node = { totalCpuMillis: 8000, totalMemoryBytes: 16e9, maxPods: 110 };
    const headroom = { cpuMillis: 500, memoryBytes: 0, pods: 1 };
    expect(slotsOf(node, { cpuMillis: 2000, memoryBytes: 1 }, headroom)).toBe(3);
    expect(slotsOf(node, { cpuMillis: 1, memoryBytes: 8e9 }, headroom)).toBe(2);
    expect(slotsOf({ ...node, maxPods: 2 }, { cpuMillis: 1, memoryBytes: 1 }, headroom)).toBe(1);
    expect(slotsOf({ ...node, totalCpuMillis: 100 }, { cpuMillis: 1, memoryBytes: 1 }, headroom)).toBe(0);
  });
});
