/** The enrichments of a run as operators see and steer them (decisions 4 and 7). */
import { HttpError } from '../../domain/http-errors';
import type { Db } from './index';

const UNSCORED_PREFIX = 'the oracle layer failed: ';

/** Why rows of a task that could not be enriched are left out of the scores. */
export function unscoredReason(reason: string): string {
  return `${UNSCORED_PREFIX}${reason}`.slice(0, 500);
}

/** One task that the oracles are or were asked about. */
export interface EnrichmentRow {
  taskId: string;
  taskIndex: number;
  /** pending, ready, failed */
  status: string;
  oracleStatus: string | null;
  /** What it waits for, or why it failed. */
  reason: string | null;
  side: string | null;
  costMicroUsd: number;
  settledAt: Date | null;
}

/** The tasks of a run that depend on oracles, in claim order. */
export async function listEnrichments(db: Db, runId: string, status?: string): Promise<EnrichmentRow[]> {
  const tasks = await db.taskEvaluation.findMany({
    where: {
      runId,
      enrichmentStatus: status ? status : { not: 'deterministic' },
    },
    orderBy: { taskIndex: 'asc' },
    select: { taskId: true, taskIndex: true, enrichmentStatus: true, oracleStatus: true, enrichment: true },
  });
  return tasks.map(({ enrichment, ...task }) => ({
    taskId: task.taskId,
    taskIndex: task.taskIndex,
    status: task.enrichmentStatus,
    oracleStatus: task.oracleStatus,
    reason: enrichment?.reason ?? null,
    side: enrichment?.side ?? null,
    costMicroUsd: Number(enrichment?.costMicroUsd ?? 0n),
    settledAt: enrichment?.settledAt ?? null,
  }));
}

/** Tasks whose oracles are still to be asked, in claim order. */
export async function pendingEnrichments(
  db: Db,
  runId: string,
  limit?: number,
): Promise<{ taskId: string; familyId: string }[]> {
  return db.taskEvaluation.findMany({
    where: { runId, enrichmentStatus: 'pending' },
    orderBy: { taskIndex: 'asc' },
    select: { taskId: true, familyId: true },
    ...(limit === undefined ? {} : { take: limit }),
  });
}

/**
 * Puts tasks whose enrichment failed back to be enriched, and their rows, which nobody was ever handed, back into the pool.
 * Answers that were usable stay; the others are asked for again. The caller then starts `taskEnrichment` for each, and
 * the sweep of `lease-reaper` does where the caller dies.
 * @param taskId one task; all that failed without one
 * @throws HttpError 404 for an unknown run or task, 409 for a run that takes no more results or a task that did not fail
 */
export async function reopenEnrichments(
  db: Db,
  runId: string,
  taskId?: string,
): Promise<{ taskId: string; familyId: string }[]> {
  return db.$transaction(async (tx) => {
    const run = await tx.evaluationRun.findUnique({ where: { id: runId } });
    if (!run) throw new HttpError(404, `run ${runId} not found`);
    if (run.status !== 'open' || run.closedAt) {
      throw new HttpError(409, `run ${runId} takes no more results, so its tasks cannot be enriched again`);
    }
    await tx.$queryRaw`SELECT 1 FROM task_evaluations
      WHERE epoch_id = ${runId} AND enrichment_status = 'failed' ORDER BY id FOR UPDATE`;
    const tasks = await tx.taskEvaluation.findMany({
      where: { runId, enrichmentStatus: 'failed', ...(taskId === undefined ? {} : { taskId }) },
      orderBy: { taskIndex: 'asc' },
    });
    if (taskId !== undefined && tasks.length === 0) {
      const task = await tx.taskEvaluation.findFirst({ where: { runId, taskId } });
      if (!task) throw new HttpError(404, `run ${runId} has no task ${taskId}`);
      throw new HttpError(
        409,
        `the enrichment of task ${taskId} is ${task.enrichmentStatus}; only a failed one can be tried again`,
      );
    }
    const ids = tasks.map((task) => task.id);
    await tx.taskEvaluation.updateMany({
      where: { id: { in: ids } },
      data: { enrichmentStatus: 'pending' },
    });
    await tx.oracleAnswer.deleteMany({
      where: { taskEvaluationId: { in: ids }, status: { not: 'ok' } },
    });
    await tx.taskEnrichment.updateMany({
      where: { taskEvaluationId: { in: ids } },
      data: { status: 'running', reason: 'asked again by an operator', startedAt: new Date() },
    });
    await tx.minerEvaluationTask.updateMany({
      where: {
        taskEvaluationId: { in: ids },
        status: 'unscored',
        statusReason: { startsWith: UNSCORED_PREFIX },
      },
      data: { status: 'pending', statusReason: null },
    });
    return tasks.map((task) => ({ taskId: task.taskId, familyId: task.familyId }));
  });
}
