import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import type { JobIdentity } from '../../adapters/budget/ledger';
import { HttpError } from '../../domain/http-errors';
import { deploymentJobId, secretsEqual, verifyDeploymentToken, verifyJobToken } from '../../domain/job-token';
import type { AttemptDirectory } from './directory';
import type { Caller, ToolServiceConfig, ToolServiceWords } from './types';

/** Why a caller was turned away, as the metric has it. */
export type AuthRefusal = 'missing' | 'forged' | 'expired' | 'foreign' | 'replayed' | 'contradiction';

const JOB_HEADER = 'x-eirel-job-id';
const JOB_ID_MAX = 256;
const STICKY = new RegExp(`^${deploymentJobId('(.{1,36})')}$`);

/** A refusal that says which kind it was, so that it can be counted. */
export class AuthError extends HttpError {
  constructor(
    readonly refusal: AuthRefusal,
    status: number,
    detail: string,
  ) {
    super(status, detail);
  }
}

/**
 * Tells who calls and for which job (decisions.md row 2). The job comes from the token wherever the token names one.
 * Five bearers are known: the owner's master token, with any job in `X-Eirel-Job-Id` or none; an attempt's job token,
 * whose job the header may repeat but not contradict; a deployment's static token, with a job of that deployment in
 * the header; and the older per-job bearer, the HMAC-SHA256 of the header's job under the master token in hex.
 *
 * A token is good only while its attempt's lease is held: shown after the result is in, or after the lease has gone to
 * another, it is a replay.
 */
export class CallerAuth {
  constructor(
    private readonly config: Pick<ToolServiceConfig, 'jobTokenSecret' | 'masterToken'>,
    private readonly words: Pick<ToolServiceWords, 'invalidToken' | 'expiredToken' | 'missingJob'>,
    private readonly attempts: AttemptDirectory,
  ) {}

  /**
   * @throws AuthError 401 for a bearer that is missing, not ours or expired; 400 for a job id that is missing or too
   *   long; 403 for a job that is not the caller's, or whose attempt is over
   */
  async identify(req: Request): Promise<Caller> {
    const { masterToken, jobTokenSecret } = this.config;
    const token = /^Bearer\s+(\S+)$/i.exec(req.header('authorization') ?? '')?.[1];
    if (!token) throw new AuthError('missing', 401, this.words.invalidToken);
    const header = req.header(JOB_HEADER)?.trim() ?? '';
    if (header.length > JOB_ID_MAX) {
      throw new AuthError('contradiction', 400, `job id must be at most ${JOB_ID_MAX} characters`);
    }
    if (masterToken && secretsEqual(token, masterToken)) {
      return { kind: 'owner', job: header ? await this.namedJob(header) : null };
    }
    const deployment = verifyDeploymentToken(token, jobTokenSecret);
    if (deployment.ok) {
      return { kind: 'job', job: await this.deploymentsJob(header, deployment.claims.deploymentId) };
    }
    if (masterToken && /^[0-9a-f]{64}$/.test(token)) {
      if (!header) throw new AuthError('missing', 400, this.words.missingJob);
      if (!secretsEqual(token, createHmac('sha256', masterToken).update(header).digest('hex'))) {
        throw new AuthError('forged', 401, this.words.invalidToken);
      }
      return { kind: 'job', job: await this.namedJob(header, true) };
    }
    return { kind: 'job', job: await this.tokensJob(token, header) };
  }

  private async tokensJob(token: string, header: string): Promise<JobIdentity> {
    const verdict = verifyJobToken(token, this.config.jobTokenSecret, new Date());
    if (!verdict.ok) {
      if (verdict.refusal !== 'expired') throw new AuthError('forged', 401, this.words.invalidToken);
      throw new AuthError(
        'expired',
        401,
        this.words.expiredToken ?? `${this.words.invalidToken}: it has expired`,
      );
    }
    const { jobId, deploymentId, runId } = verdict.claims;
    if (header && header !== jobId) {
      throw new AuthError('contradiction', 403, 'job id header contradicts the token');
    }
    if (jobId === deploymentJobId(deploymentId)) return { jobId, deploymentId, runId };
    const attempt = await this.attempts.find(jobId);
    if (attempt?.deploymentId !== deploymentId || attempt.runId !== runId) {
      throw new AuthError('foreign', 403, 'the token is of no attempt that is known here');
    }
    if (!attempt.live) throw over();
    return { jobId, deploymentId, runId };
  }

  private async deploymentsJob(jobId: string, deploymentId: string): Promise<JobIdentity> {
    if (!jobId) throw new AuthError('missing', 400, this.words.missingJob);
    // Outside any attempt, at start-up say, an unmodified agent calls under its deployment's own name.
    if (jobId === deploymentJobId(deploymentId)) return { jobId, deploymentId, runId: null };
    const attempt = await this.attempts.find(jobId);
    // One answer for a job of somebody else and for none at all, so that ids cannot be probed.
    if (attempt?.deploymentId !== deploymentId) {
      throw new AuthError('foreign', 403, 'job does not belong to this deployment');
    }
    if (!attempt.live) throw over();
    return { jobId, deploymentId, runId: attempt.runId };
  }

  /**
   * What a job id that the owner names stands for: an attempt, a deployment's own job, or a name that stands for itself.
   * @throws AuthError 403 for an attempt that is over, where `mustLive` is set
   */
  async namedJob(jobId: string, mustLive = false): Promise<JobIdentity> {
    const attempt = await this.attempts.find(jobId);
    if (!attempt) return { jobId, deploymentId: STICKY.exec(jobId)?.[1] ?? null, runId: null };
    if (mustLive && !attempt.live) throw over();
    return { jobId, deploymentId: attempt.deploymentId, runId: attempt.runId };
  }
}

function over(): AuthError {
  return new AuthError('replayed', 403, 'the attempt of this job is over; its token is of no more use');
}
