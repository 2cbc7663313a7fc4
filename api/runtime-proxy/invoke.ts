/** The way of one call to an agent, through deaths and restarts of its process (decision 7). */
import type { Response } from 'express';
import { findRunDeployment, type Attempt, type RunDeployment } from '../../adapters/postgres/attempts';
import { HttpError } from '../../domain/http-errors';
import { deploymentJobId, mintJobToken } from '../../domain/job-token';
import { JOB_GRACE_SECONDS } from '../../domain/tasks/claim-item';
import type { ApiDeps } from '../deps';
import { AgentFailure, type AgentCall } from './agent';
import { awaitServing, CRASHES_OF_THE_MINER, isServing, reportCrash } from './recovery';
import type { TaskSettings } from './settings';

/** What stands for the run in the tokens of calls that belong to none. */
const CONSUMER_RUN = 'consumer';

/** Whose failure it was; an owner's is not scored. */
export type FailureClass = 'miner' | 'owner';

/** A call that came to nothing. */
export class InvocationFailed extends Error {
  override readonly name = 'InvocationFailed';
  constructor(
    readonly failureClass: FailureClass,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The caller went away: nobody is left to answer, and nobody's fault. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

export interface Invocation {
  deps: ApiDeps;
  settings: TaskSettings;
  /** Null for a consumer's call, which belongs to no run. */
  runId: string | null;
  target: RunDeployment;
  /** Null for a call by the owner outside any attempt. */
  attempt: Attempt | null;
  route: '/v1/agent/infer' | '/v1/agent/infer/stream';
  body: Record<string, unknown>;
  signal: AbortSignal;
}

/**
 * The deployment that a run's route names.
 * @throws HttpError 404 for an unknown deployment or one that is no member, 409 for a closed snapshot
 */
export async function runMember(
  deps: ApiDeps,
  runId: string,
  deploymentId: string,
): Promise<RunDeployment & { snapshotStatus: string }> {
  const target = await findRunDeployment(deps.db, runId, deploymentId);
  if (!target) throw new HttpError(404, 'deployment not found');
  const { snapshotStatus } = target;
  if (snapshotStatus === null) throw new HttpError(404, 'run deployment not found');
  if (snapshotStatus !== 'open') throw new HttpError(409, 'run snapshot is closed');
  return { ...target, snapshotStatus };
}

/** @throws HttpError 409 for a deployment that is stopped for good */
export function refuseRetired(target: RunDeployment): void {
  if (target.status === 'retired') throw new HttpError(409, 'deployment retired');
}

/** The job that a call is recorded under: the attempt's, else the deployment's own. */
export function jobOf(invocation: Pick<Invocation, 'attempt' | 'target'>): string {
  return invocation.attempt?.jobId ?? deploymentJobId(invocation.target.deploymentId);
}

/**
 * What the agent is sent: the caller's body without what a miner must not see. A gold answer never reaches a miner
 * (decision 30), and of a scripted conversation only the turns before the one that is asked (decision 13).
 */
export function bodyForAgent(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const sent: Record<string, unknown> = { ...body };
  delete sent.expected_output;
  const turn = typeof sent.turn_id === 'string' ? /-t(\d+)$/.exec(sent.turn_id)?.[1] : undefined;
  if (turn !== undefined && Array.isArray(sent.turns)) sent.turns = sent.turns.slice(0, Number(turn));
  return sent;
}

/**
 * Calls the agent. When its process dies, the death is counted under the (task, miner) and reported, and the call waits
 * for the agent to be started again; if the caller has seen nothing yet, it is made once more. The second death under
 * the same (task, miner) is the miner's failure; a first one that could not be mended is the owner's.
 * @param use makes the call
 * @param forwarded whether the caller has been sent anything
 * @throws InvocationFailed, CallerGone, HttpError 503 where the deployment is not placed at all
 */
export async function callAgent<T>(
  invocation: Invocation,
  use: (call: AgentCall) => Promise<T>,
  forwarded: () => boolean,
): Promise<T> {
  const { deps, settings, target, attempt, signal } = invocation;
  const { deploymentId } = target;
  const wait = (deadInstanceId: string | null) =>
    awaitServing(deps, deploymentId, { deadInstanceId, seconds: settings.proxy.recoverySeconds, signal });
  let state = isServing(target) ? target : await wait(null);
  if (state === null) {
    if (target.runtimeEndpointUrl === null) {
      throw new HttpError(503, 'runtime not ready', { failure_class: 'owner' });
    }
    throw new InvocationFailed('owner', 'the agent is being started again; nothing is scored, ask later');
  }
  for (let tries = 1; ; tries += 1) {
    try {
      return await use(agentCall(invocation, state.runtimeEndpointUrl));
    } catch (error) {
      if (!(error instanceof AgentFailure)) throw error;
      if (error.kind === 'cancelled') throw new CallerGone(error.message, { cause: error });
      if (error.kind !== 'crash') throw new InvocationFailed('miner', error.message, error);
      const deaths = await reportCrash(deps, attempt, deploymentId, {
        instanceId: state.runtimeInstanceId,
        reason: error.message,
      });
      if (deaths >= CRASHES_OF_THE_MINER) {
        throw new InvocationFailed(
          'miner',
          `${error.message}; the agent died ${deaths} times under this task`,
          error,
        );
      }
      const next = await wait(state.runtimeInstanceId);
      if (signal.aborted) throw new CallerGone('the caller went away', { cause: error });
      if (next === null || forwarded() || tries > 1) {
        throw new InvocationFailed(
          'owner',
          `${error.message}; not scored, the task goes back to the pool`,
          error,
        );
      }
      state = next;
    }
  }
}

function agentCall(invocation: Invocation, endpointUrl: string): AgentCall {
  const { deps, settings, target, runId } = invocation;
  const { proxy } = settings;
  const seconds = target.runtimeKind === 'graph' ? proxy.graphTimeoutSeconds : proxy.agentTimeoutSeconds;
  const jobId = jobOf(invocation);
  const expiresAt = new Date(deps.clock().getTime() + (seconds + JOB_GRACE_SECONDS) * 1000);
  return {
    url: `${endpointUrl.replace(/\/+$/, '')}${invocation.route}`,
    body: bodyForAgent(invocation.body),
    headers: {
      'x-eirel-job-id': jobId,
      'x-eirel-job-token': mintJobToken(
        { jobId, deploymentId: target.deploymentId, runId: runId ?? CONSUMER_RUN, expiresAt },
        deps.config.jobTokenSecret,
      ),
    },
    timeoutMs: seconds * 1000,
    maxResponseBytes: proxy.maxResponseBytes,
    maxLineBytes: proxy.maxLineBytes,
    signal: invocation.signal,
  };
}

/** Runs a call that ends when the caller hangs up; an agent must not work for nobody. */
export async function withCaller<T>(
  res: Response,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const gone = new AbortController();
  const onClose = () => {
    if (!res.writableFinished) gone.abort();
  };
  res.once('close', onClose);
  try {
    return await work(gone.signal);
  } catch (error) {
    if (error instanceof CallerGone || gone.signal.aborted) return undefined;
    throw error;
  } finally {
    res.off('close', onClose);
  }
}
