import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundle,
} from '@temporalio/worker';
import { ensureSearchAttributes } from '../../adapters/temporal';
import { TASK_QUEUES } from '../../domain/messages';
import { temporalAddress } from '../harness/stack';

/** A namespace of one test file on a real Temporal server, so that files do not see each other's queues. */
export interface WorkflowEnvironment {
  client: Client;
  /** Runs `test` while workers with these activities poll the product's queues and those named besides. */
  withWorkers<T>(
    activities: Record<string, (...args: never[]) => Promise<unknown>>,
    test: () => Promise<T>,
    extraQueues?: string[],
  ): Promise<T>;
  close(): Promise<void>;
}

const ACTIVITY_QUEUES = new RegExp(
  `^(${[TASK_QUEUES.runtime, TASK_QUEUES.llm, TASK_QUEUES.chain].join('|')})(-|$)`,
);

let bundle: Promise<WorkflowBundle> | null = null;

/** The product's workflows, bundled once per test file. */
export function workflowBundle(): Promise<WorkflowBundle> {
  bundle ??= bundleWorkflowCode({
    workflowsPath: require.resolve('../../workflows/index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  return bundle;
}

export async function workflowEnvironment(): Promise<WorkflowEnvironment> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const address = await temporalAddress();
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const client = new Client({ connection, namespace });
  await eventually(async () => ensureSearchAttributes(client));
  // A new attribute is usable only once the server's cache has seen it.
  await eventually(async () => {
    await client.workflow.count(`EirelKind = 'none'`);
  });
  const native = await NativeConnection.connect({ address });
  return {
    client,
    async withWorkers(activities, test, extraQueues = []) {
      const workers: Worker[] = [];
      for (const taskQueue of [...Object.values(TASK_QUEUES), ...extraQueues]) {
        workers.push(
          await Worker.create({
            connection: native,
            namespace,
            taskQueue,
            // As in production: these queues have activities alone, and need not load the workflows.
            ...(ACTIVITY_QUEUES.test(taskQueue) ? {} : { workflowBundle: await workflowBundle() }),
            activities,
            maxConcurrentActivityTaskPolls: 1,
            maxConcurrentWorkflowTaskPolls: 2,
            // Cancellations reach activities with their heartbeats.
            maxHeartbeatThrottleInterval: '1 second',
          }),
        );
      }
      const running = workers.map((worker) => worker.run());
      try {
        return await test();
      } finally {
        for (const worker of workers) worker.shutdown();
        await Promise.all(running);
      }
    },
    async close() {
      await native.close();
      await connection.close();
    },
  };
}

/** Retries an assertion or call until it holds. */
export async function eventually(act: () => Promise<void>, seconds = 30): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
