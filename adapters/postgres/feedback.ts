/** Feedback to miners (evaluation.md 5.1 and 5.2). */
import type { FeedbackRow } from '../../domain/contracts/feedback';
import { HttpError } from '../../domain/http-errors';
import type { CompositeBreakdown } from '../../domain/scoring/types';
import { explanationOf, shownFeedback } from '../../domain/tasks/feedback';
import { naiveIso } from '../../domain/time';
import { Prisma, type Db } from './index';
import { prepared } from './prepared';

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
  const most = limit === undefined ? null : limit + 1;
  // The places of the page first, each from an index in its order: what belongs to them is looked up for them alone.
  const rows = await prepared<Place & Partial<StoredFeedback>>(
    db,
    Prisma.sql`
    SELECT page.created_at AS place_at, page.task_id AS place_task, f.*, r.status AS run_status,
      t.expected_claims_json, t.must_not_claim_json, t.note
    FROM (
        SELECT * FROM (
            (SELECT created_at, task_id, NULL AS task_evaluation_id FROM kept_feedback
             WHERE run_id = ${runId}::text AND miner_hotkey = ${minerHotkey}::text ${beyond(after)}
             ORDER BY created_at, task_id LIMIT ${most}::int)
            UNION ALL
            (SELECT created_at, task_id, task_evaluation_id FROM task_miner_results j
             WHERE epoch_id = ${runId}::text AND miner_hotkey = ${minerHotkey}::text ${beyond(after)}
               AND (NOT factors_json ? 'unjudged' OR EXISTS (SELECT 1 FROM task_miner_results o
                    WHERE o.miner_evaluation_task_id = j.miner_evaluation_task_id AND NOT o.factors_json ? 'unjudged'))
             ORDER BY created_at, task_id LIMIT ${most}::int)) places
        ORDER BY created_at, task_id LIMIT ${most}::int) page
      -- None for a place that another one of its task stands for.
      LEFT JOIN LATERAL (
        SELECT * FROM eval_feedback v
        WHERE v.run_id = ${runId}::text AND v.miner_hotkey = ${minerHotkey}::text AND v.created_at = page.created_at
          AND v.task_id = page.task_id OFFSET 0) f ON true
      LEFT JOIN evaluation_runs r ON r.id = f.run_id
      LEFT JOIN LATERAL (
        SELECT e.expected_claims_json, e.must_not_claim_json, n.record_json ->> 'disagreement_note' AS note
        FROM task_evaluations e LEFT JOIN task_enrichments n ON n.task_evaluation_id = e.id
        WHERE e.id = coalesce(page.task_evaluation_id, (SELECT o.id FROM task_evaluations o
          WHERE o.epoch_id = f.run_id AND o.task_id = f.task_id LIMIT 1))) t ON true
    ORDER BY page.created_at, page.task_id`,
  );
  const page = limit === undefined ? rows : rows.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.flatMap((row) => (row.id == null ? [] : [shownRow(row as StoredFeedback)])),
    nextCursor:
      limit !== undefined && rows.length > limit && last ? cursorOf(last.place_at, last.place_task) : null,
  };
}

function beyond(after: Position | null): Prisma.Sql {
  return after
    ? Prisma.sql`AND (created_at, task_id) > (${after.at.toISOString()}::timestamp, ${after.taskId}::text)`
    : Prisma.empty;
}

interface Place {
  place_at: Date;
  place_task: string;
}

interface StoredFeedback {
  id: string;
  run_id: string;
  miner_hotkey: string;
  task_id: string;
  outcome: string;
  failure_mode: string | null;
  guidance: string;
  prompt_excerpt: string;
  response_excerpt: string;
  composite_score: number;
  knockout_reasons_json: unknown;
  factors_json: unknown;
  /** Null where it is made of the factors. */
  explanation: string | null;
  oracle_status: string | null;
  created_at: Date;
  run_status: string | null;
  expected_claims_json: unknown;
  must_not_claim_json: unknown;
  /** Of the oracles, where they disagreed. */
  note: string | null;
}

function shownRow(row: StoredFeedback): FeedbackRow {
  const factors = (row.factors_json ?? {}) as Record<string, unknown>;
  const shown = shownFeedback(
    {
      guidance: row.guidance,
      explanation:
        row.explanation ?? explanationOf(factors as unknown as CompositeBreakdown, row.oracle_status),
      knockoutReasons: textsOf(row.knockout_reasons_json),
      factors,
    },
    {
      expectedClaims: textsOf(row.expected_claims_json),
      mustNotClaim: textsOf(row.must_not_claim_json),
      note: row.note,
    },
    row.run_status !== 'completed',
  );
  return {
    id: row.id,
    run_id: row.run_id,
    miner_hotkey: row.miner_hotkey,
    task_id: row.task_id,
    outcome: row.outcome,
    failure_mode: row.failure_mode,
    prompt_excerpt: row.prompt_excerpt,
    response_excerpt: row.response_excerpt,
    composite_score: row.composite_score,
    oracle_status: row.oracle_status,
    created_at: naiveIso(row.created_at),
    ...shown,
  };
}

function cursorOf(at: Date, taskId: string): string {
  return Buffer.from(JSON.stringify([at.toISOString(), taskId])).toString('base64url');
}

interface Position {
  at: Date;
  taskId: string;
}

function positionOf(cursor: string): Position {
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
