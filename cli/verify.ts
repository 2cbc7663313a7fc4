/** Checks a completed run from its public evidence (decisions 24 and 25). Nothing here asks anybody. */
import { createHash, type Hash } from 'node:crypto';
import { checkWeightsSignature, type SignedWeights } from '../adapters/keys/weights-signature';
import {
  canonicalJson,
  digestOf,
  EvidenceScanner,
  evidenceFrame,
  readHead,
  readResult,
  RunCheck,
  type Difference,
  type EvidenceHead,
} from '../domain/evidence';
import { planWeights } from '../domain/weights/plan';
import { rowFractions, type WeightRow } from '../domain/weights/u16';

export { isSs58Address } from '../adapters/keys/address';
export { EvidenceError } from '../domain/evidence';

/** What the owner serves for a run at `GET /v1/weights`. */
export type PublishedWeights = SignedWeights;

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
  /** The first of them, at most `MAX_DIFFERENCES` of the evidence and all of the chain. */
  differences: Difference[];
  differences_total: number;
}

/** Bytes of evidence, as often as they are asked for: they are read twice, and never held all at once. */
export type EvidenceBytes = () => Iterable<Uint8Array>;

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
 * @param source the evidence exactly as it was served
 * @param against what to compare with: the owner's weights, a digest known from elsewhere, downloaded archives, the
 *   chain; without any, the arithmetic alone is checked
 * @param owner address that must have signed, when it is known
 * @throws EvidenceError when the document is not evidence, or nothing can be computed from it
 */
export function verifyRun(
  runId: string | null,
  source: Uint8Array | EvidenceBytes,
  against: VerifyAgainst,
  owner?: string,
): Verification {
  const read = source instanceof Uint8Array ? () => [source] : source;
  const { head: evidence, json, sha256 } = headOf(read);
  const again = recompute(read, evidence, json);
  const checks: Verification['checks'] = [];
  const check: Check = (name, passed, note) => void checks.push({ name, passed, note });
  const { weights } = against;

  if (runId !== null) {
    check('run', evidence.run.run_id === runId, `the evidence is of ${evidence.run.run_id}`);
  }
  // Published bytes are canonical: other bytes that mean the same are not what was signed.
  const canonical = again.canonicalSha256 === sha256;
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
  const { total } = again.differences;
  check(
    'arithmetic',
    total === 0,
    total === 0 ? 'every number follows from the facts' : `${total} values differ`,
  );
  const onChain = against.chain
    ? checkChain(evidence.weights.weights, against.chain, against.validators ?? [], check)
    : [];
  return {
    run_id: evidence.run.run_id,
    verified: checks.every(({ passed }) => passed),
    evidence_sha256: sha256,
    checks,
    recomputed: {
      judgments: again.judgments,
      results: again.results,
      miners: evidence.families.reduce((sum, family) => sum + family.members.length, 0),
      tasks: evidence.families.reduce((sum, family) => sum + family.tasks.length, 0),
    },
    differences: [...again.differences.kept, ...onChain],
    differences_total: total + onChain.length,
  };
}

/** Submissions of all members of a run, by its evidence. @throws EvidenceError */
export function submissionIds(source: EvidenceBytes): string[] {
  return headOf(source).head.families.flatMap((family) =>
    family.members.map((member) => member.submission_id),
  );
}

/** Everything but the results, and the digest of all bytes. */
function headOf(source: EvidenceBytes): { head: EvidenceHead; json: unknown; sha256: string } {
  const hash = createHash('sha256');
  const scanner = new EvidenceScanner(() => undefined);
  for (const chunk of source()) {
    hash.update(chunk);
    scanner.push(chunk);
  }
  const { value, json } = readHead(scanner.end());
  return { head: value, json, sha256: hash.digest('hex') };
}

/** Computes every result and everything else again, and what the digest of the canonical form would be. */
function recompute(source: EvidenceBytes, head: EvidenceHead, json: unknown) {
  const frame = evidenceFrame(json as EvidenceHead);
  const check = new RunCheck(head);
  const canonical = new CanonicalDigest(frame);
  let results = 0;
  let judgments = 0;
  const scanner = new EvidenceScanner((text, family, row) => {
    const result = readResult(text, family, row);
    canonical.add(family, result.json);
    check.result(family, row, result.value);
    results += 1;
    judgments += result.value.judgments.length;
  });
  for (const chunk of source()) scanner.push(chunk);
  return { differences: check.finish(), canonicalSha256: canonical.finish(), results, judgments };
}

/** SHA-256 of the canonical form of evidence whose results come one after another. */
class CanonicalDigest {
  private readonly hash: Hash = createHash('sha256');
  private family = -1;
  private first = true;

  constructor(private readonly frame: readonly string[]) {}

  add(family: number, result: unknown): void {
    this.goTo(family);
    this.hash.update(`${this.first ? '' : ','}${canonicalJson(result)}`);
    this.first = false;
  }

  finish(): string {
    this.goTo(this.frame.length - 1);
    return this.hash.digest('hex');
  }

  private goTo(family: number): void {
    while (this.family < family) {
      this.family += 1;
      this.first = true;
      this.hash.update(this.frame[this.family] ?? '');
    }
  }
}

/** The owner signs the digest of run, evidence digest and weights. An unsigned publication passes unless a signer is known. */
function checkSignature(
  weights: PublishedWeights,
  sha256: string,
  owner: string | undefined,
  check: Check,
): void {
  const signed = checkWeightsSignature({ ...weights, evidence_sha256: sha256 }, owner);
  if ('signer' in signed) return check('signature', true, `signed by ${signed.signer}`);
  const unsigned = weights.signature === null && owner === undefined;
  check('signature', unsigned, signed.problem);
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
