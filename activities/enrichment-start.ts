import type { Db } from '../adapters/postgres';
import { pendingEnrichments } from '../adapters/postgres/enrichments';
import type { WorkflowSignaller } from './signaller';

/** Workflows that are being started at the same time; the models' own queues bound what they then do. */
const AT_ONCE = 8;

/**
 * Starts `taskEnrichment` for every task of a run that waits for it, in claim order, so that the tasks which are handed out
 * first are ready first. One that runs already is left alone.
 * @returns how many were started now
 */
export async function startEnrichments(
  deps: { db: Db; signaller: WorkflowSignaller },
  runId: string,
  limit?: number,
): Promise<number> {
  const tasks = await pendingEnrichments(deps.db, runId, limit);
  let started = 0;
  const next = tasks[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let item = next.next(); !item.done; item = next.next()) {
      const { taskId, familyId } = item.value;
      if (await deps.signaller.startEnrichment({ runId, taskId, familyId })) started += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return started;
}
