import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '../../../adapters/logging';
import { createPrisma, type PrismaClient } from '../../../adapters/postgres';
import { connectRedis, createRedis } from '../../../adapters/redis';
import { deploymentJobId, mintDeploymentToken } from '../../../domain/job-token';
import { serve, type RunningService } from '../../../services/http';
import { createRagService } from '../../../services/rag-tool/app';
import { ragConfigFromEnv } from '../../../services/rag-tool/config';
import { testDatabase, testRedis, type TestDatabase, type TestRedis } from '../../harness/stack';

export const MASTER = 'rag-test-master-token';
const SECRET = 'rag-test-job-token-secret';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export interface RagHarness {
  url(): string;
  prisma: PrismaClient;
  /** Stops the service and starts another over the same databases, with other variables if given. */
  restart(env?: NodeJS.ProcessEnv): Promise<void>;
  owner(path: string, body?: object): Promise<Answer>;
  retrieve(body: object, deployment?: string, headers?: Record<string, string>): Promise<Answer>;
  stop(): Promise<void>;
}

export function jobHeaders(deployment: string): Record<string, string> {
  return {
    Authorization: `Bearer ${mintDeploymentToken({ deploymentId: deployment }, SECRET)}`,
    'X-Eirel-Job-Id': deploymentJobId(deployment),
  };
}

/** The service on real servers. */
export async function startRag(env: NodeJS.ProcessEnv = {}): Promise<RagHarness> {
  const database: TestDatabase = await testDatabase();
  const redisDatabase: TestRedis = await testRedis();
  const prisma = createPrisma(database.url);
  let current: { service: RunningService; settled(): Promise<void>; disconnect(): void };

  const start = async (extra: NodeJS.ProcessEnv) => {
    const redis = createRedis(redisDatabase.url, { onError: () => undefined });
    await connectRedis(redis);
    const config = ragConfigFromEnv({
      DATABASE_URL: database.url,
      REDIS_URL: redisDatabase.url,
      EIREL_JOB_TOKEN_SECRET: SECRET,
      EIREL_RAG_TOOL_API_TOKEN: MASTER,
      EIREL_RAG_EMBEDDING_MODEL: 'local-hash-v1',
      ...extra,
    });
    const tool = await createRagService(config, {
      prisma,
      redis,
      logger: createLogger('rag-test', 'silent'),
    });
    const service = await serve(tool.service, {
      host: '127.0.0.1',
      port: 0,
      drainSeconds: 2,
      handleSignals: false,
    });
    current = { service, settled: () => tool.settled(), disconnect: () => redis.disconnect() };
  };
  const halt = async () => {
    await current.service.close();
    await current.settled();
    current.disconnect();
  };
  const ask = async (path: string, headers: Record<string, string>, body?: object): Promise<Answer> => {
    const response = await fetch(current.service.url + path, {
      method: body ? 'POST' : 'GET',
      headers: { 'Content-Type': 'application/json', ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  await start(env);
  return {
    url: () => current.service.url,
    prisma,
    restart: async (extra = env) => {
      await halt();
      await start(extra);
    },
    owner: (path, body) => ask(path, { Authorization: `Bearer ${MASTER}` }, body),
    retrieve: (body, deployment = 'dep-a', headers = {}) =>
      ask('/v1/rag/retrieve', { ...jobHeaders(deployment), ...headers }, body),
    stop: async () => {
      await halt();
      await prisma.$disconnect();
      await redisDatabase.drop();
      await database.drop();
    },
  };
}

/** An endpoint that speaks OpenAI's embeddings; answers with what `respond` says, status 200 unless told otherwise. */
export async function startEmbeddings(
  respond: (
    input: string[],
    call: number,
  ) => { status?: number; headers?: Record<string, string>; body: object },
): Promise<{
  url: string;
  calls: { inputs: string[]; authorization: string | undefined }[];
  close(): Promise<void>;
}> {
  const calls: { inputs: string[]; authorization: string | undefined }[] = [];
  const server = createServer((req, res) => {
    void read(req).then((text) => {
      const { input } = JSON.parse(text) as { input: string[] };
      calls.push({ inputs: input, authorization: req.headers.authorization });
      const { status = 200, headers = {}, body } = respond(input, calls.length);
      res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function read(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** A vector for each text: how often each letter is in it. */
export function letterVectors(input: string[]): object {
  return {
    object: 'list',
    model: 'letters',
    data: input.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: [...'abcdefghijklmnopqrstuvwxyz'].map((letter) => text.split(letter).length - 1),
    })),
    usage: { prompt_tokens: 1, total_tokens: 1 },
  };
}
