/** Who may call what (api.md section 1). Every refusal is an HttpError with the wire's text; the order of checks is fixed. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { publicKeyOf } from '../adapters/keys/address';
import { sharedVerifier, VerifierBusy } from '../adapters/keys/verifier';
import { requestIsSigned } from '../adapters/keys/verify';
import { claimReplayKeys } from '../adapters/redis/replay';
import { HttpError } from '../domain/http-errors';
import { readSignedHeaders, replayKeys } from '../domain/signing';
import type { SignedHeaders } from '../domain/signing';
import { parseIsoTimestamp } from '../domain/time';
import type { Request } from 'express';
import type { ApiDeps } from './deps';
import { knownValidator } from './validator-directory';
import type { AuthKind, CustomAuth, Principal, RawRequest } from './route';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
// Clocks of API replicas may differ by this much; a replay key outlives its timestamp on all of them.
const CLOCK_MARGIN_MS = 5_000;

/** The checks that need no body: headers, timestamp, hotkey. Throws 401 with the wire's text. */
export function readSignature(req: Request, deps: ApiDeps): SignedHeaders & { timestampMs: number } {
  const signed = readSignedHeaders(req.headers);
  if (!signed) throw new HttpError(401, 'missing signature headers');
  const timestampMs = parseIsoTimestamp(signed.timestamp);
  if (timestampMs === null) throw new HttpError(401, 'invalid timestamp');
  const skewMs = Math.abs(deps.clock().getTime() - timestampMs);
  if (skewMs > deps.config.signatureTtlSeconds * 1000) throw new HttpError(401, 'stale timestamp');
  if (!publicKeyOf(signed.hotkey)) throw new HttpError(401, 'invalid hotkey');
  return { ...signed, timestampMs };
}

/**
 * Verifies a signed request by the SHA-256 of its body and claims its replay keys.
 * @param bodyHash lowercase hex
 * @returns the signer
 * @throws HttpError 401 with the wire's text, 409 for a replay, 503 when the replay store is down or the verifier busy
 */
export async function authenticateHash(req: Request, bodyHash: string, deps: ApiDeps): Promise<Principal> {
  const signed = readSignature(req, deps);
  if (!(await signatureHolds(req, signed, bodyHash))) throw new HttpError(401, 'invalid signature');
  if (!SAFE_METHODS.has(req.method)) await refuseReplay(signed, deps);
  return { hotkey: signed.hotkey };
}

/** `authenticateHash` for a request whose body is at hand. */
export function authenticateSigned({ req, bodyHash }: RawRequest, deps: ApiDeps): Promise<Principal> {
  return authenticateHash(req, bodyHash, deps);
}

/** @throws HttpError 503 when more signatures wait than can be verified while their senders wait */
async function signatureHolds(req: Request, signed: SignedHeaders, bodyHash: string): Promise<boolean> {
  try {
    const received = { method: req.method, rawUrl: req.originalUrl, bodyHash };
    return await requestIsSigned(sharedVerifier(), received, signed);
  } catch (error) {
    if (!(error instanceof VerifierBusy)) throw error;
    throw new HttpError(
      503,
      'too many requests are waiting for their signature to be verified, this one was not admitted and nothing was ' +
        'changed: retry in a few seconds',
      {},
      { 'retry-after': '2' },
    );
  }
}

async function refuseReplay(signed: SignedHeaders & { timestampMs: number }, deps: ApiDeps): Promise<void> {
  const acceptedUntil = signed.timestampMs + deps.config.signatureTtlSeconds * 1000;
  const ttlMs = Math.max(1, acceptedUntil - deps.clock().getTime()) + CLOCK_MARGIN_MS;
  let fresh: boolean;
  try {
    fresh = await claimReplayKeys(deps.redis, replayKeys(signed), ttlMs);
  } catch (error) {
    deps.logger.error('replay store unreachable, request refused', { error });
    throw new HttpError(
      503,
      'replay protection unavailable, the request was not admitted and nothing was changed: retry in a few seconds',
      {},
      { 'retry-after': '5' },
    );
  }
  if (!fresh) throw new HttpError(409, 'replayed request');
}

/** @throws HttpError 403 unless the hotkey is an active row of the whitelist, as of two seconds ago at the most */
export async function requireValidator(hotkey: string, deps: ApiDeps): Promise<void> {
  const row = await knownValidator(deps, hotkey);
  if (!row?.isActive) throw new HttpError(403, 'validator access denied');
}

/** @throws HttpError 503 when no owner is configured, 403 when the signer is another */
export function requireOwner(hotkey: string, deps: ApiDeps): void {
  if (!deps.ownerHotkey) {
    throw new HttpError(503, 'owner authentication is not configured (set EIREL_OWNER_HOTKEY_SS58)');
  }
  if (!sameText(hotkey, deps.ownerHotkey)) throw new HttpError(403, 'owner access denied');
}

/** True when the request carries the internal service token; an empty configured token refuses everything. */
export function hasInternalToken(req: Request, deps: ApiDeps): boolean {
  const token = deps.config.internalServiceToken;
  return token !== '' && sameText(req.headers.authorization ?? '', `Bearer ${token}`);
}

/** Constant-time comparison whatever the lengths. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Runs a route's authentication. */
export async function authenticate(
  auth: AuthKind | CustomAuth,
  request: RawRequest,
  deps: ApiDeps,
): Promise<Principal> {
  if (typeof auth === 'object') return auth.check(request, deps);
  switch (auth) {
    case 'public':
      return { hotkey: null };
    case 'internal':
      if (!hasInternalToken(request.req, deps)) throw new HttpError(401, 'invalid internal authorization');
      return { hotkey: null };
    case 'signed':
      return authenticateSigned(request, deps);
    case 'validator': {
      const principal = await authenticateSigned(request, deps);
      await requireValidator(principal.hotkey as string, deps);
      return principal;
    }
    case 'owner': {
      // A reader of the answer learns nothing about keys from it, so an unconfigured owner is told at once.
      const principal = await authenticateSigned(request, deps);
      requireOwner(principal.hotkey as string, deps);
      return principal;
    }
  }
}
