/** The public record of runs, miners and submissions: what everybody may know, and nothing more. */
import { readFactorMeans, readMinerTasks, readSpend } from '../../adapters/postgres/public-record';
import type { MinerTaskRow } from '../../adapters/postgres/public-record';
import type {
  FactorMeans,
  MinerRunRecord,
  MinerTaskRecord,
  PublicJourney,
  RunCosts,
} from '../../domain/contracts/public-record';
import type { JourneyStep } from '../../domain/contracts/public-record';
import { HttpError } from '../../domain/http-errors';
import { SUBMISSION_MESSAGES, workflowIds } from '../../domain/messages';
import type { SubmissionStatusView } from '../../domain/messages';
import { explainFactors } from '../../domain/scoring/explain';
import type { CompositeBreakdown } from '../../domain/scoring/types';
import { fullInput, type StoredInput } from '../../domain/tasks/settle';
import { naiveIso } from '../../domain/time';
import type { ApiDeps } from '../deps';
import { tryQuery } from '../temporal-control';

const NOTHING_SPENT = { llm_usd: 0, tool_usd: 0, refused_calls: 0 };

/**
 * Spend per answer and per point of score.
 * @param score mean composite over all tasks, 0..1; null before anything was scored
 */
export function costsOf(
  spend: Pick<RunCosts, 'llm_usd' | 'tool_usd' | 'refused_calls'> | undefined,
  answered: number,
  tasks: number,
  score: number | null,
): RunCosts {
  const { llm_usd, tool_usd, refused_calls } = spend ?? NOTHING_SPENT;
  const total = llm_usd + tool_usd;
  const points = (score ?? 0) * tasks;
  return {
    llm_usd,
    tool_usd,
    refused_calls,
    usd_per_answer: answered > 0 ? total / answered : null,
    usd_per_point: points > 0 ? total / points : null,
  };
}

/**
 * One miner's tasks in a run.
 * @throws HttpError 404 for an unknown run, or a miner that is not in it
 */
export async function minerRunRecord(deps: ApiDeps, runId: string, hotkey: string): Promise<MinerRunRecord> {
  const [run, rows] = await Promise.all([
    deps.db.evaluationRun.findUnique({ where: { id: runId } }),
    readMinerTasks(deps.db, runId, hotkey),
  ]);
  if (!run) throw new HttpError(404, `run ${runId} not found`);
  const first = rows[0];
  if (!first) throw new HttpError(404, `${hotkey} was not evaluated in ${runId}`);
  const isPublic = run.status === 'completed';
  const [factors, spend, record] = await Promise.all([
    readFactorMeans(deps.db, runId, first.familyId),
    readSpend(deps.db, runId, [first.deploymentId]),
    deps.db.deploymentScoreRecord.findFirst({ where: { runId, deploymentId: first.deploymentId } }),
  ]);
  const answered = rows.filter((row) => row.status === 'evaluated');
  const mean = answered.length
    ? answered.reduce((sum, row) => sum + (row.officialComposite ?? 0), 0) / answered.length
    : null;
  const score = record?.rawScore ?? mean;
  return {
    run_id: run.id,
    run_status: run.status,
    family_id: first.familyId,
    hotkey,
    submission_id: first.submissionId,
    deployment_id: first.deploymentId,
    texts_public: isPublic,
    score,
    factors: factors.get(hotkey) ?? null,
    costs: costsOf(spend.get(first.deploymentId), answered.length, rows.length, score),
    tasks: rows.map((row) => taskRecord(row, isPublic)),
  };
}

function taskRecord(row: MinerTaskRow, isPublic: boolean): MinerTaskRecord {
  const official = officialJudgment(row);
  const breakdown = official && 'outcome_score' in official.factors ? official.factors : null;
  const texts = isPublic ? textsOf(row, official, breakdown) : WITHHELD;
  return {
    task_index: row.taskIndex,
    mode: row.task.mode,
    capability: row.task.capability,
    domain: row.task.domain,
    status: row.status,
    status_reason: row.statusReason ?? unjudgedReason(official),
    composite: row.officialComposite,
    verdict: row.verdict,
    disputed: row.results.some((result) => result.disputed),
    judged_by: row.results.map((result) => result.validatorHotkey),
    latency_seconds: official?.result.minerLatencySeconds ?? null,
    cost_usd: official?.result.attestedCostUsd ?? null,
    attested_tools: official ? toolNames(official.result.attestedToolsJson) : [],
    factors: breakdown ? factorsOf(breakdown) : null,
    ...texts,
  };
}

type Unjudged = { unjudged: true; reason: string };
interface Official {
  result: MinerTaskRow['results'][number];
  factors: CompositeBreakdown | Unjudged;
}

/** With several judges, the one whose number is nearest to the official one speaks for the row. */
function officialJudgment(row: MinerTaskRow): Official | null {
  const target = row.officialComposite ?? 0;
  const [result] = [...row.results].sort(
    (a, b) => Math.abs(a.officialComposite - target) - Math.abs(b.officialComposite - target),
  );
  return result ? { result, factors: result.factorsJson as unknown as Official['factors'] } : null;
}

function unjudgedReason(official: Official | null): string | null {
  return official && 'unjudged' in official.factors ? official.factors.reason : null;
}

const WITHHELD = {
  task_id: null,
  prompt: null,
  response: null,
  explanation: null,
  guidance: null,
  knockout_reasons: null,
  oracle_status: null,
} as const;

function textsOf(row: MinerTaskRow, official: Official | null, breakdown: CompositeBreakdown | null) {
  const payload = row.task.payloadJson as { prompt?: unknown };
  const judged = official && !('unjudged' in official.factors) ? official.result : null;
  const answer =
    judged && fullInput(judged.compositeInputJson as unknown as StoredInput, judged.minerResponseJson);
  return {
    task_id: row.taskId,
    prompt: typeof payload.prompt === 'string' ? payload.prompt : null,
    response: answer?.candidate_response ?? null,
    explanation: breakdown ? explainFactors(breakdown).join(' ') : null,
    guidance: null,
    knockout_reasons: breakdown?.knockout_reasons ?? [],
    oracle_status: row.task.oracleStatus,
  };
}

function factorsOf(breakdown: CompositeBreakdown): FactorMeans {
  return {
    outcome_score: breakdown.outcome_score,
    grounded_correctness_gate: breakdown.grounded_correctness_gate,
    instruction_safety_gate: breakdown.instruction_safety_gate,
    safety_attestation_knockout: breakdown.safety_attestation_knockout,
    tool_attestation_factor: breakdown.tool_attestation_factor,
    hallucination_knockout: breakdown.hallucination_knockout,
    cost_attestation_knockout: breakdown.cost_attestation_knockout,
    efficiency_factor: breakdown.efficiency_factor,
    pairwise_bonus: breakdown.pairwise_bonus,
  };
}

function toolNames(calls: unknown): string[] {
  if (!Array.isArray(calls)) return [];
  const ok = calls.filter((call: { status?: unknown }) => call.status === 'ok');
  return [...new Set(ok.map((call: { tool_name?: unknown }) => String(call.tool_name)))].sort();
}

/** Only the first line: what follows it is a log, and a log is for the miner who wrote the code. */
const firstLine = (text: string | null): string | null => text?.split('\n', 1)[0]?.slice(0, 300) ?? null;

const agentOf = (manifest: unknown): { agent_name: string | null; agent_version: string | null } => {
  const { agent } = (manifest ?? {}) as { agent?: { name?: string; version?: string } };
  return { agent_name: agent?.name ?? null, agent_version: agent?.version ?? null };
};

/**
 * How a submission got where it is, step by step, with what it waits for.
 * @throws HttpError 404
 */
export async function publicJourney(deps: ApiDeps, id: string): Promise<PublicJourney> {
  const row = await deps.db.managedMinerSubmission.findUnique({
    where: { id },
    include: {
      deployments: { orderBy: { createdAt: 'desc' }, take: 1 },
      records: { orderBy: { createdAt: 'asc' } },
    },
  });
  if (!row) throw new HttpError(404, 'submission not found');
  const deployment = row.deployments[0] ?? null;
  const [events, health, view, results] = await Promise.all([
    deps.db.submissionEvent.findMany({
      where: { submissionId: id },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    }),
    deployment
      ? deps.db.deploymentHealthEvent.findMany({
          where: { deploymentId: deployment.id },
          orderBy: { createdAt: 'asc' },
          take: 200,
        })
      : [],
    tryQuery<SubmissionStatusView>(deps.temporal, workflowIds.submission(id), SUBMISSION_MESSAGES.status),
    deps.db.runFamilyResult.findMany({
      where: { runId: { in: row.records.map((record) => record.runId) }, familyId: row.familyId },
      include: { run: { select: { status: true } } },
    }),
  ]);
  const closed = new Map(results.map((result) => [result.runId, result]));
  const steps: JourneyStep[] = [
    ...events.map((event) => ({
      at: naiveIso(event.createdAt),
      about: 'submission',
      step: event.step,
      outcome: event.outcome,
      reason: firstLine(event.reason),
    })),
    ...health.map((event) => ({
      at: naiveIso(event.createdAt),
      about: 'deployment',
      step: event.status,
      outcome: 'noted',
      reason: firstLine(event.reason),
    })),
    ...row.records.map((record) => ({
      at: naiveIso(record.createdAt),
      about: 'run',
      step: record.runId,
      outcome: 'scored',
      reason: `score ${record.rawScore.toFixed(4)}`,
    })),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return {
    submission_id: row.id,
    hotkey: row.minerHotkey,
    family_id: row.familyId,
    ...agentOf(row.manifestJson),
    archive_sha256: row.archiveSha256,
    submitted_at: naiveIso(row.createdAt),
    submission_block: Number(row.submissionBlock),
    introduced_run_id: row.introducedRunId,
    status: row.status,
    reason: firstLine(row.statusReason),
    now: view ? { step: view.step, reason: firstLine(view.reason) ?? '', since: view.since } : null,
    deployment: deployment && {
      id: deployment.id,
      status: deployment.status,
      health_status: deployment.healthStatus,
      placement_status: deployment.placementStatus,
      reason: firstLine(deployment.placementErrorText),
    },
    steps,
    scores: row.records.map((record) => {
      const result = closed.get(record.runId);
      const { eligibility_reasons: reasons } = record.metadataJson as { eligibility_reasons?: unknown };
      return {
        run_id: record.runId,
        score: record.rawScore,
        is_winner: result?.winnerDeploymentId === record.deploymentId,
        ineligible_because: Array.isArray(reasons) ? reasons.map(String) : [],
        archive_public: result?.run.status === 'completed',
      };
    }),
  };
}

/**
 * A hotkey's submissions and scores.
 * @throws HttpError 404 when it never submitted anything
 */
export async function minerSubmissions(deps: ApiDeps, hotkey: string) {
  const [rows, records, neuron] = await Promise.all([
    deps.db.managedMinerSubmission.findMany({
      where: { minerHotkey: hotkey },
      orderBy: { submissionSeq: 'desc' },
      take: 100,
    }),
    deps.db.deploymentScoreRecord.findMany({
      where: { minerHotkey: hotkey },
      orderBy: { createdAt: 'desc' },
      take: 100,
    }),
    deps.db.registeredNeuron.findUnique({ where: { hotkey } }),
  ]);
  if (rows.length === 0) throw new HttpError(404, `${hotkey} has submitted nothing`);
  const wins = await deps.db.runFamilyResult.findMany({
    where: { winnerHotkey: hotkey, runId: { in: records.map((record) => record.runId) } },
    select: { runId: true, winnerDeploymentId: true },
  });
  const won = new Set(wins.map((win) => `${win.runId} ${win.winnerDeploymentId}`));
  return {
    hotkey,
    uid: neuron?.uid ?? null,
    submissions: rows.map((row) => ({
      submission_id: row.id,
      submission_seq: row.submissionSeq,
      ...agentOf(row.manifestJson),
      status: row.status,
      reason: firstLine(row.statusReason),
      submitted_at: naiveIso(row.createdAt),
      introduced_run_id: row.introducedRunId,
    })),
    runs: records.map((record) => ({
      run_id: record.runId,
      score: record.rawScore,
      is_winner: won.has(`${record.runId} ${record.deploymentId}`),
    })),
  };
}
