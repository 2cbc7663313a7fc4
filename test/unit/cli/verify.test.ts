import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { verifyRun } from '../../../cli/verify';
import { canonicalJson, EvidenceError } from '../../../domain/evidence';
import type { RunEvidence } from '../../../domain/evidence';
import { exampleEvidence, exampleWeights } from './evidence-fixture';

const owner = hotkeyFromUri('//Owner');
const miners = [hotkeyFromUri('//Best').ss58, hotkeyFromUri('//Other').ss58];
const evidence = exampleEvidence('run-4', miners);
const weights = exampleWeights(evidence, owner);
const bytes = (value: unknown): Buffer => Buffer.from(canonicalJson(value));
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const failedChecks = (result: ReturnType<typeof verifyRun>): string[] =>
  result.checks.filter(({ passed }) => !passed).map(({ name }) => name);

test('a run as published verifies, and has a winner to verify', () => {
  const result = verifyRun('run-4', bytes(evidence), { weights }, owner.ss58);
  expect(result).toMatchObject({ verified: true, evidence_sha256: weights.evidence_sha256, differences: [] });
  expect(result.recomputed).toEqual({ judgments: 8, results: 8, miners: 2, tasks: 4 });
  expect(result.checks.map(({ name }) => name)).toEqual([
    'run',
    'bytes',
    'digest',
    'weights',
    'signature',
    'arithmetic',
  ]);
  expect(weights.weights).toEqual({ [miners[0] as string]: 0.8 });
});

test('the bytes that were published count, not only what they mean', () => {
  const pretty = Buffer.from(JSON.stringify(evidence, null, 2));
  expect(failedChecks(verifyRun('run-4', pretty, { weights }))).toEqual(['bytes', 'digest', 'signature']);
  const other = copy(evidence);
  other.run.judge_model = 'another';
  expect(failedChecks(verifyRun('run-4', bytes(other), { weights }))).toEqual(['digest', 'signature']);
});

test('a score that does not follow from its facts is named, however well it is signed', () => {
  const forged: RunEvidence = copy(evidence);
  const result = forged.families[0]?.results[4];
  if (!result) throw new Error('the example has no fifth result');
  result.official_composite = 0.123;
  const signed = exampleWeights(forged, owner);
  const verification = verifyRun('run-4', bytes(forged), { weights: signed }, owner.ss58);
  expect(failedChecks(verification)).toEqual(['arithmetic']);
  expect(verification.differences[0]).toMatchObject({
    path: 'families[0].results[4].official_composite',
    published: 0.123,
  });
});

test.each<[string, Partial<typeof weights>, string | undefined, string[]]>([
  [
    'other weights than the evidence',
    { weights: { [miners[1] as string]: 1 } },
    undefined,
    ['weights', 'signature'],
  ],
  ['no digest', { evidence_sha256: null }, undefined, ['digest']],
  ['another signer than the known owner', {}, miners[0], ['signature']],
  ['a signature of someone else', { signer_hotkey: miners[0] as string }, undefined, ['signature']],
  ['no signature, with a known owner', { signature: null }, owner.ss58, ['signature']],
])('refuses %s', (_name, change, expectedOwner, failed) => {
  const result = verifyRun('run-4', bytes(evidence), { weights: { ...weights, ...change } }, expectedOwner);
  expect(failedChecks(result)).toEqual(failed);
  expect(result.verified).toBe(false);
});

test('weights that nobody signed pass when no signer is known', () => {
  expect(verifyRun('run-4', bytes(evidence), { weights: { ...weights, signature: null } }).verified).toBe(
    true,
  );
});

test('evidence of another run, another digest, or no evidence at all', () => {
  expect(failedChecks(verifyRun('run-5', bytes(evidence), {}))).toEqual(['run']);
  expect(failedChecks(verifyRun(null, bytes(evidence), { sha256: '0'.repeat(64) }))).toEqual(['digest']);
  expect(() => verifyRun('run-4', bytes({ schema: 'x' }), {})).toThrow(EvidenceError);
});
