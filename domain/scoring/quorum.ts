/** Several judgments of one answer (decision 14). */
import { fromMicro, meanMicro, toMicro } from './decimal';
import type { ScoringVersion, Verdict } from './types';

/**
 * The official composite of a (task, miner) judged by `TASK_QUORUM` validators: the median. Of an even number of
 * judgments it is the mean of the middle two (version 2: rounded half-even to 6 places).
 * @param composites one per validator, each in 0..1
 * @param quorum how many are needed, at least 1
 * @returns null while there are fewer than `quorum`
 * @throws RangeError on a quorum that is not a positive whole number
 */
export function medianComposite(
  composites: readonly number[],
  quorum: number,
  version: ScoringVersion,
): number | null {
  if (!Number.isInteger(quorum) || quorum < 1) {
    throw new RangeError(
      `the quorum must be a whole number of at least 1, not ${quorum}: correct TASK_QUORUM`,
    );
  }
  if (composites.length < quorum) return null;
  const sorted = [...composites].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] as number;
  const lower = sorted[(sorted.length - 1) >> 1] as number;
  return version === 1 ? (lower + upper) / 2 : fromMicro(meanMicro(toMicro(lower) + toMicro(upper), 2));
}

/**
 * Which of several judgments speaks for the answer in the words shown to the miner (verdict, feedback): the one at
 * the lower middle by composite, equal ones by validator hotkey, so that every reader picks the same.
 */
export function representativeJudgment<T extends { composite: number; validator_hotkey: string }>(
  judgments: readonly T[],
): T | null {
  const sorted = [...judgments].sort(
    (a, b) => a.composite - b.composite || (a.validator_hotkey < b.validator_hotkey ? -1 : 1),
  );
  return sorted[(sorted.length - 1) >> 1] ?? null;
}

/** One validator's judgment, or the miner's failure as that validator saw it (`verdict` error, composite 0). */
export interface JudgmentOutcome {
  validator_hotkey: string;
  composite: number;
  verdict: Verdict;
  agreement_score: number;
}

/** What a (task, miner) is worth once its quorum is reached. */
export interface Settlement {
  official_composite: number;
  verdict: Verdict;
  agreement_score: number;
}

/**
 * Settles a (task, miner): the median composite, and the verdict of the representative judgment. The miner counts as
 * having failed (`error`) only when more than half of the validators saw it fail; the median is 0 then.
 * @returns null while there are fewer judgments than the quorum
 */
export function settleJudgments(
  judgments: readonly JudgmentOutcome[],
  quorum: number,
  version: ScoringVersion,
): Settlement | null {
  const composite = medianComposite(
    judgments.map((judgment) => judgment.composite),
    quorum,
    version,
  );
  if (composite === null) return null;
  const answered = judgments.filter((judgment) => judgment.verdict !== 'error');
  const failed = judgments.length - answered.length;
  const speaker = failed * 2 > judgments.length ? null : representativeJudgment(answered);
  return {
    official_composite: composite,
    verdict: speaker?.verdict ?? 'error',
    agreement_score: speaker?.agreement_score ?? 0,
  };
}
