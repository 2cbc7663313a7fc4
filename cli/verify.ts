/** Checks a completed run from its public evidence (decisions 24 and 25). Pure: nothing here asks anybody. */
import { verifyHotkeySignature } from '../adapters/keys/verify';
import { sha256Hex } from '../domain/evidence/canonical';
import { weightsDigest } from '../domain/evidence/weights-digest';
import {
  canonicalJson,
  digestOf,
  EvidenceError,
  parseEvidence,
  recomputeRun,
  type Difference,
} from '../domain/evidence';
import { planWeights } from '../domain/weights/plan';
import { rowFractions, type WeightRow } from '../domain/weights/u16';

export { isSs58Address } from '../adapters/keys/address';
export { EvidenceError } from '../domain/evidence';

/** What the owner serves for a run at `GET /v1/weights`. */
export interface PublishedWeights {
  run_id: string | null;
  weights: Record<string, number>;
  evidence_sha256: string | null;
  digest: string | null;
  signer_hotkey: string | null;
  signature: string | null;
}

/** The weight matrix of the subnet at one finalised block, as far as it is set. */
export interface ChainRows {
  block: number;
  /** Slot of every registered hotkey. */
  uidOf: ReadonlyMap<string, number>;
  /** Rows of validators that have set weights. */
  rows: readonly { hotkey: string; uid: number; row: WeightRow }[];
}

export interface Verification {
  run_id: string;
  /** Every check passed. */
  verified: boolean;
  evidence_sha256: string;
  checks: { name: string; passed: boolean; note: string }[];
  /** Judgments and (miner, task) results that were computed again. */
  recomputed: { judgments: number; results: number; miners: number; tasks: number };
  differences: Difference[];
}

export interface VerifyAgainst {
  weights?: PublishedWeights;
  /** Digest known from elsewhere. */
  sha256?: string;
  /** Archives that were downloaded: SHA-256 of the bytes by submission id. */
  archives?: ReadonlyMap<string, string>;
  chain?: ChainRows;
  /** Validators whose rows must be those of the run; without any, one such row on chain is enough. */
  validators?: readonly string[];
}

type Check = (name: string, passed: boolean, note: string) => void;

/** The chain stores u16 values: sum-normalised fractions are compared to this (chain.md section 4). */
const CHAIN_TOLERANCE = 1e-4;

/**
 * Computes a run again and holds it against what was published.
 * @param bytes the evidence exactly as it was served
 * @param against what to compare with: the owner's weights, a digest known from elsewhere, downloaded archives, the
 *   chain; without any, the arithmetic alone is checked
 * @param owner address that must have signed, when it is known
 * @throws EvidenceError when the document is not evidence, or nothing can be computed from it
 */
export function verifyRun(
  runId: string | null,
  bytes: Uint8Array,
  against: VerifyAgainst,
  owner?: string,
): Verification {
  const json = parseJson(bytes);
  const evidence = parseEvidence(json);
  const sha256 = sha256Hex(bytes);
  const checks: Verification['checks'] = [];
  const check: Check = (name, passed, note) => void checks.push({ name, passed, note });
  const { weights } = against;
  const differences: Difference[] = [];

  if (runId !== null) {
    check('run', evidence.run.run_id === runId, `the evidence is of ${evidence.run.run_id}`);
  }
  // Published bytes are canonical: other bytes that mean the same are not what was signed.
  const canonical = Buffer.from(canonicalJson(json)).equals(bytes);
  check('bytes', canonical, canonical ? 'canonical JSON' : 'not the canonical form of its own content');
  const expected = against.sha256 ?? weights?.evidence_sha256;
  if (expected !== undefined) {
    check(
      'digest',
      expected === sha256,
      expected === null ? 'the owner published no digest' : `sha256 ${sha256}, published ${expected}`,
    );
  }
  if (weights) {
    const same = digestOf(weights.weights) === digestOf(evidence.weights.weights);
    check(
      'weights',
      same,
      same ? 'the served weights are those of the evidence' : 'the served weights differ',
    );
    checkSignature(weights, sha256, owner, check);
  }
  if (against.archives) checkArchives(evidence.families, against.archives, check);
  const recomputed = recomputeRun(evidence).differences;
  check(
    'arithmetic',
    recomputed.length === 0,
    recomputed.length === 0 ? 'every number follows from the facts' : `${recomputed.length} values differ`,
  );
  differences.push(...recomputed);
  if (against.chain) {
    differences.push(...checkChain(evidence.weights.weights, against.chain, against.validators ?? [], check));
  }
  const results = evidence.families.flatMap((family) => family.results);
  return {
    run_id: evidence.run.run_id,
    verified: checks.every(({ passed }) => passed),
    evidence_sha256: sha256,
    checks,
    recomputed: {
      judgments: results.reduce((sum, result) => sum + result.judgments.length, 0),
      results: results.length,
      miners: evidence.families.reduce((sum, family) => sum + family.members.length, 0),
      tasks: evidence.families.reduce((sum, family) => sum + family.tasks.length, 0),
    },
    differences,
  };
}

/** Submissions of all members of a run, by its evidence. @throws EvidenceError */
export function submissionIds(bytes: Uint8Array): string[] {
  return parseEvidence(parseJson(bytes)).families.flatMap((family) =>
    family.members.map((member) => member.submission_id),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new EvidenceError('the evidence is not JSON in UTF-8');
  }
}

/** The owner signs the digest of run, evidence digest and weights. An unsigned publication passes unless a signer is known. */
function checkSignature(
  weights: PublishedWeights,
  sha256: string,
  owner: string | undefined,
  check: Check,
): void {
  const { digest, signature, signer_hotkey } = weights;
  if (digest === null || signature === null || signer_hotkey === null) {
    return check('signature', owner === undefined, 'the weights are not signed');
  }
  const signed = weightsDigest({ runId: weights.run_id, evidenceSha256: sha256, weights: weights.weights });
  if (signed !== digest)
    return check('signature', false, 'the signed digest is of other weights or other evidence');
  if (owner !== undefined && owner !== signer_hotkey) {
    return check('signature', false, `signed by ${signer_hotkey}, not by ${owner}`);
  }
  const valid = verifyHotkeySignature({ hotkey: signer_hotkey, signature, message: digest });
  check('signature', valid, valid ? `signed by ${signer_hotkey}` : `not a signature of ${signer_hotkey}`);
}

function checkArchives(
  families: readonly { members: readonly { submission_id: string; archive_sha256: string | null }[] }[],
  archives: ReadonlyMap<string, string>,
  check: Check,
): void {
  const members = families.flatMap((family) => family.members);
  const bad = members.filter((member) => archives.get(member.submission_id) !== member.archive_sha256);
  check(
    'archives',
    bad.length === 0,
    bad.length === 0
      ? `${members.length} archives are the ones that were scored`
      : `not the archives that were scored: ${bad.map((member) => member.submission_id).join(', ')}`,
  );
}

/** Every row is compared with the plan for the slots at that block, burn included. */
function checkChain(
  weights: Record<string, number>,
  chain: ChainRows,
  required: readonly string[],
  check: Check,
): Difference[] {
  const planned = rowFractions(planWeights({ weights, uidOf: chain.uidOf, burnUid: 0 }).row);
  const differences: Difference[] = [];
  const equal: string[] = [];
  for (const { hotkey, row } of chain.rows) {
    const stored = rowFractions(row);
    const off = [...new Set([...planned.keys(), ...stored.keys()])].filter(
      (uid) => Math.abs((planned.get(uid) ?? 0) - (stored.get(uid) ?? 0)) > CHAIN_TOLERANCE,
    );
    if (off.length === 0) equal.push(hotkey);
    for (const uid of off) {
      differences.push({
        path: `chain.${hotkey}.uid ${uid}`,
        published: stored.get(uid) ?? 0,
        recomputed: planned.get(uid) ?? 0,
      });
    }
  }
  const missing = required.filter((hotkey) => !equal.includes(hotkey));
  const passed = required.length > 0 ? missing.length === 0 : equal.length > 0;
  const counted = `${equal.length} of ${chain.rows.length} rows at block ${chain.block} are the run's weights`;
  check('chain', passed, missing.length > 0 ? `${counted}; not those of ${missing.join(', ')}` : counted);
  return differences;
}
