import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrate, MigrationError } from '../../../adapters/postgres/migrate';
import { testDatabase } from '../../harness/stack';
import type { TestDatabase } from '../../harness/stack';

let database: TestDatabase;
let client: Client;
let migrationsDir: string;

const write = (name: string, sql: string) => {
  mkdirSync(join(migrationsDir, name), { recursive: true });
  writeFileSync(join(migrationsDir, name, 'migration.sql'), sql);
};
const run = () => migrate(database.url, { migrationsDir });
const records = async () =>
  (await client.query('SELECT * FROM _prisma_migrations ORDER BY started_at, migration_name')).rows as Record<
    string,
    unknown
  >[];
const exists = async (table: string) =>
  (await client.query('SELECT to_regclass($1) AS found', [table])).rows[0].found !== null;

beforeEach(async () => {
  migrationsDir = mkdtempSync(join(tmpdir(), 'eirel-migrations-'));
  writeFileSync(join(migrationsDir, 'migration_lock.toml'), 'provider = "postgresql"\n');
  database = await testDatabase({ migrated: false });
  client = new Client({ connectionString: database.url });
  await client.connect();
}, 300_000);

afterEach(async () => {
  await client.end();
  await database.drop();
  rmSync(migrationsDir, { recursive: true, force: true });
});

test('applies what is pending in order and records it as Prisma does', async () => {
  write(
    '20250102000000_second',
    'ALTER TABLE miners ADD COLUMN score INTEGER; INSERT INTO miners VALUES (1, 7);',
  );
  write('20250101000000_first', 'CREATE TABLE miners (id INTEGER);');
  expect(await run()).toEqual({ applied: ['20250101000000_first', '20250102000000_second'] });
  expect((await client.query('SELECT * FROM miners')).rows).toEqual([{ id: 1, score: 7 }]);

  const [first] = await records();
  expect(first).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
    checksum: createHash('sha256').update('CREATE TABLE miners (id INTEGER);').digest('hex'),
    finished_at: expect.any(Date),
    migration_name: '20250101000000_first',
    logs: null,
    rolled_back_at: null,
    started_at: expect.any(Date),
    applied_steps_count: 1,
  });
  expect(await run()).toEqual({ applied: [] });
  write('20250103000000_third', 'DROP TABLE miners;');
  expect(await run()).toEqual({ applied: ['20250103000000_third'] });
});

test('the table of records has the columns that Prisma gives it', async () => {
  await run();
  const { rows } = await client.query(
    `SELECT column_name || ' ' || data_type || coalesce('(' || character_maximum_length || ')', '') ||
            CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || column_default, '') AS text
       FROM information_schema.columns WHERE table_name = '_prisma_migrations' ORDER BY ordinal_position`,
  );
  expect(rows.map(({ text }) => text)).toEqual([
    'id character varying(36) NOT NULL',
    'checksum character varying(64) NOT NULL',
    'finished_at timestamp with time zone',
    'migration_name character varying(255) NOT NULL',
    'logs text',
    'rolled_back_at timestamp with time zone',
    'started_at timestamp with time zone NOT NULL DEFAULT now()',
    'applied_steps_count integer NOT NULL DEFAULT 0',
  ]);
});

test('several processes at once apply each migration once', async () => {
  write('20250101000000_first', 'CREATE TABLE counted (n INTEGER); SELECT pg_sleep(0.2);');
  write('20250102000000_second', 'INSERT INTO counted VALUES (1);');
  const results = await Promise.all([run(), run(), run(), run()]);
  expect(results.flatMap(({ applied }) => applied)).toEqual([
    '20250101000000_first',
    '20250102000000_second',
  ]);
  expect((await client.query('SELECT * FROM counted')).rows).toEqual([{ n: 1 }]);
});

test('waits for the lock that Prisma takes, and says so when it takes too long', async () => {
  write('20250101000000_first', 'CREATE TABLE miners (id INTEGER);');
  await client.query('SELECT pg_advisory_lock(72707369)');
  await expect(migrate(database.url, { migrationsDir, lockTimeoutSeconds: 0.2 })).rejects.toThrow(
    /another process has been migrating/,
  );
  expect(await exists('miners')).toBe(false);
  const waiting = run();
  await client.query('SELECT pg_advisory_unlock(72707369)');
  expect(await waiting).toEqual({ applied: ['20250101000000_first'] });
});

test('a failing migration leaves no trace and keeps those before it; corrected, it is applied', async () => {
  write('20250101000000_good', 'CREATE TABLE good (id INTEGER);');
  write('20250102000000_bad', 'CREATE TABLE half (id INTEGER);\nINSERT INTO nowhere VALUES (1);');
  await expect(run()).rejects.toThrow(
    /20250102000000_bad failed and was undone \(line 2\): relation "nowhere" does not exist/,
  );
  expect([await exists('good'), await exists('half')]).toEqual([true, false]);
  expect((await records()).map((row) => row.migration_name)).toEqual(['20250101000000_good']);
  write('20250102000000_bad', 'CREATE TABLE half (id INTEGER);');
  expect(await run()).toEqual({ applied: ['20250102000000_bad'] });
});

test('a migration that was changed after it was applied is refused before anything is applied', async () => {
  write('20250101000000_first', 'CREATE TABLE miners (id INTEGER);');
  await run();
  write('20250101000000_first', 'CREATE TABLE miners (id BIGINT);');
  write('20250102000000_second', 'CREATE TABLE later (id INTEGER);');
  await expect(run()).rejects.toThrow(/20250101000000_first was changed after it had been applied/);
  expect(await exists('later')).toBe(false);
});

test('a migration that Prisma recorded as failed is refused until it is resolved', async () => {
  write('20250101000000_first', 'CREATE TABLE miners (id INTEGER);');
  await run();
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, logs) VALUES ('x', 'y', '20250102000000_second', 'boom')`,
  );
  write('20250102000000_second', 'CREATE TABLE later (id INTEGER);');
  await expect(run()).rejects.toThrow(/20250102000000_second is recorded as failed.*prisma migrate resolve/);
  await client.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'x'`);
  expect(await run()).toEqual({ applied: ['20250102000000_second'] });
});

test('a migration that commits by itself is refused', async () => {
  write('20250101000000_first', 'BEGIN; CREATE TABLE miners (id INTEGER); COMMIT;');
  await expect(run()).rejects.toThrow(/ends the transaction that it runs in/);
});

test('a migration of a newer release is left alone', async () => {
  write('20250101000000_first', 'CREATE TABLE miners (id INTEGER);');
  write('20250102000000_newer', 'CREATE TABLE newer (id INTEGER);');
  await run();
  rmSync(join(migrationsDir, '20250102000000_newer'), { recursive: true });
  expect(await run()).toEqual({ applied: [] });
});

test('a folder or a server that is not there is a message, not a stack', async () => {
  await expect(migrate(database.url, { migrationsDir: join(migrationsDir, 'absent') })).rejects.toThrow(
    MigrationError,
  );
  await expect(migrate('postgresql://nobody@127.0.0.1:1/none', { migrationsDir })).rejects.toThrow(
    /the database cannot be reached: .*ECONNREFUSED/,
  );
});
