import { sr25519Verify } from '@polkadot/util-crypto';
import { bodySha256Hex, canonicalMessage, readSignedHeaders } from '../../domain/signing';
import type { HeaderBag } from '../../domain/signing';
import { publicKeyOf } from './address';

const SIGNATURE = /^0x[0-9a-fA-F]{128}$/;

/**
 * Checks an sr25519 signature of a hotkey over a message, or over its `<Bytes>`-wrapped form as browser wallets make it.
 * Signatures of other schemes are refused. Never throws: whatever is malformed is simply not a valid signature.
 * @param input.hotkey address with prefix 42
 * @param input.signature `0x` and 128 hex digits
 * @param input.message text (its UTF-8 bytes were signed) or raw bytes
 */
export function verifyHotkeySignature(input: {
  hotkey: string;
  signature: string;
  message: string | Uint8Array;
}): boolean {
  if (typeof input.signature !== 'string' || !SIGNATURE.test(input.signature)) return false;
  if (typeof input.hotkey !== 'string') return false;
  const publicKey = publicKeyOf(input.hotkey);
  if (!publicKey) return false;
  const signature = Buffer.from(input.signature.slice(2), 'hex');
  const plain = Buffer.from(input.message as Uint8Array);
  const wrapped = Buffer.concat([Buffer.from('<Bytes>'), plain, Buffer.from('</Bytes>')]);
  return verifies(plain, signature, publicKey) || verifies(wrapped, signature, publicKey);
}

function verifies(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return sr25519Verify(message, signature, publicKey);
  } catch {
    // Bytes that are no curve point or no canonical scalar make the library throw; they are an invalid signature.
    return false;
  }
}

export type SignedRequestVerdict =
  | {
      ok: true;
      hotkey: string;
      signature: string;
      timestamp: string;
      requestId: string | null;
      acceptedOver: 'path' | 'path+query';
    }
  | { ok: false; reason: 'missing signature headers' | 'invalid hotkey' | 'invalid signature' };

/**
 * Checks who signed a request (decision 1): over path and query as sent, then over the path alone, first percent-decoded
 * as the original server saw it, then as sent. The clock and replays are the caller's business.
 * @param request.rawUrl request target as received, e.g. `/v1/x?y=1`
 * @param request.body exact raw bytes, empty for none
 * @returns the verified header values, or the 401 detail to answer with
 */
export function verifySignedRequest(request: {
  method: string;
  rawUrl: string;
  body: Uint8Array;
  headers: HeaderBag;
}): SignedRequestVerdict {
  const signed = readSignedHeaders(request.headers);
  if (!signed) return { ok: false, reason: 'missing signature headers' };
  if (!publicKeyOf(signed.hotkey)) return { ok: false, reason: 'invalid hotkey' };
  const { hotkey, signature, timestamp, requestId } = signed;
  const bodyHash = bodySha256Hex(request.body);
  for (const { path, over } of pathForms(request.rawUrl)) {
    const message = canonicalMessage({ method: request.method, path, bodyHash, timestamp });
    if (verifyHotkeySignature({ hotkey, signature, message })) {
      return { ok: true, hotkey, signature, timestamp, requestId, acceptedOver: over };
    }
  }
  return { ok: false, reason: 'invalid signature' };
}

function pathForms(rawUrl: string): { path: string; over: 'path' | 'path+query' }[] {
  const cut = rawUrl.indexOf('?');
  const rawPath = cut < 0 ? rawUrl : rawUrl.slice(0, cut);
  const forms: { path: string; over: 'path' | 'path+query' }[] = [];
  if (cut >= 0) forms.push({ path: rawUrl, over: 'path+query' });
  const decoded = percentDecoded(rawPath);
  if (decoded !== rawPath) forms.push({ path: decoded, over: 'path' });
  forms.push({ path: rawPath, over: 'path' });
  return forms;
}

function percentDecoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // Not valid percent-encoding: only the form as sent can have been signed.
    return path;
  }
}
