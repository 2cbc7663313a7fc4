import { ScheduleOverlapPolicy, type Client, ScheduleNotFoundError } from '@temporalio/client';
import { SCHEDULE_IDS, TASK_QUEUES, WORKFLOW_TYPES } from '../domain/messages';

/**
 * Makes sure that the product's schedules exist with the configured intervals; an operator's pause is kept.
 * A sweep that was missed is not caught up with: the next one does its work.
 */
export async function ensureSchedules(
  client: Client,
  intervals: { leaseReaperSeconds: number; metagraphSyncSeconds: number | null },
): Promise<void> {
  await ensure(client, SCHEDULE_IDS.leaseReaper, WORKFLOW_TYPES.leaseReaper, intervals.leaseReaperSeconds);
  if (intervals.metagraphSyncSeconds !== null) {
    await ensure(
      client,
      SCHEDULE_IDS.metagraphSync,
      WORKFLOW_TYPES.metagraphSync,
      intervals.metagraphSyncSeconds,
    );
  }
}

async function ensure(
  client: Client,
  scheduleId: string,
  workflowType: string,
  seconds: number,
): Promise<void> {
  const spec = { intervals: [{ every: Math.round(seconds * 1000) }] };
  const action = {
    type: 'startWorkflow' as const,
    workflowType,
    workflowId: scheduleId,
    taskQueue: TASK_QUEUES.control,
    args: [],
  };
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' } as const;
  try {
    await client.schedule
      .getHandle(scheduleId)
      .update((previous) => ({ ...previous, spec, action, policies }));
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    await client.schedule
      .create({ scheduleId, spec, action, policies, state: { triggerImmediately: true } })
      .catch((late: unknown) => {
        // Another worker was faster.
        if (!/already (exists|running)/i.test(String(late))) throw late;
      });
  }
}
