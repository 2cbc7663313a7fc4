/**
 * Canonical JSON, so that two parties who hold the same value hold the same bytes and the same digest.
 *
 * The form is that of RFC 8785 (JSON Canonicalization Scheme): object keys sorted by UTF-16 code units, no white
 * space, strings escaped as `JSON.stringify` does and otherwise written as UTF-8, numbers in the shortest form that
 * reads back as the same double (`1`, `0.55`, `1e-7`; no `1.0`, no `-0`). Keys whose value is undefined are left out.
 */
import { createHash } from 'node:crypto';

/**
 * @param value plain JSON: null, booleans, finite numbers, strings, arrays and plain objects
 * @returns the canonical text
 * @throws TypeError naming the path of a value that JSON cannot hold (NaN, bigint, Date, class instance, a hole in an
 *   array, an unpaired surrogate)
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$');
}

/** SHA-256 of a text (as UTF-8) or of bytes, 64 lower-case hex digits. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of the canonical form of a value. */
export function digestOf(value: unknown): string {
  return sha256Hex(canonicalJson(value));
}

function write(value: unknown, path: string): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, path);
    case 'boolean':
      return String(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${path}: ${value} has no JSON form`);
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) {
        return `[${Array.from(value, (item, index) => write(item, `${path}[${index}]`)).join(',')}]`;
      }
      return writeObject(value as Record<string, unknown>, path);
    default:
      throw new TypeError(`${path}: a ${typeof value} has no JSON form`);
  }
}

function writeObject(value: Record<string, unknown>, path: string): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects from another realm (a test sandbox, a workflow isolate) have another Object.prototype; its own is null.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError(
      `${path}: only plain objects have a canonical form; convert ${value.constructor.name} first`,
    );
  }
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${writeString(key, path)}:${write(value[key], `${path}.${key}`)}`);
  return `{${members.join(',')}}`;
}

function writeString(text: string, path: string): string {
  if (!text.isWellFormed()) throw new TypeError(`${path}: the text holds half of a surrogate pair`);
  return JSON.stringify(text);
}
