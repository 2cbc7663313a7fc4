import fc from 'fast-check';
import { planWeights } from '../../../domain/weights/plan';
import { formatRaoAsTao, MAX_RAO, parseTaoToRao } from '../../../domain/weights/tao';
import { roundHalfEven, rowFractions, toU16Weights } from '../../../domain/weights/u16';

describe('toU16Weights', () => {
  it.each([
    [
      [0, 1],
      [0.5, 0.5],
      [0, 1],
      [65535, 65535],
    ],
    [
      [1, 0],
      [0.3, 0.7],
      [0, 1],
      [65535, 28086],
    ],
    [[4, 2], [1, 1e-9], [4], [65535]],
    [[0, 1], [0, 0], [], []],
    [[], [], [], []],
  ])('%j %j', (uids, weights, outUids, outValues) => {
    expect(toU16Weights(uids, weights)).toEqual({ uids: outUids, values: outValues });
  });

  it('rounds halves to even, not up', () => {
    expect([0.5, 1.5, 2.5, 2.4999, 2.5001, 7].map(roundHalfEven)).toEqual([0, 2, 2, 2, 3, 7]);
    // 2.5 / 65535 of the largest is exactly 2.5 steps, which Math.round would make 3.
    expect(toU16Weights([0, 1], [65535, 2.5])).toEqual({ uids: [0, 1], values: [65535, 2] });
    expect(toU16Weights([0, 1], [65535, 0.5])).toEqual({ uids: [0], values: [65535] });
  });

  it.each([
    [[0], [1, 2]],
    [
      [0, 0],
      [1, 2],
    ],
    [[-1], [1]],
    [[65536], [1]],
    [[1.5], [1]],
    [[0], [-1]],
    [[0], [Number.NaN]],
    [[0], [Number.POSITIVE_INFINITY]],
  ])('refuses %j %j', (uids, weights) => {
    expect(() => toU16Weights(uids, weights)).toThrow(RangeError);
  });

  it('keeps the fractions, is ascending, tops out at 65535, and is idempotent as the chain upscales it again', () => {
    const weight = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(0));
    const row = fc.uniqueArray(fc.tuple(fc.nat(255), weight), {
      selector: ([uid]) => uid,
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(row, (pairs) => {
        const out = toU16Weights(
          pairs.map(([uid]) => uid),
          pairs.map(([, w]) => w),
        );
        const max = Math.max(...pairs.map(([, w]) => w));
        if (max === 0) return expect(out.uids).toEqual([]);
        expect(Math.max(...out.values)).toBe(65535);
        expect([...out.uids].sort((a, b) => a - b)).toEqual(out.uids);
        expect(out.values.every((v) => Number.isInteger(v) && v > 0)).toBe(true);
        expect(toU16Weights(out.uids, out.values)).toEqual(out);
        const sent = new Map(out.uids.map((uid, i) => [uid, out.values[i] as number]));
        for (const [uid, w] of pairs)
          expect(Math.abs((sent.get(uid) ?? 0) - (w / max) * 65535)).toBeLessThanOrEqual(0.5);
      }),
    );
  });
});

describe('planWeights', () => {
  const uidOf = new Map([
    ['a', 3],
    ['b', 1],
  ]);

  it('burns what is not assigned', () => {
    const plan = planWeights({ weights: { a: 0.7 }, uidOf, burnUid: 0 });
    expect(plan.row).toEqual({ uids: [0, 3], values: [28086, 65535] });
    expect(plan.burned).toBeCloseTo(0.3, 12);
  });

  it('burns the share of a hotkey without a slot and names it', () => {
    const plan = planWeights({ weights: { gone: 0.5, a: 0.5 }, uidOf, burnUid: 0 });
    expect(plan).toMatchObject({ unknownHotkeys: ['gone'], row: { uids: [0, 3], values: [65535, 65535] } });
  });

  it('burns everything when there is nothing to give', () => {
    const cases: Record<string, number>[] = [{}, { a: 0 }, { gone: 1 }];
    for (const weights of cases) {
      expect(planWeights({ weights, uidOf, burnUid: 0 }).row).toEqual({ uids: [0], values: [65535] });
    }
  });

  it('has no burn entry when all is assigned, rounding aside', () => {
    const plan = planWeights({ weights: { a: 0.1 + 0.2, b: 0.7 }, uidOf, burnUid: 0 });
    expect(plan.burned).toBe(0);
    expect(plan.row.uids).toEqual([1, 3]);
  });

  it('adds a miner that sits on the burn uid to the burn', () => {
    const plan = planWeights({ weights: { z: 0.4 }, uidOf: new Map([['z', 0]]), burnUid: 0 });
    expect(plan.shares).toEqual([{ uid: 0, weight: 1 }]);
  });

  it.each([[{ a: 1.1 }], [{ a: 0.6, b: 0.6 }], [{ a: 0.6, gone: 0.6 }], [{ a: -0.1 }], [{ a: Number.NaN }]])(
    'refuses %j',
    (weights) => {
      expect(() => planWeights({ weights, uidOf, burnUid: 0 })).toThrow(RangeError);
    },
  );

  it('always gives out exactly the whole emission', () => {
    const raw = fc.dictionary(
      fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(raw, (entries) => {
        const sum = Object.values(entries).reduce((x, y) => x + y, 0);
        const scale = sum > 1 ? 1 / (sum * (1 + 1e-12)) : 1;
        const weights = Object.fromEntries(Object.entries(entries).map(([k, v]) => [k, v * scale]));
        const plan = planWeights({
          weights,
          uidOf: new Map([
            ['a', 1],
            ['b', 2],
            ['c', 3],
          ]),
          burnUid: 0,
        });
        expect(plan.shares.reduce((s, x) => s + x.weight, 0)).toBeCloseTo(1, 8);
        expect([...rowFractions(plan.row).values()].reduce((x, y) => x + y, 0)).toBeCloseTo(1, 12);
        for (const { uid, weight } of plan.shares) {
          // Half a u16 step per entry, relative to a row that sums to at least 65535.
          expect(Math.abs((rowFractions(plan.row).get(uid) ?? 0) - weight)).toBeLessThan(1e-4);
        }
      }),
    );
  });
});

describe('TAO', () => {
  it.each([
    ['0.1', 100_000_000n],
    ['1', 1_000_000_000n],
    ['0', 0n],
    ['0.000000001', 1n],
    [' 12.5000000000 ', 12_500_000_000n],
    ['18446744073.709551615', MAX_RAO],
  ])('%s', (text, rao) => {
    expect(parseTaoToRao(text)).toBe(rao);
  });

  it.each(['', '-1', '+1', '1e-3', '.5', '1.', '0.0000000001', '1,5', 'NaN', '18446744073.709551616'])(
    'refuses %j',
    (text) => {
      expect(() => parseTaoToRao(text)).toThrow(RangeError);
    },
  );

  it('is exact for every amount, also where a float is not', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_RAO }), (rao) => {
        expect(parseTaoToRao(formatRaoAsTao(rao))).toBe(rao);
      }),
    );
  });
});
