/** What a stranger can download of a completed run, falsified in every way that we could think of. */
import fc from 'fast-check';
import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import { failures as found, TAMPERINGS, tamper, type PublishedRun } from '../../../demo/tamperings';
import { canonicalJson } from '../../../domain/evidence';
import { planWeights } from '../../../domain/weights/plan';
import { exampleEvidence, exampleWeights } from '../cli/evidence-fixture';

const key = (byte: number) => hotkeyFromSeed(new Uint8Array(32).fill(byte));
const owner = key(7);
const miners = [key(1).ss58, key(2).ss58];
const validators = [key(3).ss58, key(4).ss58];
const document = exampleEvidence('run-4', miners);
for (const [index, member] of (document.families[0]?.members ?? []).entries()) {
  member.archive_sha256 = 'ab'.charAt(index).repeat(64);
}
const uidOf = new Map([...miners, ...validators].map((hotkey, index) => [hotkey, index + 1]));
const weights = exampleWeights(document, owner);
const { row } = planWeights({ weights: weights.weights, uidOf, burnUid: 0 });

const published: PublishedRun = {
  evidence: Buffer.from(canonicalJson(document)),
  weights,
  archives: new Map(
    document.families.flatMap((family) =>
      family.members.map((member) => [member.submission_id, member.archive_sha256 ?? '']),
    ),
  ),
  chain: {
    block: 1000,
    uidOf,
    rows: validators.map((hotkey) => ({ hotkey, uid: uidOf.get(hotkey) ?? -1, row })),
  },
};

test('the run as published verifies', () => {
  expect(found(published)).toEqual([]);
  expect(tamper(published)).toEqual({ tried: TAMPERINGS.length, missed: [] });
});

test.each(TAMPERINGS)('found: $name', ({ apply }) => {
  const forged = apply(published);
  expect(forged).not.toEqual(published);
  expect(found(forged)).not.toEqual([]);
});

test('property: a flipped bit, a byte put in or one taken out is found, wherever it is', () => {
  const size = published.evidence.length;
  const change = fc.record({
    kind: fc.constantFrom('flip', 'insert', 'delete'),
    index: fc.nat(size - 1),
    bit: fc.nat(7),
    byte: fc.nat(255),
  });
  fc.assert(
    fc.property(change, ({ kind, index, bit, byte }) => {
      const { evidence } = published;
      const before = evidence.subarray(0, index);
      const rest = evidence.subarray(index);
      const forged =
        kind === 'flip'
          ? Buffer.concat([before, Buffer.from([(rest[0] as number) ^ (1 << bit)]), rest.subarray(1)])
          : kind === 'insert'
            ? Buffer.concat([before, Buffer.from([byte]), rest])
            : Buffer.concat([before, rest.subarray(1)]);
      return found({ ...published, evidence: forged }).length > 0;
    }),
    { numRuns: 300 },
  );
});

test('the chain: one row of the run is enough, unless validators are named; burn and unknown hotkeys count', () => {
  const [first, second] = published.chain.rows;
  if (!first || !second) throw new Error('the fixture has two rows');
  const other = { ...second, row: { uids: [0], values: [65_535] } };
  const chain = { ...published.chain, rows: [first, other] };
  expect(found({ ...published, chain })).toEqual([]);
  const named = { ...published, chain, validators: [other.hotkey] };
  expect(found(named)).toEqual(['chain']);
  expect(found({ ...published, chain: { ...chain, rows: [] } })).toEqual(['chain']);
  // The winner lost its slot: all is burnt now, so the row of the run's day is not the plan any more.
  const gone = new Map([...uidOf].filter(([hotkey]) => hotkey !== miners[0]));
  expect(found({ ...published, chain: { ...chain, uidOf: gone, rows: [first] } })).toEqual(['chain']);
});
