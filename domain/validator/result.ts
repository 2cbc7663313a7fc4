/** The body of a result submission (evaluation.md 2.6, decision 26). */
import {
  computationCorrectness,
  latencyCost,
  legacyWeightedSum,
  taskTypeOf,
  toolRouting,
  verdictOf,
  type Verdict,
} from '../scoring';
import { toolNameOf, type Source, type TurnResponse } from './answer';
import { judgementCost, pairwiseScore, type Judgement, type Measurement } from './judging';
import type { ClaimedTask, JudgingTruth } from './task';

/** One turn that was asked, kept as evidence. */
export interface TurnEvidence {
  turn_id: string;
  status: string;
  latency_seconds: number;
  /** null when the owner could not tell. */
  proxy_cost_usd: number | null;
  answer: string;
}

/** A miner's response to the whole task: the last turn's, with every turn beside it. */
export interface MinerResponse extends TurnResponse {
  task_id: string;
  family_id: string;
  turns: TurnEvidence[];
}

/** What was measured while a miner was asked. Seconds and USD. */
export interface Timing {
  /** Sum over the turns. */
  totalSeconds: number;
  /** The worst turn. */
  maxTurnSeconds: number;
  costUsd: number | null;
}

/** One entry of `miner_results`. */
export interface MinerResult {
  miner_hotkey: string;
  miner_response: Record<string, unknown>;
  miner_citations: Source[];
  judge_output: Record<string, unknown> | null;
  verdict: Verdict;
  agreement_score: number;
  /** Sum over the turns. */
  miner_latency_seconds: number;
  max_turn_latency_seconds: number;
  /** Wall time of judging. */
  latency_seconds: number;
  proxy_cost_usd: number | null;
  judge_cost_usd: number | null;
  [field: string]: unknown;
}

/** Entry of a miner that failed: a zero with its reason, and no judgement. */
export function failedResult(
  hotkey: string,
  reason: string,
  timing: Timing,
  response: MinerResponse | null,
  context: { taskId: string; familyId: string; category: string; oracleStatus: string },
): MinerResult {
  return {
    miner_hotkey: hotkey,
    miner_response: {
      task_id: context.taskId,
      family_id: context.familyId,
      output: {},
      citations: [],
      metadata: {},
      ...response,
      status: 'failed',
      error: reason,
    },
    miner_citations: [],
    judge_output: null,
    verdict: 'error',
    agreement_score: 0,
    failure_reason: reason,
    miner_latency_seconds: timing.totalSeconds,
    max_turn_latency_seconds: timing.maxTurnSeconds,
    latency_seconds: 0,
    proxy_cost_usd: timing.costUsd,
    judge_cost_usd: 0,
    task_type: taskTypeOf(context.category),
    oracle_status: context.oracleStatus,
  };
}

export interface JudgedMiner {
  hotkey: string;
  response: MinerResponse;
  citations: Source[];
  answer: string;
  timing: Timing;
  measured: Measurement;
  judgement: Judgement;
}

/** Entry of a miner that was judged. Its `final_task_score` is the composite; the owner recomputes it (decision 10). */
export function judgedResult(task: ClaimedTask, truth: JudgingTruth, miner: JudgedMiner): MinerResult {
  const { judgement, measured, timing, response } = miner;
  const { multi, evaluation, composite } = judgement;
  const preference = pairwiseScore(judgement.pairwiseCalls);
  const taskType = taskTypeOf(task.task_payload.category ?? '');
  const budget = measured.latencyBudgetSeconds;
  const { verdict, agreement_score: agreement } = verdictOf({
    pairwise_preference_score: preference,
    latency_ms: timing.maxTurnSeconds * 1000,
    latency_budget_ms: budget === null ? null : budget * 1000,
  });
  const dimensions = {
    pairwise_preference_score: preference,
    grounded_correctness: multi.grounded_correctness?.score ?? null,
    retrieval_quality: multi.retrieval_quality?.score ?? null,
    tool_routing: toolRouting({
      task_type: taskType,
      tools_called: response.tool_calls.map(toolNameOf).filter(Boolean),
      has_citations: miner.citations.length > 0,
    }),
    instruction_safety: multi.instruction_safety?.score ?? null,
    latency_cost: latencyCost({ miner_latency_seconds: timing.totalSeconds, mode_budget_seconds: budget }),
    computation_correctness: computationCorrectness(truth.gold, miner.answer),
  };
  const legacy = legacyWeightedSum(taskType, dimensions);
  const judgeOutput = {
    verdict,
    agreement_score: agreement,
    rationale: judgement.pairwiseCalls.map((call) => call.response.reason).join(' | '),
    swap_applied: true,
    model: 'eiretes_pairwise_judge',
    rubric_name: 'pairwise_v1',
    metadata: {
      pairwise_preference_score: preference,
      ...pairwiseMetadata(judgement, preference),
      task_type: taskType,
      multi_judge_response: multi,
      weighted_sum_score: legacy.final_task_score,
      final_task_score: composite.composite,
      applied_weights: legacy.applied_weights,
      applicable_metrics: legacy.applicable_metrics,
      eval_outcome: evaluation.outcome,
      eval_failure_mode: evaluation.failure_mode,
      eval_guidance: evaluation.guidance,
      eval_missing_claims: evaluation.missing_claims ?? null,
      eval_prompt_excerpt: excerpt(task.task_payload.turns?.at(-1)?.user ?? task.task_payload.prompt, 200),
      eval_response_excerpt: excerpt(miner.answer, 500),
      eval_knockout_reasons: composite.knockout_reason ? [composite.knockout_reason] : [],
      composite_score: composite.composite,
      composite_knockout_reason: composite.knockout_reason,
      oracle_status: truth.oracleStatus,
      oracle_disagreement_note: truth.disagreementNote,
      vendor_status: {},
      vendor_citations: {},
      ledger_tools: measured.ledgerTools,
    },
  };
  return {
    miner_hotkey: miner.hotkey,
    miner_response: { ...response },
    miner_citations: miner.citations,
    judge_output: judgeOutput,
    verdict,
    agreement_score: agreement,
    miner_latency_seconds: timing.totalSeconds,
    max_turn_latency_seconds: timing.maxTurnSeconds,
    latency_seconds: judgement.seconds,
    proxy_cost_usd: timing.costUsd,
    judge_cost_usd: judgementCost(judgement),
    task_type: taskType,
    ...dimensions,
    final_task_score: composite.composite,
    applied_weights: legacy.applied_weights,
    applicable_metrics: legacy.applicable_metrics,
    composite_score: composite.composite,
    eval_outcome: evaluation.outcome,
    eval_failure_mode: evaluation.failure_mode,
    eval_guidance: evaluation.guidance,
    oracle_status: truth.oracleStatus,
  };
}

function pairwiseMetadata(judgement: Judgement, preference: number): Record<string, unknown> {
  const calls = judgement.pairwiseCalls;
  const [first] = calls;
  const single = calls.length === 1 && first;
  return {
    miner_position: single ? first.position : 'both',
    winner: single
      ? first.response.winner
      : preference > 0.5
        ? 'miner'
        : preference < 0.5
          ? 'reference'
          : 'tie',
    confidence: calls.reduce((sum, call) => sum + call.response.confidence, 0) / calls.length,
    reason: calls.map((call) => call.response.reason).join(' | '),
    category_scores: first?.response.category_scores ?? null,
    pairwise_calls: calls.map(({ position, response }) => ({
      miner_position: position,
      winner: response.winner,
      confidence: response.confidence,
      reason: response.reason,
    })),
  };
}

/** The first `max` characters, never half of one. */
function excerpt(text: string, max: number): string {
  return [...text].slice(0, max).join('');
}

/** A miner that is left out, and why; its row goes back to the pool. */
export interface ReleasedMiner {
  miner_hotkey: string;
  reason: string;
}

/** Body of `POST .../task-evaluations/{id}/result`. */
export interface ResultBody {
  baseline_response: Record<string, unknown>;
  miner_results: MinerResult[];
  released_miners: ReleasedMiner[];
  validator_hotkey: string;
  judge_model: string;
  oracle_cost_usd: number;
  fencing?: number;
}

/** Puts a task's result together; every miner that was offered is in exactly one of the two lists. */
export function resultBody(input: {
  task: ClaimedTask;
  truth: JudgingTruth;
  results: MinerResult[];
  released: ReleasedMiner[];
  validatorHotkey: string;
  judgeModel: string;
  /** What this validator paid for oracles; 0 where the owner asks them. */
  oracleCostUsd?: number;
}): ResultBody {
  const { task, truth } = input;
  return {
    baseline_response: baselineResponse(task, truth),
    miner_results: input.results,
    released_miners: input.released,
    validator_hotkey: input.validatorHotkey,
    judge_model: input.judgeModel,
    oracle_cost_usd: input.oracleCostUsd ?? 0,
    ...(task.fencing == null ? {} : { fencing: task.fencing }),
  };
}

function baselineResponse(task: ClaimedTask, truth: JudgingTruth): Record<string, unknown> {
  return {
    response_text: truth.referenceText,
    citations: truth.referenceCitations,
    cost_usd: 0,
    latency_seconds: 0,
    source_vendor: truth.referenceSource,
    _reconciled: task.cached_baseline?._reconciled ?? {
      expected_claims: truth.expectedClaims,
      must_not_claim: truth.mustNotClaim,
      oracle_status: truth.oracleStatus,
      disagreement_note: truth.disagreementNote,
    },
  };
}
