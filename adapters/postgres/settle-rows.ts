/** The rows of a settled lease: judgments, the end of each (miner, task) row, and feedback, many in one statement. */
import type { PoolClient } from 'pg';
import type { FeedbackContent } from '../../domain/tasks/feedback';
import type { JudgmentColumns } from './judgments';
import { Prisma } from './index';
import { prepared } from './prepared';

/** How one (miner, task) row leaves its lease. */
export interface RowEnd {
  rowId: string;
  /** `pending` is back in the pool. */
  status: 'pending' | 'evaluated';
  reason: string | null;
  judgmentCount: number;
  /** Null while the row is not evaluated. */
  officialComposite: number | null;
  verdict: string | null;
}

/** Everything that is written of one row. */
export interface SettledRow {
  end: RowEnd;
  /** Null where nothing was judged. */
  judgment: JudgmentColumns | null;
  feedback: FeedbackContent | null;
}

export interface SettledKey {
  runId: string;
  familyId: string;
  taskEvaluationId: string;
  taskId: string;
  validatorHotkey: string;
  fencing: bigint;
  now: Date;
}

/** Statements are prepared for these numbers of rows, so that few texts serve any number. */
const SLICES = [32, 8, 4, 2, 1];

/** Writes all rows; the caller holds the task's lock and a transaction. */
export async function writeSettledRows(
  client: PoolClient,
  key: SettledKey,
  rows: readonly SettledRow[],
): Promise<void> {
  await sliced(
    rows.filter((row) => row.judgment !== null),
    (part) => prepared(client, judgedStatement(key, part as (SettledRow & { judgment: JudgmentColumns })[])),
  );
  await sliced(
    rows.filter((row) => row.judgment === null),
    (part) => prepared(client, endStatement(key, part)),
  );
}

async function sliced<T>(items: readonly T[], write: (part: T[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length;) {
    const size = SLICES.find((candidate) => candidate <= items.length - from) ?? 1;
    await write(items.slice(from, from + size));
    from += size;
  }
}

const json = (value: unknown): Prisma.Sql => Prisma.sql`${JSON.stringify(value)}::jsonb`;
const maybeJson = (value: unknown): Prisma.Sql =>
  Prisma.sql`${value === null || value === undefined ? null : JSON.stringify(value)}::jsonb`;
const number = (value: number | null): Prisma.Sql => Prisma.sql`${value}::float8`;
const text = (value: string | null): Prisma.Sql => Prisma.sql`${value}::text`;
const instant = (value: Date): Prisma.Sql => Prisma.sql`${value.toISOString()}::timestamp`;

/** Judgments, ends and feedback of rows that were judged. */
function judgedStatement(
  key: SettledKey,
  rows: readonly (SettledRow & { judgment: JudgmentColumns })[],
): Prisma.Sql {
  return Prisma.sql`
    WITH judged AS (
      INSERT INTO task_miner_results (id, task_evaluation_id, miner_evaluation_task_id, epoch_id, family_id, task_id,
        miner_hotkey, validator_hotkey, fencing, job_id, miner_response_json, miner_citations_json, judge_output_json,
        agreement_verdict, agreement_score, miner_latency_seconds, latency_seconds, proxy_cost_usd, judge_cost_usd,
        pairwise_preference_score, grounded_correctness, retrieval_quality, tool_routing, instruction_safety,
        latency_cost, computation_correctness, final_task_score, applied_weights_json, applicable_metrics_json,
        task_type, official_composite, composite_input_json, factors_json, attested_tools_json, attested_cost_usd,
        disputed, created_at)
      VALUES ${Prisma.join(rows.map((row) => judgmentValues(key, row.judgment)))}
    ),
    told AS (
      INSERT INTO eval_feedback (id, run_id, miner_hotkey, task_id, outcome, failure_mode, guidance, prompt_excerpt,
        response_excerpt, composite_score, knockout_reasons_json, factors_json, explanation, oracle_status, created_at)
      SELECT gen_random_uuid()::text, ${key.runId}::text, f.miner_hotkey, ${key.taskId}::text, f.outcome, f.failure_mode,
        f.guidance, f.prompt_excerpt, f.response_excerpt, f.composite_score, f.knockout_reasons, f.factors, f.explanation,
        f.oracle_status, ${instant(key.now)}
      FROM (VALUES ${Prisma.join(rows.map((row) => feedbackValues(row)))})
        AS f(miner_hotkey, outcome, failure_mode, guidance, prompt_excerpt, response_excerpt, composite_score,
          knockout_reasons, factors, explanation, oracle_status)
      WHERE f.outcome IS NOT NULL
      ON CONFLICT (run_id, miner_hotkey, task_id) DO UPDATE SET outcome = excluded.outcome,
        failure_mode = excluded.failure_mode, guidance = excluded.guidance, prompt_excerpt = excluded.prompt_excerpt,
        response_excerpt = excluded.response_excerpt, composite_score = excluded.composite_score,
        knockout_reasons_json = excluded.knockout_reasons_json, factors_json = excluded.factors_json,
        explanation = excluded.explanation, oracle_status = excluded.oracle_status
    )
    ${endStatement(key, rows)}`;
}

/** The ends alone. What a row loses when it goes back to the pool is what `RETURNED_ROW` says. */
function endStatement(key: SettledKey, rows: readonly SettledRow[]): Prisma.Sql {
  return Prisma.sql`
    UPDATE miner_evaluation_tasks m SET status = e.status, status_reason = e.reason, judgment_count = e.judgments,
      official_composite = coalesce(e.composite, m.official_composite), verdict = coalesce(e.verdict, m.verdict),
      evaluated_at = CASE WHEN e.status = 'evaluated' THEN ${instant(key.now)} ELSE m.evaluated_at END,
      claimed_by_validator = CASE WHEN e.status = 'evaluated' THEN m.claimed_by_validator END,
      claimed_at = CASE WHEN e.status = 'evaluated' THEN m.claimed_at END,
      claim_expires_at = NULL, updated_at = ${instant(key.now)}
    FROM (VALUES ${Prisma.join(rows.map(({ end }) => endValues(end)))})
      AS e(id, status, reason, judgments, composite, verdict)
    WHERE m.id = e.id`;
}

function endValues(end: RowEnd): Prisma.Sql {
  return Prisma.sql`(${text(end.rowId)}, ${text(end.status)}, ${text(end.reason)}, ${end.judgmentCount}::int,
    ${number(end.officialComposite)}, ${text(end.verdict)})`;
}

function feedbackValues({ judgment, feedback }: SettledRow): Prisma.Sql {
  return Prisma.sql`(${text(judgment?.minerHotkey ?? null)}, ${text(feedback?.outcome ?? null)},
    ${text(feedback?.failureMode ?? null)}, ${text(feedback?.guidance ?? null)}, ${text(feedback?.promptExcerpt ?? null)},
    ${text(feedback?.responseExcerpt ?? null)}, ${number(feedback?.compositeScore ?? null)},
    ${maybeJson(feedback?.knockoutReasons)}, ${maybeJson(feedback && { ...feedback.factors, missing_claims: feedback.missingClaims })}, ${text(feedback?.explanation ?? null)},
    ${text(feedback?.oracleStatus ?? null)})`;
}

function judgmentValues(key: SettledKey, j: JudgmentColumns): Prisma.Sql {
  return Prisma.sql`(gen_random_uuid()::text, ${text(key.taskEvaluationId)}, ${text(j.rowId)}, ${text(key.runId)},
    ${text(key.familyId)}, ${text(key.taskId)}, ${text(j.minerHotkey)}, ${text(key.validatorHotkey)},
    ${key.fencing}::bigint, ${text(j.jobId)}, ${json(j.minerResponse)}, ${json(j.minerCitations)},
    ${maybeJson(j.judgeOutput)}, ${text(j.verdict)}, ${number(j.agreementScore)}, ${number(j.minerLatencySeconds)},
    ${number(j.latencySeconds)}, ${number(j.proxyCostUsd)}, ${number(j.judgeCostUsd)},
    ${number(j.pairwisePreferenceScore)}, ${number(j.groundedCorrectness)}, ${number(j.retrievalQuality)},
    ${number(j.toolRouting)}, ${number(j.instructionSafety)}, ${number(j.latencyCost)},
    ${number(j.computationCorrectness)}, ${number(j.finalTaskScore)}, ${maybeJson(j.appliedWeights)},
    ${maybeJson(j.applicableMetrics)}, ${text(j.taskType)}, ${number(j.officialComposite)}, ${json(j.compositeInput)},
    ${json(j.factors)}, ${json(j.attestedTools)}, ${number(j.attestedCostUsd)}, ${j.disputed}::boolean,
    ${instant(key.now)})`;
}
