/** Agents that the owner's services may call. */
import type { RegistryEntry } from '../domain/contracts/artifacts';
import type { ManagedDeploymentModel } from '../adapters/postgres/generated/models';
import type { ApiDeps } from './deps';

/** `serving`: the active set, best rank first; `candidates`: every healthy deployment, the older first. */
export async function registry(
  deps: ApiDeps,
  which: 'serving' | 'candidates',
): Promise<Record<string, RegistryEntry[]>> {
  const rows = await deps.db.managedDeployment.findMany({
    where: {
      healthStatus: 'healthy',
      status: { not: 'retired' },
      familyId: { in: [...deps.config.activeFamilies] },
      ...(which === 'serving' ? { isActive: true } : {}),
    },
    orderBy: [
      ...(which === 'serving' ? [{ activeSetRank: 'asc' as const }] : []),
      { createdAt: 'asc' },
      { id: 'asc' },
    ],
  });
  const scores = await latestScores(deps, rows);
  return Object.fromEntries(
    deps.config.activeFamilies.map((family) => [
      family,
      rows.filter((row) => row.familyId === family).map((row) => entryOf(row, scores.get(row.id) ?? 0)),
    ]),
  );
}

function entryOf(row: ManagedDeploymentModel, quality: number): RegistryEntry {
  const p50 = row.latencyMsP50;
  return {
    hotkey: row.minerHotkey,
    uid: null,
    family_id: row.familyId,
    endpoint: row.endpoint,
    stake: 0,
    latency_score: p50 <= 0 ? 0.5 : Math.max(0.1, 1 - p50 / 10_000),
    quality_score: quality,
    is_active: true,
    metadata: {
      deployment_id: row.id,
      submission_id: row.submissionId,
      deployment_revision: row.deploymentRevision,
      health_status: row.healthStatus,
    },
  };
}

async function latestScores(
  deps: ApiDeps,
  rows: readonly ManagedDeploymentModel[],
): Promise<Map<string, number>> {
  const records = await deps.db.deploymentScoreRecord.findMany({
    where: { deploymentId: { in: rows.map((row) => row.id) } },
    orderBy: { createdAt: 'asc' },
    select: { deploymentId: true, rawScore: true },
  });
  // Later ones replace earlier ones.
  return new Map(records.map((record) => [record.deploymentId, record.rawScore]));
}
