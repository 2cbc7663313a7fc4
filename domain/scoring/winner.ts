/** The family winner: winner takes all, with a margin that protects the champion (evaluation.md 5.6, decision 11). */
import { MAX_ERROR_FRACTION } from './aggregate';
import { fixedHalfEven, fromMicro, toMicro } from './decimal';
import type { ScoringVersion } from './types';

/** How much better a challenger must be, on the 0..1 scale. */
export const WINNER_MARGIN = 0.05;

export const WINNER_REASONS = [
  'first_run_best_score',
  'fallback_first_run_logic',
  'challenger_replaced_previous',
  'previous_winner_retained',
  'no_eligible_miner',
] as const;
export type WinnerReason = (typeof WINNER_REASONS)[number];

/** A snapshot member with its official score. Times are naive UTC ISO-8601 of one form, compared as text. */
export interface WinnerCandidate {
  deployment_id: string;
  hotkey: string;
  /** official family score, 0..1 */
  raw_score: number;
  /** share of the tasks left unanswered, 0..1 */
  error_fraction: number;
  submitted_at: string;
  deployed_at: string;
  /** why it cannot win whatever its score, in words */
  excluded?: string;
}

export interface WinnerInput {
  candidates: readonly WinnerCandidate[];
  /** winner of the latest earlier run that had one; null in the first run */
  previous: { deployment_id: string; hotkey: string } | null;
  /** family minimum score, 0..1; a score equal to it qualifies */
  min_score: number;
}

export interface RankedCandidate {
  deployment_id: string;
  hotkey: string;
  raw_score: number;
  /** version 1: score x 100 as a float; version 2: whole units of 1e-6 */
  selection_score: number;
  eligible: boolean;
  /** why not eligible, in words */
  reasons: string[];
}

export interface WinnerDecision {
  scoring_version: ScoringVersion;
  winner: { deployment_id: string; hotkey: string; raw_score: number } | null;
  winner_selection: WinnerReason;
  /** in the unit of `selection_score` */
  margin_threshold: number;
  /** true when a challenger beat the champion by the margin */
  dominance_threshold_met: boolean;
  min_score: number;
  best_raw_score: number;
  previous: { deployment_id: string; hotkey: string } | null;
  previous_selection_score: number | null;
  /** best first; ineligible ones last */
  ranking: RankedCandidate[];
}

/**
 * Chooses the winner. Members that are excluded, below the minimum score or above 30 % unanswered tasks are out first;
 * then the best of the rest wins, unless the previous winner's deployment is among them and nobody beats it by the
 * margin.
 *
 * Version 1 compares floats (score x 100, at least champion + 5.0). Version 2 rounds scores half-even to 6 places and
 * compares whole units of 1e-6: a challenger must be strictly above champion + 0.05.
 * Ties are broken by submission time, deployment time, deployment id; the order of `candidates` does not matter.
 * @throws RangeError when a deployment is listed twice or a number is not one
 */
export function selectWinner(input: WinnerInput, version: ScoringVersion): WinnerDecision {
  refuseBadInput(input);
  const ranking = input.candidates
    .map((candidate) => ({ candidate, ranked: rank(candidate, input.min_score, version) }))
    .sort((a, b) => compareRanked(a.ranked, b.ranked) || compareAge(a.candidate, b.candidate))
    .map(({ ranked }) => ranked);
  const eligible = ranking.filter((entry) => entry.eligible);
  const incumbent = eligible.find((entry) => entry.deployment_id === input.previous?.deployment_id) ?? null;
  const { chosen, reason } = choose(eligible, incumbent, input.previous !== null, version);
  return {
    scoring_version: version,
    winner: chosen && {
      deployment_id: chosen.deployment_id,
      hotkey: chosen.hotkey,
      raw_score: version === 2 ? fromMicro(chosen.selection_score) : chosen.raw_score,
    },
    winner_selection: reason,
    margin_threshold: marginOf(version),
    dominance_threshold_met: reason === 'challenger_replaced_previous',
    min_score: input.min_score,
    best_raw_score: ranking.reduce((best, entry) => Math.max(best, entry.raw_score), 0),
    previous: input.previous && {
      deployment_id: input.previous.deployment_id,
      hotkey: input.previous.hotkey,
    },
    previous_selection_score: incumbent?.selection_score ?? null,
    ranking,
  };
}

function choose(
  eligible: readonly RankedCandidate[],
  incumbent: RankedCandidate | null,
  hadPrevious: boolean,
  version: ScoringVersion,
): { chosen: RankedCandidate | null; reason: WinnerReason } {
  const top = eligible[0];
  if (!top) return { chosen: null, reason: 'no_eligible_miner' };
  if (!incumbent)
    return { chosen: top, reason: hadPrevious ? 'fallback_first_run_logic' : 'first_run_best_score' };
  const bar = incumbent.selection_score + marginOf(version);
  const challenger = eligible.find(
    (entry) =>
      entry !== incumbent && (version === 1 ? entry.selection_score >= bar : entry.selection_score > bar),
  );
  return challenger
    ? { chosen: challenger, reason: 'challenger_replaced_previous' }
    : { chosen: incumbent, reason: 'previous_winner_retained' };
}

function marginOf(version: ScoringVersion): number {
  return version === 1 ? 5 : toMicro(WINNER_MARGIN);
}

/** Version 1's unit: scores in 0..1 are multiplied by 100, larger ones are taken as they are. */
export function selectionScore(rawScore: number, version: ScoringVersion): number {
  if (version === 2) return toMicro(rawScore);
  return rawScore >= 0 && rawScore <= 1 ? rawScore * 100 : rawScore;
}

function rank(candidate: WinnerCandidate, minScore: number, version: ScoringVersion): RankedCandidate {
  const belowMinimum =
    version === 2 ? toMicro(candidate.raw_score) < toMicro(minScore) : candidate.raw_score < minScore;
  const reasons: string[] = candidate.excluded === undefined ? [] : [candidate.excluded];
  if (belowMinimum) {
    reasons.push(`score ${fixedHalfEven(candidate.raw_score, 6)} is below the family minimum ${minScore}`);
  }
  if (candidate.error_fraction > MAX_ERROR_FRACTION) {
    reasons.push(
      `${fixedHalfEven(candidate.error_fraction * 100, 1)} % of the tasks unanswered, more than ${MAX_ERROR_FRACTION * 100} %`,
    );
  }
  return {
    deployment_id: candidate.deployment_id,
    hotkey: candidate.hotkey,
    raw_score: candidate.raw_score,
    selection_score: selectionScore(candidate.raw_score, version),
    eligible: reasons.length === 0,
    reasons,
  };
}

function compareRanked(a: RankedCandidate, b: RankedCandidate): number {
  if (a.eligible !== b.eligible) return a.eligible ? -1 : 1;
  return b.selection_score - a.selection_score;
}

function compareAge(a: WinnerCandidate, b: WinnerCandidate): number {
  return (
    compareText(a.submitted_at, b.submitted_at) ||
    compareText(a.deployed_at, b.deployed_at) ||
    compareText(a.deployment_id, b.deployment_id)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function refuseBadInput(input: WinnerInput): void {
  const seen = new Set<string>();
  for (const candidate of input.candidates) {
    if (seen.has(candidate.deployment_id))
      throw new RangeError(`deployment ${candidate.deployment_id} is listed twice`);
    seen.add(candidate.deployment_id);
    if (!Number.isFinite(candidate.raw_score) || !Number.isFinite(candidate.error_fraction)) {
      throw new RangeError(
        `deployment ${candidate.deployment_id} has a score or error fraction that is not a number`,
      );
    }
  }
  if (!Number.isFinite(input.min_score)) throw new RangeError('the family minimum score is not a number');
}
