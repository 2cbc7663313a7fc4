/**
 * Statements of the hot path, straight through the driver and prepared once for each connection: parsing and planning a
 * claim costs the server more than carrying it out. They use the connections of the Prisma client they are called with.
 */
import { createHash } from 'node:crypto';
import { types } from 'pg';
import { poolOf, Prisma, type Db } from './index';

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

/** Elements of arrays: their number in the server's catalogue, and their size where it is fixed. */
const ELEMENTS = {
  text: { oid: 25, bytes: null },
  json: { oid: 114, bytes: null },
  jsonb: { oid: 3802, bytes: null },
  float8: { oid: 701, bytes: 8 },
  int4: { oid: 23, bytes: 4 },
  int8: { oid: 20, bytes: 8 },
  bool: { oid: 16, bytes: 1 },
} as const;

export type ColumnType = keyof typeof ELEMENTS;

/**
 * A column of values as an array parameter, in the server's own form: long texts and JSON are neither quoted here nor
 * looked through for quotes there. The statement has to say its type (`${arrayOf('text', …)}::text[]`).
 * @param values null or undefined for NULL; for jsonb anything that `JSON.stringify` takes
 */
export function arrayOf(type: ColumnType, values: readonly unknown[]): Buffer {
  const { oid, bytes } = ELEMENTS[type];
  const items = values.map((value) => (value == null ? null : bytes === null ? textOf(type, value) : value));
  const sizes = items.map((item) => (item === null ? 0 : (bytes ?? Buffer.byteLength(item as string))));
  const buffer = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + 4 + size, 20));
  // One dimension, whether there are nulls, type; number of elements and index of the first one.
  let at = buffer.writeInt32BE(1, 0);
  at = buffer.writeInt32BE(items.includes(null) ? 1 : 0, at);
  at = buffer.writeInt32BE(oid, at);
  at = buffer.writeInt32BE(items.length, at);
  at = buffer.writeInt32BE(1, at);
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index];
    const size = sizes[index] as number;
    at = buffer.writeInt32BE(item === null ? -1 : size, at);
    if (item === null) continue;
    if (type === 'float8') buffer.writeDoubleBE(Number(item), at);
    else if (type === 'int4') buffer.writeInt32BE(Number(item), at);
    else if (type === 'int8') buffer.writeBigInt64BE(item as bigint, at);
    else if (type === 'bool') buffer.writeUInt8(item ? 1 : 0, at);
    // As many bytes as characters: plain ASCII, which is copied as it is.
    else buffer.write(item as string, at, size, (item as string).length === size ? 'latin1' : 'utf8');
    at += size;
  }
  return buffer;
}

function textOf(type: ColumnType, value: unknown): string {
  if (type === 'json') return JSON.stringify(value);
  // 1 is the version of the form of jsonb, which is text otherwise.
  return type === 'jsonb' ? `\u0001${JSON.stringify(value)}` : String(value);
}

/**
 * Values of many items as parameters of a function that takes each column as one array.
 * @param order what the columns hold, in the order of the parameters; a `timestamp` is read from its ISO text
 */
export function columns<T>(
  items: readonly T[],
  order: readonly (readonly [ColumnType | 'timestamp', (item: T) => unknown])[],
): Prisma.Sql {
  return Prisma.join(
    order.map(([type, read]) =>
      type === 'timestamp'
        ? Prisma.sql`${arrayOf('text', items.map(read))}::text[]::timestamp[]`
        : Prisma.sql`${arrayOf(type, items.map(read))}::${Prisma.raw(type)}[]`,
    ),
  );
}

/** Rows of a statement that took many items, for each item: `at` of a row is the place of its item, from 1. */
export function byPlace<R extends { at: number }>(rows: readonly R[], items: readonly unknown[]): R[][] {
  const places: R[][] = items.map(() => []);
  for (const row of rows) places[row.at - 1]?.push(row);
  return places;
}
