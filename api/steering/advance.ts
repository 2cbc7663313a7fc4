/** `POST /v1/admin/runs/advance`: from one run to the next, now (api.md section 4.6). */
import { currentRun, openRun } from '../../adapters/postgres/runs-read';
import type { EvaluationRunModel } from '../../adapters/postgres/generated/models';
import { HttpError } from '../../domain/http-errors';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';
import { steerRun, type Steering } from './run';

const POLL_MS = 100;
const ADVANCE_MS = 30_000;
const NOT_ROTATED = 'advance failed: ensure_current_run did not rotate the run';

/**
 * Closes the open run at once (if there is one), opens the run after it, and waits until that is open.
 * @throws HttpError 409 when there is no run at all, 500 with the wire's text when no run opened within 30 s
 */
export async function advanceRun(deps: ApiDeps, actor: string) {
  const previous = await openRun(deps.db);
  const first = previous ? null : await currentRun(deps.db);
  if (!previous && first?.status !== 'scheduled') {
    throw new HttpError(409, 'there is no run to advance: the first one is created by the first submission');
  }
  const until = Date.now() + ADVANCE_MS;
  const steering = { actor, via: 'api' as const, reason: 'admin runs advance', dryRun: false };
  if (previous) await steerRun(deps, { ...steering, runId: previous.id, action: 'close', mode: 'now' });
  let opened: string | null = null;
  for (;;) {
    const now = await openRun(deps.db);
    if (now && now.id !== previous?.id) return advanced(previous, now);
    const next = now ? null : await nextScheduled(deps, previous?.sequence ?? 0);
    // A run that was closed early leaves its successor waiting for the planned boundary: it is opened by hand.
    if (
      next &&
      next.id !== opened &&
      (await openIfThere(deps, { ...steering, runId: next.id, action: 'open' }))
    ) {
      opened = next.id;
    }
    if (Date.now() >= until) {
      throw new HttpError(500, NOT_ROTATED, {
        reason: `no other run opened within ${ADVANCE_MS / 1000} s; what was asked for goes on: look at the runs before trying again`,
      });
    }
    await pause(POLL_MS);
  }
}

function nextScheduled(deps: ApiDeps, after: number): Promise<{ id: string } | null> {
  return deps.db.evaluationRun.findFirst({
    where: { status: 'scheduled', phase: 'scheduled', sequence: { gt: after } },
    orderBy: { sequence: 'asc' },
  });
}

/** Opens a run; false while its workflow has not been started yet, which is tried again. */
async function openIfThere(deps: ApiDeps, steering: Steering): Promise<boolean> {
  try {
    await steerRun(deps, steering);
    return true;
  } catch (error) {
    if (error instanceof HttpError && error.status === 503) return false;
    throw error;
  }
}

function advanced(previous: EvaluationRunModel | null, now: EvaluationRunModel) {
  return {
    result: 'advanced' as const,
    previous_run_id: previous?.id ?? null,
    previous_sequence: previous?.sequence ?? null,
    id: now.id,
    sequence: now.sequence,
    status: now.status,
    started_at: naiveIso(now.startedAt),
    ends_at: naiveIso(now.endsAt),
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
