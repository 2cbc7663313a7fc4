import fc from 'fast-check';
import { Lane } from '../../../adapters/postgres/lane';

interface Statement {
  items: readonly number[];
  end: (error?: Error) => void;
}

/** A lane whose statements end when the test says so. */
function heldLane(options: { statements: number; most: number; weight?: (item: number) => number }) {
  const statements: Statement[] = [];
  const carry = (items: readonly number[]): Promise<readonly number[]> =>
    new Promise((resolve, reject) => {
      statements.push({
        items,
        end: (error) => (error ? reject(error) : resolve(items.map((item) => item * 10))),
      });
    });
  return { lane: new Lane(carry, { weight: () => 1, ...options }), statements };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('what comes while a statement is under way goes with the next one, in order', async () => {
  const { lane, statements } = heldLane({ statements: 1, most: 3 });
  const answers = [1, 2, 3, 4, 5].map((item) => lane.submit(item));
  expect(statements.map(({ items }) => items)).toEqual([[1]]);
  statements[0]?.end();
  await settled();
  statements[1]?.end();
  await settled();
  statements[2]?.end();
  expect(await Promise.all(answers)).toEqual([10, 20, 30, 40, 50]);
  expect(statements.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]]);
});

test('no more statements at once than allowed, and none waits for company', async () => {
  const { lane, statements } = heldLane({ statements: 2, most: 9 });
  const answers = [1, 2, 3].map((item) => lane.submit(item));
  expect(statements.map(({ items }) => items)).toEqual([[1], [2]]);
  statements[1]?.end();
  await settled();
  expect(statements.map(({ items }) => items)).toEqual([[1], [2], [3]]);
  statements[0]?.end();
  statements[2]?.end();
  expect(await Promise.all(answers)).toEqual([10, 20, 30]);
});

test('a heavy item goes alone, whatever it weighs', async () => {
  const { lane, statements } = heldLane({ statements: 1, most: 4, weight: (item) => item });
  const answers = [1, 9, 2, 2, 1].map((item) => lane.submit(item));
  for (let index = 0; index < 4; index += 1) {
    statements[index]?.end();
    await settled();
  }
  await Promise.all(answers);
  expect(statements.map(({ items }) => items)).toEqual([[1], [9], [2, 2], [1]]);
});

test('one that fails fails alone', async () => {
  const carried: (readonly number[])[] = [];
  const lane = new Lane(
    async (items: readonly number[]) => {
      carried.push(items);
      await settled();
      if (items.includes(3)) throw new Error('3 cannot be stored');
      return items;
    },
    { statements: 1, most: 9, weight: () => 1 },
  );
  const answers = await Promise.allSettled([1, 2, 3, 4].map((item) => lane.submit(item)));
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : 'refused'))).toEqual([
    1,
    2,
    'refused',
    4,
  ]);
  expect(carried).toEqual([[1], [2, 3, 4], [2], [3], [4]]);
  expect(await lane.submit(7)).toBe(7);
});

test('property: every call gets its own answer, once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ weight: fc.integer({ min: 1, max: 6 }), wait: fc.nat(3) }), { maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 8 }),
      async (calls, statements, most) => {
        let running = 0;
        let seen = 0;
        const lane = new Lane(
          async (items: readonly { id: number; weight: number }[]) => {
            running += 1;
            expect(running).toBeLessThanOrEqual(statements);
            const weight = items.reduce((sum, item) => sum + item.weight, 0);
            expect(items.length === 1 || weight <= most).toBe(true);
            await settled();
            seen += items.length;
            running -= 1;
            return items.map(({ id }) => `answer ${id}`);
          },
          { statements, most, weight: ({ weight }) => weight },
        );
        const answers = await Promise.all(
          calls.map(async ({ weight, wait }, id) => {
            for (let turn = 0; turn < wait; turn += 1) await settled();
            return lane.submit({ id, weight });
          }),
        );
        expect(answers).toEqual(calls.map((_, id) => `answer ${id}`));
        expect(seen).toBe(calls.length);
      },
    ),
    { numRuns: 50 },
  );
});

test('a statement that is stuck is passed by, and still answers', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  try {
    const { lane, statements } = heldLane({ statements: 1, most: 9 });
    const stuck = lane.submit(1);
    const others = [2, 3].map((item) => lane.submit(item));
    expect(statements).toHaveLength(1);
    jest.advanceTimersByTime(99);
    expect(statements).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(statements.map(({ items }) => items)).toEqual([[1], [2, 3]]);
    // It gave its place away once: when it ends, nobody else's is given away.
    statements[0]?.end();
    expect(await stuck).toBe(10);
    const last = lane.submit(4);
    await settled();
    expect(statements).toHaveLength(2);
    statements[1]?.end();
    expect(await Promise.all(others)).toEqual([20, 30]);
    await settled();
    statements[2]?.end();
    expect(await last).toBe(40);
  } finally {
    jest.useRealTimers();
  }
});
