/** From one miner's rows to its official family score and diagnostics (evaluation.md section 5.3, decision 20). */
import { fromMicro, meanMicro, roundHalfEven6, toMicro } from './decimal';
import type { ScoringVersion, Verdict } from './types';

/** A miner whose error fraction is above this is not reliable: it left more than 30 % of the tasks unanswered. */
export const MAX_ERROR_FRACTION = 0.3;
/** Diagnostic roll-up score of an unreliable miner is capped here; the official score is not. */
export const UNRELIABLE_CAP = 0.5;

export type RowStatus = 'scored' | 'missing' | 'unscored';

/** One (miner, task). */
export interface AggregateRow {
  /**
   * `scored` (default): answered and judged. `missing`: the miner failed to answer or was never settled.
   * `unscored`: the owner's fault; out of the denominator (decision 7).
   */
  status?: RowStatus;
  verdict: string | null;
  agreement_score: number | null;
  /** official composite */
  final_task_score: number | null;
}

export type CountedVerdict =
  | 'matches'
  | 'partially_matches'
  | 'not_applicable'
  | 'contradicts'
  | 'gate_knockout'
  | 'error'
  | 'latency_violation';

export interface MinerAggregate {
  /** 0..1; what miners are ranked by */
  official_family_score: number;
  mean_agreement: number;
  rollup_final_score: number;
  reliable: boolean;
  completed_tasks: number;
  failed_tasks: number;
  /** tasks in the denominator */
  total_tasks: number;
  unscored_tasks: number;
  /** failed / total; what reliability is decided on; 1 when there is no task at all */
  row_error_fraction: number;
  /** failed / (completed + failed); the original's stored figure */
  metadata_error_rate: number;
  /** `latency_violation` is counted by itself under version 2 only; version 1 counts it as `error` */
  verdict_counts: Record<CountedVerdict, number>;
}

const VERDICT_SCORE: Readonly<Record<Verdict, number>> = {
  matches: 1,
  partially_matches: 0.6,
  not_applicable: 0.7,
  contradicts: 0,
  error: 0,
  latency_violation: 0,
};
const PASSING = new Set<CountedVerdict>(['matches', 'partially_matches', 'not_applicable']);

/** The agreement score that stands for a verdict where none was stored. */
export function agreementOf(verdict: string): number {
  return Object.hasOwn(VERDICT_SCORE, verdict) ? VERDICT_SCORE[verdict as Verdict] : 0;
}

/**
 * Aggregates one miner.
 *
 * Version 1: the mean over the rows given (attempted tasks only), plain floating point, in the order given;
 * a late answer counts as an error. Version 2: give one row per task of the snapshot; the denominator is every row
 * that is not `unscored`, a missing answer counts 0, the sum is exact in units of 1e-6 and rounded half-even, so the
 * order does not matter; a late answer was answered, so it is no error. Without any row in the denominator the score
 * is 0 and the miner is not reliable.
 */
export function aggregateMiner(rows: readonly AggregateRow[], version: ScoringVersion): MinerAggregate {
  const counted = rows.filter((row) => row.status !== 'unscored');
  const judged = counted.map((row) => ({ row, verdict: effectiveVerdict(row, version) }));
  const counts: Record<CountedVerdict, number> = {
    matches: 0,
    partially_matches: 0,
    not_applicable: 0,
    contradicts: 0,
    gate_knockout: 0,
    error: 0,
    latency_violation: 0,
  };
  for (const { verdict } of judged) counts[verdict] += 1;

  const total = counted.length;
  const failed = counts.error;
  const completed = total - failed - counts.gate_knockout;
  const errorFraction = total === 0 ? 1 : failed / total;
  const reliable = errorFraction <= MAX_ERROR_FRACTION;
  const agreements = judged
    .filter(({ verdict }) => verdict !== 'error' && verdict !== 'gate_knockout')
    .map(({ row, verdict }) => agreementFor(row, verdict));
  const meanAgreement = mean(agreements, total - failed, version);
  const scores = judged.map(({ row, verdict }) => officialScore(row, verdict, version));
  return {
    official_family_score: mean(scores, total, version),
    mean_agreement: meanAgreement,
    rollup_final_score: reliable ? meanAgreement : Math.min(meanAgreement, UNRELIABLE_CAP),
    reliable,
    completed_tasks: completed,
    failed_tasks: failed,
    total_tasks: total,
    unscored_tasks: rows.length - total,
    row_error_fraction: version === 2 ? roundHalfEven6(errorFraction) : errorFraction,
    metadata_error_rate: errorRate(failed, completed, version),
    verdict_counts: counts,
  };
}

function effectiveVerdict(row: AggregateRow, version: ScoringVersion): CountedVerdict {
  if (row.status === 'missing') return 'error';
  const verdict = row.verdict ?? 'error';
  if (verdict === 'contradicts') return verdict;
  if (verdict === 'latency_violation' && version === 2) return verdict;
  if (!PASSING.has(verdict as CountedVerdict)) return 'error';
  const knockedOut = row.final_task_score !== null && row.final_task_score <= 0;
  return knockedOut ? 'gate_knockout' : (verdict as CountedVerdict);
}

function officialScore(row: AggregateRow, verdict: CountedVerdict, version: ScoringVersion): number {
  if (row.status === 'missing' || row.verdict === null || row.verdict === 'error') return 0;
  if (version === 2 && verdict === 'error') return 0;
  // Version 2 has no second currency: a row without a composite earned nothing.
  return row.final_task_score ?? (version === 1 ? (row.agreement_score ?? agreementOf(row.verdict)) : 0);
}

function agreementFor(row: AggregateRow, verdict: CountedVerdict): number {
  const stored = row.agreement_score ?? 0;
  return stored > 0 ? stored : agreementOf(verdict);
}

function mean(values: readonly number[], count: number, version: ScoringVersion): number {
  if (count === 0) return 0;
  if (version === 1) return values.reduce((sum, value) => sum + value, 0) / count;
  return fromMicro(
    meanMicro(
      values.reduce((sum, value) => sum + toMicro(value), 0),
      count,
    ),
  );
}

function errorRate(failed: number, completed: number, version: ScoringVersion): number {
  const attempted = completed + failed;
  const rate = attempted === 0 ? 0 : failed / attempted;
  return version === 2 ? roundHalfEven6(rate) : rate;
}

/** One stored (miner, task) result of a family. */
export interface FamilyRow extends AggregateRow {
  miner_hotkey: string;
  task_id: string;
}

export interface FamilyAggregate {
  /** tasks that at least one miner could not be scored on through the owner's fault, sorted */
  unscored_task_ids: string[];
  /** by hotkey, keys sorted */
  miners: Record<string, MinerAggregate>;
}

/**
 * Aggregates every miner of a snapshot over the same tasks.
 * A task that is `unscored` for one miner leaves every miner's denominator (decision 7). Under version 2 a task
 * without a row counts as missing; under version 1 it is left out, as in the original.
 * @param taskIds the snapshot's tasks in order; rows of other tasks are refused
 * @param hotkeys the snapshot's members
 * @param setAside members that never had their turn: they are scored on nothing, and take no task from anybody
 * @throws RangeError on a row of an unknown task or miner, or on two rows for one (miner, task)
 */
export function aggregateFamily(
  taskIds: readonly string[],
  hotkeys: readonly string[],
  rows: readonly FamilyRow[],
  version: ScoringVersion,
  setAside: ReadonlySet<string> = new Set(),
): FamilyAggregate {
  const tasks = new Set(taskIds);
  const byMiner = new Map(hotkeys.map((hotkey) => [hotkey, new Map<string, FamilyRow>()]));
  for (const row of rows) {
    const own = byMiner.get(row.miner_hotkey);
    if (!own)
      throw new RangeError(`result of ${row.miner_hotkey} refused: it is not a member of this snapshot`);
    if (!tasks.has(row.task_id))
      throw new RangeError(`result for ${row.task_id} refused: not a task of this snapshot`);
    if (own.has(row.task_id)) throw new RangeError(`two results of ${row.miner_hotkey} for ${row.task_id}`);
    own.set(row.task_id, row);
  }
  const unscored = new Set(
    rows
      .filter((row) => row.status === 'unscored' && !setAside.has(row.miner_hotkey))
      .map((row) => row.task_id),
  );
  const miners: Record<string, MinerAggregate> = {};
  for (const hotkey of [...byMiner.keys()].sort()) {
    const own = byMiner.get(hotkey) as Map<string, FamilyRow>;
    const complete = taskIds.flatMap((taskId): AggregateRow[] => {
      if (unscored.has(taskId) || setAside.has(hotkey)) return [UNSCORED_ROW];
      const row = own.get(taskId);
      if (row) return [row];
      return version === 1 ? [] : [MISSING_ROW];
    });
    miners[hotkey] = aggregateMiner(complete, version);
  }
  return { unscored_task_ids: [...unscored].sort(), miners };
}

const UNSCORED_ROW: AggregateRow = {
  status: 'unscored',
  verdict: null,
  agreement_score: null,
  final_task_score: null,
};
const MISSING_ROW: AggregateRow = {
  status: 'missing',
  verdict: 'error',
  agreement_score: 0,
  final_task_score: null,
};
