import type { Request } from 'express';
import type { JobIdentity } from '../../adapters/budget/ledger';
import { HttpError } from '../../domain/http-errors';
import { secretsEqual } from '../../domain/job-token';
import { AuthError } from '../tools/auth';
import { identify, turnedAway, type GateDeps } from '../tools/identify';

/** What the proxy answers to those it does not know, as clients of the original have it. */
export const PROXY_WORDS = {
  invalidToken: 'invalid provider proxy token',
  expiredToken: 'provider proxy token has expired',
  missingJob: 'missing job id header',
} as const;

/** Who makes a call, and for which job. */
export interface Caller {
  job: JobIdentity;
  /** True for the owner's own services, which may call what miners may not. */
  isOwner: boolean;
}

/**
 * Tells which job a model call belongs to, by the same bearers as every tool service.
 * @throws AuthError as of `CallerAuth.identify`; 400 when the owner names no job
 */
export async function identifyJob(req: Request, deps: GateDeps): Promise<Caller> {
  const caller = await identify(req, deps);
  if (!caller.job) throw turnedAway(new AuthError('missing', 400, PROXY_WORDS.missingJob), req, deps);
  return { job: caller.job, isOwner: caller.kind === 'owner' };
}

/**
 * Lets only the owner's services pass.
 * @throws HttpError 503 when no master token is configured, AuthError 401 when the bearer is another
 */
export function requireOwner(req: Request, masterToken: string | undefined, deps: GateDeps): void {
  if (!masterToken) throw new HttpError(503, 'provider proxy is not configured');
  const token = /^Bearer\s+(\S+)$/i.exec(req.header('authorization') ?? '')?.[1] ?? '';
  if (secretsEqual(token, masterToken)) return;
  throw turnedAway(new AuthError(token ? 'forged' : 'missing', 401, PROXY_WORDS.invalidToken), req, deps);
}
