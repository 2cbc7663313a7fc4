import { Prisma, type DbTx } from './index';

/**
 * The present as the schema keeps it, UTC without a zone and in whole milliseconds, since that is what a Date can hold:
 * a lease's end must read back as it was written. The database's own clock unless a time is given, so that processes on
 * several machines agree on when a lease ends.
 */
export function sqlNow(now: Date | undefined): Prisma.Sql {
  return now
    ? Prisma.sql`${now.toISOString()}::timestamp`
    : Prisma.sql`date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'UTC')`;
}

/** The present, read once: for what several statements must see alike. */
export async function present(tx: DbTx, now?: Date): Promise<Date> {
  const [clock] = await tx.$queryRaw<{ now: Date }[]>(Prisma.sql`SELECT ${sqlNow(now)} AS now`);
  return (clock as { now: Date }).now;
}
