import fc from 'fast-check';
import {
  cell,
  chooseFormat,
  createPrinter,
  fields,
  jsonLine,
  listTable,
  prettyJson,
  printable,
  table,
} from '../../../cli/output';

describe('JSON', () => {
  // Expected texts were written by Python: json.dumps(value, indent=2, sort_keys=True).
  test.each([
    [
      { b: 1, a: [true, null, 'x'], c: {} },
      '{\n  "a": [\n    true,\n    null,\n    "x"\n  ],\n  "b": 1,\n  "c": {}\n}',
    ],
    [[], '[]'],
    [{ name: 'caf\u00e9 \u2192 \u{1f600}' }, '{\n  "name": "caf\\u00e9 \\u2192 \\ud83d\\ude00"\n}'],
    [null, 'null'],
    [{ Z: 1, a: { y: 2, B: 3 } }, '{\n  "Z": 1,\n  "a": {\n    "B": 3,\n    "y": 2\n  }\n}'],
  ])('%j as Python writes it', (value, expected) => {
    expect(prettyJson(value)).toBe(expected);
  });

  test('property: pure ASCII that reads back as the same value, whatever the order of its keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        for (const text of [prettyJson(value), jsonLine(value)]) {
          expect(text).toMatch(/^[\x00-\x7f]*$/);
          expect(JSON.parse(text)).toEqual(plain);
        }
        expect(jsonLine(value)).not.toContain('\n');
      }),
    );
  });
});

describe('terminal text', () => {
  test.each([
    [null, '-'],
    ['', '-'],
    [0, '0'],
    [0.123456, '0.1235'],
    [true, 'yes'],
    [false, 'no'],
    [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
    ['two\nlines', 'two\\u000alines'],
    ['\x1b[2Jgone\x9b', '\\u001b[2Jgone\\u009b'],
    ['\u202eevil', '\\u202eevil'],
    ['plain \u00e9', 'plain \u00e9'],
  ])('%j is shown as %j', (value, expected) => {
    expect(cell(value)).toBe(expected);
  });

  test('property: no miner can move the cursor with a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(cell(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
        expect(printable(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
    );
  });

  test('a table has its columns aligned and no line ends in spaces', () => {
    const rows = [
      { name: 'a', score: 1 },
      { name: 'longer', score: 0.5 },
    ];
    const text = table(rows, [
      { head: 'NAME', value: (row) => row.name },
      { head: 'SCORE', value: (row) => row.score, right: true },
    ]);
    expect(text.split('\n')).toEqual(['NAME     SCORE', 'a            1', 'longer  0.5000']);
    expect(
      fields([
        ['a', 'x'],
        ['long', null],
      ]),
    ).toBe('a     x\nlong  -');
  });
});

test.each([
  [undefined, true, 'table'],
  [undefined, false, 'json'],
  ['jsonl', true, 'jsonl'],
  ['table', false, 'table'],
] as const)('asked for %s on a terminal %s: %s', (asked, terminal, expected) => {
  expect(chooseFormat(asked, terminal)).toBe(expected);
});

test('one value in the three formats; a list of nothing is a list for programs and a sentence for people', () => {
  const print = (format: 'table' | 'json' | 'jsonl', value: { id: string }[]): string[] => {
    const lines: string[] = [];
    const rows = listTable<{ id: string }>([{ head: 'ID', value: (row) => row.id }], 'no things');
    createPrinter(format, true, (text) => lines.push(text)).data(value, rows);
    return lines;
  };
  const two = [{ id: 'a' }, { id: 'b' }];
  expect(print('table', two)).toEqual(['ID\na\nb']);
  expect(print('json', two)).toEqual(['[\n  {\n    "id": "a"\n  },\n  {\n    "id": "b"\n  }\n]']);
  expect(print('jsonl', two)).toEqual(['{"id":"a"}', '{"id":"b"}']);
  expect([print('table', []), print('json', []), print('jsonl', [])]).toEqual([['no things'], ['[]'], []]);
});
