/** Error bodies of every HTTP service: `{"detail": …}` (api.md section 0). */
import type { z } from 'zod';
import { NOT_WHOLE } from './contracts/lax';

/** An answer other than 2xx that a handler decided on; `detail` goes to the client as it is. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  constructor(
    readonly status: number,
    readonly detail: string | object,
    readonly extra: Record<string, unknown> = {},
    readonly headers: Record<string, string> = {},
  ) {
    super(typeof detail === 'string' ? detail : JSON.stringify(detail));
  }
}

/** One entry of a 422 body. */
export interface FieldError {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

/**
 * Turns zod issues into the field errors that clients of the original parse.
 * @param where the part of the request: `body`, `query` or `path`
 * @param input what was validated, to quote the offending value
 */
export function fieldErrors(
  error: z.ZodError,
  where: 'body' | 'query' | 'path',
  input: unknown,
): FieldError[] {
  return error.issues.flatMap((issue): FieldError[] => {
    const loc = [where, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    const value = valueAt(input, issue.path);
    if (value.missing) {
      return [{ type: 'missing', loc, msg: 'Field required', input: value.parent ?? null }];
    }
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        type: 'extra_forbidden',
        loc: [...loc, key],
        msg: 'Extra inputs are not permitted',
        input: (value.value as Record<string, unknown>)[key],
      }));
    }
    return [describe(issue, loc, value.value)];
  });
}

function valueAt(
  input: unknown,
  path: PropertyKey[],
): { missing: boolean; value?: unknown; parent?: unknown } {
  let parent: unknown = null;
  let value: unknown = input;
  for (const key of path) {
    parent = value;
    if (value === null || typeof value !== 'object' || !(key in value)) return { missing: true, parent };
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return { missing: value === undefined, value, parent };
}

function describe(issue: z.core.$ZodIssue, loc: (string | number)[], input: unknown): FieldError {
  switch (issue.code) {
    case 'too_big': {
      if (issue.origin === 'array') {
        const [max, actual] = [Number(issue.maximum), (input as unknown[]).length];
        const msg = `List should have at most ${max} ${max === 1 ? 'item' : 'items'} after validation, not ${actual}`;
        const ctx = { field_type: 'List', max_length: max, actual_length: actual };
        return { type: 'too_long', loc, msg, input, ctx };
      }
      if (issue.origin === 'string') {
        const max = Number(issue.maximum);
        return {
          type: 'string_too_long',
          loc,
          msg: `String should have at most ${max} characters`,
          input,
          ctx: { max_length: max },
        };
      }
      const le = Number(issue.maximum);
      const type = issue.inclusive === false ? 'less_than' : 'less_than_equal';
      const words = issue.inclusive === false ? 'less than' : 'less than or equal to';
      return {
        type,
        loc,
        msg: `Input should be ${words} ${le}`,
        input,
        ctx: { [issue.inclusive === false ? 'lt' : 'le']: le },
      };
    }
    case 'too_small': {
      if (issue.origin === 'string') {
        const min = Number(issue.minimum);
        const noun = min === 1 ? 'character' : 'characters';
        return {
          type: 'string_too_short',
          loc,
          msg: `String should have at least ${min} ${noun}`,
          input,
          ctx: { min_length: min },
        };
      }
      const ge = Number(issue.minimum);
      const type = issue.inclusive === false ? 'greater_than' : 'greater_than_equal';
      const words = issue.inclusive === false ? 'greater than' : 'greater than or equal to';
      return {
        type,
        loc,
        msg: `Input should be ${words} ${ge}`,
        input,
        ctx: { [issue.inclusive === false ? 'gt' : 'ge']: ge },
      };
    }
    case 'invalid_type':
      return typeError(issue.message === NOT_WHOLE ? 'int' : issue.expected, loc, input);
    case 'invalid_value': {
      const expected = alternatives(issue.values.map((value) => `'${String(value)}'`));
      return { type: 'literal_error', loc, msg: `Input should be ${expected}`, input, ctx: { expected } };
    }
    default:
      return { type: 'value_error', loc, msg: `Value error, ${issue.message}`, input, ctx: { error: {} } };
  }
}

/** `a`, `b` or `c`. */
const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

const TYPE_WORDS: Record<string, [type: string, msg: string]> = {
  string: ['string_type', 'Input should be a valid string'],
  int: ['int_type', 'Input should be a valid integer'],
  number: ['float_type', 'Input should be a valid number'],
  boolean: ['bool_type', 'Input should be a valid boolean'],
  object: ['dict_type', 'Input should be a valid dictionary'],
  record: ['dict_type', 'Input should be a valid dictionary'],
  array: ['list_type', 'Input should be a valid list'],
};

const PARSING: Record<string, [type: string, msg: string]> = {
  int: ['int_parsing', 'Input should be a valid integer, unable to parse string as an integer'],
  number: ['float_parsing', 'Input should be a valid number, unable to parse string as a number'],
  boolean: ['bool_parsing', 'Input should be a valid boolean, unable to interpret input'],
};

function typeError(expected: string, loc: (string | number)[], input: unknown): FieldError {
  if (expected === 'int' && typeof input === 'number') {
    const msg = 'Input should be a valid integer, got a number with a fractional part';
    return { type: 'int_from_float', loc, msg, input };
  }
  const parsed = typeof input === 'string' || (expected === 'boolean' && Number.isInteger(input));
  const words = parsed ? (PARSING[expected] ?? TYPE_WORDS[expected]) : TYPE_WORDS[expected];
  const [type, msg] = words ?? ['value_error', `Input should be a valid ${expected}`];
  return { type, loc, msg, input };
}

/** A 422 made of field errors. */
export function unprocessable(errors: FieldError[]): HttpError {
  return new HttpError(422, errors);
}
