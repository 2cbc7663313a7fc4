import { Prisma } from './index';

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
