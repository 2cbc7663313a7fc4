import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { Batch } from '../../../adapters/batch';

class ItemFault extends Error {}
const isItemFault = (error: unknown) => error instanceof ItemFault;

it('gives every item its own output, in batches no larger and no more at once than allowed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer(), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 3 }),
      async (items, size, lanes) => {
        let underWay = 0;
        const batch = new Batch<number, string>(
          async (given) => {
            underWay += 1;
            expect(underWay).toBeLessThanOrEqual(lanes);
            expect(given.length).toBeLessThanOrEqual(size);
            await sleep(0);
            underWay -= 1;
            return given.map((item) => `<${item}>`);
          },
          { size, lanes },
        );
        const outputs = await Promise.all(items.map((item) => batch.add(item)));
        expect(outputs).toEqual(items.map((item) => `<${item}>`));
      },
    ),
    { numRuns: 40 },
  );
});

it('takes together what comes in one turn, and what comes while a batch is under way', async () => {
  const sizes: number[] = [];
  const batch = new Batch<number, number>(
    async (items) => {
      sizes.push(items.length);
      await sleep(20);
      return [...items];
    },
    { size: 100, lanes: 1 },
  );
  const first = [batch.add(1), batch.add(2)];
  await sleep(5);
  const second = [batch.add(3), batch.add(4), batch.add(5)];
  await Promise.all([...first, ...second]);
  expect(sizes).toEqual([2, 3]);
});

it('lets one bad item fail alone, and all fail with what is the fault of none', async () => {
  const written: string[] = [];
  const batch = new Batch<string>(
    async (items) => {
      await sleep(0);
      if (items.includes('away')) throw new Error('the database is away');
      if (items.includes('bad')) throw new ItemFault('does not fit');
      written.push(...items);
      return items.map(() => undefined);
    },
    { size: 10, lanes: 1, isItemFault },
  );
  const outcomes = await Promise.allSettled(['a', 'bad', 'b'].map((item) => batch.add(item)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(written).toEqual(['a', 'b']);
  const all = await Promise.allSettled(['c', 'away'].map((item) => batch.add(item)));
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(written).toEqual(['a', 'b']);
});
