/** A PostgreSQL of its own for these tests: the server that is named in TEST_DATABASE_URL, else an embedded one. */
import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { createPrisma, type Db } from '../../../adapters/postgres';

export interface TestDatabase {
  url: string;
  db: Db;
  stop(): Promise<void>;
}

const MIGRATIONS = join(__dirname, '../../../prisma/migrations');

/** Starts a database with the schema in it. */
export async function startDatabase(poolSize = 20): Promise<TestDatabase> {
  const server = process.env.TEST_DATABASE_URL
    ? { url: process.env.TEST_DATABASE_URL, stop: async () => undefined }
    : await startEmbedded();
  const name = `eirel_tasks_${randomBytes(4).toString('hex')}`;
  await execute(server.url, [`CREATE DATABASE ${name}`]);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  await execute(url.href, await migrations());
  const db = createPrisma(url.href, { poolSize });
  return {
    url: url.href,
    db,
    stop: async () => {
      await db.$disconnect();
      await execute(server.url, [`DROP DATABASE ${name} WITH (FORCE)`]);
      await server.stop();
    },
  };
}

async function startEmbedded(): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [join(__dirname, 'postgres-server.mjs')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await Promise.race([
    createInterface({ input: child.stdout })[Symbol.asyncIterator]().next(),
    ended.then(() => Promise.reject(new Error('the embedded PostgreSQL did not start, see above'))),
  ]);
  const { url } = JSON.parse(String(line.value)) as { url: string };
  return {
    url,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

async function migrations(): Promise<string[]> {
  const names = (await readdir(MIGRATIONS, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return Promise.all(names.map((name) => readFile(join(MIGRATIONS, name, 'migration.sql'), 'utf8')));
}

async function execute(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
