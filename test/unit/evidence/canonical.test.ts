import fc from 'fast-check';
import { canonicalJson, digestOf, sha256Hex } from '../../../domain/evidence';

test.each([
  [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
  [
    { '\u20ac': 1, '\r': 2, '1': 3, '\ud83d\ude00': 4, '\ufb33': 5 },
    '{"\\r":2,"1":3,"\u20ac":1,"\ud83d\ude00":4,"\ufb33":5}',
  ],
  [[1.0, -0, 1e21, 1e-7, 0.1, 333333333.33333329], '[1,0,1e+21,1e-7,0.1,333333333.3333333]'],
  [{ a: undefined, b: 'q"\\\n\u2028' }, '{"b":"q\\"\\\\\\n\u2028"}'],
  [Object.create(null), '{}'],
])('canonical form of %j', (value, expected) => {
  expect(canonicalJson(value)).toBe(expected);
});

test.each<[string, unknown, RegExp]>([
  ['NaN', { a: [NaN] }, /\$\.a\[0\]: NaN/],
  ['infinity', Infinity, /\$: Infinity/],
  ['a bigint', { a: 1n }, /\$\.a: a bigint/],
  ['a date', { at: new Date(0) }, /\$\.at: only plain objects.*Date/],
  ['a map', new Map(), /Map/],
  ['undefined in an array', [undefined], /\$\[0\]: a undefined/],
  ['a hole in an array', new Array(1), /\$\[0\]/],
  ['half a surrogate pair', ['\ud800'], /surrogate/],
  ['a function', { f: () => 1 }, /\$\.f: a function/],
])('refuses %s with its path', (_name, value, message) => {
  expect(() => canonicalJson(value)).toThrow(TypeError);
  expect(() => canonicalJson(value)).toThrow(message);
});

test('digest of a text and of a value', () => {
  expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(digestOf({})).toBe(sha256Hex('{}'));
});

test('property: reads back as the same value, and the order in which keys were set does not matter', () => {
  const json = fc.jsonValue({ maxDepth: 4 }).filter((value) => !/\\ud[89a-f]/i.test(JSON.stringify(value)));
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, inner]) => [key, reversed(inner)]),
          )
        : value;
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(reversed(value))).toBe(text);
    }),
  );
});
