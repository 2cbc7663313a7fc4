import { createPublicationActivities } from '../activities/publication';
import { connectChain } from '../adapters/chain/client';
import { chainConfigFromEnv } from '../adapters/chain/config';
import { hotkeyFromEnv } from '../adapters/keys/wallet';
import type { Logger } from '../adapters/logging';
import { createPrisma } from '../adapters/postgres';
import { filePublicationLedger, postgresPublicationLedger } from '../adapters/publication-ledger';
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
  return {
    workers: [
      {
        taskQueue: publicationTaskQueue(signer.ss58),
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
    ready: async () => undefined,
    close: async () => {
      await chain.close();
      await db?.$disconnect();
    },
  };
}
