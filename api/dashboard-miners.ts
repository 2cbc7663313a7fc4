/** What the public pages show of one miner, and of what judging costs. */
import type { z } from 'zod';
import type { Prisma } from '../adapters/postgres';
import type { EvalFeedbackModel } from '../adapters/postgres/generated/models';
import { findRun, judgmentMetrics } from '../adapters/postgres/runs-read';
import type { RunRow } from '../adapters/postgres/runs-read';
import { hotkeyShort } from '../domain/contracts/common';
import type {
  minerPayload,
  minerRunEntry,
  minerRunPayload,
  minerTaskEntry,
} from '../domain/contracts/dashboard-miners';
import { HttpError } from '../domain/http-errors';
import { naiveIso, naiveIsoOrNull } from '../domain/time';
import { NO_METRICS } from './dashboard';
import type { ApiDeps } from './deps';

type JsonObject = Record<string, unknown>;

const agentOf = (manifest: unknown): { name?: string; version?: string } =>
  (manifest as { agent?: { name?: string; version?: string } } | null)?.agent ?? {};

/** One run of a miner: official once the run is completed, the mean of what is settled before. */
async function minerRunOf(
  deps: ApiDeps,
  run: RunRow,
  familyId: string,
  hotkey: string,
): Promise<z.output<typeof minerRunEntry>> {
  const own = { runId: run.id, familyId, minerHotkey: hotkey };
  const [rows, record, metrics] = await Promise.all([
    deps.db.minerEvaluationTask.findMany({
      where: own,
      select: { officialComposite: true, submissionId: true, status: true },
    }),
    run.status === 'completed' ? deps.db.deploymentScoreRecord.findFirst({ where: own }) : null,
    judgmentMetrics(deps.db, run.id, familyId),
  ]);
  const settled = rows.flatMap(({ officialComposite }) =>
    officialComposite === null ? [] : [officialComposite],
  );
  const mean = settled.length === 0 ? null : settled.reduce((sum, value) => sum + value, 0) / settled.length;
  const official = record?.rawScore ?? mean;
  return {
    run_id: run.id,
    epoch_sequence: run.sequence,
    status: run.status,
    official_score: official,
    metrics: { ...NO_METRICS, ...metrics.get(hotkey), mean_task_score: official },
    total_tasks: rows.filter(({ status }) => status !== 'unscored').length,
    submission_id: rows[0]?.submissionId ?? record?.submissionId ?? null,
  };
}

/** Completed runs of a miner, latest first. */
export async function minerRuns(
  deps: ApiDeps,
  hotkey: string,
  query: { family_id: string; limit: number; offset: number },
) {
  const records = await deps.db.deploymentScoreRecord.findMany({
    where: { minerHotkey: hotkey, familyId: query.family_id },
    distinct: ['runId'],
    select: { runId: true },
  });
  const runs = await deps.db.evaluationRun.findMany({
    where: { id: { in: records.map(({ runId }) => runId) }, status: 'completed' },
    orderBy: { sequence: 'desc' },
    take: query.limit,
    skip: query.offset,
    include: { familyResults: true },
  });
  return {
    miner_hotkey: hotkey,
    family_id: query.family_id,
    runs: await Promise.all(runs.map((run) => minerRunOf(deps, run, query.family_id, hotkey))),
  };
}

/**
 * A run of a miner, task by task. What was asked and answered stays out while the run is open (decision 25).
 * @throws HttpError 404 for an unknown run
 */
export async function minerRun(
  deps: ApiDeps,
  hotkey: string,
  runId: string,
  familyId: string,
): Promise<z.output<typeof minerRunPayload>> {
  const run = await findRun(deps.db, runId);
  if (!run) throw new HttpError(404, `run ${runId} not found`);
  const [entry, rows, feedback] = await Promise.all([
    minerRunOf(deps, run, familyId, hotkey),
    deps.db.minerEvaluationTask.findMany({
      where: { runId, familyId, minerHotkey: hotkey },
      orderBy: { taskIndex: 'asc' },
      include: { task: true, results: { orderBy: { createdAt: 'asc' } } },
    }),
    deps.db.evalFeedback.findMany({ where: { runId, minerHotkey: hotkey } }),
  ]);
  const said = new Map(feedback.map((row) => [row.taskId, row]));
  return {
    ...entry,
    tasks: rows.map((row) => taskEntry(row, said.get(row.taskId), run.status === 'completed')),
  };
}

type TaskRow = Prisma.MinerEvaluationTaskGetPayload<{ include: { task: true; results: true } }>;

const STATUS_WORDS: Record<string, string> = { evaluated: 'completed' };

function taskEntry(
  row: TaskRow,
  feedback: EvalFeedbackModel | undefined,
  isPublic: boolean,
): z.output<typeof minerTaskEntry> {
  const { task } = row;
  const result = row.results.at(-1);
  const payload = task.payloadJson as JsonObject;
  const turns = Array.isArray(payload.turns) ? (payload.turns as JsonObject[]) : [];
  const baseline = (task.baselineResponseJson ?? {}) as JsonObject;
  const judge = (result?.judgeOutputJson ?? {}) as JsonObject;
  const shown = <T>(value: T): T | null => (isPublic ? value : null);
  return {
    task_id: row.taskId,
    mode: task.mode,
    category: task.category,
    difficulty: textOf(payload.difficulty),
    web_search: payload.web_search === true,
    validator_hotkey: result?.validatorHotkey ?? row.claimedByValidator,
    task_status: STATUS_WORDS[row.status] ?? row.status,
    evaluated_at: naiveIsoOrNull(row.evaluatedAt),
    prompt: shown(textOf(payload.prompt)),
    turn_count: Math.max(1, turns.length),
    user_turns: isPublic ? turns.map((turn) => String(turn.user ?? '')) : [],
    miner_response: shown(result?.minerResponseJson ?? null),
    baseline_response_text: shown(textOf(baseline.response_text)),
    agreement_verdict: result?.agreementVerdict ?? row.verdict,
    agreement_score: result?.agreementScore ?? null,
    miner_citations: isPublic ? listOf(result?.minerCitationsJson) : [],
    baseline_citations: isPublic ? listOf(baseline.citations) : [],
    latency_ms: Math.round((result?.minerLatencySeconds ?? 0) * 1000),
    judge_rationale: shown(textOf(judge.rationale)),
    task_type: result?.taskType ?? null,
    pairwise_preference_score: result?.pairwisePreferenceScore ?? null,
    grounded_correctness: result?.groundedCorrectness ?? null,
    retrieval_quality: result?.retrievalQuality ?? null,
    tool_routing: result?.toolRouting ?? null,
    instruction_safety: result?.instructionSafety ?? null,
    latency_cost: result?.latencyCost ?? null,
    computation_correctness: result?.computationCorrectness ?? null,
    final_task_score: row.officialComposite,
    applied_weights: result?.appliedWeightsJson ?? null,
    applicable_metrics: result?.applicableMetricsJson ?? null,
    pairwise_breakdown: null,
    oracle_source: textOf(payload.oracle_source),
    oracle_status: task.oracleStatus ?? feedback?.oracleStatus ?? null,
    oracle_disagreement_note: null,
    vendor_status: null,
    composite_score: row.officialComposite,
    composite_knockout_reason: ((feedback?.knockoutReasonsJson ?? []) as string[])[0] ?? null,
    weighted_sum_score: null,
    eval_outcome: feedback?.outcome ?? null,
    eval_failure_mode: feedback?.failureMode ?? null,
    // A word to the miner, who reads it by its own signature.
    eval_guidance: null,
    ledger_tools: [...new Set(listOf(result?.attestedToolsJson).map(toolName))],
    capability: task.capability,
    domain: task.domain,
  };
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const toolName = (call: unknown): string =>
  typeof call === 'string'
    ? call
    : String((call as JsonObject | null)?.tool_name ?? (call as JsonObject | null)?.tool);

/** A miner's latest submission, its record, and how the open run goes for it. @throws HttpError 404 for a stranger */
export async function minerOverview(
  deps: ApiDeps,
  hotkey: string,
  familyId: string,
): Promise<z.output<typeof minerPayload>> {
  const [row, epochs, wins, open] = await Promise.all([
    deps.db.managedMinerSubmission.findFirst({
      where: { minerHotkey: hotkey, familyId },
      orderBy: { submissionSeq: 'desc' },
      include: { deployments: { orderBy: { createdAt: 'desc' }, take: 1 } },
    }),
    deps.db.deploymentScoreRecord.findMany({
      where: { minerHotkey: hotkey, familyId },
      distinct: ['runId'],
      select: { runId: true },
    }),
    deps.db.runFamilyResult.count({
      where: { winnerHotkey: hotkey, familyId, hasWinner: true, run: { status: 'completed' } },
    }),
    deps.db.evaluationRun.findFirst({ where: { status: 'open' }, include: { familyResults: true } }),
  ]);
  if (!row) throw new HttpError(404, `miner ${hotkey} has submitted nothing`);
  const deployment = row.deployments[0];
  const current = open ? await minerRunOf(deps, open, familyId, hotkey) : null;
  return {
    hotkey,
    hotkey_short: hotkeyShort(hotkey),
    family_id: familyId,
    submission_id: row.id,
    submission_status: row.status,
    submission_reason: row.statusReason,
    agent_name: agentOf(row.manifestJson).name ?? null,
    agent_version: agentOf(row.manifestJson).version ?? null,
    artifact_sha256: row.archiveSha256,
    deployment_id: deployment?.id ?? null,
    deployment_status: deployment?.status ?? null,
    health_status: deployment?.healthStatus ?? null,
    epochs_participated: epochs.length,
    win_count: wins,
    current_run: current && current.total_tasks > 0 ? current : null,
  };
}

/** Runs with their winners, latest first. */
export async function dashboardRuns(
  deps: ApiDeps,
  query: { family_id: string; limit: number; offset: number },
) {
  const runs = await deps.db.evaluationRun.findMany({
    orderBy: { sequence: 'desc' },
    take: query.limit,
    skip: query.offset,
    include: { familyResults: true },
  });
  return {
    family_id: query.family_id,
    runs: runs.map((run) => {
      const result =
        run.status === 'completed'
          ? run.familyResults.find(({ familyId }) => familyId === query.family_id)
          : undefined;
      return {
        run_id: run.id,
        sequence: run.sequence,
        status: run.status,
        started_at: naiveIso(run.startedAt),
        ends_at: naiveIso(run.endsAt),
        closed_at: naiveIsoOrNull(run.closedAt),
        winner_hotkey: result?.winnerHotkey ?? null,
        best_raw_score: result?.bestRawScore ?? null,
      };
    }),
  };
}

interface CostRow {
  validator_hotkey: string;
  tasks_claimed: number;
  tasks_evaluated: number;
  oracle_cost_usd: number;
  judge_cost_usd: number;
}

const cents = (usd: number): number => Math.round(usd * 1e8) / 1e8;

/**
 * What judging a run has cost, by validator. A task's oracle cost is that of whoever settled it first.
 * @throws HttpError 404 for an unknown run
 */
export async function validatorCosts(deps: ApiDeps, runId: string) {
  if (!(await findRun(deps.db, runId))) throw new HttpError(404, `run ${runId} not found`);
  const rows = await deps.db.$queryRaw<CostRow[]>`
    WITH claims AS (
      SELECT validator_hotkey, count(DISTINCT task_evaluation_id)::int AS claimed,
        count(DISTINCT task_evaluation_id) FILTER (WHERE status = 'settled')::int AS evaluated
      FROM task_claims WHERE epoch_id = ${runId} GROUP BY 1
    ), judged AS (
      SELECT validator_hotkey, sum(judge_cost_usd) AS usd
      FROM task_miner_results WHERE epoch_id = ${runId} GROUP BY 1
    ), firsts AS (
      SELECT DISTINCT ON (c.task_evaluation_id) c.validator_hotkey, t.oracle_cost_usd
      FROM task_claims c JOIN task_evaluations t ON t.id = c.task_evaluation_id
      WHERE c.epoch_id = ${runId} AND c.status = 'settled' ORDER BY c.task_evaluation_id, c.fencing
    ), asked AS (SELECT validator_hotkey, sum(oracle_cost_usd) AS usd FROM firsts GROUP BY 1)
    SELECT claims.validator_hotkey, claimed AS tasks_claimed, evaluated AS tasks_evaluated,
      coalesce(asked.usd, 0) AS oracle_cost_usd, coalesce(judged.usd, 0) AS judge_cost_usd
    FROM claims LEFT JOIN judged USING (validator_hotkey) LEFT JOIN asked USING (validator_hotkey)
    ORDER BY claims.validator_hotkey`;
  const validators = rows.map((row) => ({
    ...row,
    oracle_cost_usd: cents(row.oracle_cost_usd),
    judge_cost_usd: cents(row.judge_cost_usd),
    total_cost_usd: cents(row.oracle_cost_usd + row.judge_cost_usd),
  }));
  const total = (pick: (row: CostRow) => number): number =>
    cents(rows.reduce((sum, row) => sum + pick(row), 0));
  return {
    run_id: runId,
    validators,
    total_oracle_cost_usd: total((row) => row.oracle_cost_usd),
    total_judge_cost_usd: total((row) => row.judge_cost_usd),
    total_cost_usd: total((row) => row.oracle_cost_usd + row.judge_cost_usd),
  };
}
