/** Arrays in the server's own form arrive as the values that they were made of. */
import fc from 'fast-check';
import { Prisma } from '../../../adapters/postgres';
import { arrayOf, prepared } from '../../../adapters/postgres/prepared';
import { startDatabase, type TaskDatabase } from './database';

let database: TaskDatabase;
beforeAll(async () => {
  database = await startDatabase(2);
});
afterAll(() => database?.stop());

const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => value.replaceAll('\u0000', ''));
const orNull = <T>(value: fc.Arbitrary<T>) => fc.array(fc.option(value), { maxLength: 6 });
const json = fc.oneof(fc.dictionary(text, fc.oneof(text, fc.integer(), fc.boolean())), fc.array(text), text);

it('whatever they hold, nulls and nothing included', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        texts: orNull(text),
        floats: orNull(fc.double({ noNaN: true, noDefaultInfinity: true })),
        ints: orNull(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        bools: orNull(fc.boolean()),
        documents: orNull(json),
      }),
      async ({ texts, floats, ints, bools, documents }) => {
        const [row] = await prepared<Record<string, unknown>>(
          database.db,
          Prisma.sql`SELECT ${arrayOf('text', texts)}::text[] AS texts, ${arrayOf('float8', floats)}::float8[] AS floats,
            ${arrayOf('int4', ints)}::int[] AS ints, ${arrayOf('bool', bools)}::bool[] AS bools,
            to_jsonb(${arrayOf('jsonb', documents)}::jsonb[]) AS binary,
            to_jsonb(${arrayOf('json', documents)}::json[]) AS plain`,
        );
        const expected = JSON.parse(JSON.stringify(documents)) as unknown;
        expect(row).toEqual({ texts, floats, ints, bools, binary: expected, plain: expected });
      },
    ),
    { numRuns: 60 },
  );
});

it('refuses a text that cannot be stored, as the server does', async () => {
  await expect(
    prepared(database.db, Prisma.sql`SELECT ${arrayOf('text', ['a\u0000b'])}::text[] AS texts`),
  ).rejects.toThrow('invalid byte sequence for encoding "UTF8": 0x00');
});
