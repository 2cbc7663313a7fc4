import { SharedRead } from '../../../adapters/postgres/shared-read';

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** Readings that end when the test says so; each answers its number. */
function heldReader() {
  const ends: ((error?: Error) => Promise<void>)[] = [];
  const read = (): Promise<number> => {
    const count = ends.length + 1;
    return new Promise((resolve, reject) => {
      ends.push(async (error) => {
        if (error) reject(error);
        else resolve(count);
        await new Promise((next) => setImmediate(next));
      });
    });
  };
  return { ends, read };
}

test('those who ask at once share a reading, those who ask later its answer', async () => {
  const { ends, read } = heldReader();
  const shared = new SharedRead<number>(1000);
  const first = [shared.get('a', read), shared.get('a', read)];
  expect(ends).toHaveLength(1);
  await ends[0]?.();
  jest.advanceTimersByTime(999);
  expect(await Promise.all([...first, shared.get('a', read)])).toEqual([1, 1, 1]);
  void shared.get('b', read);
  expect(ends).toHaveLength(2);
});

test('an answer that is getting old is renewed behind those who ask, and one that is too old is not given', async () => {
  const { ends, read } = heldReader();
  const shared = new SharedRead<number>(1000);
  void shared.get('a', read);
  await ends[0]?.();
  jest.advanceTimersByTime(1500);
  expect(await shared.get('a', read)).toBe(1);
  expect(await shared.get('a', read)).toBe(1);
  expect(ends).toHaveLength(2);
  await ends[1]?.(new Error('away'));
  expect(await shared.get('a', read)).toBe(1);
  jest.advanceTimersByTime(501);
  const late = shared.get('a', read);
  await ends[2]?.();
  expect(await late).toBe(3);
});

test('whoever wrote is given nothing that was read before', async () => {
  const { ends, read } = heldReader();
  const shared = new SharedRead<number>(1000);
  const before = shared.get('a', read);
  jest.advanceTimersByTime(5);
  const wrote = performance.now();
  const own = shared.get('a', read, { own: wrote });
  expect(ends).toHaveLength(2);
  await ends[1]?.();
  // The older one ends later and replaces nothing.
  await ends[0]?.();
  expect([
    await before,
    await own,
    await shared.get('a', read, { own: wrote }),
    await shared.get('a', read),
  ]).toEqual([1, 2, 2, 2]);
});

test('what anybody wrote makes quick readings old, and slow ones after five times as long as they take', async () => {
  const { ends, read } = heldReader();
  const shared = new SharedRead<number>(1000);
  const take = async (milliseconds: number): Promise<void> => {
    const before = ends.length;
    void shared.get('a', read, { anyone: performance.now() });
    expect(ends).toHaveLength(before + 1);
    jest.advanceTimersByTime(milliseconds);
    await ends[before]?.();
  };
  await take(50);
  await take(90);
  const asked = ends.length;
  jest.advanceTimersByTime(110);
  // Begun 200 ms ago, and 40 ms slower than quick.
  expect(await shared.get('a', read, { anyone: performance.now() })).toBe(asked);
  expect(ends).toHaveLength(asked);
  jest.advanceTimersByTime(1);
  void shared.get('a', read, { anyone: performance.now() });
  expect(ends).toHaveLength(asked + 1);
});

test('a failure is told to those who wait for it and is not kept', async () => {
  const { ends, read } = heldReader();
  const shared = new SharedRead<number>(1000);
  const failing = shared.get('a', read);
  void ends[0]?.(new Error('away'));
  await expect(failing).rejects.toThrow('away');
  const again = shared.get('a', read);
  await ends[1]?.();
  expect(await again).toBe(2);
});
