import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from '../adapters/logging';
import { connectionOptions, temporalConfigFromEnv } from '../adapters/temporal';
import { WORKFLOW_BUNDLE } from './bundle';
import { workerConfigFromEnv } from './config';

/** One task queue as a process serves it. */
export type Part = Pick<
  WorkerOptions,
  | 'taskQueue'
  | 'activities'
  | 'identity'
  | 'maxConcurrentActivityTaskExecutions'
  | 'maxConcurrentActivityTaskPolls'
  | 'maxHeartbeatThrottleInterval'
  | 'maxTaskQueueActivitiesPerSecond'
> & {
  workflows: boolean;
};

/** What a worker process opened and must close. */
export interface Parts {
  workers: Part[];
  ready: () => Promise<void>;
  close: () => Promise<void>;
}

/**
 * Serves task queues until SIGTERM or SIGINT, then drains them.
 * @param open given the signal that is aborted when draining begins
 */
export async function serve(
  env: NodeJS.ProcessEnv,
  logger: Logger,
  open: (stopping: AbortSignal) => Promise<Parts>,
): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
      logger[level === 'ERROR' ? 'error' : 'warn'](message, meta);
    }),
    shutdownSignals: [],
  });
  const config = workerConfigFromEnv(env);
  const temporal = temporalConfigFromEnv(env);
  const connection = await NativeConnection.connect(connectionOptions(temporal));
  const stopping = new AbortController();
  const parts = await open(stopping.signal);
  const workers: Worker[] = [];
  for (const part of parts.workers) {
    const { workflows, ...options } = part;
    workers.push(
      await Worker.create({
        ...options,
        connection,
        namespace: temporal.namespace,
        ...(workflows ? workflowCode() : {}),
        shutdownGraceTime: config.shutdownGraceSeconds * 1000,
        shutdownForceTime: (config.shutdownGraceSeconds + 5) * 1000,
      }),
    );
  }
  await parts.ready();
  const stop = (signal: string): void => {
    logger.info(`${signal}: draining`, { queues: parts.workers.map((part) => part.taskQueue) });
    stopping.abort();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  logger.info('polling', {
    queues: parts.workers.map((part) => part.taskQueue),
    namespace: temporal.namespace,
  });
  try {
    await Promise.all(workers.map((worker) => worker.run()));
  } finally {
    await parts.close();
    await connection.close();
  }
}

/** The bundle that the build made; without one, the workflows are bundled from their sources. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  return existsSync(WORKFLOW_BUNDLE)
    ? { workflowBundle: { codePath: WORKFLOW_BUNDLE } }
    : { workflowsPath: require.resolve(join('..', 'workflows')) };
}
