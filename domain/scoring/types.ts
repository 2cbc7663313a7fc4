/** Shapes shared by the scoring formulas. Field names follow the judge service's wire names. */

/** 1 reproduces the original formulas to 1e-9; 2 is the default for new runs (decision 9). Pinned per run. */
export type ScoringVersion = 1 | 2;

export const SCORING_VERSIONS: readonly ScoringVersion[] = [1, 2];
export const DEFAULT_SCORING_VERSION: ScoringVersion = 2;

export const OUTCOMES = ['correct', 'partial', 'wrong', 'hallucinated', 'refused', 'disputed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const VERDICTS = [
  'matches',
  'partially_matches',
  'not_applicable',
  'contradicts',
  'latency_violation',
  'error',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** One call from the tool ledger, as the tool service recorded it. */
export interface LedgerCall {
  tool_name: string;
  /** `ok` or `error` */
  status: string;
}

/** What one judgment of one answer is computed from. Milliseconds and USD. */
export interface CompositeInput {
  outcome: Outcome;
  failure_mode?: string | null;
  candidate_response: string;
  must_not_claim: readonly string[];
  required_tool?: string | null;
  /** distinct tool names from the ledger; each counts as a successful call */
  ledger_tools?: readonly string[];
  /** ledger calls with their status; use this under version 2, where failed calls do not attest */
  ledger_calls?: readonly LedgerCall[];
  /** the worst turn of a multi-turn task (decision 13) */
  latency_ms: number;
  /** sum over the turns; null when the cost could not be read, which leaves the cost out of the score (decision 29) */
  cost_usd: number | null;
  latency_budget_ms?: number | null;
  cost_budget_usd?: number | null;
  /** null or absent: `DEFAULT_COST_FLOOR_USD` */
  cost_floor_usd?: number | null;
  grounded_correctness_score?: number | null;
  instruction_safety_score?: number | null;
  pairwise_preference_score?: number | null;
}

/** What each factor was decided on, kept so that a miner can be told why. */
export interface FactorDetails {
  outcome: Outcome;
  failure_mode: string | null;
  /** denylist rule that hit the answer */
  safety_rule: string | null;
  /** the forbidden claim found in the answer, as the task words it */
  claim_hit: string | null;
  /** the tool that was required and not attested */
  missing_tool: string | null;
  /** true when the missing tool was called but every call failed */
  missing_tool_failed: boolean;
  grounded_correctness_score: number | null;
  instruction_safety_score: number | null;
  pairwise_preference_score: number | null;
  /** version 2: a pairwise win that paid nothing because the outcome scored 0 */
  bonus_withheld: boolean;
  cost_usd: number | null;
  cost_floor_usd: number;
  /** share of the budget used, null where there is no budget or no measurement */
  latency_fraction: number | null;
  cost_fraction: number | null;
}

/** The composite with every factor by name. All factors lie in 0..1 but `pairwise_bonus` (-0.10..+0.10). */
export interface CompositeBreakdown {
  scoring_version: ScoringVersion;
  composite: number;
  outcome_score: number;
  tool_attestation_factor: number;
  efficiency_factor: number;
  hallucination_knockout: number;
  cost_attestation_knockout: number;
  grounded_correctness_gate: number;
  instruction_safety_gate: number;
  safety_attestation_knockout: number;
  pairwise_bonus: number;
  /** the first entry of `knockout_reasons` */
  knockout_reason: string | null;
  knockout_reasons: string[];
  details: FactorDetails;
}
