/** What a miner is told about one judged answer (evaluation.md 5.1): the judge's words, and the official factors. */
import { GUIDANCE_MAX_CHARS } from '../contracts/judge';
import { explainFactors } from '../scoring/explain';
import type { CompositeBreakdown } from '../scoring/types';
import { firstCharacters, isObject } from './clean-json';

export const PROMPT_EXCERPT_CHARS = 200;
export const RESPONSE_EXCERPT_CHARS = 500;

/** One `eval_feedback` row without its key. `compositeScore` is the official number, 0..1. */
export interface FeedbackContent {
  outcome: string;
  failureMode: string | null;
  guidance: string;
  promptExcerpt: string;
  responseExcerpt: string;
  compositeScore: number;
  knockoutReasons: string[];
  factors: CompositeBreakdown;
  explanation: string;
  oracleStatus: string | null;
}

/**
 * Builds the feedback of one judgment.
 * @param taskOracleStatus status recorded for the task; the validator's stands in where the owner has none
 * @returns null where the judge gave no outcome, or no breakdown exists: errors have no feedback row
 */
export function feedbackOf(
  judgeOutput: Readonly<Record<string, unknown>> | null,
  breakdown: CompositeBreakdown | null,
  taskOracleStatus: string | null,
): FeedbackContent | null {
  const metadata = isObject(judgeOutput?.metadata) ? judgeOutput.metadata : {};
  if (breakdown === null || !metadata.eval_outcome) return null;
  const text = (key: string, max: number): string => {
    const value = metadata[key];
    return typeof value === 'string' ? firstCharacters(value, max) : '';
  };
  return {
    outcome: text('eval_outcome', 32),
    failureMode: text('eval_failure_mode', 64) || null,
    guidance: text('eval_guidance', GUIDANCE_MAX_CHARS),
    promptExcerpt: text('eval_prompt_excerpt', PROMPT_EXCERPT_CHARS),
    responseExcerpt: text('eval_response_excerpt', RESPONSE_EXCERPT_CHARS),
    compositeScore: breakdown.composite,
    knockoutReasons: breakdown.knockout_reasons,
    factors: breakdown,
    explanation: explainFactors(breakdown).join(' '),
    oracleStatus: taskOracleStatus ?? (text('oracle_status', 32) || null),
  };
}
