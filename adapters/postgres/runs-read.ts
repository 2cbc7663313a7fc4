/** Reads of runs, scores and progress for the API; nothing here writes. */
import { scorecardOf } from '../../domain/contracts/scorecards';
import type { ScorecardPayload } from '../../domain/contracts/scorecards';
import type { LeaderboardMetrics } from '../../domain/contracts/dashboard';
import type { FamilyScoreSummary, TaskCounts } from '../../domain/contracts/runs';
import { MAX_ERROR_FRACTION } from '../../domain/scoring/aggregate';
import { naiveIso } from '../../domain/time';
import type { EvaluationRunModel, RunFamilyResultModel } from './generated/models';
import { Prisma, type PrismaClient } from './index';
import { prepared } from './prepared';

export type RunRow = EvaluationRunModel & { familyResults: RunFamilyResultModel[] };

/** The open run, else the next scheduled one, else the latest completed one; null when there was never any. */
export async function currentRun(db: PrismaClient): Promise<RunRow | null> {
  const include = { familyResults: true };
  return (
    (await db.evaluationRun.findFirst({ where: { status: 'open' }, include })) ??
    (await db.evaluationRun.findFirst({
      where: { status: 'scheduled' },
      orderBy: { sequence: 'asc' },
      include,
    })) ??
    db.evaluationRun.findFirst({ orderBy: { sequence: 'desc' }, include })
  );
}

export function openRun(db: PrismaClient): Promise<EvaluationRunModel | null> {
  return db.evaluationRun.findFirst({ where: { status: 'open' } });
}

/** Runs by sequence, latest first. */
export function listRuns(db: PrismaClient, page: { limit: number; offset: number }): Promise<RunRow[]> {
  return db.evaluationRun.findMany({
    orderBy: { sequence: 'desc' },
    take: page.limit,
    skip: page.offset,
    include: { familyResults: true },
  });
}

export function findRun(db: PrismaClient, id: string): Promise<RunRow | null> {
  return db.evaluationRun.findUnique({ where: { id }, include: { familyResults: true } });
}

/**
 * Scorecards with their rank among the family's records of the same run.
 * @param filter by run and family: best first; by submission: newest first
 */
export async function loadScorecards(
  db: PrismaClient,
  filter: { runId: string; familyId: string } | { submissionIds: string[]; limit?: number },
): Promise<ScorecardPayload[]> {
  if ('runId' in filter) return rankRecords(db, filter.runId, filter.familyId);
  if (filter.submissionIds.length === 0) return [];
  const own = await prepared<{ runId: string; familyId: string; deploymentId: string }>(
    db,
    Prisma.sql`
    SELECT epoch_id AS "runId", family_id AS "familyId", deployment_id AS "deploymentId" FROM deployment_score_records
    WHERE submission_id = ANY (${filter.submissionIds}::text[])
    ORDER BY created_at DESC, id DESC LIMIT ${filter.limit ?? null}::int`,
  );
  const ranked = new Map<string, ScorecardPayload[]>();
  const cards: ScorecardPayload[] = [];
  for (const record of own) {
    const key = `${record.runId} ${record.familyId}`;
    const family = ranked.get(key) ?? (await rankRecords(db, record.runId, record.familyId));
    ranked.set(key, family);
    const card = family.find((entry) => entry.deployment_id === record.deploymentId);
    if (card) cards.push(card);
  }
  return cards;
}

async function rankRecords(db: PrismaClient, runId: string, familyId: string): Promise<ScorecardPayload[]> {
  const [records, result] = await Promise.all([
    db.deploymentScoreRecord.findMany({
      where: { runId, familyId },
      include: { submission: { select: { createdAt: true } }, deployment: { select: { createdAt: true } } },
    }),
    db.runFamilyResult.findUnique({ where: { runId_familyId: { runId, familyId } } }),
  ]);
  const metadata = (result?.metadataJson ?? {}) as Record<string, unknown>;
  const reason = metadata.winner_selection ?? metadata.selection_reason ?? null;
  const cards = records
    .map((record) => ({
      record,
      card: scorecardOf({
        runId,
        familyId,
        deploymentId: record.deploymentId,
        submissionId: record.submissionId,
        minerHotkey: record.minerHotkey,
        createdAt: naiveIso(record.createdAt),
        rawScore: record.rawScore,
        isEligible: record.isEligible,
        metadata: record.metadataJson as Record<string, unknown>,
        rank: null,
        winnerDeploymentId: result?.winnerDeploymentId ?? null,
        selectionReason: typeof reason === 'string' ? reason : null,
        minScore: result?.minScore ?? null,
      }),
    }))
    .sort(
      (a, b) =>
        b.card.serving_selection_score - a.card.serving_selection_score ||
        a.record.submission.createdAt.getTime() - b.record.submission.createdAt.getTime() ||
        a.record.deployment.createdAt.getTime() - b.record.deployment.createdAt.getTime() ||
        (a.record.deploymentId < b.record.deploymentId ? -1 : 1),
    );
  return cards.map(({ card }, index) => ({
    ...card,
    rank: index + 1,
    reward_rank: index + 1,
    serving_rank: index + 1,
  }));
}

const NO_TASKS: TaskCounts = { pending: 0, claimed: 0, evaluated: 0, expired: 0, unscored: 0 };

export interface MinerProgress {
  minerHotkey: string;
  deploymentId: string;
  tasks: TaskCounts;
  /** Mean of the official composites so far, null before the first. */
  meanScore: number | null;
}

/** Counts of a run's (miner, task) rows by status, per miner, by hotkey. */
export async function minerProgress(
  db: PrismaClient,
  runId: string,
  familyId?: string,
): Promise<MinerProgress[]> {
  const rows = await db.minerEvaluationTask.groupBy({
    by: ['minerHotkey', 'deploymentId', 'status'],
    where: { runId, ...(familyId === undefined ? {} : { familyId }) },
    _count: { _all: true },
    _sum: { officialComposite: true },
    orderBy: [{ minerHotkey: 'asc' }, { deploymentId: 'asc' }, { status: 'asc' }],
  });
  const miners = new Map<string, MinerProgress & { sum: number }>();
  for (const row of rows) {
    const key = `${row.minerHotkey} ${row.deploymentId}`;
    const miner = miners.get(key) ?? {
      minerHotkey: row.minerHotkey,
      deploymentId: row.deploymentId,
      tasks: { ...NO_TASKS },
      meanScore: null,
      sum: 0,
    };
    if (row.status in miner.tasks) miner.tasks[row.status as keyof TaskCounts] += row._count._all;
    if (row.status === 'evaluated') miner.sum += row._sum.officialComposite ?? 0;
    miners.set(key, miner);
  }
  return [...miners.values()].map(({ sum, ...miner }) => ({
    ...miner,
    meanScore: miner.tasks.evaluated > 0 ? sum / miner.tasks.evaluated : null,
  }));
}

/** Adds up the counts of several miners. */
export function sumCounts(miners: readonly MinerProgress[]): TaskCounts {
  const total = { ...NO_TASKS };
  for (const { tasks } of miners) {
    for (const status of Object.keys(total) as (keyof TaskCounts)[]) total[status] += tasks[status];
  }
  return total;
}

/** Leases that are out now, soonest expiry first. */
export function activeLeases(db: PrismaClient, runId: string) {
  return db.taskClaim.findMany({
    where: { runId, status: 'claimed' },
    orderBy: { expiresAt: 'asc' },
    take: 200,
  });
}

export interface ValidatorActivity {
  validator_hotkey: string;
  active_leases: number;
  judgments: number;
  last_seen_at: Date | null;
}

/** What each validator did in a run, by hotkey. */
export function validatorActivity(db: PrismaClient, runId: string): Promise<ValidatorActivity[]> {
  return db.$queryRaw<ValidatorActivity[]>`
    WITH judged AS (
      SELECT validator_hotkey, count(*)::int AS judgments FROM task_miner_results WHERE epoch_id = ${runId} GROUP BY 1)
    SELECT c.validator_hotkey,
           count(*) FILTER (WHERE c.status = 'claimed')::int AS active_leases,
           coalesce(max(judged.judgments), 0) AS judgments,
           max(greatest(c.claimed_at, c.heartbeat_at, c.ended_at)) AS last_seen_at
    FROM task_claims c LEFT JOIN judged USING (validator_hotkey) WHERE c.epoch_id = ${runId}
    GROUP BY c.validator_hotkey ORDER BY c.validator_hotkey`;
}

interface MetricsRow extends Omit<LeaderboardMetrics, 'error_rate' | 'reliable' | 'mean_task_score'> {
  miner_hotkey: string;
  results: number;
  errors: number;
}

/** The means and counts of a family's judgments in a run, per miner (evaluation.md section 5.3, diagnostics). */
export async function judgmentMetrics(
  db: PrismaClient,
  runId: string,
  familyId: string,
): Promise<Map<string, Omit<LeaderboardMetrics, 'mean_task_score'>>> {
  const rows = await db.$queryRaw<MetricsRow[]>`
    SELECT miner_hotkey,
      avg(agreement_score) FILTER (WHERE verdict NOT IN ('error', 'gate_knockout')) AS mean_agreement,
      avg(pairwise_preference_score) AS mean_pairwise_preference,
      avg(grounded_correctness) AS mean_grounded_correctness,
      avg(retrieval_quality) AS mean_retrieval_quality,
      avg(tool_routing) AS mean_tool_routing,
      avg(instruction_safety) AS mean_instruction_safety,
      avg(latency_cost) AS mean_latency_cost,
      avg(computation_correctness) AS mean_computation_correctness,
      count(pairwise_preference_score)::int AS tasks_with_pairwise,
      count(grounded_correctness)::int AS tasks_with_grounded,
      count(retrieval_quality)::int AS tasks_with_retrieval,
      count(tool_routing)::int AS tasks_with_tool_routing,
      count(instruction_safety)::int AS tasks_with_safety,
      count(latency_cost)::int AS tasks_with_latency_cost,
      count(computation_correctness)::int AS tasks_with_computation_correctness,
      count(*) FILTER (WHERE verdict = 'matches')::int AS matches_count,
      count(*) FILTER (WHERE verdict = 'partially_matches')::int AS partially_matches_count,
      count(*) FILTER (WHERE verdict = 'not_applicable')::int AS not_applicable_count,
      count(*) FILTER (WHERE verdict = 'contradicts')::int AS contradicts_count,
      count(*) FILTER (WHERE verdict = 'gate_knockout')::int AS gate_knockout_count,
      count(*) FILTER (WHERE verdict = 'error')::int AS errors,
      count(*)::int AS results
    FROM (
      SELECT *, CASE
        WHEN agreement_verdict IN ('matches', 'partially_matches', 'not_applicable') AND official_composite <= 0
          THEN 'gate_knockout'
        WHEN agreement_verdict IN ('matches', 'partially_matches', 'not_applicable', 'contradicts')
          THEN agreement_verdict
        ELSE 'error' END AS verdict
      FROM task_miner_results WHERE epoch_id = ${runId} AND family_id = ${familyId}
    ) judged
    GROUP BY miner_hotkey`;
  return new Map(
    rows.map(({ miner_hotkey, results, errors, ...metrics }) => [
      miner_hotkey,
      { ...metrics, error_rate: errors / results, reliable: errors / results <= MAX_ERROR_FRACTION },
    ]),
  );
}

/** What the scored families of some runs come to, by run and family. */
export async function familySummaries(
  db: PrismaClient,
  runIds: readonly string[],
): Promise<Map<string, Map<string, FamilyScoreSummary>>> {
  const pairs = await db.deploymentScoreRecord.findMany({
    where: { runId: { in: [...runIds] } },
    distinct: ['runId', 'familyId'],
    select: { runId: true, familyId: true },
  });
  const summaries = new Map<string, Map<string, FamilyScoreSummary>>();
  for (const { runId, familyId } of pairs) {
    const [cards, result] = await Promise.all([
      rankRecords(db, runId, familyId),
      db.runFamilyResult.findUnique({ where: { runId_familyId: { runId, familyId } } }),
    ]);
    const top = cards[0];
    const winner = cards.find((card) => card.is_run_winner);
    const families = summaries.get(runId) ?? new Map<string, FamilyScoreSummary>();
    families.set(familyId, {
      scored: cards.length,
      eligible: cards.filter((card) => card.is_eligible).length,
      topOfficial: top?.official_family_score ?? null,
      topReliability: top?.reliability_score ?? null,
      topServingSelection: top?.serving_selection_score ?? null,
      winnerSubmissionId: result?.winnerSubmissionId ?? null,
      winnerDeploymentId: result?.winnerDeploymentId ?? null,
      selectionReason: winner?.serving_selection_reason ?? null,
    });
    summaries.set(runId, families);
  }
  return summaries;
}
