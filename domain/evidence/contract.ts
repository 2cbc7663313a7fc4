/**
 * The public record of a completed run, `eirel-evidence/1` (decisions 24 and 25): every fact that the scores were
 * computed from, and every number that was computed. Whoever holds it can compute the second from the first.
 *
 * Objects are strict: a field that this version does not know is refused, never dropped, because the digest covers it.
 */
import { z } from 'zod';
import { TaskSchema } from '../contracts/dataset';
import { enrichmentRecordSchema } from '../oracle/record';
import { OUTCOMES, VERDICTS, WINNER_REASONS } from '../scoring';

export const EVIDENCE_SCHEMA = 'eirel-evidence/1';

const Hex64 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits');
const Count = z.int().min(0);
const Score = z.number().min(0).max(1);
/** Naive UTC ISO-8601, as on the wire. */
const Time = z.string().min(1);
const Version = z.union([z.literal(1), z.literal(2)]);

const RunSchema = z.strictObject({
  run_id: z.string().min(1),
  sequence: z.int().min(1),
  scoring_version: Version,
  /** `TASK_QUORUM` */
  quorum: z.int().min(1),
  started_at: Time,
  ends_at: Time,
  closed_at: Time,
  judge_model: z.string(),
  /** by task mode, null where a mode has no budget */
  latency_budgets_ms: z.strictObject({ instant: z.number().nullable(), thinking: z.number().nullable() }),
});

const PoolItemSchema = z.strictObject({
  task_id: z.string(),
  capability: z.string(),
  domain: z.string(),
  sha256: Hex64,
});

/** The whole draw: what was promised at opening, the seed, and the pool's index to repeat it on. */
const SamplerSchema = z.strictObject({
  algorithm: z.string(),
  seed: Hex64,
  commitment: Hex64,
  pool_digest: Hex64,
  pool_size: Count,
  size: Count,
  pool: z.array(PoolItemSchema),
  /** in claim order */
  task_ids: z.array(z.string()),
});

const MemberSchema = z.strictObject({
  hotkey: z.string().min(1),
  uid: z.int().nullable(),
  deployment_id: z.string().min(1),
  submission_id: z.string().min(1),
  archive_sha256: z.string().nullable(),
  submitted_at: Time,
  deployed_at: Time,
  /** why it cannot win whatever its score (withdrawn, banned); left out as a rule */
  excluded: z.string().min(1).optional(),
});

const TaskEvidenceSchema = z.strictObject({
  task_id: z.string(),
  task_index: Count,
  /** as frozen, expected output included */
  payload: TaskSchema,
  /** what the judges held the answers against */
  expected_claims: z.array(z.string()),
  /** the task's own forbidden claims and the reconciler's */
  must_not_claim: z.array(z.string()),
  oracle_status: z.string().nullable(),
  disagreement_note: z.string().nullable(),
  /** the oracles' answers and what the reconciler made of them; none for a task with a fixed answer */
  enrichment: enrichmentRecordSchema.nullish(),
});

const LedgerCallSchema = z.strictObject({ tool_name: z.string(), status: z.string() });

const CompositeInputSchema = z.strictObject({
  outcome: z.enum(OUTCOMES),
  failure_mode: z.string().nullish(),
  candidate_response: z.string(),
  must_not_claim: z.array(z.string()),
  required_tool: z.string().nullish(),
  ledger_tools: z.array(z.string()).optional(),
  ledger_calls: z.array(LedgerCallSchema).optional(),
  latency_ms: z.number(),
  cost_usd: z.number().nullable(),
  latency_budget_ms: z.number().nullish(),
  cost_budget_usd: z.number().nullish(),
  cost_floor_usd: z.number().nullish(),
  grounded_correctness_score: z.number().nullish(),
  instruction_safety_score: z.number().nullish(),
  pairwise_preference_score: z.number().nullish(),
});

const BreakdownSchema = z.strictObject({
  scoring_version: Version,
  composite: Score,
  outcome_score: z.number(),
  tool_attestation_factor: z.number(),
  efficiency_factor: z.number(),
  hallucination_knockout: z.number(),
  cost_attestation_knockout: z.number(),
  grounded_correctness_gate: z.number(),
  instruction_safety_gate: z.number(),
  safety_attestation_knockout: z.number(),
  pairwise_bonus: z.number(),
  knockout_reason: z.string().nullable(),
  knockout_reasons: z.array(z.string()),
  details: z.strictObject({
    outcome: z.enum(OUTCOMES),
    failure_mode: z.string().nullable(),
    safety_rule: z.string().nullable(),
    claim_hit: z.string().nullable(),
    missing_tool: z.string().nullable(),
    missing_tool_failed: z.boolean(),
    grounded_correctness_score: z.number().nullable(),
    instruction_safety_score: z.number().nullable(),
    pairwise_preference_score: z.number().nullable(),
    bonus_withheld: z.boolean(),
    cost_usd: z.number().nullable(),
    cost_floor_usd: z.number(),
    latency_fraction: z.number().nullable(),
    cost_fraction: z.number().nullable(),
  }),
});

/** One validator's judgment of one answer. */
const JudgmentFactsSchema = z.strictObject({
  validator_hotkey: z.string().min(1),
  /** number of the lease under which it was submitted */
  fencing: z.int().nullable(),
  job_id: z.string().nullable(),
  /** what the score is computed from; null when the miner gave no answer */
  input: CompositeInputSchema.nullable(),
  /** why there is no answer to judge */
  failure_reason: z.string().nullable(),
  /** sum over the turns, seconds */
  miner_latency_seconds: z.number().nullable(),
  judge_cost_usd: z.number().nullable(),
  guidance: z.string().nullable(),
  /** the validator's own number, kept beside the official one (decision 10) */
  validator_composite: z.number().nullable(),
});

const JudgmentSchema = JudgmentFactsSchema.extend({
  breakdown: BreakdownSchema.nullable(),
  composite: Score,
  verdict: z.enum(VERDICTS),
  agreement_score: z.number(),
  /** the validator's number differs by more than 1e-6 */
  disputed: z.boolean(),
});

const ResultFactsSchema = z.strictObject({
  miner_hotkey: z.string().min(1),
  deployment_id: z.string().min(1),
  task_id: z.string(),
  status: z.enum(['scored', 'missing', 'unscored']),
  /** why it is missing or unscored */
  reason: z.string().nullable(),
});

const ResultSchema = ResultFactsSchema.extend({
  judgments: z.array(JudgmentSchema),
  official_composite: Score.nullable(),
  verdict: z.enum(VERDICTS).nullable(),
  agreement_score: z.number().nullable(),
});

const AggregateSchema = z.strictObject({
  official_family_score: Score,
  mean_agreement: z.number(),
  rollup_final_score: z.number(),
  reliable: z.boolean(),
  completed_tasks: Count,
  failed_tasks: Count,
  total_tasks: Count,
  unscored_tasks: Count,
  row_error_fraction: Score,
  metadata_error_rate: Score,
  verdict_counts: z.strictObject({
    matches: Count,
    partially_matches: Count,
    not_applicable: Count,
    contradicts: Count,
    gate_knockout: Count,
    error: Count,
    latency_violation: Count,
  }),
});

const DeploymentRefSchema = z.strictObject({ deployment_id: z.string(), hotkey: z.string() });

const WinnerSchema = z.strictObject({
  scoring_version: Version,
  winner: DeploymentRefSchema.extend({ raw_score: z.number() }).nullable(),
  winner_selection: z.enum(WINNER_REASONS),
  margin_threshold: z.number(),
  dominance_threshold_met: z.boolean(),
  min_score: z.number(),
  best_raw_score: z.number(),
  previous: DeploymentRefSchema.nullable(),
  previous_selection_score: z.number().nullable(),
  ranking: z.array(
    z.strictObject({
      deployment_id: z.string(),
      hotkey: z.string(),
      raw_score: z.number(),
      selection_score: z.number(),
      eligible: z.boolean(),
      reasons: z.array(z.string()),
    }),
  ),
});

const FamilyFactsSchema = z.strictObject({
  family_id: z.string().min(1),
  benchmark_version: z.string(),
  rubric_version: z.string(),
  /** share of the emission, 0..1 */
  family_weight: z.number(),
  min_score: z.number(),
  /** winner of the latest earlier run that had one */
  previous_winner: DeploymentRefSchema.nullable(),
  /** null where the bundle was served whole */
  sampler: SamplerSchema.nullable(),
  members: z.array(MemberSchema),
  tasks: z.array(TaskEvidenceSchema),
});

const FamilySchema = FamilyFactsSchema.extend({
  results: z.array(ResultSchema),
  unscored_task_ids: z.array(z.string()),
  /** by hotkey */
  aggregates: z.record(z.string(), AggregateSchema),
  winner: WinnerSchema,
});

const WeightsSchema = z.strictObject({
  weights: z.record(z.string(), Score),
  family_winners: z.array(
    z.strictObject({
      family_id: z.string(),
      winner_hotkey: z.string().nullable(),
      family_weight: z.number(),
      official_family_score: z.number(),
    }),
  ),
  burn: Score,
});

export const RunEvidenceSchema = z.strictObject({
  schema: z.literal(EVIDENCE_SCHEMA),
  run: RunSchema,
  families: z.array(FamilySchema),
  weights: WeightsSchema,
});

/** What the owner recorded, before anything is computed from it. */
export const RunFactsSchema = z.strictObject({
  run: RunSchema,
  families: z.array(
    FamilyFactsSchema.extend({
      results: z.array(ResultFactsSchema.extend({ judgments: z.array(JudgmentFactsSchema) })),
    }),
  ),
});

export type RunEvidence = z.infer<typeof RunEvidenceSchema>;
export type FamilyEvidence = RunEvidence['families'][number];
export type ResultEvidence = FamilyEvidence['results'][number];
export type JudgmentEvidence = ResultEvidence['judgments'][number];
export type RunFacts = z.infer<typeof RunFactsSchema>;
export type FamilyFacts = RunFacts['families'][number];
/** What is said of a family as a whole; its results are read and written one at a time. */
export type FamilyHead = Omit<FamilyFacts, 'results'>;
export type ResultFacts = FamilyFacts['results'][number];
export type JudgmentFacts = ResultFacts['judgments'][number];

/** Evidence that is not of the promised form; the message names the fields. */
export class EvidenceError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EvidenceError';
  }
}

/**
 * Checks parsed JSON against the contract.
 * @throws EvidenceError naming up to five offending fields
 */
export function parseEvidence(json: unknown): RunEvidence {
  return parsed(RunEvidenceSchema, json, '');
}

/**
 * Checks one parsed result, as `parseEvidence` does with all of them.
 * @param path of the result, for the error. @throws EvidenceError
 */
export function parseResult(json: unknown, path: string): ResultEvidence {
  return parsed(ResultSchema, json, path);
}

function parsed<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const shown = result.error.issues.slice(0, 5).map((issue) => {
    const at = [path, ...issue.path].filter((part) => part !== '').join('.');
    return `${at || '(top)'}: ${issue.message}`;
  });
  throw new EvidenceError(`this is not ${EVIDENCE_SCHEMA} evidence: ${shown.join('; ')}`);
}
