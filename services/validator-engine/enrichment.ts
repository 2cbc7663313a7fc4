import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowIdReusePolicy,
  type Client,
} from '@temporalio/client';
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { createEnrichmentActivities } from '../../activities/enrichment';
import type { Enricher } from '../../activities/validator/deps';
import { OraclesAway } from '../../activities/validator/truth';
import type { LocalEnrichmentStore } from '../../adapters/enrichment-store';
import { messageOf } from '../../adapters/logging';
import { createOracleClient, ORACLE_ROLES, type OracleConfig } from '../../adapters/oracle';
import {
  oracleTaskQueue,
  TASK_QUEUES,
  validatorTaskQueue,
  WORKFLOW_TYPES,
  workflowIds,
  type TaskEnrichmentInput,
} from '../../domain/messages';

/** The queue of one validator's oracles: its keys are its own. */
const oracleQueue = (hotkey: string): string => `${TASK_QUEUES.llm}-${hotkey}`;

/** Workers of the oracle layer with this validator's keys (decision 4): one for the store, one for each model's rate. */
export async function createOracleWorkers(options: {
  connection: NativeConnection;
  namespace: string;
  hotkey: string;
  config: OracleConfig;
  store: LocalEnrichmentStore;
}): Promise<Worker[]> {
  const { config, store, connection, namespace } = options;
  const queue = oracleQueue(options.hotkey);
  const activities = createEnrichmentActivities({ store, config, oracles: createOracleClient(config) });
  const models = ORACLE_ROLES.flatMap((role): Partial<WorkerOptions>[] => {
    const endpoint = config.endpoints[role];
    return endpoint
      ? [
          {
            taskQueue: oracleTaskQueue(queue, role),
            maxConcurrentActivityTaskExecutions: endpoint.maxConcurrency,
            maxConcurrentActivityTaskPolls: 1,
            maxTaskQueueActivitiesPerSecond: endpoint.perSecond,
          },
        ]
      : [];
  });
  const workers: Worker[] = [];
  for (const model of [{ taskQueue: queue }, ...models]) {
    workers.push(
      await Worker.create({
        connection,
        namespace,
        activities,
        shutdownGraceTime: 250,
        shutdownForceTime: 5_000,
        ...(model as { taskQueue: string }),
      }),
    );
  }
  return workers;
}

/** Finds the truth of claimed tasks by the same workflow as the owner's, on this validator's Temporal. */
export function createEnricher(client: Client, store: LocalEnrichmentStore, hotkey: string): Enricher {
  return async (task, signal) => {
    const key = { runId: task.run_id, familyId: task.family_id, taskId: task.task_id };
    await store.offer(key, task.task_payload);
    const known = await store.record(key);
    if (known) return known;
    await store.reopen(key);
    const input: TaskEnrichmentInput = { ...key, queue: oracleQueue(hotkey) };
    const workflowId = workflowIds.enrichment(key.runId, key.taskId, hotkey);
    try {
      await client.workflow.start(WORKFLOW_TYPES.taskEnrichment, {
        workflowId,
        taskQueue: validatorTaskQueue(hotkey),
        args: [input],
        // What it found before is asked for again only where this disk has lost it.
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: `truth of task ${key.taskId} of ${key.runId}, by validator ${hotkey}`,
      });
    } catch (error) {
      // An earlier attempt at the task has started it; its end is waited for.
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    try {
      await unlessAborted(client.workflow.getHandle(workflowId).result(), signal);
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const reason = messageOf(error.cause ?? error);
      throw new OraclesAway(`no truth to judge by, see workflow ${workflowId}: ${reason}`, { cause: error });
    }
    const record = await store.record(key);
    if (!record) throw new Error(`the truth of task ${key.taskId} was settled, but is not on this disk`);
    return record;
  };
}

/** Waits for a promise, no longer than a signal lets; the workflow goes on and is found by the next attempt. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
