import { createLogger, messageOf } from '../../adapters/logging';
import { createPrisma } from '../../adapters/postgres';
import { connectRedis, createRedis } from '../../adapters/redis';
import { serve } from '../http';
import { createProviderProxy } from './app';
import { providerProxyConfigFromEnv } from './config';

const logger = createLogger('provider-proxy');

async function main(): Promise<void> {
  const config = providerProxyConfigFromEnv(process.env);
  const prisma = createPrisma(config.databaseUrl);
  const redis = createRedis(config.redisUrl, {
    onError: (error) => logger.warn('redis', { error: messageOf(error) }),
  });
  await connectRedis(redis);
  const proxy = createProviderProxy({ config, prisma, redis, logger });
  await serve(proxy.service, {
    ...config.listen,
    onClose: async () => {
      await proxy.settled();
      redis.disconnect();
      await prisma.$disconnect();
    },
  });
}

main().catch((error: unknown) => {
  logger.error('provider-proxy cannot start', { error: messageOf(error) });
  process.exitCode = 1;
  process.exit();
});
