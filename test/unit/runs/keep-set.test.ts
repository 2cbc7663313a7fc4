import fc from 'fast-check';
import { fateAfterRun, type Standing } from '../../../domain/keep-set';

const loser: Standing = {
  rank: -1,
  introduced: 'this',
  superseded: false,
  member: true,
  served: true,
};
const usual = { keeps: true, servedAny: true };

test.each<[string, Partial<Standing>, Partial<typeof usual>, string]>([
  ['the best', { rank: 0 }, {}, 'promote'],
  ['a carried one that is still among the best', { rank: 2, introduced: 'earlier' }, {}, 'promote'],
  ['one that was submitted for this run and lost', {}, {}, 'stay'],
  ['one that was carried over and lost', { introduced: 'earlier' }, {}, 'retire'],
  ['one that an earlier run let stay', { introduced: 'earlier', member: false, served: false }, {}, 'retire'],
  ['one that never had its turn', { served: false }, {}, 'put_off'],
  ['a carried one that never had its turn', { served: false, introduced: 'earlier' }, {}, 'put_off'],
  ['one of a run in which nobody had a turn', { served: false }, { keeps: false, servedAny: false }, 'leave'],
  ['one of a run that could rank nobody', {}, { keeps: false }, 'leave'],
  ['one for the next run', { introduced: 'later', member: false, served: false }, {}, 'leave'],
  ['one that was put off before this is repeated', { introduced: 'later', served: false }, {}, 'leave'],
  ['one with a newer submission, even the best', { rank: 0, superseded: true }, {}, 'retire'],
  ['one with a newer submission that was not in this run', { superseded: true, member: false }, {}, 'leave'],
])('%s', (_name, change, run, fate) => {
  expect(fateAfterRun({ ...loser, ...change }, { ...usual, ...run })).toBe(fate);
});

test('property: nobody is retired by the run that it was submitted for, unless a newer submission took its place', () => {
  const standing = fc.record<Standing>({
    rank: fc.integer({ min: -1, max: 3 }),
    introduced: fc.constantFrom('earlier' as const, 'this' as const, 'later' as const),
    superseded: fc.boolean(),
    member: fc.boolean(),
    served: fc.boolean(),
  });
  fc.assert(
    fc.property(standing, fc.boolean(), fc.boolean(), (one, keeps, servedAny) => {
      const fate = fateAfterRun(one, { keeps, servedAny });
      if (fate === 'retire') expect(one.superseded || one.introduced === 'earlier').toBe(true);
      if (fate === 'promote') expect(one.rank).toBeGreaterThanOrEqual(0);
    }),
  );
});
