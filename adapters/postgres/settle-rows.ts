/** Writes what a result comes to: judgments, the end of each (miner, task) row, feedback and the lease's end, at once. */
import type { EnrichmentRecord } from '../../domain/oracle/record';
import { cleanJson } from '../../domain/tasks/clean-json';
import type { LedgerCall } from '../../domain/scoring/types';
import type { MinerEntry } from '../../domain/tasks/entries';
import type { FeedbackContent } from '../../domain/tasks/feedback';
import { Prisma, type Db } from './index';
import { prepared } from './prepared';

/** What is stored of a judgment: the entry as it was sent, and what the owner makes of it. */
export interface JudgmentColumns extends Omit<MinerEntry, 'maxTurnLatencySeconds'> {
  rowId: string;
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
  const judgments = rows.flatMap(({ judgment }) =>
    judgment ? [{ ...judgment, factors: cleanJson(judgment.factors) }] : [],
  );
  const feedback = rows.flatMap(({ judgment, feedback: told }) =>
    judgment && told ? [{ ...told, minerHotkey: judgment.minerHotkey, factors: factorsOf(told) }] : [],
  );
  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
  try {
    const [settled] = await prepared<{ open: bigint | null }>(
      db,
      Prisma.sql`
      SELECT settle_claim(${settlement.taskEvaluationId}::text, ${settlement.fencing}::bigint,
        ${settlement.truthTag}::text, ${settlement.digest}::text,
        ${json(cleanJson(rows.map(({ end }) => end)))}::jsonb, ${json(judgments)}::jsonb,
        ${json(cleanJson(feedback))}::jsonb, ${json(truth)}::jsonb, ${json(baseline)}::jsonb,
        ${settlement.baselineCostUsd}::float8, ${settlement.now?.toISOString() ?? null}::timestamp) AS open`,
    );
    return settled?.open == null ? null : Number(settled.open);
  } catch (error) {
    if (TRANSIENT.has((error as { code?: string }).code ?? '')) return null;
    throw error;
  }
}

function factorsOf({ factors, missingClaims }: FeedbackContent): Record<string, unknown> {
  return { ...factors, missing_claims: missingClaims };
}
