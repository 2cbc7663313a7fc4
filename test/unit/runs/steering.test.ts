import fc from 'fast-check';
import {
  STEER_ACTIONS,
  decideOrder,
  readOrder,
  type SteerableRun,
  type SteerAction,
} from '../../../domain/run-steering';
import { RUN_PHASES } from '../../../domain/status';
import { currentWindow } from '../../../domain/schedule';

const runs: fc.Arbitrary<SteerableRun> = fc.record({
  phase: fc.constantFrom(...RUN_PHASES),
  startsAt: fc.integer({ min: 0, max: 1e9 }),
  endsAt: fc.integer({ min: 1e9, max: 2e9 }),
  pausedAt: fc.option(fc.integer({ min: 0, max: 1.5e9 })),
  opened: fc.boolean(),
  closing: fc.constantFrom(null, 'now' as const, 'drain' as const),
  stuckStep: fc.constantFrom(null, 'openRun'),
});
const actions = fc.constantFrom(...STEER_ACTIONS);

const decide = (run: SteerableRun, action: SteerAction, sent: unknown, now = 1.6e9) =>
  decideOrder(run, readOrder(action, sent), now);
const open: SteerableRun = {
  phase: 'running',
  startsAt: 0,
  endsAt: 100_000,
  pausedAt: null,
  opened: false,
  closing: null,
  stuckStep: null,
};

describe('orders', () => {
  test('whatever is sent is read, decided and worded', () => {
    fc.assert(
      fc.property(
        runs,
        actions,
        fc.anything({ withNullPrototype: true, withBigInt: false }),
        (run, action, sent) => {
          const order = readOrder(action, sent);
          const verdict = decideOrder(run, order, 1.6e9);
          expect(verdict.message).not.toBe('');
          expect(order.actor.length).toBeLessThanOrEqual(128);
          expect(order.reason.length).toBeLessThanOrEqual(500);
          if (verdict.outcome !== 'applied') expect(verdict.change).toEqual({});
        },
      ),
    );
  });

  test('an order that was applied is not applied again, but extend by seconds and retry', () => {
    fc.assert(
      fc.property(runs, actions, (run, action) => {
        const sent = action === 'extend' ? { until: new Date(3e9).toISOString() } : {};
        const first = decide(run, action, sent);
        if (first.outcome !== 'applied' || action === 'retry') return;
        const again = decide({ ...run, ...first.change }, action, sent);
        expect(again.outcome).not.toBe('applied');
      }),
    );
  });

  test('a pause and its resume move the end by exactly the time between, and nothing else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 50_000 }), (at, length) => {
        const paused = { ...open, ...decide(open, 'pause', {}, at).change };
        expect(paused.phase).toBe('paused');
        const resumed = { ...paused, ...decide(paused, 'resume', {}, at + length).change };
        expect(resumed).toEqual({ ...open, endsAt: open.endsAt + length });
      }),
    );
  });

  test.each<[SteerAction, unknown, Partial<SteerableRun>, string, RegExp]>([
    ['pause', {}, { phase: 'scheduled' }, 'refused', /is scheduled; only a run that is open/],
    ['pause', {}, { phase: 'deploying' }, 'applied', /clock stands still/],
    ['pause', {}, { closing: 'drain' }, 'refused', /is closing/],
    ['resume', {}, {}, 'unchanged', /not paused/],
    ['open', {}, {}, 'unchanged', /open already/],
    ['open', {}, { phase: 'completed' }, 'refused', /completed already/],
    ['close', {}, { phase: 'scheduled' }, 'refused', /not open yet/],
    ['close', {}, { phase: 'completed' }, 'unchanged', /completed already/],
    ['close', { mode: 'now' }, { phase: 'draining', closing: 'drain' }, 'applied', /closing now instead/],
    ['close', { mode: 'now' }, { phase: 'aggregating', closing: 'drain' }, 'unchanged', /closing already/],
    ['close', { mode: 'drain' }, { phase: 'draining', closing: 'now' }, 'unchanged', /closing already/],
    ['extend', { seconds: 5 }, { phase: 'publishing' }, 'refused', /not closing yet/],
    ['extend', { seconds: 5 }, { phase: 'scheduled' }, 'applied', /closes at/],
    ['extend', '90', {}, 'applied', /1970-01-01T00:03:10/],
    ['extend', { until: '1970-01-01T00:00:01Z' }, {}, 'refused', /before its end/],
    ['extend', { seconds: 1, until: 5 }, {}, 'refused', /either seconds/],
    ['extend', { seconds: 1e12 }, {}, 'refused', /at most/],
    ['retry', {}, {}, 'refused', /nothing to try again/],
    ['retry', {}, { stuckStep: 'openRun' }, 'applied', /openRun is tried again/],
  ])('%s %j on %j is %s', (action, sent, run, outcome, message) => {
    const verdict = decide({ ...open, ...run }, action, sent, 50_000);
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.message).toMatch(message);
  });

  test('text that a column would refuse is cleaned', () => {
    const order = readOrder('pause', {
      reason: 'a\u0000b\ud800c',
      actor: 'x'.repeat(500),
      id: 'y'.repeat(99),
    });
    expect(order.reason).toBe('a b c');
    expect(order.actor).toHaveLength(128);
    expect(order.id).toHaveLength(36);
  });
});

test('the window in which a late run opens is on its grid and contains now', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 1, max: 1e5 }),
      fc.integer({ min: 0, max: 1e7 }),
      (start, duration, now) => {
        const planned = { startsAt: new Date(start), endsAt: new Date(start + duration) };
        const window = currentWindow(planned, new Date(now));
        expect(window.endsAt.getTime() - window.startsAt.getTime()).toBe(duration);
        expect((window.startsAt.getTime() - start) / duration).toBe(window.missed);
        expect(window.endsAt.getTime()).toBeGreaterThan(now);
        if (window.missed > 0) expect(window.startsAt.getTime()).toBeLessThanOrEqual(now);
      },
    ),
  );
});
