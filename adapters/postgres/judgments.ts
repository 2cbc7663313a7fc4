/** One accepted judgment of one (miner, task), and the settling of its row once the quorum is reached (decision 14). */
import { medianComposite, representativeJudgment } from '../../domain/scoring/quorum';
import type { CompositeBreakdown, LedgerCall, ScoringVersion } from '../../domain/scoring/types';
import type { MinerEntry } from '../../domain/tasks/entries';
import { feedbackOf } from '../../domain/tasks/feedback';
import type { EntryDecision } from '../../domain/tasks/settle';
import { RETURNED_ROW } from './claims';
import { upsertFeedback } from './feedback';
import { Prisma, type DbTx } from './index';

type Row = Prisma.MinerEvaluationTaskGetPayload<object>;

export interface Judgment {
  row: Row;
  entry: MinerEntry;
  decision: Extract<EntryDecision, { kind: 'scored' }>;
  validatorHotkey: string;
  fencing: bigint;
  calls: readonly LedgerCall[];
  costUsd: number | null;
  version: ScoringVersion;
  oracleStatus: string | null;
  feedbackEnabled: boolean;
  now: Date;
}

/** Stores a judgment; settles its row as `evaluated` by the median, or returns it to the pool for the next validator. */
export async function storeJudgment(tx: DbTx, judgment: Judgment): Promise<void> {
  const { row, decision, now } = judgment;
  const select = {
    validatorHotkey: true,
    officialComposite: true,
    agreementVerdict: true,
    judgeOutputJson: true,
    factorsJson: true,
  } as const;
  const own = await tx.taskMinerResult.create({ data: resultColumns(judgment), select });
  const judgments =
    row.requiredJudgments === 1
      ? [own]
      : await tx.taskMinerResult.findMany({ where: { minerEvaluationTaskId: row.id }, select });
  const official = medianComposite(
    judgments.map((item) => item.officialComposite),
    row.requiredJudgments,
    judgment.version,
  );
  const speaker = representativeJudgment(
    judgments.map((item) => ({
      ...item,
      composite: item.officialComposite,
      validator_hotkey: item.validatorHotkey,
    })),
  );
  await tx.minerEvaluationTask.update({
    where: { id: row.id },
    data:
      official === null
        ? {
            ...RETURNED_ROW,
            statusReason: `judged by ${judgments.length} of ${row.requiredJudgments} validators`,
            judgmentCount: judgments.length,
            updatedAt: now,
          }
        : {
            status: 'evaluated',
            statusReason: decision.reason,
            judgmentCount: judgments.length,
            officialComposite: official,
            verdict: speaker?.agreementVerdict ?? judgment.entry.verdict,
            evaluatedAt: now,
            claimExpiresAt: null,
            updatedAt: now,
          },
  });
  if (!judgment.feedbackEnabled || !speaker) return;
  const factors = speaker.factorsJson as unknown as CompositeBreakdown | { unjudged: true };
  const feedback = feedbackOf(
    speaker.judgeOutputJson as Record<string, unknown> | null,
    'unjudged' in factors ? null : factors,
    judgment.oracleStatus,
  );
  if (feedback) {
    await upsertFeedback(
      tx,
      { runId: row.runId, minerHotkey: row.minerHotkey, taskId: row.taskId },
      feedback,
    );
  }
}

function resultColumns(judgment: Judgment): Prisma.TaskMinerResultUncheckedCreateInput {
  const { row, entry, decision } = judgment;
  const json = (value: unknown) => value as Prisma.InputJsonObject;
  const nullable = (value: unknown) => (value === null ? Prisma.DbNull : json(value));
  return {
    taskEvaluationId: row.taskEvaluationId,
    minerEvaluationTaskId: row.id,
    runId: row.runId,
    familyId: row.familyId,
    taskId: row.taskId,
    minerHotkey: row.minerHotkey,
    validatorHotkey: judgment.validatorHotkey,
    fencing: judgment.fencing,
    jobId: row.jobId,
    minerResponseJson: json(entry.minerResponse),
    minerCitationsJson: json(entry.minerCitations),
    judgeOutputJson: nullable(entry.judgeOutput),
    agreementVerdict: entry.verdict,
    agreementScore: entry.agreementScore,
    minerLatencySeconds: entry.minerLatencySeconds,
    latencySeconds: entry.latencySeconds,
    proxyCostUsd: entry.proxyCostUsd,
    judgeCostUsd: entry.judgeCostUsd,
    pairwisePreferenceScore: entry.pairwisePreferenceScore,
    groundedCorrectness: entry.groundedCorrectness,
    retrievalQuality: entry.retrievalQuality,
    toolRouting: entry.toolRouting,
    instructionSafety: entry.instructionSafety,
    latencyCost: entry.latencyCost,
    computationCorrectness: entry.computationCorrectness,
    finalTaskScore: entry.finalTaskScore,
    appliedWeightsJson: nullable(entry.appliedWeights),
    applicableMetricsJson: nullable(entry.applicableMetrics),
    taskType: entry.taskType,
    officialComposite: decision.official,
    compositeInputJson: json(decision.input),
    factorsJson: json(decision.breakdown ?? decision.input),
    attestedToolsJson: json(judgment.calls),
    attestedCostUsd: judgment.costUsd,
    disputed: decision.disputed,
    createdAt: judgment.now,
  };
}
