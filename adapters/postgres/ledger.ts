/** What the owner recorded of tool calls and model calls, by job (decisions 2, 3 and 29). */
import type { ToolCallRequest, ToolCallRow } from '../../domain/contracts/ledger';
import { recordedToolName } from '../../domain/status';
import { cleanJson, cleanText } from '../../domain/tasks/clean-json';
import { naiveIso } from '../../domain/time';
import { Prisma, type Db } from './index';
import { prepared } from './prepared';

type StoredCall = Prisma.OrchestratorToolCallLogGetPayload<object>;

/** Records one tool call; the name is stored as `recordedToolName` has it. Two equal calls are two rows. */
export async function recordToolCall(db: Db, call: ToolCallRequest): Promise<ToolCallRow> {
  const row = await db.orchestratorToolCallLog.create({
    data: {
      jobId: call.job_id,
      toolName: recordedToolName(call.tool_name),
      argsHash: call.args_hash,
      argsJson: cleanJson(call.args_json) as Prisma.InputJsonObject,
      resultDigest: cleanText(call.result_digest),
      latencyMs: call.latency_ms,
      costUsd: call.cost_usd,
      status: call.status,
      error: call.error == null ? null : cleanText(call.error),
    },
  });
  return toWire(row);
}

/**
 * A job's calls, oldest first, as one validator may see them: those of its own claims, those of runs that are over,
 * and those under ids that are no attempt's (a deployment's sticky id). Somebody else's job reads as empty.
 */
export async function readJobLedger(db: Db, jobId: string, validatorHotkey: string): Promise<ToolCallRow[]> {
  const job = await db.attemptJob.findUnique({
    where: { jobId },
    select: { validatorHotkey: true, runId: true },
  });
  if (job && job.validatorHotkey !== validatorHotkey) {
    const run = await db.evaluationRun.findUnique({ where: { id: job.runId }, select: { status: true } });
    if (run?.status !== 'completed') return [];
  }
  return readToolCalls(db, jobId);
}

/** A job's calls, oldest first. */
export async function readToolCalls(db: Db, jobId: string): Promise<ToolCallRow[]> {
  const rows = await db.orchestratorToolCallLog.findMany({
    where: { jobId },
    orderBy: [{ ts: 'asc' }, { id: 'asc' }],
  });
  return rows.map(toWire);
}

/** Cost of one job in micro-USD, split as the wire shows it; `calls` is 0 when nothing was recorded. */
export interface JobCost {
  modelMicroUsd: bigint;
  toolMicroUsd: bigint;
  calls: number;
}

/** Costs of several jobs; a job without a record has zeros. */
export async function jobCosts(db: Db, jobIds: readonly string[]): Promise<Map<string, JobCost>> {
  const costs = new Map<string, JobCost>(
    jobIds.map((id) => [id, { modelMicroUsd: 0n, toolMicroUsd: 0n, calls: 0 }]),
  );
  if (jobIds.length === 0) return costs;
  const rows = await prepared<{ job_id: string; model: bigint; tool: bigint; calls: bigint }>(
    db,
    Prisma.sql`
    SELECT job_id, count(*) AS calls,
      coalesce(sum(cost_micro_usd) FILTER (WHERE kind = 'llm'), 0)::bigint AS model,
      coalesce(sum(cost_micro_usd) FILTER (WHERE kind <> 'llm'), 0)::bigint AS tool
    FROM provider_calls WHERE job_id = ANY(${[...jobIds]}::text[]) GROUP BY job_id`,
  );
  for (const row of rows) {
    costs.set(row.job_id, { modelMicroUsd: row.model, toolMicroUsd: row.tool, calls: Number(row.calls) });
  }
  return costs;
}

/** Micro-USD as USD. */
export function usd(micro: bigint): number {
  return Number(micro) / 1_000_000;
}

function toWire(row: StoredCall): ToolCallRow {
  return {
    id: row.id,
    job_id: row.jobId,
    tool_name: row.toolName,
    args_hash: row.argsHash,
    args_json: (row.argsJson ?? {}) as Record<string, unknown>,
    result_digest: row.resultDigest,
    latency_ms: row.latencyMs,
    cost_usd: row.costUsd,
    status: row.status,
    error: row.error,
    ts: naiveIso(row.ts),
  };
}
