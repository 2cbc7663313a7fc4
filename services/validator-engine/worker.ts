import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { ApplicationFailure, defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { Worker, type NativeConnection, type WorkerOptions, type WorkflowBundle } from '@temporalio/worker';
import { createValidatorActivities } from '../../activities/validator';
import type { ValidatorActivityDeps } from '../../activities/validator/deps';
import { messageOf, type Logger } from '../../adapters/logging';
import { FAULTS } from '../../domain/faults';
import { validatorTaskQueue, workflowIds } from '../../domain/messages';
import { WORKFLOW_BUNDLE } from '../../workers/bundle';

const STARTED = 2;

/** Who works, as the Web UI shows it. Tells the machine and the process apart, so that a dead one's work can be taken up. */
const identityOf = (hotkey: string): string => `${process.pid}@${hostname()} validator ${hotkey}`;

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
    identity: identityOf(deps.validatorHotkey),
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

/**
 * Has the server try again at once what a process of this machine had begun before it was killed; otherwise it would wait
 * until their silence is long enough, while leases run. Work of other machines is left alone.
 * @returns how many attempts were ended
 */
export async function takeUpAbandoned(client: Client, hotkey: string, logger: Logger): Promise<number> {
  const workflowId = workflowIds.validator(hotkey);
  const { namespace, identity } = client.options;
  const service = client.workflowService;
  let pending;
  try {
    const description = await client.workflow.getHandle(workflowId).describe();
    if (description.status.name !== 'RUNNING') return 0;
    pending = description.raw.pendingActivities ?? [];
  } catch (error) {
    if ((error as Error).name === 'WorkflowNotFoundError') return 0;
    throw error;
  }
  const failure = defaultFailureConverter.errorToFailure(
    ApplicationFailure.create({
      type: FAULTS.interrupted,
      message: 'the process that worked on it has ended; the next attempt goes on from the journal',
    }),
    defaultPayloadConverter,
  );
  let ended = 0;
  for (const activity of pending) {
    if (activity.state !== STARTED || !isDead(activity.lastWorkerIdentity ?? '')) continue;
    try {
      await service.respondActivityTaskFailedById({
        namespace,
        workflowId,
        activityId: activity.activityId,
        identity,
        failure,
      });
      ended += 1;
    } catch (error) {
      // It timed out or ended in between; the server sees to it by itself.
      logger.debug('an abandoned attempt had ended', {
        activity: activity.activityId,
        error: messageOf(error),
      });
    }
  }
  return ended;
}

/** True for a worker of this machine whose process does not live; a number that is ours now was another's before. */
function isDead(identity: string): boolean {
  const [pid, rest = ''] = identity.split('@');
  if (!rest.startsWith(`${hostname()} validator `)) return false;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
