/** One accepted judgment of one (miner, task), and what it makes of its row once the quorum is reached (decision 14). */
import { medianComposite, representativeJudgment } from '../../domain/scoring/quorum';
import type { LedgerCall, ScoringVersion } from '../../domain/scoring/types';
import type { MinerEntry } from '../../domain/tasks/entries';
import { storedInput, type EntryDecision } from '../../domain/tasks/settle';
import type { SettledRow } from './settle-rows';

/** A leased row as a result needs it. */
export interface LeasedRow {
  id: string;
  minerHotkey: string;
  jobId: string | null;
  requiredJudgments: number;
  judgmentCount: number;
}

/** A judgment that was stored before, by another validator. */
export interface StoredJudgment {
  validatorHotkey: string;
  officialComposite: number;
  agreementVerdict: string;
}

export interface Judgment {
  row: LeasedRow;
  entry: MinerEntry;
  decision: Extract<EntryDecision, { kind: 'scored' }>;
  validatorHotkey: string;
  /** Those of other validators for the same row. */
  earlier: readonly StoredJudgment[];
  calls: readonly LedgerCall[];
  costUsd: number | null;
  version: ScoringVersion;
}

/** A row with one more judgment: settled as `evaluated` by the median, or back in the pool for the next validator. */
export function judgedRow(judgment: Judgment): SettledRow {
  const { row, entry, decision, earlier } = judgment;
  const own: StoredJudgment = {
    validatorHotkey: judgment.validatorHotkey,
    officialComposite: decision.official,
    agreementVerdict: entry.verdict,
  };
  const judgments = [...earlier, own];
  const official = medianComposite(
    judgments.map((item) => item.officialComposite),
    row.requiredJudgments,
    judgment.version,
  );
  const speaker = representativeJudgment(
    judgments.map((stored) => ({
      stored,
      composite: stored.officialComposite,
      validator_hotkey: stored.validatorHotkey,
    })),
  )?.stored;
  const settled = official !== null;
  return {
    end: {
      rowId: row.id,
      status: settled ? 'evaluated' : 'pending',
      reason: settled
        ? decision.reason
        : `judged by ${judgments.length} of ${row.requiredJudgments} validators`,
      judgmentCount: judgments.length,
      officialComposite: official,
      verdict: settled ? (speaker?.agreementVerdict ?? entry.verdict) : null,
    },
    judgment: {
      entry,
      rowId: row.id,
      minerHotkey: row.minerHotkey,
      jobId: row.jobId,
      officialComposite: decision.official,
      compositeInput: storedInput(decision.input),
      factors: decision.breakdown ?? decision.input,
      attestedTools: judgment.calls,
      attestedCostUsd: judgment.costUsd,
      disputed: decision.disputed,
    },
  };
}
