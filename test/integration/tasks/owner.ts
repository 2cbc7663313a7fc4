/** The owner API with the routes of tasks, on real servers, and validators who sign. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { Registry } from 'prom-client';
import { createApp } from '../../../api/app';
import { apiConfigFromEnv } from '../../../api/config';
import { evalRoutes } from '../../../api/routes/eval';
import { createRuntimeProxyRoutes } from '../../../api/routes/runtime-proxy';
import { createTaskRoutes } from '../../../api/routes/tasks';
import { taskSettingsFromEnv } from '../../../api/runtime-proxy/settings';
import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import { signRequest } from '../../../adapters/keys/sign';
import type { Hotkey } from '../../../adapters/keys/types';
import { createLogger } from '../../../adapters/logging';
import type { ObjectStore } from '../../../adapters/object-store/types';
import { connectRedis, createRedis } from '../../../adapters/redis';
import { connectTemporal } from '../../../adapters/temporal';
import { temporalAddress, testRedis } from '../../harness/stack';
import { startDatabase, type TaskDatabase } from './database';

export const INTERNAL_TOKEN = 'internal-token-of-this-test';
export const TOKEN_SECRET = 'secret-of-attempt-tokens-in-this-test';

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
  /** Events of an NDJSON body. */
  events: Record<string, unknown>[];
}

export interface Owner {
  url: string;
  database: TaskDatabase;
  temporal: Client;
  metrics: Registry;
  validators: Hotkey[];
  /** A signed call, or one with the headers given instead. */
  call(as: Hotkey | Record<string, string>, method: string, path: string, body?: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startOwner(env: Record<string, string> = {}): Promise<Owner> {
  const [database, redisDb, address] = await Promise.all([startDatabase(), testRedis(), temporalAddress()]);
  const temporal = await connectTemporal({ address, namespace: 'default' });
  const redis = createRedis(redisDb.url, { onError: () => undefined });
  await connectRedis(redis);
  const settings = taskSettingsFromEnv(env);
  const metrics = new Registry();
  const app = createApp(
    {
      config: apiConfigFromEnv({
        DATABASE_URL: database.url,
        REDIS_URL: redisDb.url,
        EIREL_INTERNAL_SERVICE_TOKEN: INTERNAL_TOKEN,
        EIREL_JOB_TOKEN_SECRET: TOKEN_SECRET,
        EIREL_API_VERIFY_RESPONSES: '1',
        ...env,
      }),
      db: database.db,
      redis,
      temporal,
      // None of these routes keeps objects.
      objectStore: undefined as unknown as ObjectStore,
      chain: null,
      logger: createLogger('owner-api-test', env.LOG_LEVEL ?? 'silent'),
      ownerHotkey: null,
      clock: () => new Date(),
      metrics,
    },
    [createTaskRoutes(() => settings), evalRoutes, createRuntimeProxyRoutes(() => settings)],
  );
  const server = createServer(app);
  await listen(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const validators = await Promise.all([0, 1].map(() => hotkeyFromSeed(randomBytes(32))));
  return {
    url,
    database,
    temporal,
    metrics,
    validators,
    call: (as, method, path, body) => call(url, as, method, path, body),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      redis.disconnect();
      await temporal.connection.close();
      await redisDb.drop();
      await database.stop();
    },
  };
}

/** Puts the validators on the whitelist again after the tables were emptied. */
export async function admit(owner: Owner): Promise<void> {
  await owner.database.db.validator.createMany({
    data: owner.validators.map(({ ss58 }) => ({ hotkey: ss58 })),
  });
}

async function call(
  base: string,
  as: Hotkey | Record<string, string>,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = isHotkey(as) ? signRequest(as, { method, path, body: text }) : as;
  const response = await fetch(new URL(path, base), {
    method,
    headers: { ...headers, ...(text === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(text === undefined ? {} : { body: text }),
  });
  const received = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return {
    status: response.status,
    headers: response.headers,
    text: received,
    json: type.startsWith('application/json') ? (JSON.parse(received) as Record<string, unknown>) : {},
    events: type.startsWith('application/x-ndjson')
      ? received
          .split('\n')
          .filter(Boolean)
          .map((line) =>
            line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { text: line },
          )
      : [],
  };
}

function isHotkey(as: Hotkey | Record<string, string>): as is Hotkey {
  return typeof (as as Hotkey).sign === 'function';
}

export function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
