/**
 * The older weighted sum of dimensions (evaluation.md section 4.6). It is recorded beside the composite as
 * `weighted_sum_score` and ranks nobody.
 */
import type { Verdict } from './types';

export const TASK_TYPES = [
  'web_required',
  'rag_required',
  'sandbox_required',
  'memory_required',
  'no_tool',
] as const;
export type TaskType = (typeof TASK_TYPES)[number];

export const DIMENSIONS = [
  'pairwise_preference_score',
  'grounded_correctness',
  'retrieval_quality',
  'computation_correctness',
  'tool_routing',
  'instruction_safety',
  'latency_cost',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

type Weights = Partial<Record<Dimension, number>>;

const COMMON: Weights = {
  pairwise_preference_score: 0.4,
  grounded_correctness: 0.3,
  tool_routing: 0.05,
  instruction_safety: 0.05,
  latency_cost: 0.05,
};
const NO_TOOL: Weights = {
  pairwise_preference_score: 0.5,
  grounded_correctness: 0.25,
  tool_routing: 0.1,
  instruction_safety: 0.1,
  latency_cost: 0.05,
};
const DIMENSION_WEIGHTS: Readonly<Record<TaskType, Weights>> = {
  web_required: { ...COMMON, retrieval_quality: 0.15 },
  rag_required: COMMON,
  sandbox_required: { ...COMMON, computation_correctness: 0.15 },
  memory_required: COMMON,
  no_tool: NO_TOOL,
};

const CATEGORY_TYPES: Readonly<Record<string, TaskType>> = {
  live_lookup: 'web_required',
  live_synthesis: 'web_required',
  rag_required: 'rag_required',
  multi_turn_agentic_memory: 'memory_required',
  compute_or_orchestrate: 'sandbox_required',
};

/** The task type that a dataset category stands for; an unknown or empty category needs no tool. */
export function taskTypeOf(category: string): TaskType {
  return Object.hasOwn(CATEGORY_TYPES, category) ? (CATEGORY_TYPES[category] as TaskType) : 'no_tool';
}

/** Dimensions of the `multi` judge that apply to a task type (section 4.3). */
export function judgedDimensions(taskType: string): Dimension[] {
  return taskType === 'web_required'
    ? ['grounded_correctness', 'retrieval_quality', 'instruction_safety']
    : ['grounded_correctness', 'instruction_safety'];
}

export interface LegacyScore {
  dimension_scores: Partial<Record<Dimension, number>>;
  /** rescaled so that they sum to 1 */
  applied_weights: Partial<Record<Dimension, number>>;
  final_task_score: number;
  /** sorted names */
  applicable_metrics: Dimension[];
}

/**
 * Weighted sum over the dimensions that the task type has and that were measured; the remaining weights are
 * rescaled to sum 1. Not clamped. With nothing measured the score is 0.
 * @param rawScores each in 0..1, null or absent where not measured
 */
export function legacyWeightedSum(
  taskType: TaskType,
  rawScores: Partial<Record<Dimension, number | null>>,
): LegacyScore {
  const weights = DIMENSION_WEIGHTS[taskType];
  const present = DIMENSIONS.flatMap((name) => {
    const weight = weights[name];
    const score = rawScores[name];
    return weight === undefined || score == null ? [] : [{ name, weight, score }];
  });
  const total = present.reduce((sum, { weight }) => sum + weight, 0);
  const applied = present.map(({ name, weight, score }) => ({ name, weight: weight / total, score }));
  return {
    dimension_scores: Object.fromEntries(applied.map(({ name, score }) => [name, score])),
    applied_weights: Object.fromEntries(applied.map(({ name, weight }) => [name, weight])),
    final_task_score: applied.reduce((sum, { weight, score }) => sum + weight * score, 0),
    applicable_metrics: applied.map(({ name }) => name).sort(),
  };
}

export interface ToolRoutingInput {
  task_type: string;
  /** names as the miner reported them */
  tools_called: readonly string[];
  has_citations: boolean;
}

/** Did the miner say it used the kind of tool that the task calls for: 1, 0.5 (needless or unknown) or 0. */
export function toolRouting(input: ToolRoutingInput): number {
  const called = new Set(input.tools_called.map((name) => name.trim().toLowerCase()));
  switch (input.task_type) {
    case 'web_required':
      return called.has('web_search') || called.has('url_fetch') || input.has_citations ? 1 : 0;
    case 'rag_required':
      return called.has('rag.retrieve') ? 1 : 0;
    case 'sandbox_required':
      return called.has('sandbox_python') ? 1 : 0;
    case 'memory_required':
      return 1;
    case 'no_tool':
      return called.size === 0 && !input.has_citations ? 1 : 0.5;
    default:
      return 0.5;
  }
}

export interface LatencyCostInput {
  miner_latency_seconds: number;
  mode_budget_seconds?: number | null;
  proxy_cost_usd?: number | null;
  cost_budget_usd?: number | null;
}

/** The unused share of the tighter of the two budgets, 1 where there is none. */
export function latencyCost(input: LatencyCostInput): number {
  const left = [
    unused(input.miner_latency_seconds, input.mode_budget_seconds),
    unused(input.proxy_cost_usd, input.cost_budget_usd),
  ].filter((share) => share !== null);
  return left.length === 0 ? 1 : Math.min(...left);
}

function unused(used: number | null | undefined, budget: number | null | undefined): number | null {
  return used == null || budget == null || budget <= 0 ? null : Math.max(0, 1 - used / budget);
}

/** 1 when the answer contains the gold text (without case), 0 when not, null when there is no gold. */
export function computationCorrectness(gold: string | null | undefined, answer: string): number | null {
  const needle = (gold ?? '').trim().toLowerCase();
  if (needle === '') return null;
  return answer.toLowerCase().includes(needle) ? 1 : 0;
}

export interface VerdictInput {
  pairwise_preference_score: number;
  /** worst single turn, ms */
  latency_ms: number;
  latency_budget_ms?: number | null;
}

/**
 * The verdict shown for an answer that was received, with its agreement score: late answers are
 * `latency_violation` with agreement 0, the others follow the pairwise preference.
 */
export function verdictOf(input: VerdictInput): { verdict: Verdict; agreement_score: number } {
  const budget = input.latency_budget_ms ?? 0;
  if (budget > 0 && input.latency_ms > budget) return { verdict: 'latency_violation', agreement_score: 0 };
  const p = input.pairwise_preference_score;
  const verdict = p >= 0.999 ? 'matches' : p <= 0.001 ? 'contradicts' : 'partially_matches';
  return { verdict, agreement_score: p };
}
