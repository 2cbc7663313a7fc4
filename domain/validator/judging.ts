/** Requests to the judge service and what their answers amount to (evaluation.md section 4, decision 9). */
import type {
  CompositeRequestInput,
  CompositeResponse,
  EvalRequestInput,
  EvalResponse,
  MultiRequestInput,
  MultiResponse,
  PairwiseRequestInput,
  PairwiseResponse,
} from '../contracts/judge';
import { judgedDimensions, taskTypeOf, type ScoringVersion } from '../scoring';
import { recordedToolName } from '../status';
import { judgeQuestion, lastQuestion } from './conversation';
import type { JudgingTruth, TaskPayload } from './task';

export type Position = 'A' | 'B';

/** One answer to be judged. */
export interface JudgeInput {
  payload: TaskPayload;
  truth: JudgingTruth;
  /** The miner's answer text. */
  answer: string;
  /** URLs that the miner named. */
  citationUrls: string[];
}

/**
 * The positions that a miner's answer is judged in: both orders under version 2, so that a judge's liking for one place
 * cancels out; one order under version 1, by the caller's coin.
 */
export function pairwisePositions(version: ScoringVersion, coin: Position): Position[] {
  return version === 2 ? ['A', 'B'] : [coin];
}

/** `POST /v1/judge/pairwise`: the answer against the reference text, which may be empty. */
export function pairwiseRequest(input: JudgeInput, position: Position): PairwiseRequestInput {
  const { answer, truth } = input;
  return {
    bundle: {
      ...bundleBase(input),
      answers: position === 'A' ? [answer, truth.referenceText] : [truth.referenceText, answer],
    },
    ...(truth.expectedClaims[0] ? { expected_answer: truth.expectedClaims[0] } : {}),
  };
}

/** `POST /v1/judge/multi`: the dimensions that apply to the task's type. */
export function multiRequest(input: JudgeInput): MultiRequestInput {
  return {
    bundle: { ...bundleBase(input), answers: [input.answer] },
    ...(input.truth.gold ? { expected_answer: input.truth.gold } : {}),
    candidate_citations: input.citationUrls,
    applicable_metrics: judgedDimensions(taskTypeOf(input.payload.category ?? '')),
  };
}

/** What the eval judge is told where a task has neither claims nor a gold answer. */
export const NO_EXPECTED_ANSWER = '(no expected answer)';

/** `POST /v1/judge/eval`: the outcome against all claims. */
export function evalRequest(input: JudgeInput): EvalRequestInput {
  const { truth, payload } = input;
  return {
    bundle: { ...bundleBase(input), question: lastQuestion(payload), answers: [input.answer] },
    expected_answer: truth.expectedClaims.join('\n') || truth.gold || NO_EXPECTED_ANSWER,
    must_not_claim: truth.mustNotClaim,
    ...(truth.requiredTool ? { required_tool: truth.requiredTool } : {}),
    oracle_source: truth.oracleStatus === 'deterministic' ? 'deterministic' : 'three_oracle',
    ...(truth.expectedClaims.length > 0 ? { report_missing_claims: true } : {}),
  };
}

function bundleBase(input: JudgeInput) {
  const constraints = input.truth.floorMustNotClaim.join('; ');
  return { question: judgeQuestion(input.payload), ...(constraints ? { constraints } : {}) };
}

export interface PairwiseCall {
  position: Position;
  response: PairwiseResponse;
}

/**
 * The miner's preference score: 1 for a win, 0.5 for a tie, 0 for a loss, averaged over the orders.
 * @throws RangeError without any call
 */
export function pairwiseScore(calls: readonly PairwiseCall[]): number {
  if (calls.length === 0) throw new RangeError('a preference needs at least one pairwise judgement');
  const scores = calls.map(({ position, response }): number =>
    response.winner === 'tie' ? 0.5 : response.winner === position ? 1 : 0,
  );
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** True when the judge chose differently in the two orders, which tells of a liking for a place. */
export function pairwiseDisagrees(calls: readonly PairwiseCall[]): boolean {
  const sides = calls.map(({ position, response }) =>
    response.winner === 'tie' ? 'tie' : response.winner === position ? 'miner' : 'reference',
  );
  return new Set(sides).size > 1;
}

/** Everything measured or attested about one answer. Seconds and USD. */
export interface Measurement {
  /** The worst turn. */
  maxTurnSeconds: number;
  /** Over all turns; null when the owner could not tell. */
  costUsd: number | null;
  latencyBudgetSeconds: number | null;
  /** Names of the tools that attest, as of `attestingTools`. */
  ledgerTools: string[];
}

/** `POST /v1/judge/eval/composite`: latency of the worst turn in whole milliseconds, no cost budget (decision 13). */
export function compositeRequest(
  input: JudgeInput,
  measured: Measurement,
  judged: { pairwise: number; multi: MultiResponse; evaluation: EvalResponse },
  version: ScoringVersion,
): CompositeRequestInput {
  const { multi, evaluation } = judged;
  const budget = measured.latencyBudgetSeconds;
  return {
    outcome: evaluation.outcome,
    failure_mode: evaluation.failure_mode,
    candidate_response: input.answer,
    must_not_claim: input.truth.mustNotClaim,
    required_tool: input.truth.requiredTool,
    ledger_tools: measured.ledgerTools,
    latency_ms: Math.floor(measured.maxTurnSeconds * 1000),
    cost_usd: measured.costUsd,
    latency_budget_ms: budget === null ? null : budget * 1000,
    grounded_correctness_score: multi.grounded_correctness?.score ?? null,
    instruction_safety_score: multi.instruction_safety?.score ?? null,
    pairwise_preference_score: judged.pairwise,
    scoring_version: version,
  };
}

/**
 * Distinct tool names that attest a task's required tool: every recorded call under version 1, only the successful ones
 * under version 2 (decision 3).
 */
export function attestingTools(
  calls: readonly { tool_name: string; status?: string | null | undefined }[],
  version: ScoringVersion,
): string[] {
  const counted = version === 1 ? calls : calls.filter((call) => (call.status ?? 'ok') === 'ok');
  return [...new Set(counted.map((call) => recordedToolName(call.tool_name)))].sort();
}

/** Everything the judge said about one answer. */
export interface Judgement {
  pairwiseCalls: PairwiseCall[];
  multi: MultiResponse;
  evaluation: EvalResponse;
  composite: CompositeResponse;
  /** Wall time of all calls, seconds. */
  seconds: number;
}

/** What the judgement cost in USD, null when no call could tell. */
export function judgementCost(
  judgement: Pick<Judgement, 'pairwiseCalls' | 'multi' | 'evaluation'>,
): number | null {
  const costs = [
    ...judgement.pairwiseCalls.map((call) => call.response.cost_usd),
    judgement.multi.cost_usd,
    judgement.evaluation.cost_usd,
  ].filter((cost) => cost != null);
  return costs.length === 0 ? null : costs.reduce((sum, cost) => sum + cost, 0);
}
