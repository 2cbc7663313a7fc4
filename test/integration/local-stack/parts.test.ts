import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { DataDirBusyError, freePort, startParts } from '../../../adapters/local-stack';
import type { Parts, StartPartsOptions } from '../../../adapters/local-stack';
import { identify } from '../../../adapters/local-stack/process-table';
import { createLogger } from '../../../adapters/logging';
import { connectTemporal, temporalConfigFromEnv } from '../../../adapters/temporal';
import { SEARCH_ATTRIBUTES } from '../../../domain/messages';
import { testStack } from '../../harness/stack';

const ROOT = join(__dirname, '..', '..', '..');
const toolsDir = process.env.EIREL_TOOLS_DIR ?? join(ROOT, '.eirel', 'tools');
const bare = { PATH: process.env.PATH, HOME: process.env.HOME };

let dataDir: string;
let parts: Parts | undefined;

const start = (more: Partial<StartPartsOptions> = {}) =>
  startParts({
    dataDir,
    toolsDir,
    ports: 'free',
    logger: createLogger('parts', 'error'),
    env: bare,
    ...more,
  });

async function sql(databaseUrl: string | undefined, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: databaseUrl });
  // A lost connection fails the query as well, and that is what is looked at.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function redis<T>(url: string | undefined, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url ?? '');
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'eirel-parts-'))));
afterEach(async () => {
  await parts?.stop();
  parts = undefined;
  rmSync(dataDir, { recursive: true, force: true });
});

test('all three answer, survive SIGKILL with their data, and are there again after a restart', async () => {
  parts = await start();
  const { supervisor, databaseUrl, redisUrl } = parts;
  await sql(databaseUrl, 'CREATE TABLE kept (n INTEGER)');
  await sql(databaseUrl, 'INSERT INTO kept VALUES (42)');
  await redis(redisUrl, (client) => client.set('kept', 'yes'));
  const client = await connectTemporal(temporalConfigFromEnv(parts.env));
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({
    namespace: 'default',
  });
  expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining([...SEARCH_ATTRIBUTES]));
  await client.connection.close();

  // A session that works while its server is killed is what leaves back-end processes behind.
  const busy = sql(databaseUrl, 'SELECT pg_sleep(60)').catch((error: Error) => error.message);
  const working = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'";
  while ((await sql(databaseUrl, working)).length === 0) await sleep(50);
  const before = supervisor.names.map((name) => supervisor.pidOf(name));
  const restarted = supervisor.names.map(
    (name) =>
      new Promise<void>((resolve) => supervisor.on('ready', (event) => event.name === name && resolve())),
  );
  for (const name of supervisor.names) supervisor.signal(name, 'SIGKILL');
  await Promise.all(restarted);
  // Which of its two sentences a session hears depends on what noticed the loss first: the socket or the server process.
  expect(await busy).toMatch(/terminat(ed|ing)/i);
  expect(before.filter((pid) => pid === undefined || identify(pid))).toEqual([]);
  expect(await sql(databaseUrl, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  expect(await redis(redisUrl, (c) => c.get('kept'))).toBe('yes');

  const pids = supervisor.names.map((name) => supervisor.pidOf(name) ?? 0);
  await parts.stop();
  expect(pids.filter((pid) => identify(pid))).toEqual([]);
  expect(
    ['stack.json', 'stack-secrets.json', 'redis/redis.conf'].map(
      (name) => statSync(join(dataDir, name)).mode & 0o777,
    ),
  ).toEqual([0o600, 0o600, 0o600]);

  const { env } = parts;
  parts = await start();
  expect(parts.env).toEqual(env);
  expect(await sql(databaseUrl, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  expect(await redis(redisUrl, (c) => c.get('kept'))).toBe('yes');
}, 300_000);

test('a data directory is used by one process at a time, and what a killed one left is taken over', async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'run.mjs'), 'build'], { stdio: 'ignore' });
  const options = {
    dataDir,
    toolsDir,
    ports: 'free',
    want: ['postgres', 'redis'],
    env: bare,
    purpose: 'the first',
  };
  const text = `const { startParts } = require(${JSON.stringify(join(ROOT, 'build', 'adapters', 'local-stack'))});
    const { createLogger } = require(${JSON.stringify(join(ROOT, 'build', 'adapters', 'logging'))});
    startParts({ ...${JSON.stringify(options)}, logger: createLogger('first', 'error') }).then(() => {
      console.log('up'); setInterval(() => {}, 1000); });`;
  const first = spawn(process.execPath, ['-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(first.stdout, 'data');
  const want = ['postgres', 'redis'] as const;
  const refused = await start({ want }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(DataDirBusyError);
  expect(refused).toMatchObject({ pid: first.pid, purpose: 'the first' });

  const left = JSON.parse(readFileSync(join(dataDir, 'pids.json'), 'utf8')) as { pid: number }[];
  first.kill('SIGKILL');
  await once(first, 'exit');
  expect(left.filter(({ pid }) => identify(pid))).toHaveLength(2);
  parts = await start({ want });
  expect(left.filter(({ pid }) => identify(pid))).toEqual([]);
  expect(await sql(parts.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
}, 300_000);

test('addresses in the environment are used as they are, and nothing is started', async () => {
  const { databaseUrl, redisUrl, temporalAddress } = await testStack();
  const env = { ...bare, DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, TEMPORAL_ADDRESS: temporalAddress };
  parts = await start({ env });
  expect(parts).toMatchObject({ databaseUrl, redisUrl, temporalAddress, started: [] });
  expect(parts.supervisor.names).toEqual([]);
}, 900_000);

test.each([
  ['DATABASE_URL', 'postgres', (port: number) => `postgresql://eirel:hidden-word@127.0.0.1:${port}/eirel`],
  ['REDIS_URL', 'redis', (port: number) => `redis://:hidden-word@127.0.0.1:${port}/0`],
  ['TEMPORAL_ADDRESS', 'temporal', (port: number) => `127.0.0.1:${port}`],
] as const)(
  'an address in %s where nobody answers is named, its password is not',
  async (variable, part, address) => {
    const env = { ...bare, [variable]: address(await freePort()) };
    const error = (await start({ want: [part], env }).catch((reason: unknown) => reason)) as Error;
    expect(error.message).toMatch(
      new RegExp(`^${variable} is set, but the server there cannot be used: .*without ${variable}`),
    );
    expect(error.message).not.toContain('hidden-word');
  },
  60_000,
);
