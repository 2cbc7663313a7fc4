import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { Prisma, PrismaClient } from './generated/client';

export { Prisma, PrismaClient };
export type Db = PrismaClient;
/** What code inside a transaction is given. */
export type DbTx = Prisma.TransactionClient;

const pools = new WeakMap<object, Pool>();

/**
 * A Prisma client over the pg driver; no query engine binary is involved.
 * @param databaseUrl `postgresql://…`
 * @param options.poolSize connections of this process at the most
 */
export function createPrisma(databaseUrl: string, options: { poolSize?: number } = {}): PrismaClient {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: options.poolSize ?? 10,
    connectionTimeoutMillis: 10_000,
    // Columns are `timestamp without time zone` in UTC: now() must mean the same in every session.
    options: '-c TimeZone=UTC',
  });
  // A connection that breaks while nobody uses it is replaced when one is needed again.
  pool.on('error', () => undefined);
  const adapter = new PrismaPg(pool, { disposeExternalPool: true });
  const client = new PrismaClient({ adapter, transactionOptions: { maxWait: 10_000, timeout: 30_000 } });
  pools.set(client, pool);
  return client;
}

/** The connections of a client that `createPrisma` made. */
export function poolOf(db: Db): Pool {
  const pool = pools.get(db);
  if (!pool) throw new Error('this client was not made by createPrisma, so its connections are not known');
  return pool;
}

/** True when a write failed because a unique key exists already. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}

/** True when a statement failed for a value in it (SQLSTATE classes 22 and 23), not for the database. */
export function isItemFault(error: unknown): boolean {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return false;
  const cause = (error.meta as { driverAdapterError?: { cause?: { originalCode?: unknown } } } | undefined)
    ?.driverAdapterError?.cause;
  return /^2[23]/.test(String(cause?.originalCode ?? ''));
}
