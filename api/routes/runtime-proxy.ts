/** How validators and the owner's own services reach a run's agents (api.md 4.7). */
import { z } from 'zod';
import { agentInvocationResponseSchema } from '../../domain/contracts/invocation';
import {
  attemptOrValidator,
  internalAttempt,
  requireTokenSecret,
  validatorAttempt,
} from '../runtime-proxy/caller';
import { refuseRetired, runMember, withCaller, type Invocation } from '../runtime-proxy/invoke';
import { taskSettings, type TaskSettings } from '../runtime-proxy/settings';
import { streamInvocation } from '../runtime-proxy/stream';
import { checkUnaryRequest, unaryInvocation } from '../runtime-proxy/unary';
import { defineRoute, type Route, type RouteContext } from '../route';

type Caller = 'validator' | 'internal';

const params = z.object({ run: z.string(), deployment: z.string() });
const body = z.record(z.string(), z.unknown());
type Context = RouteContext<z.infer<typeof params>, unknown, Record<string, unknown>>;

const healthSchema = z.object({
  status: z.string(),
  family_id: z.string(),
  deployment_revision: z.string(),
  run_id: z.string(),
  snapshot_status: z.string(),
  runtime_endpoint_url: z.string().nullable(),
});

const refusals = {
  404: { description: 'No such deployment, or not a member of the run' },
  409: {
    description: 'The snapshot is closed, the deployment is retired, or no lease of the caller covers it',
  },
  503: { description: 'The deployment is not placed' },
};

/** The routes of runs, for validators (attempt token or signature) and for the internal token. */
export function createRuntimeProxyRoutes(settings: () => TaskSettings): Route[] {
  return (['validator', 'internal'] as const).flatMap((caller) => {
    const auth = caller === 'validator' ? attemptOrValidator : ('internal' as const);
    const paths = (tail: string) =>
      ['runs', 'epochs'].map((kind) => `/v1/${caller}/${kind}/{run}/deployments/{deployment}${tail}`);
    const tags = ['runtime'];
    return [
      defineRoute(
        {
          method: 'get',
          path: paths('/healthz'),
          auth,
          summary: "Health of a run member's agent",
          tags,
          request: { params },
          responses: { 200: { description: 'Its health', schema: healthSchema }, ...refusals },
        },
        async ({ deps, params: { run, deployment } }) => {
          const member = await runMember(deps, run, deployment);
          return {
            status: member.healthStatus,
            family_id: member.familyId,
            deployment_revision: member.deploymentRevision,
            run_id: run,
            snapshot_status: member.snapshotStatus,
            runtime_endpoint_url: member.runtimeEndpointUrl,
          };
        },
      ),
      defineRoute(
        {
          method: 'post',
          path: [
            ...paths('/v1/agent/infer'),
            ...(caller === 'validator' ? ['/v1/validator/runs/{run}/deployments/{deployment}/infer'] : []),
          ],
          auth,
          summary: 'Ask an agent',
          description: 'The answer carries what the owner attests: job id, tool calls and cost.',
          tags,
          request: { params, body },
          responses: {
            200: { description: 'The answer', schema: agentInvocationResponseSchema },
            502: { description: 'The agent failed; `failure_class` says through whom' },
            ...refusals,
          },
        },
        async (context) => {
          checkUnaryRequest(context.body);
          return withCaller(context.res, (signal) =>
            invocationOf(context, caller, settings(), '/v1/agent/infer', signal).then(unaryInvocation),
          );
        },
      ),
      defineRoute(
        {
          method: 'post',
          path: paths('/v1/agent/infer/stream'),
          auth,
          summary: 'Ask an agent, streamed',
          description:
            'NDJSON events. The last line is always `done`; a failure is a `done` with status `failed` and ' +
            '`metadata.failure_class`, under status 200.',
          tags,
          request: { params, body },
          responses: { 200: { description: 'Events', contentType: 'application/x-ndjson' }, ...refusals },
          stream: true,
        },
        (context) =>
          withCaller(context.res, async (signal) =>
            streamInvocation(
              await invocationOf(context, caller, settings(), '/v1/agent/infer/stream', signal),
              context.res,
            ),
          ),
      ),
    ];
  });
}

export const runtimeProxyRoutes: readonly Route[] = createRuntimeProxyRoutes(taskSettings);

async function invocationOf(
  { deps, req, params: { run, deployment }, body: sent, hotkey }: Context,
  caller: Caller,
  settings: TaskSettings,
  route: Invocation['route'],
  signal: AbortSignal,
): Promise<Invocation> {
  const target = await runMember(deps, run, deployment);
  refuseRetired(target);
  requireTokenSecret(deps);
  const hints = { taskId: sent.task_id, turnId: sent.turn_id };
  const key = { runId: run, deploymentId: deployment };
  const attempt =
    caller === 'validator'
      ? await validatorAttempt(req, deps, { ...key, hotkey }, hints)
      : await internalAttempt(deps, key, hints);
  return { deps, settings, runId: run, target, attempt, route, body: sent, signal };
}
