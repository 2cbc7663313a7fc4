/** Reading request bodies: the size cap before anything else, JSON before authentication (api.md section 0). */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Request } from 'express';
import { HttpError } from '../domain/http-errors';
import { bodySha256Hex } from '../domain/signing';
import { findJsonFault } from './json-error';

/** Thrown for a body over its cap; answered as plain text, unlike every other error. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
}

/** @throws BodyTooLarge when the announced length is over the cap already */
export function refuseAnnouncedLength(req: Request, limit: number): void {
  const announced = Number(req.headers['content-length'] ?? 0);
  if (announced > limit) throw new BodyTooLarge();
}

/** A body that has been read, and what of it is signed. */
export interface ReadBody {
  raw: Buffer;
  /** SHA-256 of the bytes, lowercase hex. */
  hash: string;
}

const NO_BODY: ReadBody = { raw: Buffer.alloc(0), hash: bodySha256Hex(new Uint8Array()) };

/**
 * Reads a whole body into memory, and hashes it as it comes.
 * @param limit bytes
 * @throws BodyTooLarge as soon as more than that came
 */
export async function readBody(req: Request, limit: number): Promise<ReadBody> {
  const { 'content-length': announced, 'transfer-encoding': encoding } = req.headers;
  if (encoding === undefined && (announced === undefined || announced === '0')) return NO_BODY;
  refuseAnnouncedLength(req, limit);
  const chunks: Buffer[] = [];
  const digest = createHash('sha256');
  let size = 0;
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) {
        // What is still on the way is let go unread, so that the answer can be.
        req.off('data', onData);
        req.resume();
        reject(new BodyTooLarge());
        return;
      }
      chunks.push(chunk);
      digest.update(chunk);
    };
    req.on('data', onData);
    req.once('end', () => {
      const [only] = chunks;
      resolve({
        raw: only && chunks.length === 1 ? only : Buffer.concat(chunks, size),
        hash: digest.digest('hex'),
      });
    });
    req.once('error', reject);
    req.once('aborted', () => reject(new HttpError(400, 'the request ended before its body was complete')));
  });
}

/**
 * The JSON value of a body, `undefined` for no body, or the text itself when the content type is not JSON.
 * @throws HttpError 422 `json_invalid` with the place of the fault, 400 for bytes that are not UTF-8
 */
export function parseJsonBody(req: Request, raw: Buffer): unknown {
  if (raw.length === 0) return undefined;
  const type =
    (req.headers['content-type'] ?? 'application/json').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!isUtf8(raw)) throw new HttpError(400, 'There was an error parsing the body');
  // A byte order mark is no part of the text.
  const text = raw.toString('utf8', raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf ? 3 : 0);
  if (!/^application\/([\w.+-]+\+)?json$/.test(type)) return text;
  if (nestsTooDeep(text)) throw new HttpError(400, 'There was an error parsing the body');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const readable = withoutNonFinite(text);
    if (readable !== null) return readable;
    const fault = findJsonFault(text);
    throw new HttpError(422, [
      {
        type: 'json_invalid',
        loc: ['body', fault.position],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: fault.message },
      },
    ]);
  }
}

/** As deep as Python's reader goes; what is deeper could be parsed here, but not be quoted in an answer. */
const MAX_NESTING = 990;

function nestsTooDeep(text: string): boolean {
  // As deep as it has opening brackets at the most, and these are found at the speed of a search.
  if (countUpTo(MAX_NESTING + 1, text, '{') + countUpTo(MAX_NESTING + 1, text, '[') <= MAX_NESTING)
    return false;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === 0x5c) at += 1;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > MAX_NESTING) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

function countUpTo(most: number, text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0 && count < most; at = text.indexOf(character, at + 1))
    count += 1;
  return count;
}

const TOKENS = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/**
 * The value of a text whose only fault is that it holds `NaN` or `Infinity`, which Python writes and reads: each becomes
 * null, since nothing can be computed with it. Null for any other fault.
 */
function withoutNonFinite(text: string): unknown {
  if (!text.includes('NaN') && !text.includes('Infinity')) return null;
  try {
    return JSON.parse(text.replace(TOKENS, (token) => (token.startsWith('"') ? token : 'null'))) as unknown;
  } catch {
    return null;
  }
}
