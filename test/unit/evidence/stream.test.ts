/** Evidence taken apart and put together piece by piece is the evidence. */
import fc from 'fast-check';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { verifyRun } from '../../../cli/verify';
import {
  canonicalJson,
  evidenceFrame,
  EvidenceError,
  EvidenceScanner,
  MAX_DIFFERENCES,
  readHead,
  readResult,
} from '../../../domain/evidence';
import type { RunEvidence } from '../../../domain/evidence';
import { exampleEvidence, exampleWeights } from '../cli/evidence-fixture';

const owner = hotkeyFromUri('//Owner');
const example = exampleEvidence('run-4', [hotkeyFromUri('//Best').ss58, hotkeyFromUri('//Other').ss58]);

/** Two families, and answers that look like the structure around them. */
function awkward(answer: string): RunEvidence {
  const copy = JSON.parse(JSON.stringify(example)) as RunEvidence;
  const [family] = copy.families;
  if (!family) throw new Error('the example has a family');
  for (const result of family.results) {
    for (const { input } of result.judgments) if (input) input.candidate_response = answer;
  }
  copy.families = [{ ...family, results: [] }, family, { ...family, results: family.results.slice(0, 1) }];
  return copy;
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] as number;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function scan(pieces: readonly Uint8Array[]) {
  const found: { text: string; family: number; row: number }[] = [];
  const scanner = new EvidenceScanner((text, family, row) => void found.push({ text, family, row }));
  for (const piece of pieces) scanner.push(piece);
  return { head: scanner.end(), found };
}

const ANSWERS = [
  'plain',
  '"}],"families":[{"results":[{',
  '\\',
  '\\"',
  'ünïcödé 🙂 ]',
  '{"results":[1,2]}, [',
  '',
];

test('property: however the bytes are cut, the same results are found in their places, and the frame closes around them', () => {
  const arbitrary = fc.record({
    answer: fc.oneof(fc.constantFrom(...ANSWERS), fc.string({ unit: 'grapheme', maxLength: 30 })),
    sizes: fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ answer, sizes }) => {
      const evidence = awkward(answer);
      const text = canonicalJson(evidence);
      const { head, found } = scan(cut(Buffer.from(text), sizes));
      expect(JSON.parse(head)).toEqual({
        ...evidence,
        families: evidence.families.map((family) => ({ ...family, results: [] })),
      });
      expect(found.map(({ family, row }) => [family, row])).toEqual(
        evidence.families.flatMap(({ results }, family) => results.map((_, row) => [family, row])),
      );
      for (const { text: one, family, row } of found) {
        expect(readResult(one, family, row).value).toEqual(evidence.families[family]?.results[row]);
      }
      const frame = evidenceFrame(readHead(head).json as RunEvidence);
      const again = frame.map((piece, index) =>
        [
          piece,
          found
            .filter(({ family }) => family === index)
            .map(({ text: one }) => one)
            .join(','),
        ].join(''),
      );
      expect(again.join('')).toBe(text);
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['cut off among the results', (text: string) => text.slice(0, text.indexOf('"results":[') + 200)],
  ['a result that is no object', (text: string) => text.replace('"results":[', '"results":[1,')],
  ['an empty place among the results', (text: string) => text.replace('"results":[', '"results":[,')],
  [
    'results that are an object',
    (text: string) => text.replace(/"results":\[.*\],"rubric/s, '"results":{},"rubric'),
  ],
  ['keys in disguise', (text: string) => text.replace('"families"', '"famili\\u0065s"')],
  ['no JSON', () => 'no JSON'],
  ['nothing', () => ''],
])('refuses evidence with %s', (_name, change) => {
  expect(() => verifyRun(null, Buffer.from(change(canonicalJson(example))), {})).toThrow(EvidenceError);
});

test('verifies from a source that gives its bytes in small pieces', () => {
  const bytes = Buffer.from(canonicalJson(example));
  let opened = 0;
  const source = () => {
    opened += 1;
    return cut(bytes, [7, 64, 1]);
  };
  const result = verifyRun('run-4', source, { weights: exampleWeights(example, owner) }, owner.ss58);
  expect(result).toMatchObject({ verified: true, differences: [], differences_total: 0 });
  expect(opened).toBe(2);
});

test('of very many differences the first are kept, and all are counted', () => {
  const forged = JSON.parse(JSON.stringify(example)) as RunEvidence;
  const claims = Array.from({ length: MAX_DIFFERENCES + 500 }, (_, index) => `claim ${index}`);
  const input = forged.families[0]?.results[0]?.judgments[0]?.input;
  if (!input) throw new Error('the example has a judged answer');
  input.must_not_claim = claims;
  const result = verifyRun('run-4', Buffer.from(canonicalJson(forged)), {});
  expect(result.verified).toBe(false);
  expect(result.differences).toHaveLength(MAX_DIFFERENCES);
  expect(result.differences_total).toBeGreaterThan(MAX_DIFFERENCES + 400);
});
