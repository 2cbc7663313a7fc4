/** What goes to standard output: JSON for programs, tables for people. */
import Table from 'cli-table3';

export const FORMATS = ['table', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** The asked format; else a table on a terminal and JSON anywhere else. */
export function chooseFormat(asked: Format | undefined, isTerminal: boolean): Format {
  return asked ?? (isTerminal ? 'table' : 'json');
}

/** JSON as Python's `json.dumps(value, indent=2, sort_keys=True)` writes it: keys sorted, non-ASCII escaped. */
export function prettyJson(value: unknown): string {
  return ascii(JSON.stringify(sorted(value), null, 2));
}

/** The same on one line. */
export function jsonLine(value: unknown): string {
  return ascii(JSON.stringify(sorted(value)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value ?? null;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

// Every UTF-16 unit for itself, so that a character beyond the basic plane becomes a surrogate pair, as in Python.
const ascii = (text: string): string => text.replace(/[^\x00-\x7f]/g, escaped);

/**
 * A value as one line of terminal text. Names and reasons come from miners: characters that move the cursor, hide text
 * or change its direction are shown as escapes.
 */
export function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (typeof value === 'number') return formatNumber(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return printable(typeof value === 'string' ? value : jsonLine(value)).replace(/[\n\t]/g, escaped);
}

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Text for a terminal, line ends and tabs kept, other control and invisible characters as escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    escaped,
  );
}

/** Whole numbers whole, others with four decimals. */
function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}

/** One column of a table. */
export interface Column<T> {
  head: string;
  value: (row: T) => unknown;
  right?: boolean;
}

const BARE = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((name) => [name, '']),
);

/** A table without lines, columns two spaces apart. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const drawn = new Table({
    head: columns.map(({ head }) => head),
    colAligns: columns.map(({ right }) => (right ? 'right' : 'left')),
    chars: { ...BARE, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows) drawn.push(columns.map(({ value }) => cell(value(row))));
  return trimLines(drawn.toString());
}

/** Names and values, one pair a line. */
export function fields(pairs: readonly (readonly [string, unknown])[]): string {
  const width = Math.max(0, ...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}`).join('\n');
}

const trimLines = (text: string): string => text.replace(/[ \t]+$/gm, '');

/** How a command's data is shown: `json` and `jsonl` take the value, `table` what `asTable` makes of it. */
export interface Printer {
  readonly format: Format;
  /** True when the user asked for the format. */
  readonly asked: boolean;
  /** Shows data: for `jsonl` the items of a list are a line each. */
  data<T>(value: T, asTable: (value: T) => string): void;
}

/** @param write takes whole lines without the last line end */
export function createPrinter(format: Format, asked: boolean, write: (text: string) => void): Printer {
  return {
    format,
    asked,
    data(value, asTable) {
      if (format === 'table') return write(asTable(value));
      if (format === 'json') return write(prettyJson(value));
      for (const item of Array.isArray(value) ? value : [value]) write(jsonLine(item));
    },
  };
}

/** A list as a table, or a sentence instead of a head without rows. */
export function listTable<T>(columns: readonly Column<T>[], none: string): (rows: readonly T[]) => string {
  return (rows) => (rows.length === 0 ? none : table(rows, columns));
}
