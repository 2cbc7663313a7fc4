/**
 * From one entry of a result to the number that counts (decision 10): the composite is computed here, from what the
 * judge said and from the owner's own ledgers, never from what the miner or the validator claims about tools or cost.
 */
import { answerText } from '../contracts/invocation';
import { compositeScore } from '../scoring/composite';
import {
  OUTCOMES,
  type CompositeBreakdown,
  type CompositeInput,
  type LedgerCall,
  type Outcome,
  type ScoringVersion,
} from '../scoring/types';
import { recordedToolName } from '../status';
import { isObject } from './clean-json';
import { numberOrNull, type MinerEntry } from './entries';

/** The validator's number may differ from the official one by this much before the result counts as disputed. */
export const DISPUTE_TOLERANCE = 1e-6;

/** Latency budgets per turn and mode, in seconds; a mode without one has no latency factor. */
export interface LatencyBudgets {
  instant: number;
  thinking: number;
}

/** What of the task decides a score. */
export interface TaskTruth {
  mode: string;
  payload: Readonly<Record<string, unknown>>;
  mustNotClaim: readonly unknown[];
}

/** What the owner recorded under the attempt's own job id. */
export interface AttestedUse {
  calls: readonly LedgerCall[];
  /** USD of model calls; 0 when none was recorded, null when the ledger could not be read (decision 29). */
  costUsd: number | null;
}

export interface SettleOptions {
  version: ScoringVersion;
  budgets: LatencyBudgets;
  /** USD; null for the default floor of the formula. */
  costFloorUsd: number | null;
}

/** Kept beside the score when there was nothing to compute: why the official score is 0. */
export interface UnjudgedRecord {
  unjudged: true;
  reason: string;
}

/** A composite's input as it is kept: without the answer, which is kept whole beside it. */
export type StoredInput = Omit<CompositeInput, 'candidate_response'>;

/** What of an input is kept beside the miner's answer. */
export function storedInput(input: CompositeInput | UnjudgedRecord): StoredInput | UnjudgedRecord {
  if ('unjudged' in input) return input;
  const { candidate_response: _answer, ...rest } = input;
  return rest;
}

/** A kept input as the formula takes it. @param minerResponse the answer that it was made from, as it was stored */
export function fullInput(stored: StoredInput, minerResponse: unknown): CompositeInput {
  return { ...stored, candidate_response: answerText(isObject(minerResponse) ? minerResponse : {}) };
}

/** How one offered miner leaves the claim. */
export type EntryDecision =
  | {
      kind: 'scored';
      official: number;
      /** Null when the formula was not reached. */
      breakdown: CompositeBreakdown | null;
      input: CompositeInput | UnjudgedRecord;
      /** Why the score is 0 without a judgment; null when judged. */
      reason: string | null;
      disputed: boolean;
    }
  | { kind: 'returned'; reason: string };

/**
 * Decides one entry.
 *
 * A failed answer (`verdict` error, or no judge output) is a scored zero with its reason, since it is the miner's
 * (decision 7). An answer that failed through the owner (the proxy says so in `metadata.failure_class`), or whose
 * judgment was not finished because the judge was down (decision 12), goes back to the pool.
 */
export function decideEntry(
  entry: MinerEntry,
  task: TaskTruth,
  attested: AttestedUse,
  options: SettleOptions,
): EntryDecision {
  const metadata = isObject(entry.judgeOutput?.metadata) ? entry.judgeOutput.metadata : {};
  const outcome = outcomeOf(metadata.eval_outcome);
  if (entry.verdict === 'error' || outcome === null) {
    if (failureClass(entry) === 'owner') {
      return { kind: 'returned', reason: `owner-side failure: ${failureText(entry) || 'see the proxy log'}` };
    }
    const reason = unjudgedReason(entry, metadata.eval_outcome);
    return {
      kind: 'scored',
      official: 0,
      breakdown: null,
      input: { unjudged: true, reason },
      reason,
      disputed: differs(entry.finalTaskScore, 0),
    };
  }
  const grounded = entry.groundedCorrectness ?? judgedScore(metadata, 'grounded_correctness');
  const safety = entry.instructionSafety ?? judgedScore(metadata, 'instruction_safety');
  if (metadata.multi_judge_response === null && grounded === null && safety === null) {
    return { kind: 'returned', reason: 'the judge did not score the gates; judged again by another claim' };
  }
  const input: CompositeInput = {
    outcome,
    failure_mode: typeof metadata.eval_failure_mode === 'string' ? metadata.eval_failure_mode : null,
    candidate_response: answerText(entry.minerResponse),
    must_not_claim: forbiddenClaims(task),
    required_tool: requiredTool(task),
    ledger_calls: attested.calls.map((call) => ({ ...call, tool_name: recordedToolName(call.tool_name) })),
    latency_ms: Math.floor(Math.max(0, entry.maxTurnLatencySeconds ?? entry.minerLatencySeconds) * 1000),
    cost_usd: attested.costUsd,
    latency_budget_ms: latencyBudgetMs(task.mode, options.budgets),
    cost_budget_usd: null,
    cost_floor_usd: options.costFloorUsd,
    grounded_correctness_score: grounded,
    instruction_safety_score: safety,
    pairwise_preference_score:
      entry.pairwisePreferenceScore ?? numberOrNull(metadata.pairwise_preference_score),
  };
  const breakdown = compositeScore(input, options.version);
  return {
    kind: 'scored',
    official: breakdown.composite,
    breakdown,
    input,
    reason: null,
    disputed: differs(entry.finalTaskScore, breakdown.composite),
  };
}

/** The judge's word for the outcome, or null when it is absent or unknown. */
export function outcomeOf(value: unknown): Outcome | null {
  if (typeof value !== 'string') return null;
  const word = value.trim().toLowerCase();
  return OUTCOMES.find((outcome) => outcome === word) ?? null;
}

/** What an answer must not contain: the task's reconciled list, and its own floor, each once, in order. */
export function forbiddenClaims(task: TaskTruth): string[] {
  const expected = isObject(task.payload.expected_output) ? task.payload.expected_output : {};
  const floor = Array.isArray(expected.must_not_claim) ? expected.must_not_claim : [];
  const texts = [...task.mustNotClaim, ...floor].filter(
    (claim): claim is string => typeof claim === 'string',
  );
  return [...new Set(texts)];
}

/** The tool that a task demands, under the name that ledgers record it by; null for none. */
export function requiredTool(task: TaskTruth): string | null {
  const expected = isObject(task.payload.expected_output) ? task.payload.expected_output : {};
  const name = typeof expected.required_tool === 'string' ? expected.required_tool.trim() : '';
  return name === '' ? null : recordedToolName(name);
}

/** Budget of a mode in milliseconds; no mode means instant, an unknown one has no budget. */
export function latencyBudgetMs(mode: string, budgets: LatencyBudgets): number | null {
  if (mode === '' || mode === 'instant') return budgets.instant * 1000;
  return mode === 'thinking' ? budgets.thinking * 1000 : null;
}

function judgedScore(metadata: Record<string, unknown>, dimension: string): number | null {
  const multi = isObject(metadata.multi_judge_response) ? metadata.multi_judge_response : {};
  const metric = multi[dimension];
  return isObject(metric) ? numberOrNull(metric.score) : null;
}

function differs(claimed: number | null, official: number): boolean {
  return claimed !== null && Math.abs(claimed - official) > DISPUTE_TOLERANCE;
}

function responseMetadata(entry: MinerEntry): Record<string, unknown> {
  return isObject(entry.minerResponse.metadata) ? entry.minerResponse.metadata : {};
}

function failureClass(entry: MinerEntry): unknown {
  return responseMetadata(entry).failure_class;
}

function failureText(entry: MinerEntry): string {
  return typeof entry.minerResponse.error === 'string' ? entry.minerResponse.error.slice(0, 300) : '';
}

function unjudgedReason(entry: MinerEntry, given: unknown): string {
  const failure = failureText(entry);
  if (entry.verdict === 'error') return `the miner did not answer${failure ? `: ${failure}` : ''}`;
  if (entry.judgeOutput === null) return 'the result carries no judge output';
  return given == null || given === ''
    ? 'the judge output has no eval_outcome'
    : `the judge output has an unknown eval_outcome: ${String(given).slice(0, 60)}`;
}
