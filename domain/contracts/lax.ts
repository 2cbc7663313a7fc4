/**
 * Numbers and flags as the original's clients may write them: its request models take `"3"`, `3.0` and `true` for 3, and
 * `"yes"` for true. What cannot be read that way is left as it is, for the rule behind it to refuse in the known words.
 */
import { z } from 'zod';

// Digits may be grouped by single underscores, as in Python.
const WHOLE = /^[+-]?\d+(?:_\d+)*(?:\.0*)?$/;
const DECIMAL = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?$/;
const TRUE = new Set(['true', 't', 'yes', 'y', 'on', '1']);
const FALSE = new Set(['false', 'f', 'no', 'n', 'off', '0']);

/** Beyond exact integers only the bound matters, so that the refusal names the bound of the field. */
const exact = (value: number): number =>
  Number.isInteger(value)
    ? Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, value))
    : value;

/** A whole number out of a JSON value or a query text; any other value unchanged. */
export function readWhole(value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return exact(value);
  if (typeof value !== 'string' || !WHOLE.test(value.trim())) return value;
  return exact(Number(value.trim().replace(/_/g, '')));
}

/** A number out of a JSON value; any other value unchanged. */
export function readDecimal(value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string' || !DECIMAL.test(value.trim())) return value;
  return Number(value.trim().replace(/_/g, ''));
}

/** A flag out of a JSON value; any other value unchanged. */
export function readFlag(value: unknown): unknown {
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  return TRUE.has(word) ? true : FALSE.has(word) ? false : value;
}

/** By this message a refusal is told from that of a number of any kind. */
export const NOT_WHOLE = 'not a whole number';

interface Bounds {
  min?: number;
  max?: number;
}

function bounded(rule: z.ZodNumber, { min, max }: Bounds): z.ZodNumber {
  const from = min === undefined ? rule : rule.min(min);
  return max === undefined ? from : from.max(max);
}

/** A whole number, bounds included. */
export const laxInt = (bounds: Bounds = {}) =>
  z.preprocess(readWhole, bounded(z.int({ error: NOT_WHOLE }), bounds));

/** A finite number, bounds included. */
export const laxNumber = (bounds: Bounds = {}) => z.preprocess(readDecimal, bounded(z.number(), bounds));

/** True or false. */
export const laxBool = () => z.preprocess(readFlag, z.boolean());
