/** Writes what a result comes to: judgments, the end of each (miner, task) row and the lease's end, at once. */
import type { EnrichmentRecord } from '../../domain/oracle/record';
import { cleanJson, cleanText } from '../../domain/tasks/clean-json';
import type { LedgerCall } from '../../domain/scoring/types';
import type { MinerEntry } from '../../domain/tasks/entries';
import { Prisma, type Db } from './index';
import { laneOf } from './lane';
import { byPlace, columns, prepared } from './prepared';

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
  try {
    return await settleLane(db).submit(settlement);
  } catch (error) {
    if (TRANSIENT.has((error as { code?: string }).code ?? '')) return null;
    throw error;
  }
}

// Rows: eight results of eight miners, or one of all of them.
const settleLane = laneOf(settleClaims, { statements: 1, most: 64, weight: ({ rows }) => rows.length });

async function settleClaims(db: Db, settlements: readonly Settlement[]): Promise<(number | null)[]> {
  const placed = settlements.flatMap(({ rows }, index) => rows.map((row) => ({ ...row, at: index + 1 })));
  const settled = await prepared<{ at: number; open: bigint }>(
    db,
    Prisma.sql`
    SELECT * FROM settle_claims(${leaseColumns(settlements)},
      ${endColumns(placed)},
      ${judgedColumns(placed.flatMap(({ at, judgment }) => (judgment ? { at, judgment } : [])))})`,
  );
  return byPlace(settled, settlements).map(([row]) => (row ? Number(row.open) : null));
}

function leaseColumns(settlements: readonly Settlement[]): Prisma.Sql {
  return columns(settlements, [
    ['text', (item) => item.taskEvaluationId],
    ['text', (item) => item.validatorHotkey],
    ['int8', (item) => item.fencing],
    ['text', (item) => item.truthTag],
    ['text', (item) => item.digest],
    ['jsonb', (item) => item.truth],
    ['jsonb', (item) => item.baseline],
    ['float8', (item) => item.baselineCostUsd],
    ['timestamp', (item) => item.now?.toISOString()],
  ]);
}

function endColumns(rows: readonly { at: number; end: RowEnd }[]): Prisma.Sql {
  return columns(rows, [
    ['int4', ({ at }) => at],
    ['text', ({ end }) => end.rowId],
    ['text', ({ end }) => end.status],
    ['text', ({ end }) => (end.reason === null ? null : cleanText(end.reason))],
    ['int4', ({ end }) => end.judgmentCount],
    ['float8', ({ end }) => end.officialComposite],
    ['text', ({ end }) => end.verdict],
  ]);
}

function judgedColumns(rows: readonly { at: number; judgment: JudgmentColumns }[]): Prisma.Sql {
  return columns(rows, [
    ['int4', ({ at }) => at],
    ['text', ({ judgment }) => judgment.rowId],
    ['text', ({ judgment }) => judgment.minerHotkey],
    ['text', ({ judgment }) => judgment.jobId],
    ['json', ({ judgment }) => judgment.entry.minerResponse],
    ['jsonb', ({ judgment }) => judgment.entry.minerCitations],
    ['json', ({ judgment }) => judgment.entry.judgeOutput],
    ['text', ({ judgment }) => judgment.entry.verdict],
    ['float8', ({ judgment }) => judgment.entry.agreementScore],
    ['float8', ({ judgment }) => judgment.entry.minerLatencySeconds],
    ['float8', ({ judgment }) => judgment.entry.latencySeconds],
    ['float8', ({ judgment }) => judgment.entry.proxyCostUsd],
    ['float8', ({ judgment }) => judgment.entry.judgeCostUsd],
    ['float8', ({ judgment }) => judgment.entry.pairwisePreferenceScore],
    ['float8', ({ judgment }) => judgment.entry.groundedCorrectness],
    ['float8', ({ judgment }) => judgment.entry.retrievalQuality],
    ['float8', ({ judgment }) => judgment.entry.toolRouting],
    ['float8', ({ judgment }) => judgment.entry.instructionSafety],
    ['float8', ({ judgment }) => judgment.entry.latencyCost],
    ['float8', ({ judgment }) => judgment.entry.computationCorrectness],
    ['float8', ({ judgment }) => judgment.entry.finalTaskScore],
    ['jsonb', ({ judgment }) => judgment.entry.appliedWeights],
    ['jsonb', ({ judgment }) => judgment.entry.applicableMetrics],
    ['text', ({ judgment }) => judgment.entry.taskType],
    ['float8', ({ judgment }) => judgment.officialComposite],
    ['json', ({ judgment }) => judgment.compositeInput],
    ['jsonb', ({ judgment }) => cleanJson(judgment.factors)],
    ['jsonb', ({ judgment }) => judgment.attestedTools],
    ['float8', ({ judgment }) => judgment.attestedCostUsd],
    ['bool', ({ judgment }) => judgment.disputed],
  ]);
}
