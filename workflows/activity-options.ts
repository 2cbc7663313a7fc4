import type { ActivityOptions } from '@temporalio/workflow';
import { FINAL_FAULTS } from '../domain/faults';
import { TASK_QUEUES } from '../domain/messages';

/** Writes to the owner's database: short, and worth repeating for as long as it is down. */
export const ROW_OPTIONS: ActivityOptions = {
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '7 days',
  retry: {
    initialInterval: '500 ms',
    maximumInterval: '30 seconds',
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
};
