/** Feedback to miners (evaluation.md 5.1 and 5.2). */
import type { FeedbackRow } from '../../domain/contracts/feedback';
import { HttpError } from '../../domain/http-errors';
import { shownFeedback } from '../../domain/tasks/feedback';
import { naiveIso } from '../../domain/time';
import type { Db } from './index';

export interface FeedbackPage {
  items: FeedbackRow[];
  nextCursor: string | null;
}

/**
 * A miner's feedback of one run, oldest first. Until the run is completed the claims that answers are held against are
 * withheld, and words that quote them.
 * @throws HttpError 400 for a cursor that no page gave
 */
export async function readFeedback(
  db: Db,
  query: { runId: string; minerHotkey: string; limit?: number | undefined; cursor?: string | undefined },
): Promise<FeedbackPage> {
  const { runId, minerHotkey, limit } = query;
  const after = query.cursor === undefined ? null : positionOf(query.cursor);
  const run = await db.evaluationRun.findUnique({ where: { id: runId }, select: { status: true } });
  const rows = await db.evalFeedback.findMany({
    where: {
      runId,
      minerHotkey,
      ...(after && {
        OR: [{ createdAt: { gt: after.at } }, { createdAt: after.at, taskId: { gt: after.taskId } }],
      }),
    },
    orderBy: [{ createdAt: 'asc' }, { taskId: 'asc' }],
    ...(limit === undefined ? {} : { take: limit + 1 }),
  });
  const page = limit === undefined ? rows : rows.slice(0, limit);
  const tasks = await db.taskEvaluation.findMany({
    where: { runId, taskId: { in: page.map((row) => row.taskId) } },
    select: { taskId: true, expectedClaimsJson: true, mustNotClaimJson: true, enrichment: true },
  });
  const byTask = new Map(tasks.map((task) => [task.taskId, task]));
  const last = page.at(-1);
  return {
    items: page.map((row) => {
      const task = byTask.get(row.taskId);
      const record = task?.enrichment?.recordJson as { disagreement_note?: string | null } | null | undefined;
      const shown = shownFeedback(
        {
          guidance: row.guidance,
          explanation: row.explanation,
          knockoutReasons: textsOf(row.knockoutReasonsJson),
          factors: (row.factorsJson ?? {}) as Record<string, unknown>,
        },
        {
          expectedClaims: textsOf(task?.expectedClaimsJson),
          mustNotClaim: textsOf(task?.mustNotClaimJson),
          note: record?.disagreement_note ?? null,
        },
        run?.status !== 'completed',
      );
      return {
        id: row.id,
        run_id: row.runId,
        miner_hotkey: row.minerHotkey,
        task_id: row.taskId,
        outcome: row.outcome,
        failure_mode: row.failureMode,
        prompt_excerpt: row.promptExcerpt,
        response_excerpt: row.responseExcerpt,
        composite_score: row.compositeScore,
        oracle_status: row.oracleStatus,
        created_at: naiveIso(row.createdAt),
        ...shown,
      };
    }),
    nextCursor:
      limit !== undefined && rows.length > limit && last ? cursorOf(last.createdAt, last.taskId) : null,
  };
}

function cursorOf(at: Date, taskId: string): string {
  return Buffer.from(JSON.stringify([at.toISOString(), taskId])).toString('base64url');
}

function positionOf(cursor: string): { at: Date; taskId: string } {
  try {
    const [at, taskId] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [unknown, unknown];
    const date = new Date(String(at));
    if (typeof taskId === 'string' && !Number.isNaN(date.getTime())) return { at: date, taskId };
  } catch {
    // Falls through: what cannot be read was not given by us.
  }
  throw new HttpError(400, 'cursor is not one that this route gave; leave it out for the first page');
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
