import type { Prisma, PrismaClient } from '../postgres';

/** Whom a call is charged to. */
export interface JobIdentity {
  jobId: string;
  deploymentId: string | null;
  runId: string | null;
}

/** An attempt that the control plane has minted. */
export interface KnownJob extends JobIdentity {
  deploymentId: string;
  runId: string;
  expiresAt: Date;
}

/** Finds what a job id stands for; null when it was never minted. */
export interface JobDirectory {
  find(jobId: string): Promise<KnownJob | null>;
}

/** One call, as it is kept for good. Money in micro-USD, time in milliseconds. */
export interface LedgerEntry extends JobIdentity {
  id: string;
  /** `llm`, or `tool:<name>`. */
  kind: string;
  provider: string;
  model: string;
  status: 'ok' | 'error';
  errorCode: string | null;
  promptTokens: number;
  completionTokens: number;
  costMicroUsd: number;
  latencyMs: number;
}

/** Sums of one (kind, provider, model, status, error) of a job. */
export interface LedgerGroup {
  kind: string;
  provider: string;
  model: string;
  status: string;
  errorCode: string | null;
  calls: number;
  tokens: number;
  costMicroUsd: number;
}

/** All that is known of a job; null sums do not occur, a job without calls has no summary. */
export interface JobSummary {
  groups: LedgerGroup[];
  startedAt: Date;
}

/** What a counter starts from when Redis does not know it. */
export interface SpentSoFar {
  costMicroUsd: number;
  calls: number;
}

/** The durable record of every call. */
export interface ProviderLedger {
  /** Writes an entry; the same id twice is one entry. */
  record(entry: LedgerEntry): Promise<void>;
  summary(jobId: string): Promise<JobSummary | null>;
  spentByJob(jobId: string): Promise<SpentSoFar>;
  spentByRun(runId: string, deploymentId: string): Promise<SpentSoFar>;
}

/** Error code of a call that was refused for want of budget, and was never sent. */
export const BUDGET_EXHAUSTED = 'budget_exhausted';

/** The ledger over the `provider_calls` table. */
export function createPrismaLedger(prisma: PrismaClient): ProviderLedger {
  const spent = async (where: Prisma.ProviderCallWhereInput): Promise<SpentSoFar> => {
    const sums = await prisma.providerCall.aggregate({
      where: { ...where, OR: [{ errorCode: null }, { errorCode: { not: BUDGET_EXHAUSTED } }] },
      _sum: { costMicroUsd: true },
      _count: { _all: true },
    });
    return { costMicroUsd: Number(sums._sum.costMicroUsd ?? 0n), calls: sums._count._all };
  };
  return {
    async record(entry) {
      // createMany skips what is there already, so that a repeated write after a lost answer stays one entry.
      await prisma.providerCall.createMany({
        data: [{ ...entry, costMicroUsd: BigInt(entry.costMicroUsd), createdAt: new Date() }],
        skipDuplicates: true,
      });
    },
    async summary(jobId) {
      const rows = await prisma.providerCall.groupBy({
        by: ['kind', 'provider', 'model', 'status', 'errorCode'],
        where: { jobId },
        _sum: { costMicroUsd: true, promptTokens: true, completionTokens: true },
        _count: { _all: true },
        _min: { createdAt: true },
      });
      if (rows.length === 0) return null;
      const first = rows.map((row) => row._min.createdAt?.getTime() ?? Date.now());
      return {
        startedAt: new Date(Math.min(...first)),
        groups: rows.map((row) => ({
          kind: row.kind,
          provider: row.provider,
          model: row.model,
          status: row.status,
          errorCode: row.errorCode,
          calls: row._count._all,
          tokens: (row._sum.promptTokens ?? 0) + (row._sum.completionTokens ?? 0),
          costMicroUsd: Number(row._sum.costMicroUsd ?? 0n),
        })),
      };
    },
    spentByJob: (jobId) => spent({ jobId }),
    spentByRun: (runId, deploymentId) => spent({ runId, deploymentId }),
  };
}

/** The directory over the `attempt_jobs` table. */
export function createPrismaJobDirectory(prisma: PrismaClient): JobDirectory {
  return {
    async find(jobId) {
      return prisma.attemptJob.findUnique({
        where: { jobId },
        select: { jobId: true, deploymentId: true, runId: true, expiresAt: true },
      });
    },
  };
}
