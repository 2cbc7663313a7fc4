/** Work that a killed process left behind, taken up at once by the next one of the same machine. */
import { hostname } from 'node:os';
import { ApplicationFailure, defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { FAULTS } from '../../domain/faults';

const STARTED = 2;

/**
 * Who works, as the Web UI shows it. Tells the machine and the process apart, so that a dead one's work can be taken up.
 * @param role e.g. `validator 5F…`
 */
export function processIdentity(role: string): string {
  return `${process.pid}@${hostname()} ${role}`;
}

/**
 * Has the server try again at once what a process of this machine and role had begun before it was killed; otherwise it
 * would wait until their silence is long enough. Work of other machines is left alone.
 * @returns how many attempts were ended
 */
export async function takeUpAbandoned(client: Client, workflowId: string, role: string): Promise<number> {
  const { namespace, identity } = client.options;
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
      message: 'the process that worked on it has ended; the next attempt goes on from what it wrote down',
    }),
    defaultPayloadConverter,
  );
  let ended = 0;
  for (const { state, lastWorkerIdentity, activityId } of pending) {
    if (state !== STARTED || !isDead(lastWorkerIdentity ?? '', role)) continue;
    try {
      const attempt = { namespace, workflowId, activityId, identity, failure };
      await client.workflowService.respondActivityTaskFailedById(attempt);
      ended += 1;
    } catch (error) {
      // It timed out or ended in between; the server sees to it by itself.
      if (!/not.?found/i.test(String(error))) throw error;
    }
  }
  return ended;
}

/** True for a worker of this machine whose process does not live; a number that is ours now was another's before. */
function isDead(identity: string, role: string): boolean {
  const [pid, rest = ''] = identity.split('@');
  if (rest !== `${hostname()} ${role}`) return false;
  if (Number(pid) === process.pid) return true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
