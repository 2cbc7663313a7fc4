/** Feedback to miners (evaluation.md 5.1 and 5.2). */
import type { FeedbackRow } from '../../domain/contracts/feedback';
import type { FeedbackContent } from '../../domain/tasks/feedback';
import { naiveIso } from '../../domain/time';
import type { Db, DbTx, Prisma } from './index';

/** Writes the feedback of one (run, miner, task), replacing what was there. */
export async function upsertFeedback(
  tx: DbTx,
  key: { runId: string; minerHotkey: string; taskId: string },
  content: FeedbackContent,
): Promise<void> {
  const { knockoutReasons, factors, ...rest } = content;
  const data = {
    ...rest,
    knockoutReasonsJson: knockoutReasons,
    factorsJson: factors as unknown as Prisma.InputJsonObject,
  };
  await tx.evalFeedback.upsert({
    where: { runId_minerHotkey_taskId: key },
    create: { ...key, ...data },
    update: data,
  });
}

/** A miner's feedback of one run, oldest first. */
export async function readFeedback(db: Db, runId: string, minerHotkey: string): Promise<FeedbackRow[]> {
  const rows = await db.evalFeedback.findMany({
    where: { runId, minerHotkey },
    orderBy: [{ createdAt: 'asc' }, { taskId: 'asc' }],
  });
  return rows.map((row) => ({
    id: row.id,
    run_id: row.runId,
    miner_hotkey: row.minerHotkey,
    task_id: row.taskId,
    outcome: row.outcome,
    failure_mode: row.failureMode,
    guidance: row.guidance,
    prompt_excerpt: row.promptExcerpt,
    response_excerpt: row.responseExcerpt,
    composite_score: row.compositeScore,
    knockout_reasons: Array.isArray(row.knockoutReasonsJson) ? row.knockoutReasonsJson.map(String) : [],
    oracle_status: row.oracleStatus,
    created_at: naiveIso(row.createdAt),
    factors: (row.factorsJson ?? {}) as Record<string, unknown>,
    explanation: row.explanation,
  }));
}
