/** The owner API on a real socket over real PostgreSQL, Redis and Temporal, with files as its object store. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import type { Client } from '@temporalio/client';
import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { pack } from 'tar-stream';
import { createApp, createAppServer } from '../../../api/app';
import { apiConfigFromEnv } from '../../../api/config';
import type { ApiConfig } from '../../../api/config';
import type { ApiDeps } from '../../../api/deps';
import { allRoutes } from '../../../api/routes';
import type { ChainClient } from '../../../adapters/chain/types';
import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import { signRequest } from '../../../adapters/keys/sign';
import type { Hotkey } from '../../../adapters/keys/types';
import { createLogger } from '../../../adapters/logging';
import { FilesystemObjectStore } from '../../../adapters/object-store/filesystem';
import { createPrisma } from '../../../adapters/postgres';
import type { PrismaClient } from '../../../adapters/postgres';
import { connectRedis, createRedis } from '../../../adapters/redis';
import { connectTemporal, ensureSearchAttributes } from '../../../adapters/temporal';
import { temporalAddress, testDatabase, testRedis } from '../../harness/stack';

// A first start of the shared servers takes longer than jest waits.
jest.setTimeout(120_000);

export const INTERNAL_TOKEN = 'internal-token-of-a-test';

/** A key made of one byte, the same in every run. */
export const key = (byte: number): Hotkey => hotkeyFromSeed(new Uint8Array(32).fill(byte));

export interface Answer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the tests look into bodies of any shape
  body: any;
  text: string;
}

export interface CallOptions {
  signer?: Hotkey;
  json?: unknown;
  /** Exact bytes; `json` is written the way the Python clients do otherwise. */
  body?: Uint8Array | string;
  headers?: Record<string, string>;
  now?: Date;
  requestId?: string;
}

export interface ApiUnderTest {
  url: string;
  db: PrismaClient;
  redis: Redis;
  deps: ApiDeps;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * Starts an API of its own.
 * @param options.env settings over the test's defaults
 * @param options.redisUrl another Redis than the shared one, such as one that is not there
 */
export async function startApi(
  options: {
    env?: NodeJS.ProcessEnv;
    redisUrl?: string;
    chain?: ChainClient;
    /** A client whose namespace has workers; one of its own without any otherwise. */
    temporal?: Client;
    clock?: () => Date;
    config?: Partial<ApiConfig>;
  } = {},
): Promise<ApiUnderTest> {
  const [database, redisDb, address] = await Promise.all([testDatabase(), testRedis(), temporalAddress()]);
  const root = await mkdtemp(join(tmpdir(), 'eirel-api-test-'));
  const config: ApiConfig = {
    ...apiConfigFromEnv({
      DATABASE_URL: database.url,
      REDIS_URL: options.redisUrl ?? redisDb.url,
      EIREL_INTERNAL_SERVICE_TOKEN: INTERNAL_TOKEN,
      EIREL_JOB_TOKEN_SECRET: 'job-token-secret-of-a-test',
      EIREL_PROVIDER_PROXY_URL: 'http://127.0.0.1:9',
      EIREL_PROVIDER_PROXY_TOKEN: 'proxy-token-of-a-test',
      EIREL_API_VERIFY_RESPONSES: '1',
      EIREL_UPLOAD_SPOOL_DIR: root,
      EIREL_RUN_DURATION_SECONDS: '3600',
      // Neurons are put in place by hand here.
      EIREL_METAGRAPH_MAX_AGE_SECONDS: '0',
      BITTENSOR_NETWORK: 'test',
      BITTENSOR_NETUID: '144',
      ...options.env,
    }),
    ...options.config,
  };
  const logger = createLogger('api-test', 'error');
  const db = createPrisma(database.url, { poolSize: 8 });
  const redis = createRedis(config.redisUrl, { onError: () => undefined });
  const temporal = options.temporal ?? (await ownNamespace(address));
  await connectRedis(redis);
  const deps: ApiDeps = {
    config,
    db,
    redis,
    temporal,
    objectStore: new FilesystemObjectStore({
      root: join(root, 'store'),
      bucket: 'eirel-managed',
      prefix: '',
    }),
    chain: options.chain ?? null,
    logger,
    ownerHotkey: config.owner.ss58,
    clock: options.clock ?? (() => new Date()),
    metrics: new Registry(),
  };
  const server = createAppServer(createApp(deps, allRoutes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    db,
    redis,
    deps,
    call: (method, path, call = {}) => callApi(url, method, path, call),
    close: async () => {
      await stop(server);
      redis.disconnect();
      await db.$disconnect();
      if (!options.temporal) await temporal.connection.close();
      await Promise.all([database.drop(), redisDb.drop(), rm(root, { recursive: true, force: true })]);
    },
  };
}

/** Workflows that one test starts must not reach the workers of another. */
async function ownNamespace(address: string): Promise<Client> {
  const client = await connectTemporal({ address, namespace: `api-${randomUUID().slice(0, 8)}` });
  const { namespace } = client.options;
  await client.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  await ensureSearchAttributes(client);
  return client;
}

function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}

/** JSON as Python's json.dumps writes it: a space after every colon and comma. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const fields = Object.entries(value).map(
      ([name, item]) => `${JSON.stringify(name)}: ${pythonJson(item)}`,
    );
    return `{${fields.join(', ')}}`;
  }
  return JSON.stringify(value);
}

async function callApi(url: string, method: string, path: string, options: CallOptions): Promise<Answer> {
  const body = options.body ?? (options.json === undefined ? undefined : pythonJson(options.json));
  const headers: Record<string, string> = {
    ...(options.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(options.signer
      ? signRequest(options.signer, { method, path, body, now: options.now, requestId: options.requestId })
      : {}),
    ...options.headers,
  };
  const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? (JSON.parse(text) as unknown) : text,
  };
}

export const MANIFEST = [
  'schema_version: 1',
  'agent:',
  '  name: demo-agent',
  '  version: 1.0.0',
  'family_id: general_chat',
  'runtime:',
  '  port: 8080',
  '  health_path: /healthz',
  '  invoke_path: /v1/agent/infer',
  'inference:',
  '  providers: [chutes]',
  '',
].join('\n');

/** A gzip tar of the given files. */
export async function archiveOf(files: Record<string, string | Buffer>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

export const agentArchive = (extra: Record<string, string> = {}): Promise<Buffer> =>
  archiveOf({ 'submission.yaml': MANIFEST, 'app.py': 'print("hello")\n', ...extra });

/** The multipart body of an upload, byte for byte as the recorded clients send it. */
export function multipart(
  archive: Uint8Array,
  options: { field?: string; fields?: Record<string, string> } = {},
): { body: Buffer; headers: Record<string, string> } {
  const boundary = 'sampleboundary0123456789';
  const parts = Object.entries(options.fields ?? {}).map(([name, value]) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  parts.push(
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${options.field ?? 'archive'}"; ` +
        'filename="submission.tar.gz"\r\nContent-Type: application/gzip\r\n\r\n',
    ),
    Buffer.from(archive),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  );
  return {
    body: Buffer.concat(parts),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

/** Uploads an archive, signed. */
export function upload(
  api: ApiUnderTest,
  signer: Hotkey,
  archive: Uint8Array,
  options: { query?: string; field?: string; fields?: Record<string, string>; now?: Date } = {},
): Promise<Answer> {
  const { body, headers } = multipart(archive, options);
  return api.call('POST', `/v1/submissions${options.query ?? ''}`, {
    signer,
    body,
    headers,
    now: options.now,
  });
}

/** Puts a hotkey on the metagraph. */
export async function register(api: ApiUnderTest, ...hotkeys: Hotkey[]): Promise<void> {
  for (const [index, hotkey] of hotkeys.entries()) {
    await api.db.registeredNeuron.create({ data: { hotkey: hotkey.ss58, uid: index + 1 } });
  }
}
