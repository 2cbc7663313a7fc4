/** Asking the oracles about a task again. */
import { WorkflowIdReusePolicy } from '@temporalio/client';
import { HttpError } from '../../domain/http-errors';
import {
  ENRICHMENT_MESSAGES,
  TASK_QUEUES,
  WORKFLOW_TYPES,
  workflowIds,
  type SteerRequest,
} from '../../domain/messages';
import type { ApiDeps } from '../deps';
import { CALL_MS, signalWorkflow, workflowStatus } from '../temporal-control';
import { audited, senderOf, type OrderBody } from './audit';

/**
 * Has a task enriched that is not yet: its running workflow asks again now, one that failed is started again. A truth that
 * is settled stays: every validator judges against the same one (decision 4).
 * @throws HttpError 404, 409 when the run is over, 503 when Temporal does not answer
 */
export async function reEnrichTask(
  deps: ApiDeps,
  runId: string,
  taskId: string,
  actor: string,
  body: OrderBody,
) {
  const task = await deps.db.taskEvaluation.findFirst({ where: { runId, taskId } });
  if (!task) throw new HttpError(404, `run ${runId} has no task ${taskId}`);
  const run = await deps.db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
  const answer = (changed: boolean, message: string) => ({
    run_id: runId,
    task_id: taskId,
    action: 're-enrich',
    changed,
    dry_run: body.dry_run,
    enrichment_status: task.enrichmentStatus,
    message,
  });
  const settled = ['ready', 'deterministic'].includes(task.enrichmentStatus);
  const unchanged = `its truth is settled (${task.oracleStatus ?? task.enrichmentStatus}) and stays as it is`;
  if (!settled && run.status !== 'open') {
    throw new HttpError(409, `run ${runId} is ${run.status}: its tasks are not enriched any more`);
  }
  if (body.dry_run) {
    return answer(
      false,
      settled ? unchanged : `would ask the oracles about ${taskId} again; nothing was changed`,
    );
  }
  const order = { ...senderOf(body, actor), action: 'task.re-enrich', target: `${runId}/${taskId}` };
  const done = await audited(deps, order, async (id) => {
    if (settled) return { outcome: 'unchanged', message: unchanged };
    const request: SteerRequest = { id, actor, via: body.via, reason: body.reason };
    const workflowId = workflowIds.enrichment(runId, taskId);
    if (await isRunning(deps, workflowId)) {
      await signalWorkflow(deps.temporal, workflowId, ENRICHMENT_MESSAGES.askAgain, request);
      return { outcome: 'applied', message: 'its enrichment asks again now' };
    }
    const input = { runId, taskId, familyId: task.familyId, queue: TASK_QUEUES.llm };
    await deps.temporal.withDeadline(Date.now() + CALL_MS, () =>
      deps.temporal.workflow.start(WORKFLOW_TYPES.taskEnrichment, {
        workflowId,
        taskQueue: TASK_QUEUES.control,
        args: [input],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: `truth of task ${taskId} of ${runId}, asked for again`,
      }),
    );
    return { outcome: 'applied', message: 'its enrichment was started again' };
  });
  return answer(done.outcome === 'applied', done.message);
}

async function isRunning(deps: ApiDeps, workflowId: string): Promise<boolean> {
  try {
    return (await workflowStatus(deps.temporal, workflowId)) === 'RUNNING';
  } catch {
    throw new HttpError(503, 'Temporal does not answer; nothing was changed', {}, { 'retry-after': '5' });
  }
}
