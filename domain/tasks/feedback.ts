/** What a miner is told about one judged answer (evaluation.md 5.1): the judge's words, and the official factors. */
import { GUIDANCE_MAX_CHARS } from '../contracts/judge';
import { fixedHalfEven } from '../scoring/decimal';
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
  /** Places (from 1) of the expected claims that the judge did not find; null where it did not say. */
  missingClaims: number[] | null;
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
  const missingClaims = missingPlaces(metadata.eval_missing_claims);
  const oracleStatus = taskOracleStatus ?? (text('oracle_status', 32) || null);
  return {
    outcome: text('eval_outcome', 32),
    failureMode: text('eval_failure_mode', 64) || null,
    guidance: text('eval_guidance', GUIDANCE_MAX_CHARS),
    promptExcerpt: text('eval_prompt_excerpt', PROMPT_EXCERPT_CHARS),
    responseExcerpt: text('eval_response_excerpt', RESPONSE_EXCERPT_CHARS),
    compositeScore: breakdown.composite,
    knockoutReasons: breakdown.knockout_reasons,
    factors: breakdown,
    missingClaims,
    explanation: [
      ...explainFactors(breakdown),
      ...(missingClaims?.length ? [missingSentence(missingClaims.length)] : []),
      costSentence(breakdown),
      ...(oracleStatus && ORACLE_SENTENCE[oracleStatus] ? [ORACLE_SENTENCE[oracleStatus]] : []),
    ].join(' '),
    oracleStatus,
  };
}

const ORACLE_SENTENCE: Readonly<Record<string, string>> = {
  deterministic: 'The task has a fixed answer.',
  consensus: 'The oracles agreed on the expected claims (consensus).',
  majority: 'Most oracles agreed on the expected claims (majority).',
  disputed: 'The oracles disagreed on this task (disputed).',
};

function missingSentence(count: number): string {
  return count === 1
    ? 'One expected claim was not found in the answer.'
    : `${count} expected claims were not found in the answer.`;
}

function costSentence({ details }: CompositeBreakdown): string {
  return details.cost_usd === null
    ? 'What the answer cost could not be read and was left out.'
    : `Model calls of this answer cost ${fixedHalfEven(details.cost_usd, 6)} USD.`;
}

function missingPlaces(value: unknown): number[] | null {
  if (!Array.isArray(value)) return null;
  return [...new Set(value.filter((item): item is number => Number.isInteger(item) && Number(item) >= 1))];
}

/** What stands where a claim was. */
export const WITHHELD = '[withheld]';

/** The parts of a row that can quote what answers are held against. */
export interface QuotingParts {
  guidance: string;
  explanation: string;
  knockoutReasons: string[];
  factors: Record<string, unknown>;
}

/**
 * A row as its miner may see it. While the run is open nothing tells the expected or the forbidden claims, since other
 * answers to the same task are still to be judged (decision 30); afterwards they are public, and named.
 */
export function shownFeedback(
  parts: QuotingParts,
  task: { expectedClaims: readonly string[]; mustNotClaim: readonly string[]; note: string | null },
  open: boolean,
) {
  const { missing_claims: stored, ...factors } = parts.factors;
  const missing = missingPlaces(stored);
  const counts = { missing_claim_count: missing?.length ?? null, redacted: open };
  if (!open) {
    return {
      guidance: parts.guidance,
      explanation: parts.explanation,
      knockout_reasons: parts.knockoutReasons,
      factors,
      expected_claims: [...task.expectedClaims],
      missing_claims: missing && missing.flatMap((place) => task.expectedClaims[place - 1] ?? []),
      oracle_note: task.note,
      ...counts,
    };
  }
  const secrets = [...task.expectedClaims, ...task.mustNotClaim]
    .map((text) => text.trim())
    .filter((text) => text.length >= SECRET_MIN_CHARS)
    .sort((a, b) => b.length - a.length);
  const hide = (text: string): string =>
    secrets.reduce((rest, secret) => rest.replaceAll(new RegExp(escaped(secret), 'giu'), WITHHELD), text);
  // Reasons that quote a forbidden claim are cut whole: the claim may be too short to be looked for in other text.
  const reason = (text: string): string =>
    text.startsWith('hallucinated must_not_claim:') ? `hallucinated must_not_claim: ${WITHHELD}` : hide(text);
  return {
    guidance: hide(parts.guidance),
    explanation: hide(parts.explanation.replace(/(the forbidden claim )".*?"(\.)/gs, `$1${WITHHELD}$2`)),
    knockout_reasons: parts.knockoutReasons.map(reason),
    factors: withoutClaims(factors, reason),
    expected_claims: null,
    missing_claims: null,
    oracle_note: null,
    ...counts,
  };
}

/** Shorter than this a claim is a word of the language, such as "no", and hiding it would garble every sentence. */
const SECRET_MIN_CHARS = 3;

function withoutClaims(
  factors: Record<string, unknown>,
  reason: (text: string) => string,
): Record<string, unknown> {
  const details = isObject(factors.details) ? factors.details : null;
  const text = (value: unknown): unknown => (typeof value === 'string' ? reason(value) : value);
  return {
    ...factors,
    ...('knockout_reason' in factors ? { knockout_reason: text(factors.knockout_reason) } : {}),
    ...(Array.isArray(factors.knockout_reasons)
      ? { knockout_reasons: factors.knockout_reasons.map(text) }
      : {}),
    ...(details ? { details: { ...details, claim_hit: details.claim_hit == null ? null : WITHHELD } } : {}),
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
