/** What a miner is told about one judged answer (evaluation.md 5.1): the judge's words, and the official factors. */
import { fixedHalfEven } from '../scoring/decimal';
import { explainFactors } from '../scoring/explain';
import type { CompositeBreakdown } from '../scoring/types';
import { isObject } from './clean-json';

/**
 * The factors in words.
 * @param factors as they are stored, with the places (from 1) of the expected claims that the judge did not find, where
 *   it said, as `missing_claims`
 * @param oracleStatus status recorded for the task; the validator's stands in where the owner has none
 */
export function explanationOf(
  factors: CompositeBreakdown & { missing_claims?: unknown },
  oracleStatus: string | null,
): string {
  const missing = missingPlaces(factors.missing_claims);
  return [
    ...explainFactors(factors),
    ...(missing?.length ? [missingSentence(missing.length)] : []),
    costSentence(factors),
    ...(oracleStatus && ORACLE_SENTENCE[oracleStatus] ? [ORACLE_SENTENCE[oracleStatus]] : []),
  ].join(' ');
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
