import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';

/** Thrown when migrations cannot be applied; the message says which one and what to do. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** What `migrate` is to do. */
export interface MigrateOptions {
  /** the folder that holds `<timestamp>_<name>/migration.sql` */
  migrationsDir: string;
  /** seconds to wait for another process that migrates the same database (120) */
  lockTimeoutSeconds?: number;
}

interface Migration {
  name: string;
  sql: string;
  /** SHA-256 of the file's bytes, in hexadecimal */
  checksum: string;
}

interface Row {
  migration_name: string;
  checksum: string;
  finished_at: Date | null;
  rolled_back_at: Date | null;
}

// Prisma's own lock, so that `prisma migrate deploy` and this cannot run at the same time either.
const ADVISORY_LOCK = 72707369;

// Prisma's own table, to the letter, so that `prisma migrate status` and `deploy` agree with what is done here.
const TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Reads a folder of migrations, in the order in which they are applied.
 * @throws MigrationError when the folder or a migration in it cannot be read
 */
export function readMigrations(migrationsDir: string): Migration[] {
  try {
    return readdirSync(migrationsDir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
      .map((name) => {
        const bytes = readFileSync(join(migrationsDir, name, 'migration.sql'));
        return {
          name,
          sql: bytes.toString('utf8'),
          checksum: createHash('sha256').update(bytes).digest('hex'),
        };
      });
  } catch (error) {
    throw new MigrationError(`migrations cannot be read: ${(error as Error).message}`);
  }
}

/**
 * Applies the migrations that a database lacks, in order, each in its own transaction, under a PostgreSQL
 * advisory lock: a second process waits and then finds nothing to do. A migration that fails leaves no trace,
 * and those before it stay applied. Migrations that the database has and the folder lacks (those of a newer
 * release) are left alone.
 * @param databaseUrl `postgresql://...`
 * @returns names of the migrations that were applied by this call
 * @throws MigrationError when a migration fails, when one that was applied has another content now, or when an
 *   earlier attempt by Prisma itself is recorded as failed; nothing is applied in the last two cases
 */
export async function migrate(databaseUrl: string, options: MigrateOptions): Promise<{ applied: string[] }> {
  const { migrationsDir, lockTimeoutSeconds = 120 } = options;
  const migrations = readMigrations(migrationsDir);
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 });
  // A lost connection also fails the query under way, which is where it is reported.
  client.on('error', () => undefined);
  await client.connect().catch((error: Error) => {
    throw new MigrationError(`the database cannot be reached: ${error.message || String(error)}`);
  });
  try {
    await lock(client, lockTimeoutSeconds);
    await client.query(TABLE);
    const { rows } = await client.query<Row>(
      'SELECT migration_name, checksum, finished_at, rolled_back_at FROM _prisma_migrations',
    );
    const pending = pendingOf(migrations, rows);
    for (const migration of pending) await apply(client, migration);
    return { applied: pending.map(({ name }) => name) };
  } finally {
    // Ending the session gives the lock back, whatever happened.
    await client.end();
  }
}

async function lock(client: Client, timeoutSeconds: number): Promise<void> {
  await client.query(`SET lock_timeout = '${Math.ceil(timeoutSeconds * 1000)}ms'`);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error;
    throw new MigrationError(
      `another process has been migrating this database for ${timeoutSeconds} s; wait for it to end and try again`,
    );
  }
  await client.query('SET lock_timeout = DEFAULT');
}

function pendingOf(migrations: readonly Migration[], rows: readonly Row[]): Migration[] {
  const live = rows.filter((row) => row.rolled_back_at === null);
  const failed = live.find((row) => row.finished_at === null);
  if (failed) {
    throw new MigrationError(
      `migration ${failed.migration_name} is recorded as failed: put the database right by hand, then mark it with ` +
        `"prisma migrate resolve --rolled-back ${failed.migration_name}" (to apply it again) or "--applied"`,
    );
  }
  const checksums = new Map(live.map((row) => [row.migration_name, row.checksum]));
  for (const { name, checksum } of migrations) {
    const before = checksums.get(name);
    if (before !== undefined && before !== checksum) {
      throw new MigrationError(
        `migration ${name} was changed after it had been applied (SHA-256 ${before} then, ${checksum} now): ` +
          'restore the file and put the change into a new migration',
      );
    }
  }
  return migrations.filter(({ name }) => !checksums.has(name));
}

async function apply(client: Client, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  await client.query('BEGIN');
  try {
    const { rows } = await client.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid');
    await client.query(
      'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES ($1, $2, $3, clock_timestamp())',
      [id, checksum, name],
    );
    await client.query(sql);
    const { rows: after } = await client.query<{ xid: string }>('SELECT pg_current_xact_id()::text AS xid');
    if (after[0]?.xid !== rows[0]?.xid) {
      throw new Error('it ends the transaction that it runs in; leave BEGIN, COMMIT and ROLLBACK out of it');
    }
    await client.query(
      'UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = $1',
      [id],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const { message, position, detail } = error as { message: string; position?: string; detail?: string };
    const line = position ? ` (line ${sql.slice(0, Number(position)).split('\n').length})` : '';
    throw new MigrationError(
      `migration ${name} failed and was undone${line}: ${message}${detail ? ` ${detail}` : ''}`,
    );
  }
}
