import { z } from 'zod';

/** Requests and responses of the judge service, eiretes (evaluation.md section 4). */

export const PAIRWISE_CATEGORIES = [
  'user_goal_satisfaction',
  'practical_usefulness',
  'completeness',
  'clarity_structure',
  'tone',
  'conciseness',
  'confidence_calibration',
] as const;
export const MULTI_METRICS = ['grounded_correctness', 'retrieval_quality', 'instruction_safety'] as const;
export const EVAL_OUTCOMES = ['correct', 'partial', 'wrong', 'hallucinated', 'refused', 'disputed'] as const;
export const FAILURE_MODES = [
  'missing_tool_use',
  'wrong_fact',
  'missing_grounding',
  'off_topic',
  'incomplete',
  'over_refusal',
  'hallucinated_claim',
] as const;
/** Longest guidance given to a miner, in characters. */
export const GUIDANCE_MAX_CHARS = 400;
/** Version of the rubric that `/healthz` announces. */
export const JUDGE_RUBRIC_VERSION = 'eval_judge_v1';

export type MultiMetric = (typeof MULTI_METRICS)[number];
export type EvalOutcome = (typeof EVAL_OUTCOMES)[number];
export type FailureMode = (typeof FAILURE_MODES)[number];

const score01 = z.number().min(0).max(1);

function bundle(answers: number) {
  return z.object({
    question: z.string(),
    attached_summary: z.string().nullish(),
    attached_full: z.string().nullish(),
    conversation_summary: z.string().nullish(),
    conversation_recent: z.array(z.record(z.string(), z.unknown())).default([]),
    constraints: z.string().nullish(),
    answers: z.array(z.string()).length(answers),
  });
}

/** What is judged, with one answer. */
export const singleBundleSchema = bundle(1);
/** What is judged, with two answers: A, then B. */
export const pairBundleSchema = bundle(2);
export type JudgeBundle = z.infer<typeof singleBundleSchema>;

/** `GET /healthz`. */
export const judgeHealthSchema = z.object({
  status: z.literal('ok'),
  judge_model: z.string(),
  rubric_version: z.string(),
});
export type JudgeHealth = z.infer<typeof judgeHealthSchema>;

/** `POST /v1/judge/pairwise`. */
export const pairwiseRequestSchema = z.object({
  bundle: pairBundleSchema,
  expected_answer: z.string().nullish(),
});
export type PairwiseRequest = z.infer<typeof pairwiseRequestSchema>;
export type PairwiseRequestInput = z.input<typeof pairwiseRequestSchema>;

const categoryScore = z.int().min(0).max(5);
const categoryPairSchema = z.object({ A: categoryScore, B: categoryScore });
export const categoryScoresSchema = z.partialRecord(z.enum(PAIRWISE_CATEGORIES), categoryPairSchema);
export type CategoryScores = z.infer<typeof categoryScoresSchema>;

/** Which answer the user would prefer; `cost_usd` is what the judgement cost, null when not known. */
export const pairwiseResponseSchema = z.object({
  winner: z.enum(['A', 'B', 'tie']),
  confidence: score01.default(0.5),
  reason: z.string(),
  category_scores: categoryScoresSchema.nullish(),
  cost_usd: z.number().min(0).nullish(),
});
export type PairwiseResponse = z.infer<typeof pairwiseResponseSchema>;

/** `POST /v1/judge/multi`; metrics that are not known are ignored. */
export const multiRequestSchema = z.object({
  bundle: singleBundleSchema,
  expected_answer: z.string().nullish(),
  candidate_citations: z.array(z.string()).default([]),
  applicable_metrics: z.array(z.string()).default([]),
});
export type MultiRequest = z.infer<typeof multiRequestSchema>;
export type MultiRequestInput = z.input<typeof multiRequestSchema>;

export const metricScoreSchema = z.object({ score: score01, rationale: z.string() });
export type MetricScore = z.infer<typeof metricScoreSchema>;

/** One score per dimension; null for one that was not asked for, or that the judge left out. */
export const multiResponseSchema = z.object({
  grounded_correctness: metricScoreSchema.nullable(),
  retrieval_quality: metricScoreSchema.nullable(),
  instruction_safety: metricScoreSchema.nullable(),
  cost_usd: z.number().min(0).nullish(),
});
export type MultiResponse = z.infer<typeof multiResponseSchema>;

/** `POST /v1/judge/eval`. */
export const evalRequestSchema = z.object({
  bundle: singleBundleSchema,
  expected_answer: z.string().min(1),
  must_not_claim: z.array(z.string()).default([]),
  required_tool: z.string().max(64).nullish(),
  oracle_source: z.enum(['deterministic', 'three_oracle']),
  /** beyond the original: tell also which lines of `expected_answer` the answer lacks */
  report_missing_claims: z.boolean().default(false),
});
export type EvalRequest = z.infer<typeof evalRequestSchema>;
export type EvalRequestInput = z.input<typeof evalRequestSchema>;

export const evalResponseSchema = z.object({
  outcome: z.enum(EVAL_OUTCOMES),
  failure_mode: z.enum(FAILURE_MODES).nullable(),
  guidance: z.string().max(GUIDANCE_MAX_CHARS),
  /** numbers, from 1, of lines of `expected_answer`; only where they were asked for */
  missing_claims: z.array(z.int().min(1)).optional(),
  cost_usd: z.number().min(0).nullish(),
});
export type EvalResponse = z.infer<typeof evalResponseSchema>;

/**
 * `POST /v1/judge/eval/composite`: latencies in milliseconds, money in USD, scores 0..1. A cost that is not known is
 * null and is not held against the miner (decisions.md row 29). `scoring_version` picks the formula; without it version 1, the original's.
 */
export const compositeRequestSchema = z.object({
  outcome: z.enum(EVAL_OUTCOMES),
  failure_mode: z.string().nullish(),
  candidate_response: z.string(),
  must_not_claim: z.array(z.string()).default([]),
  required_tool: z.string().nullish(),
  ledger_tools: z.array(z.string()).default([]),
  latency_ms: z.number().min(0),
  cost_usd: z.number().min(0).nullable(),
  latency_budget_ms: z.number().nullish(),
  cost_budget_usd: z.number().nullish(),
  cost_floor_usd: z.number().nullish(),
  grounded_correctness_score: score01.nullish(),
  instruction_safety_score: score01.nullish(),
  pairwise_preference_score: score01.nullish(),
  scoring_version: z.union([z.literal(1), z.literal(2)]).default(1),
});
export type CompositeRequest = z.infer<typeof compositeRequestSchema>;
export type CompositeRequestInput = z.input<typeof compositeRequestSchema>;

export const compositeResponseSchema = z.object({
  composite: score01,
  outcome_score: score01,
  tool_attestation_factor: score01,
  efficiency_factor: score01,
  hallucination_knockout: score01,
  cost_attestation_knockout: score01,
  grounded_correctness_gate: score01,
  instruction_safety_gate: score01,
  safety_attestation_knockout: score01,
  pairwise_bonus: z.number(),
  knockout_reason: z.string().nullable(),
});
export type CompositeResponse = z.infer<typeof compositeResponseSchema>;
