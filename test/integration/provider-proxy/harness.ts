import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Limit } from '../../../adapters/llm';
import { createLogger, type Logger } from '../../../adapters/logging';
import { createPrisma, type PrismaClient } from '../../../adapters/postgres';
import { connectRedis, createRedis } from '../../../adapters/redis';
import { startLlmStandin, type LlmStandin, type LlmStandinOptions } from '../../../demo/standins/llm';
import { mintDeploymentToken, mintJobToken, newJobId } from '../../../domain/job-token';
import { DEFAULT_MODELS, priceTable } from '../../../domain/pricing/prices';
import { serve, type RunningService } from '../../../services/http';
import { createProviderProxy } from '../../../services/provider-proxy/app';
import type { ProviderProxyConfig } from '../../../services/provider-proxy/config';
import { testDatabase, testRedis, type TestDatabase, type TestRedis } from '../../harness/stack';

export const SECRET = 'integration-test-job-token-secret';
export const MASTER = 'integration-test-master-token';
export const VENDOR_KEY = 'cpk_integration_test_vendor_key';

/** A model whose calls cost exactly 1000 micro-USD, worst case and actual alike, when `exactAnswer` answers. */
export const EXACT_MODEL = 'exact';
export const EXACT_COST = 1000;
export const EXACT_PAYLOAD = { messages: [{ role: 'user', content: 'x' }], max_tokens: 100 };
export const exactAnswer = {
  body: {
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: 'y' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 100, total_tokens: 110 },
  },
};

export interface Attempt {
  jobId: string;
  deploymentId: string;
  runId: string;
  token: string;
}

export interface Stack {
  url: string;
  prisma: PrismaClient;
  redis: Redis;
  vendor: LlmStandin;
  /** Restarts proxy and vendor with other settings, over the same databases. */
  restart(options?: StackOptions): Promise<void>;
  /** A new attempt, in the directory and with its token. */
  attempt(
    known?: Partial<Omit<Attempt, 'token'>> & { expiresAt?: Date; /** Its result is in. */ over?: boolean },
  ): Promise<Attempt>;
  call(token: string, body?: object, headers?: Record<string, string>): Promise<Answer>;
  request(path: string, init?: RequestInit & { token?: string }): Promise<Answer>;
  stop(): Promise<void>;
}

export interface Answer {
  status: number;
  body: Record<string, unknown> & { usage?: Record<string, number> };
}

export interface StackOptions {
  jobBudgetMicroUsd?: number;
  runBudgetMicroUsd?: number;
  vendor?: LlmStandinOptions;
  redisUrl?: string;
  masterToken?: string | undefined;
  /** Anthropic and Gemini beside Chutes. */
  allVendors?: boolean;
  /** Where OpenAI is, which is not configured without it. */
  openAiBaseUrl?: string;
  /** Bounds at the vendor called `chutes`. */
  limit?: Limit;
  disconnectGraceSeconds?: number;
  logger?: Logger;
}

export const exactCall = { provider: 'chutes', model: EXACT_MODEL, payload: EXACT_PAYLOAD };

export function deploymentToken(deploymentId: string): string {
  return mintDeploymentToken({ deploymentId }, SECRET);
}

/** Real PostgreSQL, real Redis, the proxy on a port, and a vendor behind it. */
export async function startStack(): Promise<Stack> {
  const database: TestDatabase = await testDatabase();
  const redisDatabase: TestRedis = await testRedis();
  const logger = createLogger('provider-proxy-test', 'emerg');
  const prisma = createPrisma(database.url);
  let running: { service: RunningService; redis: Redis; vendor: LlmStandin } | undefined;

  const stopRunning = async () => {
    await running?.service.close();
    running?.redis.disconnect();
    await running?.vendor.close();
    running = undefined;
  };
  const restart = async (options: StackOptions = {}) => {
    await stopRunning();
    const vendor = await startLlmStandin({ apiKey: VENDOR_KEY, ...options.vendor });
    const redisUrl = options.redisUrl ?? redisDatabase.url;
    const redis = createRedis(redisUrl, { onError: () => undefined });
    await connectRedis(redis);
    const config: ProviderProxyConfig = {
      listen: { host: '127.0.0.1', port: 0, drainSeconds: 1 },
      databaseUrl: database.url,
      redisUrl,
      jobTokenSecret: SECRET,
      masterToken: 'masterToken' in options ? options.masterToken : MASTER,
      budgets: {
        jobMicroUsd: options.jobBudgetMicroUsd ?? 1_000_000,
        runMicroUsd: options.runBudgetMicroUsd ?? 30_000_000,
      },
      prices: priceTable(`{"chutes:${EXACT_MODEL}":{"input_per_mtok_usd":0,"output_per_mtok_usd":10}}`),
      llm: {
        endpoints: {
          chutes: { baseUrl: vendor.baseUrl, apiKey: VENDOR_KEY },
          ...(options.openAiBaseUrl
            ? { openai: { baseUrl: options.openAiBaseUrl, apiKey: VENDOR_KEY } }
            : {}),
          ...(options.allVendors
            ? {
                anthropic: { baseUrl: vendor.baseUrl, apiKey: VENDOR_KEY, protocol: 'anthropic' as const },
                gemini: { baseUrl: vendor.baseUrl, apiKey: VENDOR_KEY, protocol: 'gemini' as const },
              }
            : {}),
        },
        ...(options.limit ? { limits: { chutes: options.limit } } : {}),
        maxRetries: 1,
        retryBaseDelayMs: 5,
      },
      ownerOnly: DEFAULT_MODELS.ownerOnly,
      maxTimeoutSeconds: 30,
      disconnectGraceSeconds: options.disconnectGraceSeconds ?? 5,
    };
    const proxy = createProviderProxy({ config, prisma, redis, logger: options.logger ?? logger });
    const service = await serve(proxy.service, {
      ...config.listen,
      handleSignals: false,
      onClose: () => proxy.settled(),
    });
    running = { service, redis, vendor };
  };
  await restart();
  await seedLeases(prisma);
  const now = () => {
    if (!running) throw new Error('the stack is stopped');
    return running;
  };

  const request: Stack['request'] = async (path, init = {}) => {
    const { token, ...rest } = init;
    const headers = new Headers(rest.headers);
    if (token) headers.set('authorization', `Bearer ${token}`);
    if (rest.body) headers.set('content-type', 'application/json');
    const response = await fetch(`${now().service.url}${path}`, { ...rest, headers });
    const text = await response.text();
    return {
      status: response.status,
      body: (response.headers.get('content-type')?.includes('json')
        ? JSON.parse(text)
        : { text }) as Answer['body'],
    };
  };

  return {
    get url() {
      return now().service.url;
    },
    get redis() {
      return now().redis;
    },
    get vendor() {
      return now().vendor;
    },
    prisma,
    restart,
    request,
    call: (token, body = exactCall, headers = {}) =>
      request('/v1/chat/completions', { method: 'POST', token, headers, body: JSON.stringify(body) }),
    async attempt(known = {}) {
      const ids = {
        jobId: known.jobId ?? newJobId(),
        deploymentId: known.deploymentId ?? randomUUID(),
        runId: known.runId ?? 'run-7',
      };
      const expiresAt = known.expiresAt ?? new Date(Date.now() + 600_000);
      await prisma.attemptJob.create({
        data: {
          ...ids,
          minerEvaluationTaskId: randomUUID(),
          taskId: 't',
          minerHotkey: 'm',
          validatorHotkey: 'v',
          fencing: known.over ? SETTLED_LEASE : HELD_LEASE,
          attempt: 1,
        },
      });
      return { ...ids, token: mintJobToken({ ...ids, expiresAt }, SECRET) };
    },
    async stop() {
      await stopRunning();
      await prisma.$disconnect();
      await redisDatabase.drop();
      await database.drop();
    },
  };
}

const HELD_LEASE = 1n;
const SETTLED_LEASE = 2n;

/** A lease that is held, and one whose result is in. */
async function seedLeases(prisma: PrismaClient): Promise<void> {
  const task = await prisma.taskEvaluation.create({
    data: { runId: 'run-7', familyId: 'general_chat', taskId: 't', taskIndex: 0, payloadJson: {} },
  });
  const lease = {
    taskEvaluationId: task.id,
    runId: 'run-7',
    familyId: 'general_chat',
    taskId: 't',
    validatorHotkey: 'v',
    minerHotkeysJson: [],
    claimedAt: new Date(),
    expiresAt: new Date(Date.now() + 3_600_000),
  };
  await prisma.taskClaim.createMany({
    data: [
      { ...lease, fencing: HELD_LEASE },
      { ...lease, fencing: SETTLED_LEASE, status: 'completed', endedAt: new Date() },
    ],
  });
}
