/** What a run has cost so far, and how far its oracles are. */
import type { Db } from './index';

export interface RunSpend {
  models_usd: number;
  tools_usd: number;
  oracles_usd: number;
  judges_usd: number;
  refused_calls: number;
}

/** USD by kind, from the ledgers of calls, oracles and judgments. */
export async function runSpend(db: Db, runId: string): Promise<RunSpend> {
  const [calls, oracles, judges] = await Promise.all([
    db.providerCall.groupBy({
      by: ['kind', 'errorCode'],
      where: { runId },
      _sum: { costMicroUsd: true },
      _count: true,
    }),
    db.taskEnrichment.aggregate({ where: { runId }, _sum: { costMicroUsd: true } }),
    db.taskMinerResult.aggregate({ where: { runId }, _sum: { judgeCostUsd: true } }),
  ]);
  const spend: RunSpend = {
    models_usd: 0,
    tools_usd: 0,
    oracles_usd: Number(oracles._sum.costMicroUsd ?? 0n) / 1e6,
    judges_usd: judges._sum.judgeCostUsd ?? 0,
    refused_calls: 0,
  };
  for (const group of calls) {
    const usd = Number(group._sum.costMicroUsd ?? 0n) / 1e6;
    if (group.kind === 'llm') spend.models_usd += usd;
    else spend.tools_usd += usd;
    if (group.errorCode === 'budget_exhausted') spend.refused_calls += group._count;
  }
  return spend;
}

export type OracleCounts = Record<'pending' | 'ready' | 'failed', number>;

/** Tasks of a run that depend on oracles, by the state of their truth. */
export async function oracleCounts(db: Db, runId: string): Promise<OracleCounts> {
  const groups = await db.taskEvaluation.groupBy({
    by: ['enrichmentStatus'],
    where: { runId, enrichmentStatus: { not: 'deterministic' } },
    _count: true,
  });
  const counts: OracleCounts = { pending: 0, ready: 0, failed: 0 };
  for (const { enrichmentStatus, _count } of groups) {
    if (enrichmentStatus in counts) counts[enrichmentStatus as keyof OracleCounts] += _count;
  }
  return counts;
}
