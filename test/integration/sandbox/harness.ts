import type { Redis } from 'ioredis';
import { createIsolation, type Isolation } from '../../../adapters/isolation';
import { createLogger } from '../../../adapters/logging';
import { createPrisma, type PrismaClient } from '../../../adapters/postgres';
import { connectRedis, createRedis } from '../../../adapters/redis';
import type { ExecuteResponse } from '../../../domain/contracts/tools/sandbox';
import { deploymentJobId, mintDeploymentToken } from '../../../domain/job-token';
import { serve, type RunningService } from '../../../services/http';
import { createSandboxService } from '../../../services/sandbox/app';
import { sandboxConfigFromEnv, type SandboxConfig } from '../../../services/sandbox/config';
import { testDatabase, testRedis } from '../../harness/stack';

export const SECRET = 'sandbox-test-job-token-secret';
export const MASTER = 'sandbox-test-master-token';

export interface Answer<T = ExecuteResponse> {
  status: number;
  body: T;
}

export interface Harness {
  url: string;
  prisma: PrismaClient;
  redis: Redis;
  isolation: Isolation;
  /** Runs code as the job of a deployment, which is the caller's identity here. */
  execute(code: string, options?: Record<string, unknown>, deployment?: string): Promise<Answer>;
  post(body: object, headers: Record<string, string>): Promise<Answer<Record<string, unknown>>>;
  get(path: string, headers?: Record<string, string>): Promise<Answer<Record<string, unknown>>>;
  stop(): Promise<void>;
}

/** A job of its own for each deployment, as an unmodified agent calls. */
export function jobHeaders(deployment: string): Record<string, string> {
  return {
    Authorization: `Bearer ${mintDeploymentToken({ deploymentId: deployment }, SECRET)}`,
    'X-Eirel-Job-Id': deploymentJobId(deployment),
  };
}

/** The service on real servers, listening on a free port. */
export async function startSandbox(overrides: Partial<SandboxConfig> = {}): Promise<Harness> {
  const database = await testDatabase();
  const redisDatabase = await testRedis();
  const prisma = createPrisma(database.url);
  const redis = createRedis(redisDatabase.url, { onError: () => undefined });
  await connectRedis(redis);
  const config = {
    ...sandboxConfigFromEnv({
      DATABASE_URL: database.url,
      REDIS_URL: redisDatabase.url,
      EIREL_JOB_TOKEN_SECRET: SECRET,
      EIREL_SANDBOX_TOOL_API_TOKEN: MASTER,
      EIREL_SANDBOX_TOOL_MAX_REQUESTS: '1000',
      EIREL_SANDBOX_BWRAP: process.env.EIREL_SANDBOX_BWRAP,
      EIREL_SANDBOX_PYTHON: process.env.EIREL_SANDBOX_PYTHON,
    }),
    ...overrides,
  };
  const isolation = await createIsolation({
    ...config.isolation,
    tag: `sandbox-test-${process.pid}`,
  });
  const tool = createSandboxService(config, isolation, {
    prisma,
    redis,
    logger: createLogger('sandbox-test', 'silent'),
  });
  const service: RunningService = await serve(tool.service, {
    host: '127.0.0.1',
    port: 0,
    drainSeconds: 5,
    handleSignals: false,
  });
  const ask = async <T>(path: string, init: RequestInit): Promise<Answer<T>> => {
    const response = await fetch(service.url + path, init);
    return { status: response.status, body: (await response.json()) as T };
  };
  const post = <T>(body: object, headers: Record<string, string>) =>
    ask<T>('/v1/execute', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return {
    url: service.url,
    prisma,
    redis,
    isolation,
    post,
    execute: (code, options = {}, deployment = 'dep-a') => post({ code, ...options }, jobHeaders(deployment)),
    get: (path, headers = {}) => ask(path, { headers }),
    stop: async () => {
      await service.close();
      await tool.settled();
      await tool.close?.();
      redis.disconnect();
      await prisma.$disconnect();
      await redisDatabase.drop();
      await database.drop();
    },
  };
}
