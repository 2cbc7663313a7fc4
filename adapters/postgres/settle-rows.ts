/** Writes what a result comes to: judgments, the end of each (miner, task) row, feedback and the lease's end, at once. */
import type { EnrichmentRecord } from '../../domain/oracle/record';
import { cleanJson, cleanText } from '../../domain/tasks/clean-json';
import type { LedgerCall } from '../../domain/scoring/types';
import type { MinerEntry } from '../../domain/tasks/entries';
import type { FeedbackContent } from '../../domain/tasks/feedback';
import { Prisma, type Db } from './index';
import { arrayOf, prepared, type ColumnType } from './prepared';

/** What is stored of a judgment: the entry as it was sent, and what the owner makes of it. */
export interface JudgmentColumns {
  entry: MinerEntry;
  rowId: string;
  minerHotkey: string;
  jobId: string | null;
  officialComposite: number;
  compositeInput: unknown;
  factors: unknown;
  attestedTools: readonly LedgerCall[];
  attestedCostUsd: number | null;
  disputed: boolean;
}

/** How one (miner, task) row leaves its lease. */
export interface RowEnd {
  rowId: string;
  /** `pending` is back in the pool. */
  status: 'pending' | 'evaluated';
  reason: string | null;
  judgmentCount: number;
  /** Null while the row is not evaluated. */
  officialComposite: number | null;
  verdict: string | null;
}

/** Everything that is written of one row. */
export interface SettledRow {
  end: RowEnd;
  /** Null where nothing was judged. */
  judgment: JudgmentColumns | null;
  feedback: FeedbackContent | null;
}

/** A settlement, and what must still hold for it to count. */
export interface Settlement {
  taskEvaluationId: string;
  validatorHotkey: string;
  fencing: bigint;
  truthTag: string;
  /** SHA-256 of the result's body, lowercase hex. */
  digest: string;
  rows: readonly SettledRow[];
  /** What the validator's oracles found, where it is to be kept. */
  truth: EnrichmentRecord | null;
  /** The validator's baseline, where it is to be kept. */
  baseline: Readonly<Record<string, unknown>> | null;
  /** USD. */
  baselineCostUsd: number;
  now?: Date;
}

/** Errors after which the same can simply be tried again: deadlock, and rows that changed meanwhile. */
const TRANSIENT = new Set(['40P01', '40001']);

/**
 * Settles a lease: all of it in one transaction under the task's lock, or nothing.
 * @returns tasks of the run that are still open, this result counted; null when the lease, its rows or the task's truth
 *   are not what they were when they were read, and the result has to be decided anew
 */
export async function settleClaim(db: Db, settlement: Settlement): Promise<number | null> {
  const { rows, truth, baseline } = settlement;
  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
  try {
    const [settled] = await prepared<{ open: bigint | null }>(
      db,
      Prisma.sql`
      SELECT settle_claim(${settlement.taskEvaluationId}::text, ${settlement.validatorHotkey}::text,
        ${settlement.fencing}::bigint, ${settlement.truthTag}::text, ${settlement.digest}::text, ${json(truth)}::jsonb, ${json(baseline)}::jsonb,
        ${settlement.baselineCostUsd}::float8, ${settlement.now?.toISOString() ?? null}::timestamp,
        ${endColumns(rows.map(({ end }) => end))},
        ${judgedColumns(rows.flatMap(({ judgment }) => judgment ?? []))},
        ${toldColumns(rows.flatMap(told))}) AS open`,
    );
    return settled?.open == null ? null : Number(settled.open);
  } catch (error) {
    if (TRANSIENT.has((error as { code?: string }).code ?? '')) return null;
    throw error;
  }
}

/** Columns in the order of the function's parameters, each as one array. */
function columns<T>(items: readonly T[], order: readonly [ColumnType, (item: T) => unknown][]): Prisma.Sql {
  return Prisma.join(
    order.map(([type, read]) => Prisma.sql`${arrayOf(type, items.map(read))}::${Prisma.raw(type)}[]`),
  );
}

function endColumns(ends: readonly RowEnd[]): Prisma.Sql {
  return columns(ends, [
    ['text', (end) => end.rowId],
    ['text', (end) => end.status],
    ['text', (end) => (end.reason === null ? null : cleanText(end.reason))],
    ['int4', (end) => end.judgmentCount],
    ['float8', (end) => end.officialComposite],
    ['text', (end) => end.verdict],
  ]);
}

function judgedColumns(judgments: readonly JudgmentColumns[]): Prisma.Sql {
  return columns(judgments, [
    ['text', (item) => item.rowId],
    ['text', (item) => item.minerHotkey],
    ['text', (item) => item.jobId],
    ['json', (item) => item.entry.minerResponse],
    ['jsonb', (item) => item.entry.minerCitations],
    ['json', (item) => item.entry.judgeOutput],
    ['text', (item) => item.entry.verdict],
    ['float8', (item) => item.entry.agreementScore],
    ['float8', (item) => item.entry.minerLatencySeconds],
    ['float8', (item) => item.entry.latencySeconds],
    ['float8', (item) => item.entry.proxyCostUsd],
    ['float8', (item) => item.entry.judgeCostUsd],
    ['float8', (item) => item.entry.pairwisePreferenceScore],
    ['float8', (item) => item.entry.groundedCorrectness],
    ['float8', (item) => item.entry.retrievalQuality],
    ['float8', (item) => item.entry.toolRouting],
    ['float8', (item) => item.entry.instructionSafety],
    ['float8', (item) => item.entry.latencyCost],
    ['float8', (item) => item.entry.computationCorrectness],
    ['float8', (item) => item.entry.finalTaskScore],
    ['jsonb', (item) => item.entry.appliedWeights],
    ['jsonb', (item) => item.entry.applicableMetrics],
    ['text', (item) => item.entry.taskType],
    ['float8', (item) => item.officialComposite],
    ['json', (item) => item.compositeInput],
    ['jsonb', (item) => cleanJson(item.factors)],
    ['jsonb', (item) => item.attestedTools],
    ['float8', (item) => item.attestedCostUsd],
    ['bool', (item) => item.disputed],
  ]);
}

interface Told {
  minerHotkey: string;
  feedback: FeedbackContent;
}

function told({ judgment, feedback }: SettledRow): Told[] {
  if (!judgment || !feedback) return [];
  return [{ minerHotkey: judgment.minerHotkey, feedback: cleanJson(feedback) as FeedbackContent }];
}

function toldColumns(rows: readonly Told[]): Prisma.Sql {
  return columns(rows, [
    ['text', (item) => item.minerHotkey],
    ['text', ({ feedback }) => feedback.outcome],
    ['text', ({ feedback }) => feedback.failureMode],
    ['text', ({ feedback }) => feedback.guidance],
    ['text', ({ feedback }) => feedback.promptExcerpt],
    ['text', ({ feedback }) => feedback.responseExcerpt],
    ['float8', ({ feedback }) => feedback.compositeScore],
    ['jsonb', ({ feedback }) => feedback.knockoutReasons],
    ['json', ({ feedback }) => ({ ...feedback.factors, missing_claims: feedback.missingClaims })],
    ['text', ({ feedback }) => feedback.explanation],
    ['text', ({ feedback }) => feedback.oracleStatus],
  ]);
}
