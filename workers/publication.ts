import { createPublicationActivities } from '../activities/publication';
import { connectChain } from '../adapters/chain/client';
import { chainConfigFromEnv } from '../adapters/chain/config';
import { hotkeyFromEnv } from '../adapters/keys/wallet';
import type { Logger } from '../adapters/logging';
import { createPrisma } from '../adapters/postgres';
import { filePublicationLedger, postgresPublicationLedger } from '../adapters/publication-ledger';
import { connectTemporal, temporalConfigFromEnv } from '../adapters/temporal';
import { processIdentity, takeUpAbandoned } from '../adapters/temporal/abandoned';
import { publicationTaskQueue } from '../domain/messages';
import { workerConfigFromEnv } from './config';
import type { Parts } from './parts';

/** The queue of a validator's own publications: it needs a hotkey, and no database of the owner's. */
export async function openPublication(
  env: NodeJS.ProcessEnv,
  logger: Logger,
  stopping: AbortSignal,
): Promise<Parts> {
  const { publication } = workerConfigFromEnv(env);
  const signer = await hotkeyFromEnv(env, 'EIREL_VALIDATOR');
  const chain = await connectChain(chainConfigFromEnv(env));
  const db = env.DATABASE_URL ? createPrisma(env.DATABASE_URL, { poolSize: 2 }) : null;
  if (!publication.ownerHotkey)
    logger.warn('weights of any signer are published: name the owner in EIREL_OWNER_HOTKEY_SS58');
  logger.info('publishing weights', { hotkey: signer.ss58, netuid: chain.config.netuid });
  const taskQueue = publicationTaskQueue(signer.ss58);
  const role = `publisher ${signer.ss58}`;
  return {
    workers: [
      {
        taskQueue,
        identity: processIdentity(role),
        workflows: true,
        // One extrinsic at a time for this key.
        maxConcurrentActivityTaskExecutions: 1,
        activities: createPublicationActivities({
          chain,
          signer,
          ledger: db ? postgresPublicationLedger(db) : filePublicationLedger(publication.ledgerPath),
          ownerApiUrl: publication.ownerApiUrl,
          ownerHotkey: publication.ownerHotkey,
          blockSeconds: publication.blockSeconds,
          eraPeriod: publication.eraPeriod,
          tipRao: publication.tipRao,
          commits: publication.commits,
          stopping,
        }),
      },
    ],
    ready: () => takeUpPublications(env, taskQueue, role, logger),
    close: async () => {
      await chain.close();
      await db?.$disconnect();
    },
  };
}

/** What this hotkey's last process had begun when it was killed is gone on with now, not when its silence is noticed. */
async function takeUpPublications(
  env: NodeJS.ProcessEnv,
  taskQueue: string,
  role: string,
  logger: Logger,
): Promise<void> {
  const client = await connectTemporal(temporalConfigFromEnv(env));
  try {
    const query = `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`;
    for await (const { workflowId } of client.workflow.list({ query })) {
      const attempts = await takeUpAbandoned(client, workflowId, role);
      if (attempts > 0) logger.info('goes on with what a process that ended had begun', { workflowId });
    }
  } finally {
    await client.connection.close();
  }
}
