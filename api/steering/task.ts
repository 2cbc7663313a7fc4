/** Asking the oracles about a task again. */
import { WorkflowIdReusePolicy, WorkflowNotFoundError } from '@temporalio/client';
import { HttpError } from '../../domain/http-errors';
import { TASK_QUEUES, type SteerRequest } from '../../domain/messages';
import type { ApiDeps } from '../deps';
import { signalWorkflow } from '../temporal-control';
import { audited, senderOf, type OrderBody } from './audit';

const CALL_MS = 5_000;
/** The workflow that finds the truth of one task, and the signal that makes it ask at once. */
const ENRICHMENT = { type: 'taskEnrichment', askAgain: 'askAgain' };

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
    const workflowId = `enrichment/${runId}/${taskId}`;
    if (await isRunning(deps, workflowId)) {
      await signalWorkflow(deps.temporal, workflowId, ENRICHMENT.askAgain, request);
      return { outcome: 'applied', message: 'its enrichment asks again now' };
    }
    const input = { runId, taskId, familyId: task.familyId, queue: TASK_QUEUES.llm };
    await deps.temporal.withDeadline(Date.now() + CALL_MS, () =>
      deps.temporal.workflow.start(ENRICHMENT.type, {
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
    const found = await deps.temporal.withDeadline(Date.now() + CALL_MS, () =>
      deps.temporal.workflow.getHandle(workflowId).describe(),
    );
    return found.status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw new HttpError(503, 'Temporal does not answer; nothing was changed', {}, { 'retry-after': '5' });
  }
}
