/** The signed-request scheme of api.md section 1.1 and decisions 1 and 27: what is signed, where it travels, what a replay is. */
import { createHash } from 'node:crypto';

export const HOTKEY_HEADER = 'X-Hotkey';
export const SIGNATURE_HEADER = 'X-Signature';
export const TIMESTAMP_HEADER = 'X-Timestamp';
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** Accepted spellings in order of preference; the second of each is the alias that the miners' guide uses. */
export const SIGNED_HEADER_NAMES = {
  hotkey: [HOTKEY_HEADER, 'X-Eirel-Hotkey'],
  signature: [SIGNATURE_HEADER, 'X-Eirel-Signature'],
  timestamp: [TIMESTAMP_HEADER, 'X-Eirel-Timestamp'],
  requestId: [REQUEST_ID_HEADER, 'X-Eirel-Request-Id'],
} as const;

/** Request headers as Node gives them, in any letter case. */
export type HeaderBag = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SignedHeaders {
  hotkey: string;
  signature: string;
  timestamp: string;
  /** null when the client sent none. */
  requestId: string | null;
}

/**
 * Reads the four signature headers, aliases included.
 * @returns null when the hotkey, the signature or the timestamp is missing or empty
 */
export function readSignedHeaders(headers: HeaderBag): SignedHeaders | null {
  const byName = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) {
    const text = typeof value === 'string' ? value : value?.[0];
    if (text) byName.set(name.toLowerCase(), text);
  }
  const read = (names: readonly string[]): string | null => {
    for (const name of names) {
      const text = byName.get(name.toLowerCase());
      if (text) return text;
    }
    return null;
  };
  const hotkey = read(SIGNED_HEADER_NAMES.hotkey);
  const signature = read(SIGNED_HEADER_NAMES.signature);
  const timestamp = read(SIGNED_HEADER_NAMES.timestamp);
  if (!hotkey || !signature || !timestamp) return null;
  return { hotkey, signature, timestamp, requestId: read(SIGNED_HEADER_NAMES.requestId) };
}

/** Lowercase hex SHA-256 of the exact body bytes; of no bytes for a request without a body. */
export function bodySha256Hex(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/**
 * The text that a client signs: method in upper case, path, body hash and timestamp with nothing between them.
 * @param parts.path the path (or path and query) exactly as it is to be verified
 * @param parts.bodyHash as of `bodySha256Hex`
 * @param parts.timestamp the header's literal text
 */
export function canonicalMessage(parts: {
  method: string;
  path: string;
  bodyHash: string;
  timestamp: string;
}): string {
  return `${parts.method.toUpperCase()}${parts.path}${parts.bodyHash}${parts.timestamp}`;
}

// A request id longer than this is digested, so that a client cannot make the replay store hold kilobytes per request.
const MAX_NONCE_CHARS = 128;

/**
 * The Redis keys that a signed request claims before any work (decision 27): one that only the signature decides, since
 * the request id is not signed and may be swapped by whoever captured the request, and one of the request id when sent.
 * @param request.signature in either letter case; both spell the same bytes and give the same key
 * @returns one or two different keys, the signature's first
 */
export function replayKeys(request: {
  hotkey: string;
  signature: string;
  requestId?: string | null | undefined;
}): string[] {
  const digest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
  const key = (nonce: string): string => `eirel:request-replay:${request.hotkey}:${nonce}`;
  const keys = [key(digest(`${request.hotkey}:${request.signature.toLowerCase()}`))];
  const { requestId } = request;
  if (requestId) {
    const own = key(requestId.length > MAX_NONCE_CHARS ? digest(requestId) : requestId);
    if (!keys.includes(own)) keys.push(own);
  }
  return keys;
}
