import type { Request } from 'express';
import { messageOf, type Logger } from '../../adapters/logging';
import type { HttpError } from '../../domain/http-errors';
import { AuthError, type CallerAuth } from './auth';
import { ledgerAway } from './ledger';
import type { GateMetrics } from './metrics';
import type { Caller } from './types';

/** What it takes to tell who calls. */
export interface GateDeps {
  auth: CallerAuth;
  metrics: GateMetrics;
  logger: Logger;
}

/**
 * Tells who calls, and counts those that are turned away.
 * @throws AuthError as of `CallerAuth.identify`, HttpError 503 when the directory of attempts is out of reach
 */
export async function identify(req: Request, deps: GateDeps): Promise<Caller> {
  try {
    return await deps.auth.identify(req);
  } catch (error) {
    if (error instanceof AuthError) throw turnedAway(error, req, deps);
    throw away('the call was not made, try again', error, deps);
  }
}

/** Counts a caller that is turned away, and returns the refusal. */
export function turnedAway(
  error: AuthError,
  req: Request,
  { metrics, logger }: Omit<GateDeps, 'auth'>,
): AuthError {
  metrics.authRefusals.inc({ reason: error.refusal });
  logger.warn('a caller was turned away', { reason: error.refusal, path: req.path });
  return error;
}

/** Counts that the ledger or its counters are out of reach, and returns the 503 for it. */
export function away(consequence: string, error: unknown, deps: Omit<GateDeps, 'auth'>): HttpError {
  deps.metrics.ledgerFailures.inc();
  deps.logger.error('the ledger or its counters cannot be reached', { error: messageOf(error) });
  return ledgerAway(consequence);
}
