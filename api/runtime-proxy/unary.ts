/** The unary proxy: one request, one answer, completed by the owner. */
import {
  agentInvocationRequestSchema,
  agentInvocationResponseSchema,
  type AgentInvocationResponse,
} from '../../domain/contracts/invocation';
import { fieldErrors, HttpError, unprocessable } from '../../domain/http-errors';
import { agentObject } from './agent';
import { callAgent, InvocationFailed, jobOf, type Invocation } from './invoke';
import { attestedMetadata, minerMetadata } from './owner-metadata';

/**
 * Checks a unary request as the original's clients know it.
 * @throws HttpError 422
 */
export function checkUnaryRequest(body: Record<string, unknown>): void {
  if (typeof body.prompt !== 'string' || body.prompt === '') {
    throw unprocessable([
      {
        type: 'value_error',
        loc: ['body'],
        msg: 'Value error, AgentInvocationRequest requires `prompt`',
        input: body,
        ctx: { error: {} },
      },
    ]);
  }
  const parsed = agentInvocationRequestSchema.safeParse(body);
  if (!parsed.success) throw unprocessable(fieldErrors(parsed.error, 'body', body));
}

/**
 * Makes one unary invocation.
 * @throws HttpError 502 `runtime invocation failed` with `failure_class` and `reason` beside the detail, 503 where the
 *   deployment is not placed
 */
export async function unaryInvocation(invocation: Invocation): Promise<AgentInvocationResponse> {
  const { target, runId } = invocation;
  try {
    const answer = await callAgent(invocation, agentObject, () => false);
    const parsed = agentInvocationResponseSchema.safeParse(answer);
    if (!parsed.success) {
      const where = parsed.error.issues.map((issue) => issue.path.join('.') || 'the answer').slice(0, 5);
      throw new InvocationFailed('miner', `the agent's answer breaks the contract: ${where.join(', ')}`);
    }
    return {
      ...parsed.data,
      latency_ms: target.latencyMsP50,
      metadata: {
        runtime_kind: target.runtimeKind,
        ...minerMetadata(parsed.data.metadata),
        managed_execution: true,
        deployment_id: target.deploymentId,
        deployment_revision: target.deploymentRevision,
        ...(runId === null ? {} : { run_id: runId, validator_pinned: true }),
        ...(await attestedMetadata(invocation.deps, jobOf(invocation))),
      },
    };
  } catch (error) {
    if (!(error instanceof InvocationFailed)) throw error;
    throw new HttpError(502, 'runtime invocation failed', {
      failure_class: error.failureClass,
      reason: error.message,
    });
  }
}
