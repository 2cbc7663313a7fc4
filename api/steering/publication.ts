/** Cancelling a publication of weights before its next extrinsic. */
import { HttpError } from '../../domain/http-errors';
import { PUBLICATION_MESSAGES, type SteerRequest } from '../../domain/messages';
import type { ApiDeps } from '../deps';
import { signalWorkflow } from '../temporal-control';
import { audited, senderOf, type OrderBody } from './audit';

const LIST_MS = 5_000;
const MOST = 50;

/**
 * Tells the running publications of a run's weights to give up, of one hotkey or of all that this Temporal knows. An
 * extrinsic that is under way is not taken back: it is seen through to its end.
 * @throws HttpError 503 when Temporal does not answer
 */
export async function cancelPublications(
  deps: ApiDeps,
  actor: string,
  body: OrderBody & { run_id: string; hotkey?: string | undefined },
) {
  const running = await runningPublications(deps, body.run_id, body.hotkey);
  const answer = (changed: boolean, message: string) => ({
    run_id: body.run_id,
    action: 'cancel',
    changed,
    dry_run: body.dry_run,
    publications: running,
    message,
  });
  const none = `no publication of ${body.run_id} is running here; one of a validator with a Temporal of its own is cancelled there`;
  if (body.dry_run) {
    return answer(
      false,
      running.length === 0 ? none : `would cancel ${running.length} publication(s); nothing was changed`,
    );
  }
  const order = {
    ...senderOf(body, actor),
    action: 'publication.cancel',
    target: body.hotkey ? `${body.run_id}/${body.hotkey}` : body.run_id,
    request: { publications: running },
  };
  const done = await audited(deps, order, async (id) => {
    const request: SteerRequest = { id, actor, via: body.via, reason: body.reason };
    for (const workflowId of running) {
      await signalWorkflow(deps.temporal, workflowId, PUBLICATION_MESSAGES.cancel, request);
    }
    return running.length === 0
      ? { outcome: 'unchanged', message: none }
      : { outcome: 'applied', message: `${running.length} publication(s) told to give up` };
  });
  return answer(done.outcome === 'applied', done.message);
}

async function runningPublications(deps: ApiDeps, runId: string, hotkey?: string): Promise<string[]> {
  const query = [
    `ExecutionStatus = 'Running'`,
    `EirelKind = 'publication'`,
    `EirelRunId = '${runId}'`,
    ...(hotkey ? [`EirelHotkey = '${hotkey}'`] : []),
  ].join(' AND ');
  try {
    return await deps.temporal.withDeadline(Date.now() + LIST_MS, async () => {
      const found: string[] = [];
      for await (const execution of deps.temporal.workflow.list({ query })) {
        found.push(execution.workflowId);
        if (found.length >= MOST) break;
      }
      return found.sort();
    });
  } catch (error) {
    throw new HttpError(
      503,
      `Temporal did not list the publications (${error instanceof Error ? error.message : String(error)}); nothing was changed`,
      {},
      { 'retry-after': '5' },
    );
  }
}
