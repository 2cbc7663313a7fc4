/**
 * Where and why a text is not JSON, in the words that clients of the original parse. Only run on a text that
 * JSON.parse refused, so it may take its time and need not build values.
 */
export interface JsonFault {
  /** Character offset. */
  position: number;
  message: string;
}

class Fault extends Error {
  constructor(
    readonly position: number,
    message: string,
  ) {
    super(message);
  }
}

// Deeper than any real body; below what the call stack can take.
const MAX_DEPTH = 2000;

/** The first fault of a malformed JSON text. */
export function findJsonFault(text: string): JsonFault {
  try {
    const end = skipSpace(text, value(text, skipSpace(text, 0), 0));
    return { position: end, message: 'Extra data' };
  } catch (error) {
    if (error instanceof Fault) return { position: error.position, message: error.message };
    throw error;
  }
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at += 1;
  return at;
}

const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function value(text: string, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new Fault(at, 'Nested too deeply');
  if (text[at] === '"') return string(text, at);
  if (text[at] === '{') return object(text, at, depth);
  if (text[at] === '[') return array(text, at, depth);
  SCALAR.lastIndex = at;
  const match = SCALAR.exec(text);
  if (!match) throw new Fault(at, 'Expecting value');
  return at + match[0].length;
}

function string(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at] as string;
    if (char === '"') return at + 1;
    if (char < ' ') throw new Fault(at, 'Invalid control character at');
    if (char === '\\') {
      at += 1;
      if (at >= text.length) break;
      if (text[at] === 'u') {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5)))
          throw new Fault(at, 'Invalid \\uXXXX escape');
        at += 4;
      } else if (!'"\\/bfnrt'.includes(text[at] as string)) throw new Fault(at - 1, 'Invalid \\escape');
    }
  }
  throw new Fault(start, 'Unterminated string starting at');
}

function object(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text[at] === '}') return at + 1;
  for (;;) {
    if (text[at] !== '"') throw new Fault(at, 'Expecting property name enclosed in double quotes');
    at = skipSpace(text, string(text, at));
    if (text[at] !== ':') throw new Fault(at, "Expecting ':' delimiter");
    at = skipSpace(text, value(text, skipSpace(text, at + 1), depth + 1));
    if (text[at] === '}') return at + 1;
    if (text[at] !== ',') throw new Fault(at, "Expecting ',' delimiter");
    at = skipSpace(text, at + 1);
  }
}

function array(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1);
  if (text[at] === ']') return at + 1;
  for (;;) {
    at = skipSpace(text, value(text, at, depth + 1));
    if (text[at] === ']') return at + 1;
    if (text[at] !== ',') throw new Fault(at, "Expecting ',' delimiter");
    at = skipSpace(text, at + 1);
  }
}
