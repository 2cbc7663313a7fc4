import { epochAt, firstBlockOf, revealWindow } from '../../../domain/weights/epochs';
import type { EpochClock } from '../../../domain/weights/epochs';

const counted = (block: number, tempo: number, counter: Partial<EpochClock['counter']>): EpochClock => ({
  netuid: 7,
  tempo,
  block,
  counter: { index: 0, lastEpochBlock: 0, pendingAt: 0, blocksSinceLastStep: 0, ...counter },
});
const byBlock = (block: number, tempo = 360, netuid = 1): EpochClock => ({
  netuid,
  tempo,
  block,
  counter: null,
});

describe('epochs that a counter counts', () => {
  // Expected blocks are those of bittensor-drand 2.0.0 (`get_encrypted_commit_v2`).
  it.each([
    [counted(120, 360, { index: 7, lastEpochBlock: 100, blocksSinceLastStep: 20 }), 1, 460],
    [counted(459, 360, { index: 7, lastEpochBlock: 100, blocksSinceLastStep: 20 }), 2, 1180],
    [counted(91, 20, { lastEpochBlock: 80, pendingAt: 95 }), 3, 135],
    [counted(59, 50, { lastEpochBlock: 10 }), 1, 110],
    [counted(60, 50, { lastEpochBlock: 10 }), 1, 111],
    [counted(70, 100, { lastEpochBlock: 10, blocksSinceLastStep: 50_399 }), 1, 73],
    [counted(10, 50, { lastEpochBlock: 10 }), 1, 60],
    [counted(91, 20, { lastEpochBlock: 80, pendingAt: 95 }), 1, 95],
  ])('reveals %j after %d at block %d, as the reference does', (clock, period, block) => {
    expect(revealWindow(clock, period).from).toBe(block);
  });

  it('belongs to the epoch that is about to begin when it is included in its first block', () => {
    const clock = counted(59, 50, { lastEpochBlock: 10, index: 4 });
    expect(epochAt(clock, 59)).toBe(4);
    expect(epochAt(clock, 60)).toBe(5);
    expect(() => firstBlockOf(clock, 4)).toThrow(/begun already/);
  });
});

describe('epochs by the block number', () => {
  it('are the blocks between multiples of the tempo and one, moved by the netuid', () => {
    // (block + netuid + 1) / (tempo + 1): the epochs of subnet 1 begin at 359, 720, ...
    expect(epochAt(byBlock(358), 358)).toBe(0);
    expect(epochAt(byBlock(359), 359)).toBe(1);
    expect(firstBlockOf(byBlock(0), 1)).toBe(359);
    expect(firstBlockOf(byBlock(0), 2)).toBe(720);
  });

  it('leave a window of exactly one epoch for the reveal', () => {
    for (const block of [0, 357, 358, 359, 1_000, 123_456]) {
      for (const period of [1, 3]) {
        const clock = byBlock(block);
        const { from, until, commitEpoch } = revealWindow(clock, period);
        expect(commitEpoch).toBe(epochAt(clock, block + 1));
        expect(until - from + 1).toBe(361);
        expect([from - 1, from, until, until + 1].map((at) => epochAt(clock, at) - commitEpoch)).toEqual([
          period - 1,
          period,
          period,
          period + 1,
        ]);
      }
    }
  });

  it('never come on a subnet without a tempo', () => {
    expect(() => revealWindow(byBlock(10, 0), 1)).toThrow(/runs no epochs/);
    expect(() => revealWindow(counted(10, 0, {}), 1)).toThrow(/runs no epochs/);
  });
});
