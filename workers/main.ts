import { createLogger, messageOf, type Logger } from '../adapters/logging';
import { workerConfigFromEnv } from './config';
import { openOwner } from './owner';
import { serve, type Parts } from './parts';
import { openPublication } from './publication';

/**
 * One worker process: the task queues that EIREL_WORKER_QUEUES names, until SIGTERM or SIGINT, then drained.
 * `publication` is the validator's: it needs a hotkey and no database of the owner's.
 */
async function main(): Promise<void> {
  const logger = createLogger('worker');
  await serve(process.env, logger, (stopping) => open(process.env, logger, stopping));
}

async function open(env: NodeJS.ProcessEnv, logger: Logger, stopping: AbortSignal): Promise<Parts> {
  const config = workerConfigFromEnv(env);
  const publication = config.roles.includes('publication')
    ? await openPublication(env, logger, stopping)
    : null;
  const owner = config.roles.some((role) => role !== 'publication')
    ? await openOwner(env, logger, stopping)
    : null;
  return {
    workers: [...(owner?.workers ?? []), ...(publication?.workers ?? [])],
    ready: async () => {
      await owner?.ready();
      await publication?.ready();
    },
    close: async () => {
      await owner?.close();
      await publication?.close();
    },
  };
}

main().then(
  // Native handles of the chain client and the runtime can keep the process alive after everything was closed.
  () => process.exit(0),
  (error: unknown) => {
    createLogger('worker').error('the worker ended', { error: messageOf(error) });
    process.exit(1);
  },
);
