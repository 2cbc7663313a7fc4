/** Having the weights of a closed run published by the hotkeys that publish from this Temporal (decision 24). */
import { WorkflowIdReusePolicy } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { messageOf } from '../../adapters/logging';
import { keyword } from '../../adapters/temporal/keyword';
import { HttpError } from '../../domain/http-errors';
import {
  PUBLICATION_MESSAGES,
  publicationTaskQueue,
  WORKFLOW_TYPES,
  workflowIds,
  type ChainPublicationInput,
  type PublicationStatusView,
  type SteerRequest,
} from '../../domain/messages';
import type { ApiDeps } from '../deps';
import { CALL_MS, signalWorkflow, tryQuery, workflowStatus } from '../temporal-control';
import { audited, senderOf, type OrderBody } from './audit';

const WORKFLOW_QUEUE = 1;
/** Hotkeys that are looked at. */
const MOST = 256;

/** What is to be done about one hotkey's publication. */
interface Plan {
  hotkey: string;
  workflowId: string;
  act: 'start' | 'nudge' | 'leave';
  message: string;
}

/**
 * Starts the publication of a run's weights by each hotkey whose publishing worker is connected to this Temporal, or has one
 * that waits try now. One that is done, or at work, is left alone.
 * @throws HttpError 404 for an unknown run, 409 for one without weights or where nobody publishes here, 503 when Temporal does
 *   not answer
 */
export async function publishWeights(
  deps: ApiDeps,
  actor: string,
  body: OrderBody & { run_id: string; hotkey?: string | undefined },
) {
  const runId = body.run_id;
  const [run, weights] = await Promise.all([
    deps.db.evaluationRun.findUnique({ where: { id: runId } }),
    deps.db.runWeightSet.findUnique({ where: { runId } }),
  ]);
  if (!run) throw new HttpError(404, `run ${runId} not found`);
  if (run.status !== 'completed' || !weights) {
    throw new HttpError(409, `run ${runId} is ${run.status}: it has no weights to publish yet`);
  }
  const plans = await asking(() => planAll(deps, runId, body.hotkey));
  const answer = (changed: boolean, message: string) => ({
    run_id: runId,
    action: 'publish',
    changed,
    dry_run: body.dry_run,
    publications: plans.map(({ workflowId }) => workflowId),
    message,
  });
  const told = plans.map(({ hotkey, message }) => `${hotkey} ${message}`).join('; ');
  if (body.dry_run) return answer(false, `${told}; nothing was changed`);
  const order = {
    ...senderOf(body, actor),
    action: 'publication.publish',
    target: body.hotkey ? `${runId}/${body.hotkey}` : runId,
    request: { publications: plans.map(({ workflowId, act }) => ({ workflowId, act })) },
  };
  const done = await audited(deps, order, async (id) => {
    const request: SteerRequest = { id, actor, via: body.via, reason: body.reason };
    for (const plan of plans) {
      if (plan.act === 'start') await start(deps, runId, plan);
      if (plan.act === 'nudge') {
        await signalWorkflow(deps.temporal, plan.workflowId, PUBLICATION_MESSAGES.retry, request);
      }
    }
    const changed = plans.some(({ act }) => act !== 'leave');
    return { outcome: changed ? 'applied' : 'unchanged', message: told };
  });
  return answer(done.outcome === 'applied', done.message);
}

async function planAll(deps: ApiDeps, runId: string, hotkey: string | undefined): Promise<Plan[]> {
  const asked = hotkey ? [hotkey] : await activeValidators(deps);
  const polled = await Promise.all(asked.map((one) => isPolled(deps, one)));
  const here = asked.filter((_, index) => polled[index]);
  if (here.length === 0) {
    const who = hotkey ? `${hotkey} does not publish` : 'no validator on the list publishes';
    throw new HttpError(
      409,
      `${who} from this Temporal: weights are signed where the hotkey is, by a worker with EIREL_WORKER_QUEUES=publication; ` +
        'a validator with a Temporal of its own publishes there by itself',
    );
  }
  return Promise.all(here.map((one) => planOne(deps, runId, one)));
}

async function activeValidators(deps: ApiDeps): Promise<string[]> {
  const rows = await deps.db.validator.findMany({
    where: { isActive: true },
    select: { hotkey: true },
    orderBy: { hotkey: 'asc' },
    take: MOST,
  });
  return rows.map((row) => row.hotkey);
}

/** Whether a worker with this hotkey takes work. */
async function isPolled({ temporal }: ApiDeps, hotkey: string): Promise<boolean> {
  const { pollers } = await temporal.workflowService.describeTaskQueue({
    namespace: temporal.options.namespace,
    taskQueue: { name: publicationTaskQueue(hotkey) },
    taskQueueType: WORKFLOW_QUEUE,
  });
  return (pollers ?? []).length > 0;
}

async function planOne({ temporal }: ApiDeps, runId: string, hotkey: string): Promise<Plan> {
  const workflowId = workflowIds.publication(runId, hotkey);
  const plan = (act: Plan['act'], message: string): Plan => ({ hotkey, workflowId, act, message });
  const status = await workflowStatus(temporal, workflowId);
  if (status === 'RUNNING') {
    const view = await tryQuery<PublicationStatusView>(temporal, workflowId, PUBLICATION_MESSAGES.status);
    if (!view) return plan('nudge', 'is under way, and is told to try now');
    return view.waits
      ? plan('nudge', `waits (${view.reason}), and is told to try now`)
      : plan('leave', `is under way: ${view.reason}`);
  }
  if (status === 'COMPLETED') {
    const view = (await temporal.workflow.getHandle(workflowId).result()) as PublicationStatusView;
    if (view.step === 'done') return plan('leave', `published already: ${view.reason}`);
    return plan('start', `publishes anew; before: ${view.reason}`);
  }
  return plan(
    'start',
    status === null ? 'publishes' : `publishes anew; the last time it ${status.toLowerCase()}`,
  );
}

async function start(deps: ApiDeps, runId: string, { hotkey, workflowId }: Plan): Promise<void> {
  const { temporal, config } = deps;
  const input: ChainPublicationInput = { runId, hotkey, netuid: config.netuid };
  await asking(() =>
    temporal.withDeadline(Date.now() + CALL_MS, () =>
      temporal.workflow.start(WORKFLOW_TYPES.chainPublication, {
        workflowId,
        taskQueue: publicationTaskQueue(hotkey),
        args: [input],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        // Somebody else was faster: it is under way, which is what was wanted.
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `weights of ${runId} by ${hotkey}, asked for by the owner`,
        typedSearchAttributes: new TypedSearchAttributes([
          keyword('EirelKind', 'publication'),
          keyword('EirelRunId', runId),
          keyword('EirelHotkey', hotkey),
        ]),
      }),
    ),
  );
}

async function asking<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError(
      503,
      `Temporal does not answer (${messageOf(error)}); ask again`,
      {},
      { 'retry-after': '5' },
    );
  }
}
