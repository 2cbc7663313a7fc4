import { createLogger, messageOf } from '../../adapters/logging';
import { createPrisma } from '../../adapters/postgres';
import { connectTemporal, temporalConfigFromEnv } from '../../adapters/temporal';
import { syncMetagraphNow } from '../../adapters/temporal/metagraph-sync';
import { serve } from '../http';
import { createListener } from './app';
import { listenerConfigFromEnv } from './config';

const SYNC_DEADLINE_MS = 60_000;
const logger = createLogger('metagraph-listener');

async function main(): Promise<void> {
  const config = listenerConfigFromEnv(process.env);
  const db = createPrisma(config.databaseUrl, { poolSize: 4 });
  const client = await connectTemporal(temporalConfigFromEnv(process.env));
  const sync = (): Promise<unknown> => syncMetagraphNow(client, SYNC_DEADLINE_MS);
  await serve(createListener(config, { db, sync, logger }), {
    ...config.listen,
    onClose: async () => {
      await client.connection.close();
      await db.$disconnect();
    },
  });
}

main().catch((error: unknown) => {
  logger.error('metagraph-listener cannot start', { error: messageOf(error) });
  process.exit(1);
});
