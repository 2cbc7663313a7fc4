/**
 * Statements of the hot path, straight through the driver and prepared once for each connection: parsing and planning a
 * claim costs the server more than carrying it out. They use the connections of the Prisma client they are called with.
 */
import { createHash } from 'node:crypto';
import { types } from 'pg';
import type { Prisma } from './index';
import { poolOf, type Db } from './index';

const TIMESTAMP = 1114;
const INT8 = 20;

/** As Prisma reads them: times are UTC without a zone, and 64-bit numbers are bigint. */
const readers = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === TIMESTAMP) return (text: string) => new Date(`${text.replace(' ', 'T')}Z`);
    if (oid === INT8) return (text: string) => BigInt(text);
    return types.getTypeParser(oid, format as 'text');
  },
};

// Statements differ by their text alone, values being parameters; there are as many as places that write one.
const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) {
    name = `hot_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
    names.set(text, name);
  }
  return name;
}

/**
 * Runs a statement. Its text must be the same for the same work: whatever varies belongs into parameters.
 * @throws the driver's error, with the server's `code`
 */
export async function prepared<R extends object>(db: Db, sql: Prisma.Sql): Promise<R[]> {
  const { text } = sql;
  const query = { name: nameOf(text), text, values: sql.values as unknown[], types: readers };
  const { rows } = await poolOf(db).query<R>(query);
  return rows;
}
