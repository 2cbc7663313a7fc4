import { proxyActivities } from '@temporalio/workflow';
import { FINAL_FAULTS } from '../domain/faults';
import { TASK_QUEUES } from '../domain/messages';
import type { LeaseActivities } from '../activities/leases';
import { announce, introduce } from './visibility';

const leases = proxyActivities<LeaseActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '1 minute',
  // The schedule comes round again; an old sweep is worth nothing.
  scheduleToCloseTimeout: '5 minutes',
  retry: {
    initialInterval: '1 second',
    maximumInterval: '15 seconds',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
});

/** One sweep: expired claims back to the pool or settled, and workflows that a crash left unstarted started. */
export async function leaseReaper(): Promise<{ returned: number; unscored: number; started: number }> {
  introduce('lease-reaper', {});
  const swept = await leases.reapLeases();
  const started = await leases.startMissingWorkflows();
  announce(
    'done',
    `${swept.returned} returned, ${swept.unscored} unscored, ${started.count} workflows started`,
  );
  return { ...swept, started: started.count };
}
