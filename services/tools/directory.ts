import type { PrismaClient } from '../../adapters/postgres';
import { Batch } from '../../adapters/batch';
import { findAttempts, type Attempt } from '../../adapters/postgres/attempts';

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

/** The directory over the attempts and leases in PostgreSQL, which asks for many at once and remembers none. */
export function createAttemptDirectory(prisma: PrismaClient): AttemptDirectory {
  const lookUps = new Batch<string, Attempt | null>(
    async (jobIds) => {
      const found = await findAttempts(prisma, [...new Set(jobIds)]);
      return jobIds.map((jobId) => found.get(jobId) ?? null);
    },
    { size: 200, lanes: 2 },
  );
  return {
    async find(jobId) {
      const attempt = await lookUps.add(jobId);
      if (!attempt) return null;
      const { deploymentId, runId, claim } = attempt;
      const live = claim.status === 'claimed' && claim.expiresAt.getTime() + GRACE_MS > Date.now();
      return { deploymentId, runId, live };
    },
  };
}
