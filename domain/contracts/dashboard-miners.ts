/** Public pages about one miner, and what judging costs (api.md section 4.13). */
import { z } from 'zod';
import { queryInt, wireTime } from './common';
import { leaderboardMetrics } from './dashboard';

const family_id = z.string().default('general_chat');
const page = (max: number, fallback: number) => ({
  limit: queryInt({ min: 1, max, fallback }),
  offset: queryInt({ min: 0, fallback: 0 }),
});

export const minerParams = z.object({ hotkey: z.string().min(1).max(128) });
export const minerRunParams = minerParams.extend({ run: z.string() });
export const dashboardRunParams = z.object({ run: z.string() });
export const familyQuery = z.object({ family_id });
export const minerRunsQuery = z.object({ family_id, ...page(200, 20) });
export const runsQuery = z.object({ family_id, ...page(200, 20) });

/** One run of a miner, without its tasks. */
export const minerRunEntry = z.object({
  run_id: z.string(),
  epoch_sequence: z.int(),
  status: z.string(),
  /** Null while nothing is judged. */
  official_score: z.number().nullable(),
  metrics: leaderboardMetrics,
  total_tasks: z.int(),
  submission_id: z.string().nullable(),
});

export const minerRunsPayload = z
  .object({ miner_hotkey: z.string(), family_id: z.string(), runs: z.array(minerRunEntry) })
  .meta({ id: 'MinerRuns' });

const score = z.number().nullable();
const text = z.string().nullable();
const anything = z.unknown();

/** One task of a miner; what was asked and answered is null while the run is open (decision 25). */
export const minerTaskEntry = z.object({
  task_id: z.string(),
  mode: z.string(),
  category: z.string(),
  difficulty: text,
  web_search: z.boolean(),
  validator_hotkey: text,
  task_status: z.string(),
  evaluated_at: wireTime.nullable(),
  prompt: text,
  turn_count: z.int(),
  user_turns: z.array(z.string()),
  miner_response: anything,
  baseline_response_text: text,
  agreement_verdict: text,
  agreement_score: score,
  miner_citations: z.array(anything),
  baseline_citations: z.array(anything),
  latency_ms: z.int(),
  judge_rationale: text,
  task_type: text,
  pairwise_preference_score: score,
  grounded_correctness: score,
  retrieval_quality: score,
  tool_routing: score,
  instruction_safety: score,
  latency_cost: score,
  computation_correctness: score,
  final_task_score: score,
  applied_weights: anything,
  applicable_metrics: anything,
  pairwise_breakdown: anything,
  oracle_source: text,
  oracle_status: text,
  oracle_disagreement_note: text,
  vendor_status: anything,
  composite_score: score,
  composite_knockout_reason: text,
  weighted_sum_score: score,
  eval_outcome: text,
  eval_failure_mode: text,
  eval_guidance: text,
  ledger_tools: z.array(z.string()),
  capability: text,
  domain: text,
});

export const minerRunPayload = minerRunEntry
  .extend({ tasks: z.array(minerTaskEntry) })
  .meta({ id: 'MinerRun' });

export const minerPayload = z
  .object({
    hotkey: z.string(),
    hotkey_short: z.string(),
    family_id: z.string(),
    submission_id: text,
    submission_status: text,
    submission_reason: text,
    agent_name: text,
    agent_version: text,
    artifact_sha256: text,
    deployment_id: text,
    deployment_status: text,
    health_status: text,
    epochs_participated: z.int(),
    win_count: z.int(),
    current_run: minerRunEntry.nullable(),
  })
  .meta({ id: 'Miner' });

export const dashboardRunsPayload = z
  .object({
    family_id: z.string(),
    runs: z.array(
      z.object({
        run_id: z.string(),
        sequence: z.int(),
        status: z.string(),
        started_at: wireTime,
        ends_at: wireTime,
        closed_at: wireTime.nullable(),
        winner_hotkey: text,
        best_raw_score: score,
      }),
    ),
  })
  .meta({ id: 'DashboardRuns' });

const usd = z.number();
export const validatorCostsPayload = z
  .object({
    run_id: z.string(),
    validators: z.array(
      z.object({
        validator_hotkey: z.string(),
        tasks_claimed: z.int(),
        tasks_evaluated: z.int(),
        oracle_cost_usd: usd,
        judge_cost_usd: usd,
        total_cost_usd: usd,
      }),
    ),
    total_oracle_cost_usd: usd,
    total_judge_cost_usd: usd,
    total_cost_usd: usd,
  })
  .meta({ id: 'ValidatorCosts' });
