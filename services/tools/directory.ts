import type { PrismaClient } from '../../adapters/postgres';
import { findAttempt } from '../../adapters/postgres/attempts';

/** What is known of an attempt. */
export interface KnownAttempt {
  deploymentId: string;
  runId: string;
  /** Its lease is still held. */
  live: boolean;
}

/** Finds the attempt of a job id; null when it was never minted. */
export interface AttemptDirectory {
  find(jobId: string): Promise<KnownAttempt | null>;
}

/** Time past the end of a lease in which a call under way may still use its tools, in milliseconds. */
const GRACE_MS = 60_000;

/** The directory over the attempts and leases in PostgreSQL. */
export function createAttemptDirectory(prisma: PrismaClient): AttemptDirectory {
  return {
    async find(jobId) {
      const attempt = await findAttempt(prisma, jobId);
      if (!attempt) return null;
      const { deploymentId, runId, claim } = attempt;
      const live = claim.status === 'claimed' && claim.expiresAt.getTime() + GRACE_MS > Date.now();
      return { deploymentId, runId, live };
    },
  };
}
