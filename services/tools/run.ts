import { createLogger, messageOf, type Logger } from '../../adapters/logging';
import { createPrisma, type PrismaClient } from '../../adapters/postgres';
import { connectRedis, createRedis } from '../../adapters/redis';
import { serve } from '../http';
import type { Redis } from 'ioredis';
import type { ToolService } from './service';
import type { ToolServiceConfig } from './types';

/** What a tool service is given to run on; the process opens and closes it. */
export interface ToolResources {
  prisma: PrismaClient;
  redis: Redis;
  logger: Logger;
}

/** A tool service, and what else has to be let go of when it stops. */
export type BuiltToolService = ToolService & { close?: () => Promise<void> };

/**
 * The process of one tool service: reads the configuration, opens PostgreSQL and Redis, listens, and stops on SIGTERM
 * once the calls under way are recorded. A failed start ends the process with status 1 and the reason in the log.
 */
export function runToolService<C extends ToolServiceConfig>(
  name: string,
  configFromEnv: (env: NodeJS.ProcessEnv) => C,
  build: (config: C, resources: ToolResources) => BuiltToolService | Promise<BuiltToolService>,
): void {
  const logger = createLogger(name);
  const start = async () => {
    const config = configFromEnv(process.env);
    const prisma = createPrisma(config.databaseUrl);
    const redis = createRedis(config.redisUrl, {
      onError: (error) => logger.warn('redis', { error: messageOf(error) }),
    });
    await connectRedis(redis);
    const tool = await build(config, { prisma, redis, logger });
    await serve(tool.service, {
      ...config.listen,
      onClose: async () => {
        await tool.settled();
        await tool.close?.();
        redis.disconnect();
        await prisma.$disconnect();
      },
    });
  };
  start().catch((error: unknown) => {
    logger.error(`${name} cannot start`, { error: messageOf(error) });
    process.exit(1);
  });
}
