/** Reads behind the public record of a run: factor means, spend, and the tasks of one miner. */
import type { FactorMeans, RunCosts } from '../../domain/contracts/public-record';
import type { Db } from './index';

/** Mean of every factor over a family's judged answers in a run, by hotkey. */
export async function readFactorMeans(
  db: Db,
  runId: string,
  familyId: string,
): Promise<Map<string, FactorMeans>> {
  const rows = await db.$queryRaw<Array<FactorMeans & { miner_hotkey: string }>>`
    SELECT miner_hotkey,
      avg((factors_json->>'outcome_score')::float8) AS outcome_score,
      avg((factors_json->>'grounded_correctness_gate')::float8) AS grounded_correctness_gate,
      avg((factors_json->>'instruction_safety_gate')::float8) AS instruction_safety_gate,
      avg((factors_json->>'safety_attestation_knockout')::float8) AS safety_attestation_knockout,
      avg((factors_json->>'tool_attestation_factor')::float8) AS tool_attestation_factor,
      avg((factors_json->>'hallucination_knockout')::float8) AS hallucination_knockout,
      avg((factors_json->>'cost_attestation_knockout')::float8) AS cost_attestation_knockout,
      avg((factors_json->>'efficiency_factor')::float8) AS efficiency_factor,
      avg((factors_json->>'pairwise_bonus')::float8) AS pairwise_bonus
    FROM task_miner_results
    WHERE epoch_id = ${runId} AND family_id = ${familyId} AND factors_json ? 'outcome_score'
    GROUP BY miner_hotkey`;
  return new Map(rows.map(({ miner_hotkey, ...factors }) => [miner_hotkey, factors]));
}

/** What deployments spent in a run by the owner's ledgers, by deployment id; those that never called have no entry. */
export async function readSpend(
  db: Db,
  runId: string,
  deploymentIds: readonly string[],
): Promise<Map<string, Pick<RunCosts, 'llm_usd' | 'tool_usd' | 'refused_calls'>>> {
  const groups = await db.providerCall.groupBy({
    by: ['deploymentId', 'kind', 'errorCode'],
    where: { runId, deploymentId: { in: [...deploymentIds] } },
    _sum: { costMicroUsd: true },
    _count: true,
  });
  const spend = new Map<string, Pick<RunCosts, 'llm_usd' | 'tool_usd' | 'refused_calls'>>();
  for (const group of groups) {
    if (!group.deploymentId) continue;
    const entry = spend.get(group.deploymentId) ?? { llm_usd: 0, tool_usd: 0, refused_calls: 0 };
    const usd = Number(group._sum.costMicroUsd ?? 0n) / 1e6;
    if (group.kind === 'llm') entry.llm_usd += usd;
    else entry.tool_usd += usd;
    if (group.errorCode === 'budget_exhausted') entry.refused_calls += group._count;
    spend.set(group.deploymentId, entry);
  }
  return spend;
}

/** Every task of one miner in a run with its judgments, in task order. */
export function readMinerTasks(db: Db, runId: string, minerHotkey: string) {
  return db.minerEvaluationTask.findMany({
    where: { runId, minerHotkey },
    orderBy: { taskIndex: 'asc' },
    include: {
      task: {
        select: { mode: true, capability: true, domain: true, payloadJson: true, oracleStatus: true },
      },
      results: {
        orderBy: [{ createdAt: 'asc' }, { validatorHotkey: 'asc' }],
        select: {
          validatorHotkey: true,
          officialComposite: true,
          factorsJson: true,
          attestedToolsJson: true,
          attestedCostUsd: true,
          minerLatencySeconds: true,
          disputed: true,
          compositeInputJson: true,
          minerResponseJson: true,
        },
      },
    },
  });
}
export type MinerTaskRow = Awaited<ReturnType<typeof readMinerTasks>>[number];
