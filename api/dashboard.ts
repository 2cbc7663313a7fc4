/** What the public pages show. */
import { readFactorMeans, readSpend } from '../adapters/postgres/public-record';
import { currentRun, findRun, judgmentMetrics, minerProgress, openRun } from '../adapters/postgres/runs-read';
import type { RunRow } from '../adapters/postgres/runs-read';
import { hotkeyShort } from '../domain/contracts/common';
import type { LeaderboardMetrics } from '../domain/contracts/dashboard';
import { HttpError } from '../domain/http-errors';
import { SERVABLE_DEPLOYMENT_STATUSES } from '../domain/status';
import { naiveIso, naiveIsoOrNull } from '../domain/time';
import type { ApiDeps } from './deps';
import { costsOf } from './views/public-record';

export const NO_METRICS: Omit<LeaderboardMetrics, 'mean_task_score'> = {
  mean_agreement: null,
  mean_pairwise_preference: null,
  mean_grounded_correctness: null,
  mean_retrieval_quality: null,
  mean_tool_routing: null,
  mean_instruction_safety: null,
  mean_latency_cost: null,
  mean_computation_correctness: null,
  tasks_with_pairwise: 0,
  tasks_with_grounded: 0,
  tasks_with_retrieval: 0,
  tasks_with_tool_routing: 0,
  tasks_with_safety: 0,
  tasks_with_latency_cost: 0,
  tasks_with_computation_correctness: 0,
  matches_count: 0,
  partially_matches_count: 0,
  not_applicable_count: 0,
  contradicts_count: 0,
  gate_knockout_count: 0,
  error_rate: 0,
  reliable: true,
};

interface Standing {
  hotkey: string;
  deploymentId: string;
  /** Official once the run is scored, the mean of what is settled before. */
  score: number;
  tasksTotal: number;
  tasksAnswered: number;
}

/**
 * The leaderboard of a family in a run; the open run's (else the latest scored run's) without one.
 * @throws HttpError 404 for an unknown run
 */
export async function leaderboard(
  deps: ApiDeps,
  query: { family_id: string; run_id?: string | undefined; limit: number; offset: number },
) {
  const run = await boardRun(deps, query.run_id);
  if (!run) {
    return {
      run_id: null,
      run_sequence: null,
      run_status: null,
      family_id: query.family_id,
      total: 0,
      entries: [],
    };
  }
  const standings = await standingsOf(deps, run, query.family_id);
  const page = standings.slice(query.offset, query.offset + query.limit);
  const [context, metrics, factors, spend] = await Promise.all([
    boardContext(deps, run, query.family_id, page),
    judgmentMetrics(deps.db, run.id, query.family_id),
    readFactorMeans(deps.db, run.id, query.family_id),
    readSpend(
      deps.db,
      run.id,
      page.map((standing) => standing.deploymentId),
    ),
  ]);
  return {
    run_id: run.id,
    run_sequence: run.sequence,
    run_status: run.status,
    family_id: query.family_id,
    total: standings.length,
    entries: page.map((standing, index) => {
      const rank = query.offset + index + 1;
      const deployment = context.deployments.get(standing.deploymentId);
      const manifest = (deployment?.submission.manifestJson ?? {}) as {
        agent?: { name?: string; version?: string };
      };
      const previousRank = context.previousRanks.get(standing.hotkey) ?? null;
      return {
        rank,
        hotkey: standing.hotkey,
        hotkey_short: hotkeyShort(standing.hotkey),
        agent_name: manifest.agent?.name ?? null,
        agent_version: manifest.agent?.version ?? null,
        artifact_sha256: deployment?.submission.archiveSha256 ?? null,
        raw_score: standing.score,
        is_serving_winner: context.winnerDeploymentId === standing.deploymentId,
        is_running:
          run.status === 'open' &&
          deployment !== undefined &&
          deployment.healthStatus === 'healthy' &&
          (SERVABLE_DEPLOYMENT_STATUSES as readonly string[]).includes(deployment.status),
        trend: trendOf(rank, previousRank),
        previous_rank: previousRank,
        metrics: {
          ...NO_METRICS,
          ...metrics.get(standing.hotkey),
          mean_task_score: standing.tasksAnswered > 0 || run.status === 'completed' ? standing.score : null,
        },
        epochs_participated: context.epochs.get(standing.hotkey) ?? 0,
        win_count: context.wins.get(standing.hotkey) ?? 0,
        submission_id: deployment?.submissionId ?? null,
        deployment_id: standing.deploymentId,
        tasks_total: standing.tasksTotal,
        tasks_answered: standing.tasksAnswered,
        factors: factors.get(standing.hotkey) ?? null,
        costs: costsOf(
          spend.get(standing.deploymentId),
          standing.tasksAnswered,
          standing.tasksTotal,
          standing.score,
        ),
      };
    }),
  };
}

function trendOf(rank: number, previous: number | null): 'up' | 'down' | 'stable' | 'new' {
  if (previous === null) return 'new';
  if (rank === previous) return 'stable';
  return rank < previous ? 'up' : 'down';
}

async function boardRun(deps: ApiDeps, asked: string | undefined): Promise<RunRow | null> {
  if (asked !== undefined) {
    const run = await findRun(deps.db, asked);
    if (!run) throw new HttpError(404, `run ${asked} not found`);
    return run;
  }
  const open = await deps.db.evaluationRun.findFirst({
    where: { status: 'open' },
    include: { familyResults: true },
  });
  if (open) return open;
  const closed = await deps.db.evaluationRun.findFirst({
    where: { status: 'completed' },
    orderBy: { sequence: 'desc' },
    include: { familyResults: true },
  });
  return closed ?? currentRun(deps.db);
}

/** Best first; ties by deployment id, so that the order never wavers. */
async function standingsOf(deps: ApiDeps, run: RunRow, familyId: string): Promise<Standing[]> {
  const [progress, records] = await Promise.all([
    minerProgress(deps.db, run.id, familyId),
    run.status === 'completed'
      ? deps.db.deploymentScoreRecord.findMany({ where: { runId: run.id, familyId } })
      : Promise.resolve([]),
  ]);
  const official = new Map(records.map((record) => [record.deploymentId, record.rawScore]));
  return progress
    .map(({ minerHotkey, deploymentId, tasks, meanScore }) => ({
      hotkey: minerHotkey,
      deploymentId,
      score: official.get(deploymentId) ?? meanScore ?? 0,
      tasksTotal: tasks.pending + tasks.claimed + tasks.evaluated + tasks.expired,
      tasksAnswered: tasks.evaluated,
    }))
    .sort((a, b) => b.score - a.score || (a.deploymentId < b.deploymentId ? -1 : 1));
}

async function boardContext(deps: ApiDeps, run: RunRow, familyId: string, page: readonly Standing[]) {
  const hotkeys = page.map((standing) => standing.hotkey);
  const [deployments, epochs, wins, previous] = await Promise.all([
    deps.db.managedDeployment.findMany({
      where: { id: { in: page.map((standing) => standing.deploymentId) } },
      include: { submission: true },
    }),
    deps.db.deploymentScoreRecord.groupBy({
      by: ['minerHotkey'],
      where: { minerHotkey: { in: hotkeys }, familyId },
      _count: { _all: true },
    }),
    deps.db.runFamilyResult.groupBy({
      by: ['winnerHotkey'],
      where: { winnerHotkey: { in: hotkeys }, familyId, hasWinner: true, run: { status: 'completed' } },
      _count: { _all: true },
    }),
    deps.db.evaluationRun.findFirst({
      where: { status: 'completed', sequence: { lt: run.sequence } },
      orderBy: { sequence: 'desc' },
      include: { familyResults: true },
    }),
  ]);
  const earlier = previous ? await standingsOf(deps, previous, familyId) : [];
  return {
    deployments: new Map(deployments.map((row) => [row.id, row])),
    epochs: new Map(epochs.map((row) => [row.minerHotkey, row._count._all])),
    wins: new Map(wins.map((row) => [row.winnerHotkey, row._count._all])),
    previousRanks: new Map(earlier.map((standing, index) => [standing.hotkey, index + 1])),
    winnerDeploymentId:
      run.status === 'completed'
        ? (run.familyResults.find((result) => result.familyId === familyId)?.winnerDeploymentId ?? null)
        : null,
  };
}

/** Submissions that wait for their build, for room or for their run, newest first. */
export async function queuedSubmissions({ db }: ApiDeps, limit: number) {
  const where = { status: { in: ['received', 'building', 'pending_capacity'] } };
  const [total, rows] = await Promise.all([
    db.managedMinerSubmission.count({ where }),
    db.managedMinerSubmission.findMany({
      where,
      orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
      take: limit,
    }),
  ]);
  return {
    total,
    submissions: rows.map((row) => {
      const { agent } = row.manifestJson as { agent?: { name?: string; version?: string } };
      return {
        submission_id: row.id,
        hotkey: row.minerHotkey,
        hotkey_short: hotkeyShort(row.minerHotkey),
        family_id: row.familyId,
        agent_name: agent?.name ?? null,
        agent_version: agent?.version ?? null,
        artifact_sha256: row.archiveSha256,
        status: row.status,
        submitted_at: naiveIso(row.createdAt),
        submission_block: Number(row.submissionBlock),
      };
    }),
  };
}

/** Figures of the front page. */
export async function overview(deps: ApiDeps) {
  const { db, config } = deps;
  const [run, validators, byStatus, miners] = await Promise.all([
    openRun(db).then((open) => open ?? currentRun(db)),
    db.validator.count({ where: { isActive: true } }),
    db.managedMinerSubmission.groupBy({ by: ['status'], _count: { _all: true } }),
    db.managedMinerSubmission.findMany({
      where: { status: { notIn: ['retired', 'withdrawn', 'rejected', 'build_failed'] } },
      distinct: ['minerHotkey'],
      select: { minerHotkey: true },
    }),
  ]);
  const count = (...statuses: string[]): number =>
    byStatus.filter((row) => statuses.includes(row.status)).reduce((sum, row) => sum + row._count._all, 0);
  const scored = await db.deploymentScoreRecord.findMany({
    distinct: ['submissionId'],
    select: { submissionId: true },
  });
  return {
    total_miners: miners.length,
    active_validators: validators,
    total_families: config.activeFamilies.length,
    netuid: config.netuid,
    network: config.network,
    current_run_id: run?.id ?? null,
    current_run_sequence: run?.sequence ?? null,
    current_run_status: run?.status ?? null,
    current_run_started_at: naiveIsoOrNull(run?.startedAt),
    current_run_ends_at: naiveIsoOrNull(run?.endsAt),
    queued_submissions: count('received', 'building', 'pending_capacity'),
    evaluating_submissions: count('deployed_for_eval'),
    completed_submissions: scored.length,
    retired_submissions: count('retired', 'withdrawn'),
    build_failed_submissions: count('build_failed', 'rejected'),
  };
}

/** `general_chat` as `General Chat`. */
export function familyLabel(family: string): string {
  return family.replace(
    /(^|_)(\w)/g,
    (_match, gap: string, letter: string) => `${gap ? ' ' : ''}${letter.toUpperCase()}`,
  );
}
