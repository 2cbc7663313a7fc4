import type { PrismaClient } from '../postgres';
import type { LedgerEntry } from './entry';
import { CallRecords, type Hold } from './records';

export type { JobIdentity, LedgerEntry } from './entry';

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

/** A hold that still counts. */
export interface LiveHold {
  callId: string;
  amountMicroUsd: number;
  /** After how long it counts no more, in milliseconds. */
  lapseMs: number;
}

/** What a counter starts from when Redis does not know it: calls that are recorded, and holds of calls under way. */
export interface SpentSoFar {
  costMicroUsd: number;
  calls: number;
  holds: LiveHold[];
}

/** The durable record of every call. */
export interface ProviderLedger {
  /** Writes an entry and lets go of the hold of the same id; the same id twice is one entry. */
  record(entry: LedgerEntry): Promise<void>;
  /** Keeps a hold before its call is sent. */
  hold(hold: Hold): Promise<void>;
  /** Lets go of a hold whose call was never sent. */
  release(callId: string): Promise<void>;
  summary(jobId: string): Promise<JobSummary | null>;
  /** Both sums are of one instant: a call is among the calls or among the holds, never in both or neither. */
  spentByJob(jobId: string): Promise<SpentSoFar>;
  spentByRun(runId: string, deploymentId: string): Promise<SpentSoFar>;
}

/** Error code of a call that was refused for want of budget, and was never sent. */
export const BUDGET_EXHAUSTED = 'budget_exhausted';

interface SpentRow {
  cost: bigint;
  calls: bigint;
  holds: { id: string; amount: number; ms: number }[];
}

/** The ledger over the `provider_calls` and `budget_holds` tables. */
export function createPrismaLedger(
  prisma: PrismaClient,
  records: CallRecords = new CallRecords(prisma),
): ProviderLedger {
  const spent = async (column: string, ...values: string[]): Promise<SpentSoFar> => {
    // One statement sees one instant.
    const [row] = await prisma.$queryRawUnsafe<SpentRow[]>(
      `WITH lapsed AS (
         DELETE FROM budget_holds WHERE expires_at <= clock_timestamp() AT TIME ZONE 'UTC'
       )
       SELECT
         (SELECT coalesce(sum(cost_micro_usd), 0)::bigint FROM provider_calls
          WHERE ${column} AND error_code IS DISTINCT FROM '${BUDGET_EXHAUSTED}') AS cost,
         (SELECT count(*) FROM provider_calls
          WHERE ${column} AND error_code IS DISTINCT FROM '${BUDGET_EXHAUSTED}') AS calls,
         (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'amount', amount_micro_usd, 'ms',
            ceil(extract(epoch FROM expires_at - clock_timestamp() AT TIME ZONE 'UTC') * 1000))), '[]')
          FROM budget_holds WHERE ${column} AND expires_at > clock_timestamp() AT TIME ZONE 'UTC') AS holds`,
      ...values,
    );
    const holds = row?.holds ?? [];
    return {
      costMicroUsd: Number(row?.cost ?? 0n),
      calls: Number(row?.calls ?? 0n) + holds.length,
      holds: holds.map(({ id, amount, ms }) => ({ callId: id, amountMicroUsd: amount, lapseMs: ms })),
    };
  };
  return {
    record: (entry) => records.write({ charge: entry, attestation: null }),
    hold: (hold) => records.hold(hold),
    release: (callId) => records.release(callId),
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
    spentByJob: (jobId) => spent('job_id = $1', jobId),
    spentByRun: (runId, deploymentId) => spent('epoch_id = $1 AND deployment_id = $2', runId, deploymentId),
  };
}
