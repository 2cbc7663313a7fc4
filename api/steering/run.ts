/** Steering a run: through its workflow, idempotent, audited, and never waiting for ever (api.md section 4.4 and 4.6). */
import { findRun, type RunRow } from '../../adapters/postgres/runs-read';
import { HttpError } from '../../domain/http-errors';
import {
  RUN_MESSAGES,
  workflowIds,
  type CloseRequest,
  type ExtendRequest,
  type RunProgressView,
  type SteerAnswer,
} from '../../domain/messages';
import { decideOrder, readOrder, type SteerAction, type SteerableRun } from '../../domain/run-steering';
import type { RunPhase } from '../../domain/status';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';
import { tryQuery, updateWorkflow } from '../temporal-control';
import { audited } from './audit';

export interface Steering {
  action: SteerAction;
  runId: string;
  /** Hotkey of the owner. */
  actor: string;
  via: 'api' | 'cli';
  orderId?: string | undefined;
  reason: string;
  dryRun: boolean;
  mode?: 'now' | 'drain' | undefined;
  /** For `extend`: by how much, or until when (ISO). */
  seconds?: number | undefined;
  until?: string | undefined;
}

// An update is answered once the workflow has acted; what follows from it shows in the row a little later.
const ACT_MS = 15_000;
const SEEN_MS = 5_000;
const POLL_MS = 100;

/**
 * Carries out one order.
 * @throws HttpError 404 for an unknown run, 409 when the run's state does not allow it, 503 when its workflow is silent
 */
export async function steerRun(deps: ApiDeps, steering: Steering) {
  const run = await findRun(deps.db, steering.runId);
  if (!run) throw new HttpError(404, `run ${steering.runId} not found`);
  if (steering.dryRun) return preview(deps, run, steering);
  const { actor, via, orderId, reason, action } = steering;
  const done = await audited(
    deps,
    {
      orderId,
      actor,
      via,
      action: `run.${action}`,
      target: run.id,
      reason,
      request: { ...requestOf(steering) },
    },
    (id) => act(deps, run, steering, id),
  );
  const after = (await findRun(deps.db, run.id)) ?? run;
  return answer(after, steering, { changed: done.outcome === 'applied', message: done.message });
}

/** What the order would do, by the same rules as the workflow's. */
async function preview(deps: ApiDeps, run: RunRow, steering: Steering) {
  const view =
    run.status === 'completed'
      ? null
      : await tryQuery<RunProgressView>(deps.temporal, workflowIds.run(run.id), RUN_MESSAGES.progress);
  const order = readOrder(steering.action, requestOf(steering));
  const verdict = decideOrder(standing(run, view), order, deps.clock().getTime());
  if (verdict.outcome === 'refused') throw new HttpError(409, `run ${run.id}: ${verdict.message}`);
  const would = verdict.outcome === 'applied' ? `would ${steering.action} ${run.id}: ` : '';
  return answer(run, steering, {
    changed: false,
    message: `${would}${verdict.message}; nothing was changed`,
  });
}

/** The run as its row shows it, with what only its workflow knows where that answers. */
function standing(run: RunRow, view: RunProgressView | null): SteerableRun {
  return {
    phase: run.phase as RunPhase,
    startsAt: run.startedAt.getTime(),
    endsAt: run.endsAt.getTime(),
    pausedAt: run.pausedAt?.getTime() ?? null,
    opened: false,
    closing: view?.closing ? 'drain' : null,
    stuckStep: view?.stuck?.step ?? null,
  };
}

function requestOf({
  action,
  mode,
  seconds,
  until,
}: Steering): Pick<CloseRequest, 'mode'> & Pick<ExtendRequest, 'seconds' | 'until'> {
  return {
    ...(action === 'close' ? { mode: mode ?? 'drain' } : {}),
    ...(seconds === undefined ? {} : { seconds }),
    ...(until === undefined ? {} : { until }),
  };
}

async function act(deps: ApiDeps, run: RunRow, steering: Steering, id: string) {
  const { action, actor, via, reason } = steering;
  if (action !== 'retry' || run.status === 'completed') {
    // The row follows the workflow, so what it rules out needs no worker to be refused.
    const order = readOrder(action, requestOf(steering));
    const verdict = decideOrder(standing(run, null), order, deps.clock().getTime());
    if (verdict.outcome === 'refused') throw new HttpError(409, `run ${run.id}: ${verdict.message}`);
    if (verdict.outcome === 'unchanged') return { outcome: 'unchanged' as const, message: verdict.message };
  }
  const request = { id, actor, via, reason, ...requestOf(steering) };
  const done = await updateWorkflow<SteerAnswer>(
    deps.temporal,
    workflowIds.run(run.id),
    RUN_MESSAGES[action],
    request,
    ACT_MS,
    id,
  );
  if (done.outcome === 'applied') await seen(deps, run, action);
  return {
    outcome: done.outcome === 'applied' ? ('applied' as const) : ('unchanged' as const),
    message: done.message,
  };
}

/** Waits a moment for the phase that follows from the order, so that the answer shows it; it follows in any case. */
async function seen(deps: ApiDeps, before: RunRow, action: SteerAction): Promise<void> {
  const moved: Partial<Record<SteerAction, (now: RunRow) => boolean>> = {
    open: (now) => now.phase !== 'scheduled',
    close: (now) => !['opening', 'deploying', 'running', 'paused'].includes(now.phase),
  };
  const holds = moved[action];
  const until = Date.now() + SEEN_MS;
  while (holds && Date.now() < until) {
    const run = await findRun(deps.db, before.id);
    if (run && holds(run)) return;
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
