import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { createLogger } from '../../../adapters/logging';
import { createPrisma, type PrismaClient } from '../../../adapters/postgres';
import { claimTasks } from '../../../adapters/postgres/claims';
import { connectRedis, createRedis } from '../../../adapters/redis';
import { mintDeploymentToken, mintJobToken } from '../../../domain/job-token';
import { serve, type RunningService } from '../../../services/http';
import type { BuiltToolService, ToolResources, ToolServiceConfig } from '../../../services/tools';
import { testDatabase, testRedis } from '../../harness/stack';
import { FAMILY, seedRun } from '../tasks/seed';

export const SECRET = 'integration-test-job-token-secret';
export const MASTER = 'integration-test-tool-master-token';
/** Lets the extraction thread run the sources as they are. */
export const EXTRACTOR = {
  execArgv: ['-r', join(__dirname, '..', 'chain', 'register-typescript.cjs')],
  // Room for a stall; a page that is never read in full is given up before its call is.
  timeoutMs: 10_000,
};

export interface TestAttempt {
  jobId: string;
  deploymentId: string;
  runId: string;
  fencing: bigint;
  token: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export interface ToolStack {
  prisma: PrismaClient;
  redis: Redis;
  redisUrl: string;
  /** Claimed attempts at one run, each of another miner or task, with their tokens. */
  attempts: TestAttempt[];
  /** Serves a tool service until the next call or the end. */
  serve<C extends ToolServiceConfig>(
    config: C,
    build: (config: C, resources: ToolResources) => BuiltToolService,
  ): Promise<string>;
  stop(): Promise<void>;
}

/** The settings that every tool service has, for tests. */
export function commonConfig(given: Partial<ToolServiceConfig> = {}): ToolServiceConfig {
  return {
    listen: { host: '127.0.0.1', port: 0, drainSeconds: 1 },
    databaseUrl: 'unused',
    redisUrl: 'unused',
    jobTokenSecret: SECRET,
    masterToken: MASTER,
    budgets: { jobMicroUsd: 2_000_000, runMicroUsd: 30_000_000 },
    maxRequestsPerJob: 100,
    ...given,
  };
}

/** Real PostgreSQL and Redis, a run with claimed tasks, and room for one service. */
export async function startToolStack(tasks = 12): Promise<ToolStack> {
  const database = await testDatabase();
  const redisDatabase = await testRedis();
  const prisma = createPrisma(database.url);
  const redis = createRedis(redisDatabase.url, { onError: () => undefined });
  await connectRedis(redis);
  await seedRun(prisma, { tasks, miners: 2 });
  const { tasks: claimed } = await claimTasks(prisma, {
    familyId: FAMILY,
    validatorHotkey: 'validator',
    batchSize: tasks,
    leaseSeconds: 900,
    maxAttempts: 3,
  });
  const attempts = claimed.flatMap((task) =>
    task.miners.map(({ jobId, deploymentId }) => {
      const ids = { jobId, deploymentId, runId: task.runId };
      const expiresAt = new Date(Date.now() + 900_000);
      return { ...ids, fencing: task.fencing, token: mintJobToken({ ...ids, expiresAt }, SECRET) };
    }),
  );
  const logger = createLogger('tools-test', 'emerg');
  let running: { service: RunningService; close: () => Promise<void> } | undefined;
  const stopRunning = async () => {
    await running?.service.close();
    await running?.close();
    running = undefined;
  };
  return {
    prisma,
    redis,
    redisUrl: redisDatabase.url,
    attempts,
    async serve(config, build) {
      await stopRunning();
      const built = build(config, { prisma, redis, logger });
      const service = await serve(built.service, {
        ...config.listen,
        handleSignals: false,
        onClose: () => built.settled(),
      });
      running = { service, close: async () => built.close?.() };
      return service.url;
    },
    async stop() {
      await stopRunning();
      redis.disconnect();
      await prisma.$disconnect();
      await redisDatabase.drop();
      await database.drop();
    },
  };
}

export function deploymentToken(deploymentId: string): string {
  return mintDeploymentToken({ deploymentId }, SECRET);
}

/** Posts JSON, or gets when there is no body. */
export async function ask(
  url: string,
  token: string | null,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: body ? 'POST' : 'GET',
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: (json ? JSON.parse(text) : { text }) as Record<string, unknown>,
  };
}
