/** Draining a deployment, and letting it run again. */
import { HttpError } from '../../domain/http-errors';
import { DEPLOYMENT_MESSAGES, workflowIds, type DeploymentOrderAnswer } from '../../domain/messages';
import type { ApiDeps } from '../deps';
import { updateWorkflow } from '../temporal-control';
import { audited, senderOf, type OrderBody } from './audit';

const ACT_MS = 15_000;

/**
 * `drain`: no new tasks, running leases finish, then it stops and no run starts it. `undrain`: a run may start it again.
 * @throws HttpError 404, 409 when it is retired, 503 when its workflow is silent
 */
export async function steerDeployment(
  deps: ApiDeps,
  action: 'drain' | 'undrain',
  id: string,
  actor: string,
  body: OrderBody,
) {
  const row = await deps.db.managedDeployment.findUnique({ where: { id } });
  if (!row) throw new HttpError(404, 'deployment not found');
  const leases = await deps.db.minerEvaluationTask.count({
    where: { deploymentId: id, status: 'claimed', claimExpiresAt: { gt: deps.clock() } },
  });
  const held = (row.healthDetailsJson as { operator_drain?: boolean }).operator_drain === true;
  const answer = (changed: boolean, status: string, message: string) => ({
    deployment_id: id,
    action,
    changed,
    dry_run: body.dry_run,
    status,
    open_leases: leases,
    message,
  });
  const refuse = (): void => {
    if (row.status === 'retired') throw new HttpError(409, `deployment ${id} is retired: it runs no more`);
  };
  const already = held === (action === 'drain');
  const wordOf = { drain: 'drained already', undrain: 'not drained' }[action];
  if (body.dry_run) {
    refuse();
    const would =
      action === 'drain'
        ? `would drain ${id}: ${leases} running lease(s) finish, then it stops until it is let go`
        : `would let ${id} run again`;
    return answer(false, row.status, already ? `it is ${wordOf}` : `${would}; nothing was changed`);
  }
  const order = { ...senderOf(body, actor), action: `deployment.${action}`, target: id };
  const done = await audited(deps, order, async (orderId) => {
    refuse();
    if (already) return { outcome: 'unchanged', message: `it is ${wordOf}` };
    const result = await updateWorkflow<DeploymentOrderAnswer>(
      deps.temporal,
      workflowIds.deployment(id),
      DEPLOYMENT_MESSAGES[action],
      { id: orderId, actor, via: body.via, reason: body.reason },
      ACT_MS,
      orderId,
    );
    return { outcome: result.changed ? 'applied' : 'unchanged', message: result.message };
  });
  const after = await deps.db.managedDeployment.findUnique({ where: { id } });
  return answer(done.outcome === 'applied', after?.status ?? row.status, done.message);
}
