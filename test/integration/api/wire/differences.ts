/** Every place where an answer is, on purpose, not what was recorded from the original. Numbers are of the decisions. */

export interface Difference {
  /** Number of the decision, or where there is none, the section that calls the original's answer a fault. */
  decision: string;
  why: string;
  /** The status here, where it is another. */
  status?: number;
  /** `detail` here, where it is another. */
  detail?: RegExp;
  /** Paths, as the comparison reports them, that may differ. */
  paths?: readonly RegExp[];
}

const BUG = 'api.md [BUG]';
const ONE_ROW = 'decision 26: one row per (miner, task), nothing is armed again';

export const DIFFERENCES: Readonly<Record<string, Difference>> = {
  'readyz-absent': { decision: 'addition', why: 'readiness is for load balancers', status: 200 },
  healthz: {
    decision: 'decision 22',
    why: 'more is checked, and the fee is told',
    paths: [/^\$\.checks/],
  },
  'auth-malformed-signature-nothex': {
    decision: BUG,
    why: 'a malformed signature is a wrong one',
    status: 401,
    detail: /^invalid signature$/,
  },
  'auth-signature-without-0x': {
    decision: BUG,
    why: 'the prefix is mandatory, its lack no fault of the server',
    status: 401,
    detail: /^invalid signature$/,
  },
  'claim-unknown-family': {
    decision: BUG,
    why: 'an unknown family is the caller’s mistake',
    status: 400,
    detail: /^unsupported family_id 'nope'; expected one of general_chat$/,
  },
  'claim-unknown-run': { decision: BUG, why: 'an unknown run is not found', status: 404, detail: /run-999/ },
  'result-unknown-miner': {
    decision: 'decision 26',
    why: 'entries for miners that were not offered are refused by name',
    status: 400,
    detail: /^rejected_not_offered: this claim did not offer 5F7X/,
  },
  'result-after-rearm': { decision: ONE_ROW, why: 'the settled lease answers as it did', status: 200 },
  'baseline-failed-absent': {
    decision: 'decision 26',
    why: 'the route exists; this lease is settled already',
    status: 409,
    detail: /^rejected_not_claimed/,
  },
  'tasks-status-rearmed': { decision: ONE_ROW, why: 'strangers are not stored', paths: [/miners: length/] },
  'tasks-status-complete': { decision: ONE_ROW, why: 'strangers are not stored', paths: [/miners: length/] },
  'claim-after-rearm': {
    decision: ONE_ROW,
    why: 'only the open task is claimed',
    paths: [/tasks: length/, /miners: length/],
  },
  'ledger-query-signed': {
    decision: 'decision 1',
    why: 'a signature over path and query is accepted as well',
    status: 200,
  },
  targets: {
    decision: 'decision 5',
    why: 'members carry no credential',
    paths: [/auth_headers: missing/, /expected_output\.task_family: new/],
  },
  'submission-not-gzip': {
    decision: BUG,
    why: 'an archive that is none is the miner’s mistake',
    status: 400,
    detail: /gzip/,
  },
  'submission-not-registered': {
    decision: 'issue 7.2',
    why: 'the issue asks for 403 with the same words',
    status: 403,
    detail: /^hotkey 5F7Xsr2pzRDfZi2a\.\.\. is not registered on the metagraph$/,
  },
  'submission-bad-manifest': {
    decision: 'api.md 4.1 row 5',
    why: 'only the prefix is comparable',
    detail: /^invalid submission manifest: /,
  },
  'submission-unknown-family': {
    decision: 'api.md 4.1 row 5',
    why: 'only the prefix is comparable',
    detail: /^invalid submission manifest: /,
  },
  'submission-direct-provider': {
    decision: 'api.md 4.1 row 5',
    why: 'only the prefix is comparable',
    detail: /^invalid submission manifest: /,
  },
  'infer-unary-no-pod': {
    decision: 'decision 7',
    why: 'says whose failure it was, beside the same detail',
    detail: /^runtime invocation failed$/,
  },
  'infer-stream-no-pod': {
    decision: 'decision 7',
    why: 'says whose failure it was, in words of its own',
    paths: [/metadata/],
  },
  'dashboard-miner-run': {
    decision: 'decision 25',
    why: 'what was asked and answered is public once the run is completed',
    paths: [
      /\.(prompt|user_turns|miner_citations|baseline_citations|judge_rationale)/,
      // The owner computes the composite, in which a gate closed (decision 10).
      /mean_agreement: became null/,
      /composite_knockout_reason: null became/,
      // Results of these two were refused, or left out.
      /tasks\[[12]\]\.\w+: became null/,
    ],
  },
  'feedback-rows': {
    decision: ONE_ROW,
    why: 'fewer results were taken; and the owner computes which gates close (decision 10)',
    paths: [/items: length/, /knockout_reasons: length/],
  },
  'dashboard-validator-costs': {
    decision: ONE_ROW,
    why: 'a claim that was given up is listed too',
    paths: [/validators: length/],
  },
  'dashboard-leaderboard': {
    decision: ONE_ROW,
    why: 'strangers are not stored',
    paths: [/entries: length/, /entries\[1\]\.(agent_name|agent_version|artifact_sha256): null became/],
  },
  'submission-scorecards': {
    decision: 'addition',
    why: 'ranks are told here too',
    paths: [/rank: null became a value/],
  },
  'admin-runs-advance-bundle-missing': {
    decision: 'decision 17',
    why: 'a run is closed by its workflow, which does not run here; nothing is left half done',
    status: 503,
  },
  'claim-after-failed-advance': {
    decision: 'decision 17',
    why: 'what went wrong with the next run does not stop this one',
    status: 200,
  },
  'admin-runs-advance': {
    decision: 'decision 17',
    why: 'without workflows here, the run before is closed by hand',
    paths: [/previous_(run_id|sequence)/],
  },
  'serving-releases': {
    decision: 'decision 31',
    why: 'secondary, not built',
    status: 404,
    detail: /^Not Found$/,
  },
  'operators-summary': {
    decision: 'decision 31',
    why: 'secondary, not built',
    status: 404,
    detail: /^Not Found$/,
  },
  'runs-current': {
    decision: 'api.md 4.4',
    why: 'there, neither bundles nor scores were in the run yet',
    paths: [/evaluation_bundle/, /family_score_summaries/, /^\$: length/],
  },
  'runs-list': {
    decision: 'api.md 4.4',
    why: 'there, neither bundles nor scores were in the run yet',
    paths: [/evaluation_bundle/, /family_score_summaries/, /^\$: length/],
  },
};

/** Fields that the original has not, wherever they are. A client of the original ignores them. */
export const ADDED_FIELDS: Readonly<Record<string, string>> = {
  '$.evidence_sha256': 'decision 25: weights and runs name their public evidence',
  '[].evidence_sha256': 'decision 25',
  '$.digest': 'decision 24: weights are signed',
  '$.signer_hotkey': 'decision 24',
  '$.signature': 'decision 24',
  '.tasks[].cached_baseline': 'decision 4: the owner’s truth comes with the claim',
  '.tasks[].expected_claims': 'decision 4',
  '.tasks[].must_not_claim': 'decision 4',
  '.tasks[].oracle_status': 'decision 4',
  '.tasks[].scoring_version': 'decision 9: formulas are pinned in the run',
  '.tasks[].fencing': 'decision 6: leases are fenced',
  '.tasks[].claim_heartbeat_url': 'decision 6',
  '.items[].factors': 'issue 6.4: feedback with the whole breakdown',
  '.items[].explanation': 'issue 6.4',
  '.items[].expected_claims': 'issue 6.4: which claim was missing',
  '.items[].missing_claims': 'issue 6.4',
  '.items[].missing_claim_count': 'issue 6.4',
  '.items[].oracle_note': 'issue 6.4',
  '.items[].redacted': 'issue 6.4: redacted while the run is open',
  '$.coldkey': 'issue 7: what the chain says of the owner’s key',
  '$.uid': 'issue 7',
  '$.validator_permit': 'issue 7',
  '$.stake_tao': 'issue 7',
  '$.missing': 'issue 7',
  '$.next_cursor': 'issue 6.4: feedback comes in pages',
  '.entries[].submission_id': 'issue 8.6: a score leads to its submission',
  '.entries[].deployment_id': 'issue 8.6',
  '.entries[].tasks_total': 'issue 8.6: a zero is told from a gap',
  '.entries[].tasks_answered': 'issue 8.6',
  '.entries[].factors': 'issue 8.6: why a score is what it is',
  '.entries[].costs': 'issue 8.6',
  '$.phase': 'what the run’s workflow does',
  '[].phase': 'what the run’s workflow does',
  '$.scoring_version': 'decision 9',
  '[].scoring_version': 'decision 9',
  '$.sampler_commitment': 'decision 16: the draw can be recomputed',
  '[].sampler_commitment': 'decision 16',
  '$.sampler_seed': 'decision 16',
  '[].sampler_seed': 'decision 16',
};
