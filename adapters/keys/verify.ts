import { bodySha256Hex, canonicalMessage, readSignedHeaders } from '../../domain/signing';
import type { HeaderBag, SignedHeaders } from '../../domain/signing';
import { publicKeyOf } from './address';
import { nativeSr25519 } from './native';
import { NOT_SIGNED, packJobs, type VerifyJob } from './packed';
import type { Verifier } from './verifier';
import { verifyPackedWasm } from './wasm-verify';

const SIGNATURE = /^0x[0-9a-fA-F]{128}$/;

/**
 * Checks an sr25519 signature of a hotkey over a message, or over its `<Bytes>`-wrapped form as browser wallets make it,
 * on the calling thread. Signatures of other schemes are refused. Never throws: whatever is malformed is simply not valid.
 * @param input.hotkey address with prefix 42
 * @param input.signature `0x` and 128 hex digits
 * @param input.message text (its UTF-8 bytes were signed) or raw bytes
 */
export function verifyHotkeySignature(input: {
  hotkey: string;
  signature: string;
  message: string | Uint8Array;
}): boolean {
  const job = jobOf(input.hotkey, input.signature, [Buffer.from(input.message as Uint8Array)]);
  return job !== null && verifyNow(job) === 0;
}

/** A job to verify, or null when the address or the signature is none. */
function jobOf(hotkey: string, signature: string, messages: readonly Uint8Array[]): VerifyJob | null {
  if (typeof signature !== 'string' || !SIGNATURE.test(signature) || typeof hotkey !== 'string') return null;
  const publicKey = publicKeyOf(hotkey);
  return publicKey && { publicKey, signature: Buffer.from(signature.slice(2), 'hex'), messages };
}

function verifyNow(job: VerifyJob): number {
  const packed = packJobs([job]);
  const { module } = nativeSr25519();
  const [verdict = NOT_SIGNED] = module ? module.verifyPackedSync(packed) : verifyPackedWasm(packed);
  return verdict === NOT_SIGNED ? -1 : verdict;
}

/** A request as it was received. */
export interface ReceivedRequest {
  method: string;
  /** Request target as received, e.g. `/v1/x?y=1`. */
  rawUrl: string;
  /** Lowercase hex SHA-256 of the exact body bytes. */
  bodyHash: string;
}

/**
 * Whether a request carries its signer's signature (decision 1): over path and query as sent, then over the path alone,
 * first percent-decoded as the original server saw it, then as sent. Off the event loop, by `verifier`.
 * @throws VerifierBusy
 */
export async function requestIsSigned(
  verifier: Verifier,
  request: ReceivedRequest,
  signed: Pick<SignedHeaders, 'hotkey' | 'signature' | 'timestamp'>,
): Promise<boolean> {
  const job = jobOf(signed.hotkey, signed.signature, messagesOf(request, signed.timestamp));
  return job !== null && (await verifier.verify(job)) >= 0;
}

function messagesOf(request: ReceivedRequest, timestamp: string): Buffer[] {
  return pathForms(request.rawUrl).map(({ path }) =>
    Buffer.from(
      canonicalMessage({ method: request.method, path, bodyHash: request.bodyHash, timestamp }),
      'utf8',
    ),
  );
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
 * Checks who signed a request, as `requestIsSigned` does, on the calling thread. The clock and replays are the caller's
 * business.
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
  const received = { ...request, bodyHash: bodySha256Hex(request.body) };
  const job = jobOf(hotkey, signature, messagesOf(received, timestamp));
  const form = job && pathForms(request.rawUrl)[verifyNow(job)];
  if (!form) return { ok: false, reason: 'invalid signature' };
  return { ok: true, hotkey, signature, timestamp, requestId, acceptedOver: form.over };
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
