import type { Db, Prisma } from '../adapters/postgres';
import { writeAction } from '../adapters/postgres/operator-actions';
import type { SteerOrder, SteerOutcome } from '../domain/run-steering';

/** An order that was decided: who gave it, when and why, what came of it, and what the run's row has to show for it. */
export interface SteeringRecord {
  /** Of the audit row. */
  id: string;
  runId: string;
  /** What was asked for; a signal's name where nobody understood it. */
  action: string;
  order: SteerOrder | null;
  outcome: SteerOutcome;
  message: string;
  /** Null where nothing was changed. ISO times. */
  row: { startsAt: string; endsAt: string; pausedAt: string | null } | null;
}

/** The run's row and the audit row, in one transaction; a second time it changes nothing. */
export async function recordSteering(db: Db, record: SteeringRecord): Promise<void> {
  const { id, runId, order, outcome, message, row } = record;
  await db.$transaction(async (tx) => {
    const isNew = await writeAction(tx, {
      id,
      actor: order?.actor ?? 'unknown operator',
      via: order?.via ?? 'temporal',
      action: `run.${record.action}`,
      target: runId,
      reason: order?.reason ?? '',
      outcome,
      message,
      request: requestOf(order),
    });
    if (!isNew || !row) return;
    await tx.$executeRaw`
      UPDATE evaluation_runs
      SET started_at = ${new Date(row.startsAt)}, ends_at = ${new Date(row.endsAt)},
        paused_at = ${row.pausedAt ? new Date(row.pausedAt) : null},
        phase = CASE WHEN phase IN ('running', 'paused')
          THEN CASE WHEN ${row.pausedAt}::text IS NULL THEN 'running' ELSE 'paused' END ELSE phase END,
        updated_at = now()
      WHERE id = ${runId}`;
  });
}

function requestOf(order: SteerOrder | null): Prisma.InputJsonObject {
  if (!order) return {};
  return {
    ...(order.action === 'close' ? { mode: order.mode } : {}),
    ...(order.seconds === null ? {} : { seconds: order.seconds }),
    ...(order.until === null ? {} : { until: new Date(order.until).toISOString() }),
    ...(order.problem === null ? {} : { problem: order.problem }),
  };
}
