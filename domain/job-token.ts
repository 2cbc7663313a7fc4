import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Job identity (decisions.md rows 2 and 5). One opaque id is minted per (task, miner, attempt); the bearer tokens
 * below are bound to it, or to a deployment, by HMAC-SHA256 under `EIREL_JOB_TOKEN_SECRET`, so that a service
 * that holds the secret knows who calls without asking anybody.
 *
 * A token is `<kind>.<base64url JSON claims>.<base64url HMAC>`. The kind is part of what is signed: a token of one
 * kind can never pass for the other.
 */

/** Longest job id that the tool-call ledger and the wire accept, in characters. */
export const JOB_ID_MAX_LENGTH = 64;

const JOB_KIND = 'ejt1';
const DEPLOYMENT_KIND = 'edt1';
const STICKY_PREFIX = 'miner-';
const TOKEN_MAX_LENGTH = 2048;
const SECRET_MIN_LENGTH = 16;

/** What a job token says: which attempt, on which deployment, in which run, until when. */
export interface JobTokenClaims {
  jobId: string;
  deploymentId: string;
  runId: string;
  expiresAt: Date;
}

/** What a deployment token says. It has no expiry: it lives as long as the pod that carries it. */
export interface DeploymentTokenClaims {
  deploymentId: string;
}

/** Why a token was not accepted: not a token at all, not signed by us, or signed but past its time. */
export type TokenRefusal = 'malformed' | 'forged' | 'expired';

/** Outcome of a verification; `claims` are trustworthy only when `ok`. */
export type TokenVerdict<C> = { ok: true; claims: C } | { ok: false; refusal: TokenRefusal };

/**
 * A new opaque job id: `job-` and 144 random bits, 28 characters of `[A-Za-z0-9_-]`.
 * @param random source of random bytes, to be replaced only where a test needs a fixed id
 */
export function newJobId(random: (size: number) => Buffer = randomBytes): string {
  return `job-${random(18).toString('base64url')}`;
}

/**
 * The job id that a deployment uses outside any attempt: what an unmodified agent finds in
 * `EIREL_PROVIDER_PROXY_JOB_ID`. It belongs to the deployment by its name.
 */
export function deploymentJobId(deploymentId: string): string {
  return `${STICKY_PREFIX}${deploymentId}`;
}

/**
 * Mints the bearer token of one job.
 * @param claims ids are 1..128 printable characters, the job id at most 64; `expiresAt` is kept to the millisecond
 * @param secret at least 16 characters, `EIREL_JOB_TOKEN_SECRET`
 * @throws RangeError for an id or a secret out of bounds, or a date that is not one
 */
export function mintJobToken(claims: JobTokenClaims, secret: string): string {
  requireId('jobId', claims.jobId, JOB_ID_MAX_LENGTH);
  requireId('deploymentId', claims.deploymentId);
  requireId('runId', claims.runId);
  const expires = claims.expiresAt.getTime();
  if (!Number.isSafeInteger(expires)) throw new RangeError('expiresAt is not a valid date');
  return seal(JOB_KIND, { j: claims.jobId, d: claims.deploymentId, r: claims.runId, e: expires }, secret);
}

/**
 * Checks a job token. The signature is compared in constant time and before the claims are read.
 * @param now the instant to judge the expiry by; a token is good until, not at, its `expiresAt`
 */
export function verifyJobToken(token: string, secret: string, now: Date): TokenVerdict<JobTokenClaims> {
  const opened = open(JOB_KIND, token, secret);
  if (!opened.ok) return opened;
  const { j, d, r, e } = opened.claims;
  if (!isId(j, JOB_ID_MAX_LENGTH) || !isId(d) || !isId(r) || !Number.isSafeInteger(e)) {
    return { ok: false, refusal: 'malformed' };
  }
  const expiresAt = new Date(e as number);
  if (now.getTime() >= expiresAt.getTime()) return { ok: false, refusal: 'expired' };
  return { ok: true, claims: { jobId: j, deploymentId: d, runId: r, expiresAt } };
}

/**
 * Mints the static token that a pod carries as `EIREL_PROVIDER_PROXY_TOKEN`. By itself it names no job: the
 * holder adds `X-Eirel-Job-Id`, and the service accepts only jobs of this deployment.
 * @throws RangeError for an id or a secret out of bounds
 */
export function mintDeploymentToken(claims: DeploymentTokenClaims, secret: string): string {
  requireId('deploymentId', claims.deploymentId);
  return seal(DEPLOYMENT_KIND, { d: claims.deploymentId }, secret);
}

/** Checks a deployment token; never answers `expired`. */
export function verifyDeploymentToken(token: string, secret: string): TokenVerdict<DeploymentTokenClaims> {
  const opened = open(DEPLOYMENT_KIND, token, secret);
  if (!opened.ok) return opened;
  const { d } = opened.claims;
  return isId(d) ? { ok: true, claims: { deploymentId: d } } : { ok: false, refusal: 'malformed' };
}

/**
 * Compares two secrets without telling by the time taken where they differ, whatever their lengths.
 * @returns false when either is empty, so that an unset secret never matches an empty bearer
 */
export function secretsEqual(given: string, expected: string): boolean {
  if (!given || !expected) return false;
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function seal(kind: string, claims: object, secret: string): string {
  requireSecret(secret);
  const body = `${kind}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${body}.${sign(body, secret).toString('base64url')}`;
}

function open(kind: string, token: string, secret: string): TokenVerdict<Record<string, unknown>> {
  requireSecret(secret);
  if (typeof token !== 'string' || token.length > TOKEN_MAX_LENGTH)
    return { ok: false, refusal: 'malformed' };
  const match = /^([a-z0-9]{4})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(token);
  if (!match || match[1] !== kind) return { ok: false, refusal: 'malformed' };
  const expected = sign(`${kind}.${match[2]}`, secret);
  // Compared as text: base64url decoding ignores trailing bits, so two spellings would decode to one signature.
  const given = Buffer.from(match[3] ?? '');
  if (!timingSafeEqual(given, Buffer.from(expected.toString('base64url'))))
    return { ok: false, refusal: 'forged' };
  try {
    const claims: unknown = JSON.parse(Buffer.from(match[2] ?? '', 'base64url').toString('utf8'));
    if (claims !== null && typeof claims === 'object') {
      return { ok: true, claims: claims as Record<string, unknown> };
    }
    return { ok: false, refusal: 'malformed' };
  } catch {
    return { ok: false, refusal: 'malformed' };
  }
}

function sign(body: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`eirel-token:${body}`).digest();
}

function isId(value: unknown, max = 128): value is string {
  return typeof value === 'string' && value.length <= max && /^[\x21-\x7e]+$/.test(value);
}

function requireId(name: string, value: string, max = 128): void {
  if (!isId(value, max))
    throw new RangeError(`${name} must be 1 to ${max} printable characters without spaces`);
}

function requireSecret(secret: string): void {
  if (!secret || secret.length < SECRET_MIN_LENGTH) {
    throw new RangeError(
      `EIREL_JOB_TOKEN_SECRET must have at least ${SECRET_MIN_LENGTH} characters; ` +
        'make one with: node -p "crypto.randomBytes(32).toString(\'hex\')"',
    );
  }
}
