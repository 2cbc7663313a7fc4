import fc from 'fast-check';
import { duePublication } from '../../../domain/validator/cadence';

const intervalMs = 2_160_000;
const ready = { ready: true, runId: 'run-4' };

describe('when weights are due', () => {
  it('is never before a run has completed', () => {
    expect(
      duePublication({ weights: { ready: false, runId: null }, firstStartedAt: null, now: 1, intervalMs }),
    ).toBeNull();
    expect(
      duePublication({ weights: { ready: true, runId: null }, firstStartedAt: null, now: 1, intervalMs }),
    ).toBeNull();
  });

  it('is at once for a run that was not published yet', () => {
    expect(duePublication({ weights: ready, firstStartedAt: null, now: 5, intervalMs })).toEqual({
      runId: 'run-4',
      interval: 0,
    });
  });

  it('is once per interval after that, the same for every engine that asks at that time', () => {
    fc.assert(
      fc.property(fc.nat(1e12), fc.nat(50), fc.nat(intervalMs - 1), (start, interval, into) => {
        const now = start + interval * intervalMs + into;
        expect(duePublication({ weights: ready, firstStartedAt: start, now, intervalMs })).toEqual({
          runId: 'run-4',
          interval,
        });
      }),
    );
  });

  it('does not go below the first interval when clocks differ', () => {
    expect(duePublication({ weights: ready, firstStartedAt: 1000, now: 0, intervalMs })?.interval).toBe(0);
  });
});
