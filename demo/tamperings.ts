/** Ways to falsify a published run, each of which `run verify` has to find. */
import { EvidenceError, verifyRun } from '../cli/verify';
import type { ChainRows, PublishedWeights, VerifyAgainst } from '../cli/verify';
import { canonicalJson } from '../domain/evidence';
import type { RunEvidence } from '../domain/evidence';

/**
 * Falsifies a published run in every way and verifies each.
 * @returns how many were tried, and those that verifying let pass
 * @throws Error when the run does not verify as it was published
 */
export function tamper(run: PublishedRun): { tried: number; missed: string[] } {
  const honest = failures(run);
  if (honest.length > 0) throw new Error(`the run as published does not verify: ${honest.join(', ')}`);
  const missed = TAMPERINGS.filter(({ apply }) => failures(apply(run)).length === 0);
  return { tried: TAMPERINGS.length, missed: missed.map(({ name }) => name) };
}

/** Names of the checks that a published run fails; `refused` when it is no evidence any more. */
export function failures({ evidence, ...against }: PublishedRun & VerifyAgainst): string[] {
  try {
    const { checks } = verifyRun(null, evidence, against, against.weights.signer_hotkey ?? undefined);
    return checks.filter((check) => !check.passed).map((check) => check.name);
  } catch (error) {
    if (error instanceof EvidenceError) return ['refused'];
    throw error;
  }
}

/** Everything that a stranger downloads of a completed run. */
export interface PublishedRun {
  evidence: Buffer;
  weights: PublishedWeights;
  /** SHA-256 of the archives by submission id. */
  archives: ReadonlyMap<string, string>;
  chain: ChainRows;
}

export interface Tampering {
  name: string;
  apply(run: PublishedRun): PublishedRun;
}

/** Changes the document and writes it canonically, as somebody would who knows the format but not the owner's key. */
const edit = (name: string, change: (evidence: RunEvidence) => void): Tampering => ({
  name,
  apply: (run) => {
    const evidence = JSON.parse(run.evidence.toString('utf8')) as RunEvidence;
    change(evidence);
    return { ...run, evidence: Buffer.from(canonicalJson(evidence)) };
  },
});

const bytes = (name: string, change: (evidence: Buffer) => Buffer): Tampering => ({
  name,
  apply: (run) => ({ ...run, evidence: change(Buffer.from(run.evidence)) }),
});

const family = (evidence: RunEvidence): RunEvidence['families'][number] => at(evidence.families, 0);
const judged = (evidence: RunEvidence) => {
  const result = family(evidence).results.find((row) => (row.judgments[0]?.input ?? null) !== null);
  if (!result) throw new Error('the run has no judged answer to tamper with');
  return { result, judgment: at(result.judgments, 0) };
};
function at<T>(list: readonly T[], index: number): T {
  const item = list.at(index);
  if (item === undefined) throw new Error('the run has nothing there to tamper with');
  return item;
}

export const TAMPERINGS: readonly Tampering[] = [
  bytes('one bit of the first half flipped', (evidence) => {
    const index = Math.floor(evidence.length / 3);
    evidence[index] = (evidence[index] as number) ^ 1;
    return evidence;
  }),
  bytes('one bit of the second half flipped', (evidence) => {
    const index = Math.floor((2 * evidence.length) / 3);
    evidence[index] = (evidence[index] as number) ^ 1;
    return evidence;
  }),
  bytes('a space inserted', (evidence) =>
    Buffer.concat([evidence.subarray(0, 1), Buffer.from(' '), evidence.subarray(1)]),
  ),
  bytes('a line break appended', (evidence) => Buffer.concat([evidence, Buffer.from('\n')])),
  bytes('the last byte cut off', (evidence) => evidence.subarray(0, -1)),
  bytes('a key given twice', (evidence) =>
    Buffer.concat([Buffer.from('{"schema":"eirel-evidence/0",'), evidence.subarray(1)]),
  ),
  edit("a judgment's composite raised", (evidence) => {
    const { judgment } = judged(evidence);
    judgment.composite = judgment.composite >= 0.5 ? judgment.composite - 0.25 : judgment.composite + 0.25;
  }),
  edit('an official composite changed', (evidence) => {
    const { result } = judged(evidence);
    result.official_composite = (result.official_composite ?? 0) >= 0.5 ? 0.1 : 0.9;
  }),
  edit('an outcome turned around', (evidence) => {
    const { input } = judged(evidence).judgment;
    if (input) input.outcome = input.outcome === 'correct' ? 'wrong' : 'correct';
  }),
  edit('a latency shortened', (evidence) => {
    const { input } = judged(evidence).judgment;
    if (input) input.latency_ms += 1;
  }),
  edit('a cost made up', (evidence) => {
    const { input } = judged(evidence).judgment;
    if (input) input.cost_usd = 0.123456;
  }),
  edit('a tool call added to the ledger', (evidence) => {
    const { input } = judged(evidence).judgment;
    if (input)
      input.ledger_calls = [...(input.ledger_calls ?? []), { tool_name: 'web_search', status: 'ok' }];
  }),
  edit('the words of an answer changed', (evidence) => {
    const { input } = judged(evidence).judgment;
    if (input) input.candidate_response += '.';
  }),
  edit('a judgment left out', (evidence) => {
    judged(evidence).result.judgments.pop();
  }),
  edit('an answer left out', (evidence) => {
    family(evidence).results.pop();
  }),
  edit('a miner left out', (evidence) => {
    family(evidence).members.pop();
  }),
  edit('a forbidden claim removed from a task', (evidence) => {
    at(family(evidence).tasks, 0).must_not_claim = ['something else'];
  }),
  edit('a prompt changed', (evidence) => {
    at(family(evidence).tasks, 0).payload.prompt += ' ';
  }),
  edit('a mean raised', (evidence) => {
    const [aggregate] = Object.values(family(evidence).aggregates);
    if (aggregate) aggregate.official_family_score = aggregate.official_family_score > 0.5 ? 0.5 : 0.75;
  }),
  edit('another winner', (evidence) => {
    const { winner, ranking } = family(evidence).winner;
    const other = ranking.find((entry) => entry.hotkey !== winner?.hotkey);
    if (winner && other) Object.assign(winner, { hotkey: other.hotkey, deployment_id: other.deployment_id });
  }),
  edit('the margin lowered', (evidence) => {
    family(evidence).winner.margin_threshold = 0.01;
  }),
  edit('the weight of the winner halved', (evidence) => {
    for (const hotkey of Object.keys(evidence.weights.weights)) evidence.weights.weights[hotkey] = 0.5;
  }),
  edit('another seed revealed', (evidence) => {
    const { sampler } = family(evidence);
    if (sampler) sampler.seed = sampler.seed.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  }),
  edit('two tasks exchanged', (evidence) => {
    const { sampler } = family(evidence);
    sampler?.task_ids.reverse();
  }),
  {
    name: 'other weights served than signed',
    apply: (run) => ({
      ...run,
      weights: {
        ...run.weights,
        weights: Object.fromEntries(Object.keys(run.weights.weights).map((hotkey) => [hotkey, 0.25])),
      },
    }),
  },
  {
    name: "the owner's signature replaced",
    apply: (run) => ({ ...run, weights: { ...run.weights, signature: `0x${'11'.repeat(64)}` } }),
  },
  {
    name: 'an archive exchanged',
    apply: (run) => {
      const [first] = run.archives.keys();
      return { ...run, archives: new Map(run.archives).set(first ?? '', '0'.repeat(64)) };
    },
  },
  {
    name: 'another row on chain',
    apply: (run) => ({
      ...run,
      chain: {
        ...run.chain,
        rows: run.chain.rows.map((entry) => ({ ...entry, row: { uids: [200], values: [65_535] } })),
      },
    }),
  },
];
