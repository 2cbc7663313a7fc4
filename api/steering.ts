/** Steering a run: through its workflow, idempotent, audited, and never waiting for ever (api.md section 4.4 and 4.6). */
import { currentRun, findRun, openRun } from '../adapters/postgres/runs-read';
import type { RunRow } from '../adapters/postgres/runs-read';
import { messageOf } from '../adapters/logging';
import type { EvaluationRunModel } from '../adapters/postgres/generated/models';
import { HttpError } from '../domain/http-errors';
import { RUN_MESSAGES, workflowIds } from '../domain/messages';
import type { CloseRequest, ExtendRequest, SteerRequest } from '../domain/messages';
import { naiveIso } from '../domain/time';
import type { ApiDeps } from './deps';
import { signalWorkflow, updateWorkflow } from './temporal-control';

export type SteerAction = 'pause' | 'resume' | 'close' | 'extend' | 'open';

export interface Steering {
  action: SteerAction;
  runId: string;
  /** Hotkey of the owner. */
  actor: string;
  reason: string;
  dryRun: boolean;
  mode?: 'now' | 'drain';
  /** For `extend`. */
  seconds?: number;
}

// An update is answered once the workflow has acted; a signal once the row shows it.
const ACT_MS = 15_000;
const SEEN_MS = 5_000;
const POLL_MS = 100;

/**
 * Carries out one act of steering.
 * @throws HttpError 404 for an unknown run, 409 when the run's state does not allow it, 503 when its workflow is silent
 */
export async function steerRun(deps: ApiDeps, steering: Steering) {
  const run = await findRun(deps.db, steering.runId);
  if (!run) throw new HttpError(404, `run ${steering.runId} not found`);
  const done = alreadySo(run, steering.action);
  if (done) {
    if (!steering.dryRun) await audit(deps, steering, 'unchanged');
    return answer(run, steering, { changed: false, message: done });
  }
  refuseWrongState(run, steering.action);
  if (steering.dryRun) {
    return answer(run, steering, {
      changed: false,
      message: `would ${describe(run, steering)}; nothing was changed`,
    });
  }
  try {
    await act(deps, run, steering);
  } catch (error) {
    await audit(deps, steering, 'failed', messageOf(error));
    throw error;
  }
  await audit(deps, steering, 'applied');
  const after = (await findRun(deps.db, run.id)) ?? run;
  return answer(after, steering, { changed: true, message: `${describe(run, steering)}: done` });
}

function alreadySo(run: RunRow, action: SteerAction): string | null {
  if (action === 'close' && run.status === 'completed') return `run ${run.id} is completed already`;
  if (action === 'close' && ['draining', 'aggregating', 'publishing'].includes(run.phase)) {
    return `run ${run.id} is closing already (${run.phase})`;
  }
  if (action === 'open' && run.status === 'open') return `run ${run.id} is open already`;
  if (action === 'pause' && run.pausedAt) return `run ${run.id} is paused already`;
  if (action === 'resume' && run.phase === 'running' && !run.pausedAt)
    return `run ${run.id} is running already`;
  return null;
}

const ALLOWED_PHASES: Record<SteerAction, readonly string[]> = {
  pause: ['running'],
  resume: ['paused'],
  close: ['opening', 'deploying', 'running', 'paused'],
  extend: ['scheduled', 'opening', 'deploying', 'running', 'paused'],
  open: ['scheduled'],
};

function refuseWrongState(run: RunRow, action: SteerAction): void {
  if (ALLOWED_PHASES[action].includes(run.phase)) return;
  throw new HttpError(409, `run ${run.id} is ${run.phase}: ${REFUSALS[action]}`);
}

const REFUSALS: Record<SteerAction, string> = {
  pause: 'only a running run can be paused',
  resume: 'only a paused run can be resumed',
  close: 'only an open run can be closed',
  extend: 'only a run that is not closing yet can be extended',
  open: 'only a scheduled run can be opened',
};

function describe(run: RunRow, { action, mode, seconds }: Steering): string {
  switch (action) {
    case 'close':
      return `close ${run.id} (${mode === 'now' ? 'expiring running leases' : 'after running leases have finished'})`;
    case 'extend':
      return `extend ${run.id} by ${seconds ?? 0} s`;
    default:
      return `${action} ${run.id}`;
  }
}

async function act(deps: ApiDeps, run: RunRow, steering: Steering): Promise<void> {
  const workflowId = workflowIds.run(run.id);
  const request: SteerRequest = { actor: steering.actor, via: 'api', reason: steering.reason };
  switch (steering.action) {
    case 'pause':
      await signalWorkflow(deps.temporal, workflowId, RUN_MESSAGES.pause, request);
      await seen(deps, run.id, (now) => now.pausedAt !== null);
      return;
    case 'resume':
      await signalWorkflow(deps.temporal, workflowId, RUN_MESSAGES.resume, request);
      await seen(deps, run.id, (now) => now.pausedAt === null);
      return;
    case 'close': {
      const close: CloseRequest = { ...request, mode: steering.mode ?? 'drain' };
      await updateWorkflow(deps.temporal, workflowId, RUN_MESSAGES.close, close, ACT_MS);
      return;
    }
    case 'extend': {
      const extend: ExtendRequest = { ...request, seconds: steering.seconds ?? 0 };
      await updateWorkflow(deps.temporal, workflowId, RUN_MESSAGES.extend, extend, ACT_MS);
      return;
    }
    case 'open':
      await updateWorkflow(deps.temporal, workflowId, RUN_MESSAGES.open, request, ACT_MS);
  }
}

/** Waits until the row shows what a signal asked for; a worker that is slow or away is said to be so. */
async function seen(deps: ApiDeps, runId: string, holds: (run: RunRow) => boolean): Promise<void> {
  const until = Date.now() + SEEN_MS;
  for (;;) {
    const run = await findRun(deps.db, runId);
    if (run && holds(run)) return;
    if (Date.now() >= until) {
      throw new HttpError(
        503,
        `the workflow of ${runId} was told but has not acted within ${SEEN_MS / 1000} s: it will as soon as a worker is up; ` +
          'look at the run before trying again',
        {},
        { 'retry-after': '10' },
      );
    }
    await pause(POLL_MS);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function answer(run: RunRow, steering: Steering, result: { changed: boolean; message: string }) {
  return {
    run_id: run.id,
    action: steering.action,
    changed: result.changed,
    dry_run: steering.dryRun,
    phase: run.phase,
    status: run.status,
    ends_at: naiveIso(run.endsAt),
    message: result.message,
  };
}

async function audit(deps: ApiDeps, steering: Steering, outcome: string, error?: string): Promise<void> {
  await deps.db.operatorAction.create({
    data: {
      actor: steering.actor,
      via: 'api',
      action: `run.${steering.action}`,
      target: steering.runId,
      reason: steering.reason,
      requestJson: {
        ...(steering.mode ? { mode: steering.mode } : {}),
        ...(steering.seconds ? { seconds: steering.seconds } : {}),
        ...(error ? { error } : {}),
      },
      outcome,
    },
  });
}

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
  const steering = { actor, reason: 'admin runs advance', dryRun: false };
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
