import type { Client } from '@temporalio/client';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../domain/messages';

const WORKFLOW_ID = 'metagraph-sync/manual';

/**
 * Has the metagraph synced now, beside the schedule, and waits for it; one that is under way is waited for instead.
 * @throws WorkflowFailedError when the sync failed, Error when it takes longer than the deadline and goes on by itself
 */
export async function syncMetagraphNow(
  client: Client,
  deadlineMs: number,
): Promise<{ block: number; neurons: number }> {
  const handle = await client.workflow.start(WORKFLOW_TYPES.metagraphSync, {
    workflowId: WORKFLOW_ID,
    taskQueue: TASK_QUEUES.control,
    args: [],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: 'a sync that somebody asked for',
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the sync is still under way after ${deadlineMs / 1000} s: see ${WORKFLOW_ID}`)),
      deadlineMs,
    );
  });
  try {
    return (await Promise.race([handle.result(), late])) as { block: number; neurons: number };
  } finally {
    clearTimeout(timer);
  }
}
