/**
 * Text from a miner, made fit to be stored. PostgreSQL refuses U+0000 and half surrogate pairs in text and JSON; an
 * answer that holds one must not be able to make the validator's whole result fail.
 */

const UNSTORABLE = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** Deeper than this a value is cut: what is judged is far shallower, and recursion must end. */
const MAX_DEPTH = 64;

/** The text with each character that cannot be stored replaced by U+FFFD. */
export function cleanText(text: string): string {
  return text.replace(UNSTORABLE, '\ufffd');
}

/** A copy of a JSON value whose strings and keys can all be stored; numbers that are not finite become null. */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || typeof value !== 'object') return value ?? null;
  if (depth >= MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => cleanJson(item, depth + 1));
  // fromEntries defines own keys, so that a key named __proto__ stays a key.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [cleanText(key), cleanJson(item, depth + 1)]),
  );
}

/** The first `max` characters (code points), as Python slices text. */
export function firstCharacters(text: string, max: number): string {
  if (text.length <= max) return text;
  const characters = [...text];
  return characters.length <= max ? text : characters.slice(0, max).join('');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
