/** What happens when an agent's process dies under a call (decision 7). */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../adapters/logging';
import { recordCrash, runtimeState, type Attempt, type RuntimeState } from '../../adapters/postgres/attempts';
import { DEPLOYMENT_MESSAGES, workflowIds, type InvocationFailedSignal } from '../../domain/messages';
import type { ApiDeps } from '../deps';
import { counterOf } from './metrics';

const POLL_MS = 250;
/** Deaths under one (task, miner) from which on the miner's answer is at fault. */
export const CRASHES_OF_THE_MINER = 2;

/** Whether an agent can be asked, and where. A draining one still answers for the leases that it drains. */
export function isServing(
  state: RuntimeState | null,
): state is RuntimeState & { runtimeEndpointUrl: string } {
  return (
    state !== null &&
    state.runtimeEndpointUrl !== null &&
    state.healthStatus === 'healthy' &&
    state.status !== 'retired'
  );
}

/**
 * Counts a death and tells the deployment's workflow, which starts the agent again.
 * @returns deaths under this (task, miner) so far; 1 for a call outside any attempt
 */
export async function reportCrash(
  deps: ApiDeps,
  attempt: Attempt | null,
  deploymentId: string,
  report: InvocationFailedSignal,
): Promise<number> {
  counterOf(deps.metrics, 'agent_crashes').inc();
  // Not waited for: the miner's answer does not depend on it, and the workflow watches the process by itself as well.
  deps.temporal.workflow
    .getHandle(workflowIds.deployment(deploymentId))
    .signal(DEPLOYMENT_MESSAGES.invocationFailed, report)
    .catch((error: unknown) =>
      deps.logger.warn('the deployment workflow was not told of a dead agent', {
        deploymentId,
        reason: messageOf(error),
      }),
    );
  return attempt ? recordCrash(deps.db, attempt.rowId) : 1;
}

/**
 * Waits for an agent that answers.
 * @param deadInstanceId instance that died; null accepts any healthy one
 * @returns where it is, or null when the time is over or the caller went away
 */
export async function awaitServing(
  deps: ApiDeps,
  deploymentId: string,
  options: { deadInstanceId: string | null; seconds: number; signal: AbortSignal },
): Promise<(RuntimeState & { runtimeEndpointUrl: string }) | null> {
  const until = Date.now() + options.seconds * 1000;
  for (;;) {
    const state = await runtimeState(deps.db, deploymentId);
    const replaced = options.deadInstanceId === null || state?.runtimeInstanceId !== options.deadInstanceId;
    if (isServing(state) && replaced) return state;
    if (state === null || state.status === 'retired' || Date.now() >= until) return null;
    try {
      await sleep(POLL_MS, undefined, { signal: options.signal });
    } catch (error) {
      if (options.signal.aborted) return null;
      throw error;
    }
  }
}
