/** Public pages: leaderboard, overview, families, source viewer (api.md section 4.13). */
import { z } from 'zod';
import { pageQuery, queryInt, wireTime } from './common';
import { factorMeans, runCosts } from './public-record';

export const leaderboardQuery = pageQuery.extend({
  family_id: z.string().default('general_chat'),
  run_id: z.string().optional(),
});

export const leaderboardMetrics = z.object({
  mean_task_score: z.number().nullable(),
  mean_agreement: z.number().nullable(),
  mean_pairwise_preference: z.number().nullable(),
  mean_grounded_correctness: z.number().nullable(),
  mean_retrieval_quality: z.number().nullable(),
  mean_tool_routing: z.number().nullable(),
  mean_instruction_safety: z.number().nullable(),
  mean_latency_cost: z.number().nullable(),
  mean_computation_correctness: z.number().nullable(),
  tasks_with_pairwise: z.int(),
  tasks_with_grounded: z.int(),
  tasks_with_retrieval: z.int(),
  tasks_with_tool_routing: z.int(),
  tasks_with_safety: z.int(),
  tasks_with_latency_cost: z.int(),
  tasks_with_computation_correctness: z.int(),
  matches_count: z.int(),
  partially_matches_count: z.int(),
  not_applicable_count: z.int(),
  contradicts_count: z.int(),
  gate_knockout_count: z.int(),
  error_rate: z.number(),
  reliable: z.boolean(),
});
export type LeaderboardMetrics = z.output<typeof leaderboardMetrics>;

export const leaderboardEntry = z.object({
  rank: z.int(),
  hotkey: z.string(),
  hotkey_short: z.string(),
  agent_name: z.string().nullable(),
  agent_version: z.string().nullable(),
  artifact_sha256: z.string().nullable(),
  raw_score: z.number(),
  is_serving_winner: z.boolean(),
  is_running: z.boolean(),
  trend: z.enum(['up', 'down', 'stable', 'new']),
  previous_rank: z.int().nullable(),
  metrics: leaderboardMetrics,
  epochs_participated: z.int(),
  win_count: z.int(),
  /** Ours: what the score is of, so that a public archive can be found and a zero told from a gap. */
  submission_id: z.string().nullable(),
  deployment_id: z.string().nullable(),
  tasks_total: z.int(),
  tasks_answered: z.int(),
  /** Where the score came from; null before the first judged answer. */
  factors: factorMeans.nullable(),
  costs: runCosts,
});

export const leaderboardPayload = z
  .object({
    run_id: z.string().nullable(),
    run_sequence: z.int().nullable(),
    run_status: z.string().nullable(),
    family_id: z.string(),
    total: z.int(),
    entries: z.array(leaderboardEntry),
  })
  .meta({ id: 'Leaderboard' });

export const overviewPayload = z
  .object({
    total_miners: z.int(),
    active_validators: z.int(),
    total_families: z.int(),
    netuid: z.int(),
    network: z.string(),
    current_run_id: z.string().nullable(),
    current_run_sequence: z.int().nullable(),
    current_run_status: z.string().nullable(),
    current_run_started_at: wireTime.nullable(),
    current_run_ends_at: wireTime.nullable(),
    queued_submissions: z.int(),
    evaluating_submissions: z.int(),
    completed_submissions: z.int(),
    retired_submissions: z.int(),
    build_failed_submissions: z.int(),
  })
  .meta({ id: 'Overview' });

export const familiesPayload = z
  .object({
    families: z.array(
      z.object({ id: z.string(), label: z.string(), weight: z.number(), active: z.boolean() }),
    ),
  })
  .meta({ id: 'Families' });

export const queuedQuery = z.object({ limit: queryInt({ min: 1, max: 500, fallback: 200 }) });
/** Submissions that are not in a run yet, newest first. */
export const queuedPayload = z
  .object({
    total: z.int(),
    submissions: z.array(
      z.object({
        submission_id: z.string(),
        hotkey: z.string(),
        hotkey_short: z.string(),
        family_id: z.string(),
        agent_name: z.string().nullable(),
        agent_version: z.string().nullable(),
        artifact_sha256: z.string(),
        status: z.string(),
        submitted_at: wireTime,
        submission_block: z.int(),
      }),
    ),
  })
  .meta({ id: 'QueuedSubmissions' });

export const publicArchiveParams = z.object({ run: z.string(), sid: z.string() });
export const publicFileParams = publicArchiveParams.extend({ path: z.string() });
export const fileListPayload = z
  .object({
    run_id: z.string(),
    submission_id: z.string(),
    archive_sha256: z.string(),
    files: z.array(z.object({ path: z.string(), size_bytes: z.int() })),
  })
  .meta({ id: 'ArchiveFiles' });
export const filePayload = z
  .object({ path: z.string(), size_bytes: z.int(), content: z.string() })
  .meta({ id: 'ArchiveFile' });
