/** Runs, weights, targets and aggregates as the wire shows them (api.md sections 3, 4.3 and 4.4). */
import { z } from 'zod';
import { jsonObject, wireTime } from './common';

const bundleSummary = z.object({
  kind: z.string(),
  task_count: z.int(),
  benchmark_version: z.string(),
  rubric_version: z.string(),
  categories: z.array(z.string()),
  difficulty_levels: z.array(z.string()),
  task_families: z.array(z.string()),
  evaluation_tracks: z.array(z.string()),
});

export const artifactRef = z
  .object({
    artifact_id: z.string(),
    sha256: z.string(),
    storage_uri: z.string(),
    size_bytes: z.int(),
    mime_type: z.string(),
    download_path: z.string(),
  })
  .meta({ id: 'ArtifactRef' });

const familyResult = z.object({
  family_id: z.string(),
  has_winner: z.boolean(),
  winner_deployment_id: z.string().nullable(),
  winner_submission_id: z.string().nullable(),
  winner_hotkey: z.string().nullable(),
  best_raw_score: z.number(),
  min_score: z.number(),
  top_deployment_ids: z.array(z.string()),
  metadata: jsonObject,
});

export const runPayload = z
  .object({
    run_id: z.string(),
    sequence: z.int(),
    status: z.string(),
    benchmark_version: z.string(),
    rubric_version: z.string(),
    judge_model: z.string(),
    started_at: wireTime,
    ends_at: wireTime,
    closed_at: wireTime.nullable(),
    min_scores: z.record(z.string(), z.number()),
    evaluation_bundle_summaries: z.record(z.string(), bundleSummary),
    evaluation_bundle_artifacts: z.record(z.string(), artifactRef),
    family_score_summaries: z.record(z.string(), jsonObject),
    family_results: z.record(z.string(), familyResult),
    /** Ours: where the run stands, by which formulas it is scored, and what its draw and scores are checked against. */
    phase: z.string(),
    scoring_version: z.int(),
    sampler_commitment: z.string().nullable(),
    /** The reveal of the commitment, once the run is completed. */
    sampler_seed: z.string().nullable(),
    evidence_sha256: z.string().nullable(),
  })
  .meta({ id: 'Run' });
export type RunPayload = z.output<typeof runPayload>;

/** What a family's records of one run come to; everything is null or zero before scoring. */
export interface FamilyScoreSummary {
  scored: number;
  eligible: number;
  topOfficial: number | null;
  topReliability: number | null;
  topServingSelection: number | null;
  winnerSubmissionId: string | null;
  winnerDeploymentId: string | null;
  selectionReason: string | null;
}

/** Keys of summaries that only the original's retired evaluators filled. */
export const LEGACY_ANALYST_KEYS = [
  'analyst_variant_scores',
  'analyst_variant_gate_status',
  'analyst_track_scores',
  'analyst_track_gate_status',
  'analyst_protocol_status',
  'analyst_truth_metrics',
  'analyst_trace_metrics',
  'analyst_anti_gaming_metrics',
  'analyst_failure_taxonomy',
] as const;

/** Fields of gates that are no longer run, the same wherever a family is summed up. */
export const LEGACY_GATE_FIELDS = {
  gate_passed_candidate_count: 0,
  consistency_passed_candidate_count: 0,
  top_candidate_gate_status: null,
  top_candidate_consistency_status: null,
  winner_gate_status: null,
  winner_gate_failures: [] as unknown[],
  winner_consistency_status: null,
};

export const emptyAnalyst = (): Record<(typeof LEGACY_ANALYST_KEYS)[number], Record<string, unknown>> =>
  Object.fromEntries(LEGACY_ANALYST_KEYS.map((key) => [key, {}])) as Record<
    (typeof LEGACY_ANALYST_KEYS)[number],
    Record<string, unknown>
  >;

/** The wire's form of a summary, every key of the original included. */
export function familyScoreSummaryPayload(summary: FamilyScoreSummary): Record<string, unknown> {
  return {
    official_scoring_version: null,
    scoring_policy_version: null,
    evaluation_path: null,
    top_runtime_contract_modes: {},
    scored_miner_count: summary.scored,
    eligible_scored_miner_count: summary.eligible,
    top_official_family_score: summary.topOfficial,
    top_reliability_score: summary.topReliability,
    top_serving_selection_score: summary.topServingSelection,
    workflow_product_diagnostics: {
      top_workflow_episode_count: null,
      top_hidden_episode_count: null,
      top_replay_episode_count: null,
      corpus_version: null,
      corpus_manifest_digest: null,
      workflow_composition_source: null,
      workflow_composition_revision: null,
    },
    ...emptyAnalyst(),
    winner_submission_id: summary.winnerSubmissionId,
    run_winner_deployment_id: summary.winnerDeploymentId,
    serving_selected_deployment_id: summary.winnerDeploymentId,
    serving_selection_reason: summary.selectionReason,
    ...LEGACY_GATE_FIELDS,
  };
}

const familyWinner = z.object({
  family_id: z.string(),
  winner_hotkey: z.string().nullable(),
  family_weight: z.number(),
  official_family_score: z.number().default(0),
});
export const familyWinners = z.array(familyWinner);
export const weightTable = z.record(z.string(), z.number());

export const weightsPayload = z
  .object({
    run_id: z.string().nullable(),
    weights: weightTable,
    family_winners: familyWinners,
    ready: z.boolean(),
    /** Digest of the run's evidence, from which anyone can compute these weights again. */
    evidence_sha256: z.string().nullable(),
    /** What `signature` covers. */
    digest: z.string().nullable(),
    signer_hotkey: z.string().nullable(),
    signature: z.string().nullable(),
  })
  .meta({ id: 'Weights' });

export const targetsQuery = z.object({
  run_id: z.string().optional(),
  epoch_id: z.string().optional(),
  benchmark_version: z.string().default('family_benchmark_v2'),
  rubric_version: z.string().default('family_rubric_v2'),
  judge_model: z.string().default('local-rubric-judge'),
});

export const targetsPayload = z
  .object({
    run_id: z.string(),
    family_id: z.string(),
    benchmark_version: z.string(),
    rubric_version: z.string(),
    judge_model: z.string(),
    status: z.string(),
    members: z.array(jsonObject),
    evaluation_bundle: jsonObject.nullable(),
    evaluation_bundle_artifact: artifactRef.nullable(),
    retrieval_environment: z.unknown(),
    allowed_tool_policy: z.unknown(),
    policy_version: z.unknown(),
  })
  .meta({ id: 'Targets' });

export const aggregatePayload = z
  .object({
    run_id: z.string(),
    family_id: z.string(),
    validator_submission_count: z.int(),
    required_quorum: z.int(),
    quorum_reached: z.boolean(),
    validators: z.array(z.string()),
    late_submission_count: z.int(),
    status: z.enum(['pending', 'aggregated']),
    aggregate_snapshot: jsonObject.nullable(),
    official_scoring_version: z.unknown(),
    scoring_policy_version: z.unknown(),
    scored_miner_count: z.int(),
    eligible_scored_miner_count: z.int(),
    top_official_family_score: z.number().nullable(),
    winner_submission_id: z.string().nullable(),
    gate_passed_candidate_count: z.int(),
    consistency_passed_candidate_count: z.int(),
    top_candidate_gate_status: z.unknown(),
    top_candidate_consistency_status: z.unknown(),
    winner_gate_status: z.unknown(),
    winner_gate_failures: z.array(z.unknown()),
    winner_consistency_status: z.unknown(),
    ...(Object.fromEntries(LEGACY_ANALYST_KEYS.map((key) => [key, jsonObject])) as Record<
      (typeof LEGACY_ANALYST_KEYS)[number],
      typeof jsonObject
    >),
  })
  .meta({ id: 'Aggregate' });

const taskCounts = z.object({
  pending: z.int(),
  claimed: z.int(),
  evaluated: z.int(),
  expired: z.int(),
  unscored: z.int(),
});
export type TaskCounts = z.output<typeof taskCounts>;

/** Live progress of a run; ours, for `eirel-ai run watch` and dashboards. Counts are per (miner, task). */
export const runProgressPayload = z
  .object({
    run_id: z.string(),
    sequence: z.int(),
    status: z.string(),
    phase: z.string(),
    /** What the run's workflow says it is doing; null when it cannot be asked. */
    reason: z.string().nullable(),
    /**
     * The step that keeps failing; null when none does, or when the workflow cannot be asked. Why is for the owner to
     * read (`/v1/admin/stuck`).
     */
    stuck: z
      .object({
        step: z.string(),
        failures: z.int(),
        since: wireTime,
        next_attempt: wireTime,
      })
      .nullable(),
    started_at: wireTime,
    ends_at: wireTime,
    paused_at: wireTime.nullable(),
    closed_at: wireTime.nullable(),
    remaining_seconds: z.number(),
    total: z.int(),
    tasks: taskCounts,
    /** Tasks whose truth oracles are asked for, by how far that is; those with a fixed answer are not among them. */
    oracles: z.object({ pending: z.int(), ready: z.int(), failed: z.int() }),
    /** USD so far, a few seconds old: models and tools of the agents, oracles of the owner, judges of the validators. */
    spend: z.object({
      models_usd: z.number(),
      tools_usd: z.number(),
      oracles_usd: z.number(),
      judges_usd: z.number(),
      /** Calls that were refused because a budget was used up. */
      refused_calls: z.int(),
    }),
    miners: z.array(
      z.object({
        miner_hotkey: z.string(),
        deployment_id: z.string(),
        tasks: taskCounts,
        mean_score: z.number().nullable(),
      }),
    ),
    leases: z.array(
      z.object({
        task_id: z.string(),
        validator_hotkey: z.string(),
        miner_count: z.int(),
        claimed_at: wireTime,
        expires_at: wireTime,
      }),
    ),
    validators: z.array(
      z.object({
        validator_hotkey: z.string(),
        active_leases: z.int(),
        judgments: z.int(),
        last_seen_at: wireTime.nullable(),
      }),
    ),
  })
  .meta({ id: 'RunProgress' });
