/** How the owner's consumer services reach agents outside any run (api.md 4.7). */
import { z } from 'zod';
import { findRunDeployment, type RunDeployment } from '../../adapters/postgres/attempts';
import { agentInvocationResponseSchema } from '../../domain/contracts/invocation';
import { HttpError } from '../../domain/http-errors';
import { SERVABLE_DEPLOYMENT_STATUSES } from '../../domain/status';
import type { ApiDeps } from '../deps';
import { refuseRetired, withCaller, type Invocation } from '../runtime-proxy/invoke';
import { requireTokenSecret } from '../runtime-proxy/caller';
import { taskSettings } from '../runtime-proxy/settings';
import { streamInvocation } from '../runtime-proxy/stream';
import { checkUnaryRequest, unaryInvocation } from '../runtime-proxy/unary';
import { defineRoute, type Route } from '../route';

const tags = ['runtime'];
const params = z.object({ deployment: z.string() });
const body = z.record(z.string(), z.unknown());

const healthSchema = z.object({
  status: z.string(),
  family_id: z.string(),
  deployment_revision: z.string(),
  is_active: z.boolean(),
  runtime_endpoint_url: z.string().nullable(),
});

const refusals = {
  404: { description: 'No such deployment' },
  409: { description: 'It is retired, not placed, or not called by consumers' },
  503: { description: 'It is unhealthy' },
};

/** @throws HttpError 404 */
async function find(deps: ApiDeps, id: string): Promise<RunDeployment> {
  const target = await findRunDeployment(deps.db, '', id);
  if (!target) throw new HttpError(404, 'deployment not found');
  return target;
}

/** The gate of a consumer's call, in the original's order. @throws HttpError 409, 503 */
async function requireCallable(deps: ApiDeps, target: RunDeployment): Promise<void> {
  refuseRetired(target);
  if (target.healthStatus !== 'healthy') throw new HttpError(503, 'deployment unhealthy');
  const row = await deps.db.managedDeployment.findUniqueOrThrow({ where: { id: target.deploymentId } });
  if (!['running', 'ready'].includes(row.placementStatus)) {
    throw new HttpError(409, 'deployment runtime not ready');
  }
  if (!(SERVABLE_DEPLOYMENT_STATUSES as readonly string[]).includes(row.status)) {
    throw new HttpError(409, 'deployment is not callable on the consumer path');
  }
}

function invocation(
  deps: ApiDeps,
  target: RunDeployment,
  sent: Record<string, unknown>,
  route: Invocation['route'],
  signal: AbortSignal,
): Invocation {
  requireTokenSecret(deps);
  return { deps, settings: taskSettings(), runId: null, target, attempt: null, route, body: sent, signal };
}

export const consumerRuntimeRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/runtime/{deployment}/healthz',
      auth: 'internal',
      summary: "Health of a deployment's agent",
      tags,
      request: { params },
      responses: { 200: { description: 'Its health', schema: healthSchema }, ...refusals },
    },
    async ({ deps, params: { deployment } }) => {
      const target = await find(deps, deployment);
      const row = await deps.db.managedDeployment.findUniqueOrThrow({ where: { id: deployment } });
      return {
        status: target.healthStatus,
        family_id: target.familyId,
        deployment_revision: target.deploymentRevision,
        is_active: row.isActive,
        runtime_endpoint_url: target.runtimeEndpointUrl,
      };
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/runtime/{deployment}/v1/agent/infer',
      auth: 'internal',
      summary: 'Ask an agent for a consumer',
      tags,
      request: { params, body },
      responses: {
        200: { description: 'The answer', schema: agentInvocationResponseSchema },
        502: { description: 'The agent failed' },
        ...refusals,
      },
    },
    async ({ deps, params: { deployment }, body: sent, res }) => {
      checkUnaryRequest(sent);
      const target = await find(deps, deployment);
      await requireCallable(deps, target);
      return withCaller(res, (signal) =>
        unaryInvocation(invocation(deps, target, sent, '/v1/agent/infer', signal)),
      );
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/runtime/{deployment}/v1/agent/infer/stream',
      auth: 'internal',
      summary: 'Ask an agent for a consumer, streamed',
      tags,
      request: { params, body },
      responses: { 200: { description: 'Events', contentType: 'application/x-ndjson' }, ...refusals },
      stream: true,
    },
    async ({ deps, params: { deployment }, body: sent, res }) => {
      const target = await find(deps, deployment);
      refuseRetired(target);
      await withCaller(res, (signal) =>
        streamInvocation(invocation(deps, target, sent, '/v1/agent/infer/stream', signal), res),
      );
    },
  ),
];
