/** One entry of `miner_results` as validators send it, read as leniently as the original does (api.md 4.2). */
import { agreementOf } from '../scoring/aggregate';
import { VERDICTS, type Verdict } from '../scoring/types';
import { cleanJson, firstCharacters, isObject } from './clean-json';

/** An entry with every field read; scores are null when absent or unreadable, seconds and USD are 0. */
export interface MinerEntry {
  minerHotkey: string;
  verdict: Verdict;
  agreementScore: number;
  minerResponse: Record<string, unknown>;
  minerCitations: unknown[];
  judgeOutput: Record<string, unknown> | null;
  minerLatencySeconds: number;
  /** Worst single turn in seconds where the validator measured it; what the latency budget is held against. */
  maxTurnLatencySeconds: number | null;
  /** The judge's time, seconds. */
  latencySeconds: number;
  proxyCostUsd: number;
  judgeCostUsd: number;
  pairwisePreferenceScore: number | null;
  groundedCorrectness: number | null;
  retrievalQuality: number | null;
  toolRouting: number | null;
  instructionSafety: number | null;
  latencyCost: number | null;
  computationCorrectness: number | null;
  finalTaskScore: number | null;
  appliedWeights: Record<string, unknown> | null;
  applicableMetrics: unknown[] | null;
  taskType: string | null;
}

/**
 * Reads one entry. Nothing in it is refused: what cannot be read takes its default, as the original's table says.
 * @returns null for an entry without a hotkey, which is skipped
 */
export function readEntry(raw: Readonly<Record<string, unknown>>): MinerEntry | null {
  const value = cleanJson(raw) as Record<string, unknown>;
  const minerHotkey = typeof value.miner_hotkey === 'string' ? value.miner_hotkey.trim() : '';
  if (!minerHotkey) return null;
  const verdict = (VERDICTS as readonly unknown[]).includes(value.verdict)
    ? (value.verdict as Verdict)
    : 'error';
  const minerResponse = isObject(value.miner_response) ? value.miner_response : {};
  const metadata = isObject(minerResponse.metadata) ? minerResponse.metadata : {};
  return {
    minerHotkey,
    verdict,
    agreementScore: numberOrNull(value.agreement_score) ?? agreementOf(verdict),
    minerResponse,
    minerCitations: Array.isArray(value.miner_citations) ? value.miner_citations : [],
    judgeOutput: isObject(value.judge_output) ? value.judge_output : null,
    minerLatencySeconds: numberOrNull(value.miner_latency_seconds) ?? 0,
    maxTurnLatencySeconds:
      numberOrNull(value.max_turn_latency_seconds) ?? numberOrNull(metadata.max_turn_latency_seconds),
    latencySeconds: numberOrNull(value.latency_seconds) ?? 0,
    proxyCostUsd: numberOrNull(value.proxy_cost_usd) ?? 0,
    judgeCostUsd: numberOrNull(value.judge_cost_usd) ?? 0,
    pairwisePreferenceScore: numberOrNull(value.pairwise_preference_score),
    groundedCorrectness: numberOrNull(value.grounded_correctness),
    retrievalQuality: numberOrNull(value.retrieval_quality),
    toolRouting: numberOrNull(value.tool_routing),
    instructionSafety: numberOrNull(value.instruction_safety),
    latencyCost: numberOrNull(value.latency_cost),
    computationCorrectness: numberOrNull(value.computation_correctness),
    finalTaskScore: numberOrNull(value.final_task_score),
    appliedWeights: isObject(value.applied_weights) ? value.applied_weights : null,
    applicableMetrics: Array.isArray(value.applicable_metrics) ? value.applicable_metrics : null,
    taskType: typeof value.task_type === 'string' ? firstCharacters(value.task_type, 64) || null : null,
  };
}

/** The job id that a miner's answer carries, put there by the owner's proxy; '' when there is none. */
export function entryJobId(raw: Readonly<Record<string, unknown>>): string {
  const response = isObject(raw.miner_response) ? raw.miner_response : {};
  const metadata = isObject(response.metadata) ? response.metadata : {};
  return typeof metadata.job_id === 'string' ? metadata.job_id : '';
}

/** A finite number, also from text as Python's `float()` reads it; null for anything else. */
export function numberOrNull(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || value.trim() === '' || !/^[\s\d.eE+-]+$/.test(value)) return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}
