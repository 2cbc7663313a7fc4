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

// Of the characters that cannot be stored, and of whole pairs: quick to find nothing of, which is the rule.
const SUSPICIOUS = /[\u0000\ud800-\udfff]/;

/**
 * A JSON value whose strings and keys can all be stored; numbers that are not finite become null. The value itself where
 * nothing has to be changed, else a copy.
 */
export function cleanJson(value: unknown): unknown {
  return isStorable(value, 0) ? value : cleanCopy(value, 0);
}

function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isStorableText(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === undefined) return false;
  if (value === null || typeof value !== 'object') return true;
  if (depth >= MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1));
  for (const key of Object.keys(value)) {
    if (!isStorableText(key)) return false;
    if (!isStorable((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

function isStorableText(text: string): boolean {
  // match(), since test() of a global expression begins where its last search ended.
  return !SUSPICIOUS.test(text) || text.match(UNSTORABLE) === null;
}

function cleanCopy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value === null || typeof value !== 'object') return value ?? null;
  if (depth >= MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => cleanCopy(item, depth + 1));
  // fromEntries defines own keys, so that a key named __proto__ stays a key.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [cleanText(key), cleanCopy(item, depth + 1)]),
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
