import type { Request } from 'express';
import { HttpError } from '../../domain/http-errors';
import { deploymentJobId, secretsEqual, verifyDeploymentToken, verifyJobToken } from '../../domain/job-token';
import type { JobDirectory, JobIdentity } from '../../adapters/budget/ledger';

/** What callers are judged by. */
export interface AuthConfig {
  jobTokenSecret: string;
  masterToken: string | undefined;
}

/** Who makes a call, and for which job. */
export interface Caller {
  job: JobIdentity;
  /** True for the owner's own services, which may call what miners may not. */
  isOwner: boolean;
}

const JOB_HEADER = 'x-eirel-job-id';
const JOB_ID_MAX = 256;

/**
 * Tells which job a model call belongs to (decisions.md row 2). Three bearers are known:
 * a job token, whose job a header may repeat but not contradict; a deployment's static token, with the job in
 * `X-Eirel-Job-Id`, which must be that deployment's; and the owner's master token, with any job in the header.
 * @throws HttpError 401 for a bearer that is not ours or has expired, 400 for a missing job id, 403 for a job that
 *   is not the caller's
 */
export async function identifyJob(req: Request, config: AuthConfig, jobs: JobDirectory): Promise<Caller> {
  const token = bearer(req);
  const header = req.header(JOB_HEADER)?.trim() ?? '';
  if (header.length > JOB_ID_MAX) throw new HttpError(400, `job id must be at most ${JOB_ID_MAX} characters`);

  if (config.masterToken && secretsEqual(token, config.masterToken)) {
    return { job: await ownersJob(requireJobId(header), jobs), isOwner: true };
  }
  const deployment = verifyDeploymentToken(token, config.jobTokenSecret);
  if (deployment.ok) {
    const { deploymentId } = deployment.claims;
    return { job: await deploymentsJob(requireJobId(header), deploymentId, jobs), isOwner: false };
  }

  const job = verifyJobToken(token, config.jobTokenSecret, new Date());
  if (!job.ok) {
    throw new HttpError(
      401,
      job.refusal === 'expired' ? 'provider proxy token has expired' : 'invalid provider proxy token',
    );
  }
  const { jobId, deploymentId, runId } = job.claims;
  if (header && header !== jobId) throw new HttpError(403, 'job id header contradicts the token');
  return { job: { jobId, deploymentId, runId }, isOwner: false };
}

/**
 * Lets only the owner's services pass.
 * @throws HttpError 503 when no master token is configured, 401 when the bearer is another
 */
export function requireOwner(req: Request, config: AuthConfig): void {
  if (!config.masterToken) throw new HttpError(503, 'provider proxy is not configured');
  if (!secretsEqual(bearer(req), config.masterToken))
    throw new HttpError(401, 'invalid provider proxy token');
}

/** The job of an owner's call: an attempt, a deployment's own job, or a name that stands for itself. */
export async function ownersJob(jobId: string, jobs: JobDirectory): Promise<JobIdentity> {
  const known = await jobs.find(jobId);
  if (known) return { jobId, deploymentId: known.deploymentId, runId: known.runId };
  const sticky = /^miner-(.{1,36})$/.exec(jobId)?.[1];
  return { jobId, deploymentId: sticky ?? null, runId: null };
}

async function deploymentsJob(jobId: string, deploymentId: string, jobs: JobDirectory): Promise<JobIdentity> {
  // Outside any attempt, at start-up say, an unmodified agent calls under its deployment's own name.
  if (jobId === deploymentJobId(deploymentId)) return { jobId, deploymentId, runId: null };
  const known = await jobs.find(jobId);
  // One answer for a job of somebody else and for none at all, so that ids cannot be probed.
  if (known?.deploymentId !== deploymentId)
    throw new HttpError(403, 'job does not belong to this deployment');
  if (known.expiresAt.getTime() <= Date.now()) throw new HttpError(403, 'job has expired');
  return { jobId, deploymentId, runId: known.runId };
}

function requireJobId(header: string): string {
  if (!header) throw new HttpError(400, 'missing job id header');
  return header;
}

function bearer(req: Request): string {
  const match = /^Bearer\s+(\S+)$/i.exec(req.header('authorization') ?? '');
  if (!match?.[1]) throw new HttpError(401, 'invalid provider proxy token');
  return match[1];
}
