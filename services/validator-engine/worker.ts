import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, type NativeConnection, type WorkerOptions, type WorkflowBundle } from '@temporalio/worker';
import { createValidatorActivities } from '../../activities/validator';
import type { ValidatorActivityDeps } from '../../activities/validator/deps';
import { processIdentity } from '../../adapters/temporal/abandoned';
import { validatorTaskQueue } from '../../domain/messages';
import { WORKFLOW_BUNDLE } from '../../workers/bundle';

/** What the engine's worker is to those that take up its work. */
export const engineRole = (hotkey: string): string => `validator ${hotkey}`;

export interface ValidatorWorkerOptions {
  connection: NativeConnection;
  namespace: string;
  deps: ValidatorActivityDeps;
  /** Activities at once: tasks with their deliveries, and the two waits. */
  maxParallel: number;
  /** The workflows; found beside the build, or bundled from their sources, without one. */
  workflows?: WorkflowBundle;
}

/** The worker of one validator's loop: its workflow and its activities. */
export function createValidatorWorker(options: ValidatorWorkerOptions): Promise<Worker> {
  const { deps } = options;
  return Worker.create({
    connection: options.connection,
    namespace: options.namespace,
    identity: processIdentity(engineRole(deps.validatorHotkey)),
    taskQueue: validatorTaskQueue(deps.validatorHotkey),
    activities: createValidatorActivities(deps),
    ...workflowCode(options.workflows),
    maxConcurrentActivityTaskExecutions: options.maxParallel * 2 + 8,
    maxConcurrentWorkflowTaskExecutions: 4,
    // A pause is to be noticed soon; it comes with the answer to a heartbeat.
    maxHeartbeatThrottleInterval: '2 seconds',
    // The engine has waited for its tasks before it shuts the worker down.
    shutdownGraceTime: 250,
    shutdownForceTime: 5_000,
  });
}

function workflowCode(
  bundle: WorkflowBundle | undefined,
): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  if (bundle) return { workflowBundle: bundle };
  return existsSync(WORKFLOW_BUNDLE)
    ? { workflowBundle: { codePath: WORKFLOW_BUNDLE } }
    : { workflowsPath: require.resolve(join('..', '..', 'workflows')) };
}
