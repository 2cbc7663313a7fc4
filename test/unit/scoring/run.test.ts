/** From rows to winner and weights. */
import fc from 'fast-check';
import {
  aggregateFamily,
  aggregateMiner,
  familyWeights,
  fixedHalfEven,
  meanMicro,
  roundHalfEven6,
  runWeights,
  selectWinner,
  toMicro,
} from '../../../domain/scoring';
import type { AggregateRow, FamilyRow, WinnerCandidate, WinnerInput } from '../../../domain/scoring';

describe('decimal', () => {
  test.each([
    [0.5, 500_000],
    [0.0000005, 0],
    [0.0000015, 2],
    [0.0000025, 2],
    [0.1234565, 123_456],
    [0.1234575, 123_458],
    [-0.0000015, -2],
    [-0.0000001, 0],
    [1e-7, 0],
    [0.1 + 0.2, 300_000],
    [0.6000000000000001, 600_000],
    [55.00000000000001, 55_000_000],
    [1e9, 1e15],
    [NaN, 0],
  ])('%p is %p micro units', (value, micro) => {
    expect(toMicro(value)).toBe(micro);
    expect(Object.is(toMicro(value), -0)).toBe(false);
  });
  test('refuses what micro units cannot hold', () => {
    expect(() => toMicro(Infinity)).toThrow(RangeError);
    expect(() => toMicro(1e30)).toThrow('too large');
  });
  test('property: idempotent, monotone, within half a micro unit', () => {
    const score = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(score, score, (a, b) => {
        expect(roundHalfEven6(roundHalfEven6(a))).toBe(roundHalfEven6(a));
        if (a <= b) expect(toMicro(a)).toBeLessThanOrEqual(toMicro(b));
        expect(Math.abs(roundHalfEven6(a) - a)).toBeLessThanOrEqual(0.5e-6 + 1e-15);
      }),
    );
  });
  test('property: whole micro units come back unchanged', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (n) => expect(toMicro(n / 1e6)).toBe(n === 0 ? 0 : n)),
    );
  });
  test('the mean of micro units is exact and half-even', () => {
    expect([meanMicro(5, 2), meanMicro(7, 2), meanMicro(-5, 2), meanMicro(1, 3), meanMicro(-1, 3)]).toEqual([
      2, 4, -2, 0, 0,
    ]);
  });
  test('fixed places tie to even as Python does', () => {
    expect([0.125, 0.375, 0.59, 0.595, -0.125, 0.5].map((x) => fixedHalfEven(x, 2))).toEqual([
      '0.12',
      '0.38',
      '0.59',
      '0.59',
      '-0.12',
      '0.50',
    ]);
    expect(fixedHalfEven(0.000049, 6)).toBe('0.000049');
    expect(fixedHalfEven(0.5, 0)).toBe('0');
  });
});

const scored = (composite: number, verdict = 'matches'): AggregateRow => ({
  status: 'scored',
  verdict,
  agreement_score: 1,
  final_task_score: composite,
});
const MISSING: AggregateRow = {
  status: 'missing',
  verdict: null,
  agreement_score: null,
  final_task_score: null,
};
const UNSCORED: AggregateRow = {
  status: 'unscored',
  verdict: null,
  agreement_score: null,
  final_task_score: null,
};

describe('aggregation, version 2', () => {
  test('a missing answer counts 0, an unscored task does not count', () => {
    expect(aggregateMiner([scored(1), scored(0.5), MISSING, UNSCORED], 2)).toMatchObject({
      official_family_score: 0.5,
      total_tasks: 3,
      unscored_tasks: 1,
      failed_tasks: 1,
      row_error_fraction: 0.333333,
      reliable: false,
    });
  });
  test('exactly 30 % unanswered is reliable, one more is not', () => {
    const rows = (missing: number): AggregateRow[] => [
      ...Array.from({ length: 10 - missing }, () => scored(1)),
      ...Array.from({ length: missing }, () => MISSING),
    ];
    expect(aggregateMiner(rows(3), 2).reliable).toBe(true);
    expect(aggregateMiner(rows(4), 2).reliable).toBe(false);
  });
  test('a late answer was answered; version 1 counts it as an error', () => {
    const rows = [scored(0.5, 'latency_violation')];
    expect(aggregateMiner(rows, 2)).toMatchObject({
      official_family_score: 0.5,
      reliable: true,
      failed_tasks: 0,
    });
    expect(aggregateMiner(rows, 1)).toMatchObject({
      official_family_score: 0.5,
      reliable: false,
      failed_tasks: 1,
    });
  });
  test('an error verdict earns nothing whatever score it carries', () => {
    expect(aggregateMiner([scored(1, 'error')], 2).official_family_score).toBe(0);
    expect(aggregateMiner([scored(1, 'error')], 1).official_family_score).toBe(0);
  });
  test('no task to be scored on: 0 and not reliable', () => {
    for (const rows of [[], [UNSCORED]]) {
      expect(aggregateMiner(rows, 2)).toMatchObject({
        official_family_score: 0,
        reliable: false,
        row_error_fraction: 1,
      });
    }
  });
  test('property: the order of the rows does not matter and the score lies in 0..1', () => {
    const row = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }).map((composite) => scored(composite)),
      fc.constant(MISSING),
      fc.constant(UNSCORED),
    );
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const forward = aggregateMiner(rows, 2);
        expect(aggregateMiner([...rows].reverse(), 2)).toEqual(forward);
        expect(forward.official_family_score).toBeGreaterThanOrEqual(0);
        expect(forward.official_family_score).toBeLessThanOrEqual(1);
      }),
    );
  });
  test('property: a better composite never lowers the score, a missing one never raises it', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1 }), unit, (composites, better) => {
        const official = (first: AggregateRow): number =>
          aggregateMiner([first, ...composites.slice(1).map((c) => scored(c))], 2).official_family_score;
        const now = official(scored(composites[0] ?? 0));
        expect(official(scored(Math.max(better, composites[0] ?? 0)))).toBeGreaterThanOrEqual(now);
        expect(official(MISSING)).toBeLessThanOrEqual(now);
      }),
    );
  });
});

describe('family aggregation', () => {
  const row = (miner_hotkey: string, task_id: string, part: AggregateRow): FamilyRow => ({
    miner_hotkey,
    task_id,
    ...part,
  });
  test('a task that is unscored for one miner leaves every denominator; an absent row counts 0', () => {
    const family = aggregateFamily(
      ['t1', 't2', 't3'],
      ['b', 'a'],
      [
        row('a', 't1', scored(1)),
        row('a', 't2', UNSCORED),
        row('b', 't1', scored(0.5)),
        row('b', 't2', scored(1)),
        row('b', 't3', scored(1)),
      ],
      2,
    );
    expect(family.unscored_task_ids).toEqual(['t2']);
    expect(Object.keys(family.miners)).toEqual(['a', 'b']);
    expect(family.miners.a?.official_family_score).toBe(0.5);
    expect(family.miners.b?.official_family_score).toBe(0.75);
  });
  test('version 1 leaves tasks without a row out, as the original', () => {
    expect(
      aggregateFamily(['t1', 't2'], ['a'], [row('a', 't1', scored(1))], 1).miners.a?.official_family_score,
    ).toBe(1);
  });
  test('refuses rows of strangers, of unknown tasks, and duplicates', () => {
    const run =
      (...rows: FamilyRow[]) =>
      () =>
        aggregateFamily(['t1'], ['a'], rows, 2);
    expect(run(row('x', 't1', scored(1)))).toThrow('not a member');
    expect(run(row('a', 't9', scored(1)))).toThrow('not a task');
    expect(run(row('a', 't1', scored(1)), row('a', 't1', scored(1)))).toThrow('two results');
  });
});

const candidate = (id: string, raw_score: number, extra: Partial<WinnerCandidate> = {}): WinnerCandidate => ({
  deployment_id: id,
  hotkey: `hk-${id}`,
  raw_score,
  error_fraction: 0,
  submitted_at: '2025-01-31T12:00:00',
  deployed_at: '2025-01-31T12:00:00',
  ...extra,
});
const champion = { deployment_id: 'champ', hotkey: 'hk-champ' };
const decide = (candidates: WinnerCandidate[], extra: Partial<WinnerInput> = {}) =>
  selectWinner({ candidates, previous: champion, min_score: 0, ...extra }, 2);

describe('winner, version 2', () => {
  test.each([
    [0.55, 0.6, 'champ'],
    [0.5, 0.55, 'champ'],
    [0.57, 0.62, 'champ'],
    [0.55, 0.600001, 'a'],
    [0.55, 0.6000004, 'champ'],
    [0.55, 0.6000006, 'a'],
  ])('champion %p against %p: %s', (champ, challenger, winner) => {
    const decision = decide([candidate('champ', champ), candidate('a', challenger)]);
    expect(decision.winner?.deployment_id).toBe(winner);
    expect(decision.winner_selection).toBe(
      winner === 'champ' ? 'previous_winner_retained' : 'challenger_replaced_previous',
    );
    expect(decision.dominance_threshold_met).toBe(winner === 'a');
  });
  test('first run, and a champion that is no longer in the snapshot', () => {
    expect(decide([candidate('a', 0.3)], { previous: null })).toMatchObject({
      winner: { deployment_id: 'a' },
      winner_selection: 'first_run_best_score',
    });
    expect(decide([candidate('a', 0.3)])).toMatchObject({
      winner: { deployment_id: 'a' },
      winner_selection: 'fallback_first_run_logic',
    });
  });
  test('the champion is known by its deployment: a new one of the same hotkey has no protection', () => {
    const decision = decide([candidate('new', 0.5, { hotkey: 'hk-champ' }), candidate('a', 0.51)]);
    expect(decision).toMatchObject({
      winner: { deployment_id: 'a' },
      winner_selection: 'fallback_first_run_logic',
    });
  });
  test('a member that was taken back or banned cannot win, champion or not, and the reason is kept', () => {
    const decision = decide([candidate('champ', 0.9, { excluded: 'banned: copied' }), candidate('a', 0.2)]);
    expect(decision).toMatchObject({
      winner: { deployment_id: 'a' },
      winner_selection: 'fallback_first_run_logic',
    });
    expect(decision.ranking.at(-1)).toMatchObject({ eligible: false, reasons: ['banned: copied'] });
    expect(decide([candidate('a', 0.9, { excluded: 'withdrawn' })]).winner).toBeNull();
  });
  test('minimum score and reliability come before the margin', () => {
    const unreliable = candidate('a', 0.95, { error_fraction: 0.31 });
    const decision = decide([candidate('champ', 0.5), unreliable, candidate('b', 0.56)]);
    expect(decision.winner?.deployment_id).toBe('b');
    expect(decision.ranking.at(-1)).toMatchObject({ deployment_id: 'a', eligible: false });
    expect(decision.ranking.at(-1)?.reasons).toEqual(['31.0 % of the tasks unanswered, more than 30 %']);
    // a champion that is itself out loses its protection
    expect(decide([candidate('champ', 0.5, { error_fraction: 0.5 }), candidate('b', 0.4)])).toMatchObject({
      winner: { deployment_id: 'b' },
      winner_selection: 'fallback_first_run_logic',
    });
    expect(decide([candidate('champ', 0.49), candidate('b', 0.4)], { min_score: 0.5 })).toMatchObject({
      winner: null,
      winner_selection: 'no_eligible_miner',
    });
    expect(decide([candidate('b', 0.5)], { min_score: 0.5 }).winner?.deployment_id).toBe('b');
    expect(decide([]).winner_selection).toBe('no_eligible_miner');
  });
  test('ties: submission time, deployment time, id', () => {
    const first = (...candidates: WinnerCandidate[]) =>
      decide(candidates, { previous: null }).winner?.deployment_id;
    expect(
      first(candidate('a', 0.5), candidate('b', 0.5, { submitted_at: '2025-01-31T11:59:59.999000' })),
    ).toBe('b');
    expect(first(candidate('a', 0.5), candidate('b', 0.5, { deployed_at: '2025-01-30T12:00:00' }))).toBe('b');
    expect(first(candidate('b', 0.5), candidate('a', 0.5000004))).toBe('a');
  });
  test('property: the winner does not depend on the order, is eligible, and no eligible rival beats it by more than the margin', () => {
    const member = fc.record({
      raw_score: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0.5, 0.55, 0.6)),
      error_fraction: fc.constantFrom(0, 0.3, 0.4),
      submitted_at: fc.constantFrom('2025-01-31T12:00:00', '2025-02-01T12:00:00'),
    });
    fc.assert(
      fc.property(
        fc.array(member, { minLength: 1, maxLength: 8 }),
        fc.nat(8),
        fc.constantFrom(0, 0.5),
        fc.constantFrom<1 | 2>(1, 2),
        fc.infiniteStream(fc.nat()),
        (members, previousIndex, min_score, version, noise) => {
          const candidates = members.map((m, i) => candidate(`d${i}`, m.raw_score, m));
          const input = {
            candidates,
            previous: { deployment_id: `d${previousIndex}`, hotkey: 'x' },
            min_score,
          };
          const decision = selectWinner(input, version);
          const shuffled = candidates
            .map((c) => ({ c, key: noise.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ c }) => c);
          expect(selectWinner({ ...input, candidates: shuffled }, version)).toEqual(decision);
          const eligible = decision.ranking.filter((entry) => entry.eligible);
          const won = eligible.find((entry) => entry.deployment_id === decision.winner?.deployment_id);
          expect(won === undefined).toBe(eligible.length === 0);
          for (const rival of eligible) {
            expect(rival.selection_score).toBeLessThanOrEqual(
              (won?.selection_score ?? 0) + decision.margin_threshold,
            );
          }
        },
      ),
    );
  });
  test('refuses duplicates and numbers that are none', () => {
    expect(() => decide([candidate('a', 1), candidate('a', 1)])).toThrow('listed twice');
    expect(() => decide([candidate('a', NaN)])).toThrow('not a number');
    expect(() => decide([candidate('a', 1)], { min_score: NaN })).toThrow('minimum score');
  });
});

describe('weights', () => {
  const family = (family_id: string, winner_hotkey: string | null, family_weight: number) => ({
    family_id,
    winner_hotkey,
    family_weight,
    official_family_score: 0.5,
  });
  test('one family', () => {
    expect(familyWeights({ winner: { hotkey: 'a' }, familyWeight: 1 })).toEqual({ a: 1 });
    expect(familyWeights({ winner: null, familyWeight: 1 })).toEqual({});
    expect(familyWeights({ winner: { hotkey: 'a' }, familyWeight: 0 })).toEqual({});
    expect(() => familyWeights({ winner: null, familyWeight: NaN })).toThrow('EIREL_FAMILY_WEIGHTS');
  });
  test('two families of one winner are added, the rest is burnt, weightless families are left out', () => {
    expect(
      runWeights([family('x', 'a', 0.1), family('y', 'a', 0.2), family('z', null, 0.3), family('w', 'b', 0)]),
    ).toEqual({
      weights: { a: 0.3 },
      burn: 0.7,
      family_winners: [family('x', 'a', 0.1), family('y', 'a', 0.2), family('z', null, 0.3)],
    });
    expect(runWeights([])).toEqual({ weights: {}, burn: 1, family_winners: [] });
  });
  test('more than the whole emission is refused', () => {
    expect(() => runWeights([family('x', 'a', 0.6), family('y', null, 0.6)])).toThrow('add up to 1.2');
  });
});
