import { proxyActivities } from '@temporalio/workflow';
import { FINAL_FAULTS } from '../domain/faults';
import { TASK_QUEUES } from '../domain/messages';
import type { MetagraphActivities } from '../activities/metagraph';
import { announce, introduce } from './visibility';

const metagraph = proxyActivities<MetagraphActivities>({
  taskQueue: TASK_QUEUES.chain,
  startToCloseTimeout: '60 seconds',
  scheduleToCloseTimeout: '5 minutes',
  retry: {
    initialInterval: '2 seconds',
    maximumInterval: '30 seconds',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

/** One sync of the subnet's neurons at one finalised block. */
export async function metagraphSync(): Promise<{ block: number; neurons: number }> {
  introduce('metagraph-sync', {});
  const synced = await metagraph.syncMetagraph();
  announce('done', `${synced.neurons} neurons at block ${synced.block}`);
  return synced;
}
