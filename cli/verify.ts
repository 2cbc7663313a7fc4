/** Checks a completed run from its public evidence (decisions 24 and 25). Pure: nothing here asks anybody. */
import { verifyHotkeySignature } from '../adapters/keys/verify';
import { weightsDigest } from '../domain/evidence/weights-digest';
import { digestOf, evidenceDigest, parseEvidence, recomputeRun, type Difference } from '../domain/evidence';

export { isSs58Address } from '../adapters/keys/address';
export { canonicalJson, EvidenceError } from '../domain/evidence';

/** What the owner serves for a run at `GET /v1/weights`. */
export interface PublishedWeights {
  run_id: string | null;
  weights: Record<string, number>;
  evidence_sha256: string | null;
  digest: string | null;
  signer_hotkey: string | null;
  signature: string | null;
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

/**
 * Computes a run again and holds it against what was published.
 * @param json the evidence, parsed
 * @param against what to compare with: the owner's weights, or a digest known from elsewhere; neither checks the
 *   arithmetic alone
 * @param owner address that must have signed, when it is known
 * @throws EvidenceError when the document is not evidence, or nothing can be computed from it
 */
export function verifyRun(
  runId: string | null,
  json: unknown,
  against: { weights?: PublishedWeights; sha256?: string },
  owner?: string,
): Verification {
  const evidence = parseEvidence(json);
  const sha256 = evidenceDigest(json);
  const checks: Verification['checks'] = [];
  const check = (name: string, passed: boolean, note: string): void =>
    void checks.push({ name, passed, note });
  if (runId !== null) {
    check('run', evidence.run.run_id === runId, `the evidence is of ${evidence.run.run_id}`);
  }
  const { weights } = against;
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
  const { differences } = recomputeRun(evidence);
  const results = evidence.families.flatMap((family) => family.results);
  check(
    'arithmetic',
    differences.length === 0,
    differences.length === 0 ? 'every number follows from the facts' : `${differences.length} values differ`,
  );
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

/** The owner signs the digest of run, evidence digest and weights. An unsigned publication passes unless a signer is known. */
function checkSignature(
  weights: PublishedWeights,
  sha256: string,
  owner: string | undefined,
  check: (name: string, passed: boolean, note: string) => void,
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
