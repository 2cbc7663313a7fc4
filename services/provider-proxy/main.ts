import { Redis } from 'ioredis';
import { createLogger, messageOf } from '../../adapters/logging';
import { createPrisma } from '../../adapters/postgres';
import { serve } from '../http';
import { createProviderProxy } from './app';
import { providerProxyConfigFromEnv } from './config';

const logger = createLogger('provider-proxy');

async function main(): Promise<void> {
  const config = providerProxyConfigFromEnv(process.env);
  const prisma = createPrisma(config.databaseUrl);
  // A budget that cannot be checked is refused at once, not queued until Redis is back.
  const redis = new Redis(config.redisUrl, { maxRetriesPerRequest: 1, connectTimeout: 5_000 });
  redis.on('error', (error) => logger.warn('redis', { error: messageOf(error) }));
  const proxy = createProviderProxy({ config, prisma, redis, logger });
  await serve(proxy.service, {
    ...config.listen,
    onClose: async () => {
      await proxy.settled();
      await redis.quit();
      await prisma.$disconnect();
    },
  });
}

main().catch((error: unknown) => {
  logger.error('provider-proxy cannot start', { error: messageOf(error) });
  process.exitCode = 1;
  process.exit();
});
