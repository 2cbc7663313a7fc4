/** Runs as the wire shows them. */
import { familySummaries, type RunRow } from '../../adapters/postgres/runs-read';
import type { PrismaClient } from '../../adapters/postgres';
import { familyScoreSummaryPayload } from '../../domain/contracts/runs';
import type { FamilyScoreSummary, RunPayload } from '../../domain/contracts/runs';
import { naiveIso, naiveIsoOrNull } from '../../domain/time';

type JsonObject = Record<string, unknown>;

const NOT_SCORED: FamilyScoreSummary = {
  scored: 0,
  eligible: 0,
  topOfficial: null,
  topReliability: null,
  topServingSelection: null,
  winnerSubmissionId: null,
  winnerDeploymentId: null,
  selectionReason: null,
};

/** @param families the active families, each of which has a summary whether scored or not */
export async function runViews(
  db: PrismaClient,
  rows: readonly RunRow[],
  families: readonly string[],
): Promise<RunPayload[]> {
  const summaries = await familySummaries(
    db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => runView(row, families, summaries.get(row.id) ?? new Map()));
}

function runView(
  row: RunRow,
  families: readonly string[],
  summaries: ReadonlyMap<string, FamilyScoreSummary>,
): RunPayload {
  const metadata = row.metadataJson as JsonObject;
  const closed = row.status === 'completed';
  return {
    run_id: row.id,
    sequence: row.sequence,
    status: row.status,
    benchmark_version: row.benchmarkVersion,
    rubric_version: row.rubricVersion,
    judge_model: row.judgeModel,
    started_at: naiveIso(row.startedAt),
    ends_at: naiveIso(row.endsAt),
    closed_at: naiveIsoOrNull(row.closedAt),
    min_scores: row.minScoresJson as Record<string, number>,
    evaluation_bundle_summaries: (metadata.evaluation_bundle_summaries ??
      {}) as RunPayload['evaluation_bundle_summaries'],
    evaluation_bundle_artifacts: bundleArtifacts(metadata.evaluation_bundle_artifacts),
    family_score_summaries: Object.fromEntries(
      families.map((family) => [family, familyScoreSummaryPayload(summaries.get(family) ?? NOT_SCORED)]),
    ),
    // A result is shown only once the run is closed: until then it may still change.
    family_results: closed
      ? Object.fromEntries(row.familyResults.map((result) => [result.familyId, resultView(result)]))
      : {},
    phase: row.phase,
    scoring_version: row.scoringVersion,
    sampler_commitment: row.samplerCommitment,
    sampler_seed: closed ? row.samplerSeed : null,
    evidence_sha256: closed ? row.evidenceSha256 : null,
  };
}

function resultView(result: RunRow['familyResults'][number]): RunPayload['family_results'][string] {
  return {
    family_id: result.familyId,
    has_winner: result.hasWinner,
    winner_deployment_id: result.winnerDeploymentId,
    winner_submission_id: result.winnerSubmissionId,
    winner_hotkey: result.winnerHotkey,
    best_raw_score: result.bestRawScore,
    min_score: result.minScore,
    top_deployment_ids: result.topDeploymentIdsJson as string[],
    metadata: result.metadataJson as JsonObject,
  };
}

/** Completes what is stored of a bundle's artifact with what follows from its id. */
export function bundleArtifacts(stored: unknown): RunPayload['evaluation_bundle_artifacts'] {
  const artifacts = (stored ?? {}) as Record<
    string,
    Partial<RunPayload['evaluation_bundle_artifacts'][string]>
  >;
  return Object.fromEntries(
    Object.entries(artifacts).map(([family, artifact]) => [
      family,
      {
        artifact_id: artifact.artifact_id ?? '',
        sha256: artifact.sha256 ?? '',
        storage_uri: artifact.storage_uri ?? '',
        size_bytes: artifact.size_bytes ?? 0,
        mime_type: artifact.mime_type ?? 'application/json',
        download_path: artifact.download_path ?? `/v1/internal/artifacts/${artifact.artifact_id ?? ''}`,
      },
    ]),
  );
}
