/**
 * A miner's score in one run, with every key that clients of the original read (api.md section 3, Scorecard). The
 * legacy keys are read from the record's metadata and are null or empty for records written today.
 */
import { z } from 'zod';
import { jsonObject, wireTime } from './common';

const LEGACY_NULL = [
  'evaluation_path',
  'evaluation_plane',
  'protocol_suite_id',
  'protocol_contract_pass_rate',
  'fixture_episode_count',
  'hidden_fixture_count',
  'official_scoring_version',
  'scoring_policy_version',
  'benchmark_version',
  'rubric_version',
  'agent_gpa_score',
  'deer_score',
  'ledger_truth_score',
  'localized_failure_count',
  'primary_failure_stage',
  'judge_score',
  'calibration_policy_version',
  'promotion_gate_status',
  'consistency_policy_version',
  'consistency_gate_status',
] as const;
const LEGACY_LIST = [
  'protocol_fixture_ids',
  'protocol_gate_failures',
  'localized_failure_labels',
  'promotion_gate_failures',
  'consistency_gate_failures',
  'recent_gate_history',
] as const;
const LEGACY_OBJECT = [
  'runtime_contract_modes',
  'agent_gpa_breakdown',
  'deer_breakdown',
  'ledger_truth_breakdown',
  'paper_deer_dimensions',
  'paper_deer_subdimensions',
  'evaluation_breakdown',
  'family_diagnostics',
  'analyst_variant_scores',
  'analyst_variant_diagnostics',
  'analyst_track_scores',
  'analyst_track_gate_status',
  'analyst_protocol_status',
  'analyst_truth_metrics',
  'analyst_trace_metrics',
  'analyst_anti_gaming_metrics',
  'analyst_failure_taxonomy',
  'failure_taxonomy',
  'artifact_evaluation_summary',
  'promotion_gate_metrics',
  'analyst_variant_gate_status',
] as const;

const diagnostics = z.object({
  workflow_episode_count: z.unknown(),
  public_episode_count: z.unknown(),
  hidden_episode_count: z.unknown(),
  replay_episode_count: z.unknown(),
  workflow_spec_ids: z.array(z.unknown()),
  corpus_version: z.unknown(),
  corpus_manifest_digest: z.unknown(),
  workflow_slice_id: z.unknown(),
  workflow_composition_source: z.unknown(),
  workflow_composition_revision: z.unknown(),
  workflow_composition_registry_url: z.unknown(),
  workflow_composition_reason: z.unknown(),
});
const NO_DIAGNOSTICS = {
  workflow_episode_count: null,
  public_episode_count: null,
  hidden_episode_count: null,
  replay_episode_count: null,
  workflow_spec_ids: [],
  corpus_version: null,
  corpus_manifest_digest: null,
  workflow_slice_id: null,
  workflow_composition_source: null,
  workflow_composition_revision: null,
  workflow_composition_registry_url: null,
  workflow_composition_reason: null,
};

const shapeOf = <K extends string, T extends z.ZodType>(keys: readonly K[], type: T): Record<K, T> =>
  Object.fromEntries(keys.map((key) => [key, type])) as Record<K, T>;

export const scorecardPayload = z
  .object({
    run_id: z.string(),
    family_id: z.string(),
    deployment_id: z.string(),
    submission_id: z.string(),
    miner_hotkey: z.string(),
    created_at: wireTime,
    raw_score: z.number(),
    family_capability_score: z.number(),
    robustness_score: z.number(),
    anti_gaming_score: z.number(),
    official_family_score: z.number(),
    protocol_gate_passed: z.boolean(),
    reliability_score: z.number(),
    serving_selection_score: z.number(),
    ...shapeOf(LEGACY_NULL, z.unknown()),
    ...shapeOf(LEGACY_LIST, z.array(z.unknown())),
    ...shapeOf(LEGACY_OBJECT, jsonObject),
    workflow_product_diagnostics: diagnostics,
    is_eligible: z.boolean(),
    qualifies_for_incentives: z.boolean(),
    rank: z.int().nullable(),
    reward_rank: z.int().nullable(),
    serving_rank: z.int().nullable(),
    is_run_winner: z.boolean(),
    is_serving_selected: z.boolean(),
    serving_selection_reason: z.string().nullable(),
    run_winner_deployment_id: z.string().nullable(),
    serving_selected_deployment_id: z.string().nullable(),
  })
  .meta({ id: 'Scorecard' });
export type ScorecardPayload = z.output<typeof scorecardPayload>;

export interface ScorecardInput {
  runId: string;
  familyId: string;
  deploymentId: string;
  submissionId: string;
  minerHotkey: string;
  /** As of `naiveIso`. */
  createdAt: string;
  rawScore: number;
  isEligible: boolean;
  metadata: Record<string, unknown>;
  /** Place among the family's records of the run, from 1; null when it was not ranked. */
  rank: number | null;
  winnerDeploymentId: string | null;
  selectionReason: string | null;
  /** Family minimum of the run; null when the run has not closed, so that nobody qualifies yet. */
  minScore: number | null;
}

const clamp01 = (value: number): number => Math.min(1, Math.max(0, value));

/**
 * The scorecard of a score record: official = metadata or raw, reliability = mean of robustness and anti-gaming,
 * serving selection = clamp01(0.85 official + 0.15 reliability) (api.md section 3).
 */
export function scorecardOf(input: ScorecardInput): ScorecardPayload {
  const { metadata } = input;
  const numberOf = (key: string, fallback: number): number => {
    const value = metadata[key];
    return typeof value === 'number' && Number.isFinite(value) ? value : fallback;
  };
  const official = numberOf('official_family_score', input.rawScore);
  const robustness = numberOf('robustness_score', 1);
  const antiGaming = numberOf('anti_gaming_score', 1);
  const reliability = numberOf('reliability_score', (robustness + antiGaming) / 2);
  const isWinner = input.winnerDeploymentId === input.deploymentId;
  return {
    run_id: input.runId,
    family_id: input.familyId,
    deployment_id: input.deploymentId,
    submission_id: input.submissionId,
    miner_hotkey: input.minerHotkey,
    created_at: input.createdAt,
    raw_score: input.rawScore,
    family_capability_score: numberOf('family_capability_score', official),
    robustness_score: robustness,
    anti_gaming_score: antiGaming,
    official_family_score: official,
    protocol_gate_passed: metadata.protocol_gate_passed === true,
    reliability_score: reliability,
    serving_selection_score: clamp01(0.85 * official + 0.15 * reliability),
    ...legacyValues(metadata),
    workflow_product_diagnostics: { ...NO_DIAGNOSTICS },
    is_eligible: input.isEligible,
    qualifies_for_incentives: input.minScore !== null && input.isEligible && official >= input.minScore,
    rank: input.rank,
    reward_rank: input.rank,
    serving_rank: input.rank,
    is_run_winner: isWinner,
    is_serving_selected: isWinner,
    serving_selection_reason: isWinner ? input.selectionReason : null,
    run_winner_deployment_id: input.winnerDeploymentId,
    serving_selected_deployment_id: input.winnerDeploymentId,
  };
}

type LegacyValues = Record<(typeof LEGACY_NULL)[number], unknown> &
  Record<(typeof LEGACY_LIST)[number], unknown[]> &
  Record<(typeof LEGACY_OBJECT)[number], Record<string, unknown>>;

function legacyValues(metadata: Record<string, unknown>): LegacyValues {
  const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  return Object.fromEntries([
    ...LEGACY_NULL.map((key) => [key, metadata[key] ?? null]),
    ...LEGACY_LIST.map((key) => [key, Array.isArray(metadata[key]) ? metadata[key] : []]),
    ...LEGACY_OBJECT.map((key) => [key, isObject(metadata[key]) ? metadata[key] : {}]),
  ]) as LegacyValues;
}
