/** Who calls an agent through the owner, and under which attempt (decisions 2 and 5). */
import type { Request } from 'express';
import { findAttempt, findLiveAttempt, type Attempt } from '../../adapters/postgres/attempts';
import { HttpError } from '../../domain/http-errors';
import { verifyJobToken, type JobTokenClaims } from '../../domain/job-token';
import { rejectedNotClaimed } from '../../domain/tasks/rejections';
import { authenticateSigned, readSignature, requireValidator } from '../auth';
import type { ApiDeps } from '../deps';
import type { CustomAuth } from '../route';

const SECRET_MIN_LENGTH = 16;

/** Accepts the bearer of an attempt, or a validator's signature. */
export const attemptOrValidator: CustomAuth = {
  describedAs: ['validator'],
  async check(request, deps) {
    const claims = attemptClaims(request.req, deps);
    if (claims) {
      const { run, deployment } = request.req.params;
      if (claims.runId !== run || claims.deploymentId !== deployment) {
        throw new HttpError(403, 'this attempt token is for another run or deployment');
      }
      const attempt = await findAttempt(deps.db, claims.jobId);
      if (!attempt) throw new HttpError(401, 'invalid attempt token');
      await requireValidator(attempt.validatorHotkey, deps);
      return { hotkey: attempt.validatorHotkey };
    }
    const principal = await authenticateSigned(request, deps);
    await requireValidator(principal.hotkey as string, deps);
    return principal;
  },
};

/** @throws HttpError 503 where no tokens can be minted or checked */
export function requireTokenSecret(deps: ApiDeps): void {
  if (deps.config.jobTokenSecret.length >= SECRET_MIN_LENGTH) return;
  throw new HttpError(
    503,
    `the owner has to set EIREL_JOB_TOKEN_SECRET to at least ${SECRET_MIN_LENGTH} characters before agents can be asked`,
  );
}

/**
 * Reads the bearer of an attempt.
 * @returns null when there is none, or when it is not ours and the request is signed as well
 * @throws HttpError 401
 */
function attemptClaims(req: Request, deps: ApiDeps): JobTokenClaims | null {
  const bearer = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1];
  requireTokenSecret(deps);
  if (!bearer) return null;
  const verdict = verifyJobToken(bearer, deps.config.jobTokenSecret, deps.clock());
  if (verdict.ok) return verdict.claims;
  if (isSigned(req, deps)) return null;
  throw new HttpError(
    401,
    verdict.refusal === 'expired'
      ? 'attempt token expired: claim the task again'
      : 'invalid attempt token: use the auth_headers of the claim as they are, or sign the request',
  );
}

function isSigned(req: Request, deps: ApiDeps): boolean {
  try {
    readSignature(req, deps);
    return true;
  } catch (error) {
    if (error instanceof HttpError) return false;
    throw error;
  }
}

/** What a request says about its task. */
export interface TaskHints {
  taskId: unknown;
  turnId: unknown;
}

/**
 * The attempt that a validator's call belongs to: that of its bearer, else the signer's live claim of the task that the
 * body names.
 * @throws HttpError 409 when the lease is over, or when the signer holds none for this deployment and task
 */
export async function validatorAttempt(
  req: Request,
  deps: ApiDeps,
  target: { runId: string; deploymentId: string; hotkey: string },
  hints: TaskHints,
): Promise<Attempt> {
  const now = deps.clock();
  const claims = attemptClaims(req, deps);
  if (claims) {
    const attempt = await findAttempt(deps.db, claims.jobId);
    if (!attempt) throw new HttpError(401, 'invalid attempt token');
    const { claim } = attempt;
    if (claim.status !== 'claimed' || claim.expiresAt <= now) throw rejectedNotClaimed(claim);
    return attempt;
  }
  const attempt = await findLiveAttempt(deps.db, {
    ...target,
    validatorHotkey: target.hotkey,
    taskIds: namedTasks(hints),
    now,
  });
  if (attempt) return attempt;
  throw new HttpError(
    409,
    'rejected_not_claimed: you hold no running lease on this task for this deployment; claim it first',
  );
}

/** The owner's own call: the live attempt that the body names, if there is one. */
export function internalAttempt(
  deps: ApiDeps,
  target: { runId: string; deploymentId: string },
  hints: TaskHints,
): Promise<Attempt | null> {
  const taskIds = namedTasks(hints);
  if (taskIds.length === 0) return Promise.resolve(null);
  return findLiveAttempt(deps.db, { ...target, validatorHotkey: null, taskIds, now: deps.clock() });
}

/** Task ids that a body can mean: its `task_id`, its `turn_id`, and that without the `-t<index>` of a turn. */
function namedTasks({ taskId, turnId }: TaskHints): string[] {
  if (typeof taskId === 'string' && taskId !== '') return [taskId];
  if (typeof turnId !== 'string' || turnId === '') return [];
  return [...new Set([turnId, turnId.replace(/-t\d+$/, '')])];
}
