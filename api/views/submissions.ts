/** Rows of submissions and deployments as the wire shows them. */
import type { SubmissionRow } from '../../adapters/postgres/submissions';
import type {
  DeploymentHealthEventModel,
  ManagedDeploymentModel,
} from '../../adapters/postgres/generated/models';
import { ELIGIBLE_DEPLOYMENT_STATUSES } from '../../domain/contracts/deployments';
import type { DeploymentPayload } from '../../domain/contracts/deployments';
import type { ScorecardPayload } from '../../domain/contracts/scorecards';
import type { SubmissionPayload } from '../../domain/contracts/submissions';
import { naiveIso } from '../../domain/time';

type JsonObject = Record<string, unknown>;

export function deploymentView(row: ManagedDeploymentModel): DeploymentPayload {
  return {
    id: row.id,
    submission_id: row.submissionId,
    miner_hotkey: row.minerHotkey,
    family_id: row.familyId,
    deployment_revision: row.deploymentRevision,
    image_ref: row.imageRef,
    endpoint: row.endpoint,
    status: row.status,
    health_status: row.healthStatus,
    health_details: row.healthDetailsJson as JsonObject,
    requested_cpu_millis: row.requestedCpuMillis,
    requested_memory_bytes: Number(row.requestedMemoryBytes),
    placement_status: row.placementStatus,
    assigned_node_name: row.assignedNodeName,
    assigned_cpu_millis: row.assignedCpuMillis,
    assigned_memory_bytes: Number(row.assignedMemoryBytes),
    placement_error: row.placementErrorText,
    latency_ms_p50: row.latencyMsP50,
    is_active: row.isActive,
    is_eligible: ELIGIBLE_DEPLOYMENT_STATUSES.includes(row.status),
    is_draining: row.status === 'draining',
    active_set_rank: row.activeSetRank,
    benchmark_version: row.benchmarkVersion,
    rubric_version: row.rubricVersion,
    judge_model: row.judgeModel,
    created_at: naiveIso(row.createdAt),
    updated_at: naiveIso(row.updatedAt),
  };
}

export function submissionView(row: SubmissionRow, scorecard: ScorecardPayload | null): SubmissionPayload {
  const deployment = row.deployments[0];
  return {
    id: row.id,
    miner_hotkey: row.minerHotkey,
    submission_seq: row.submissionSeq,
    family_id: row.familyId,
    introduced_run_id: row.introducedRunId,
    status: row.status,
    submission_block: Number(row.submissionBlock),
    manifest: row.manifestJson as JsonObject,
    archive_sha256: row.archiveSha256,
    created_at: naiveIso(row.createdAt),
    updated_at: naiveIso(row.updatedAt),
    deployment: deployment ? deploymentView(deployment) : null,
    latest_scorecard_summary: scorecard,
  };
}

/** `built`, `build_failed`, `verifying` or `pending`: the words that the SDK's status command knows. */
export function buildStatus(row: SubmissionRow): { build_status: string; build_error: string | null } {
  const deployment = row.deployments[0];
  const details = (deployment?.healthDetailsJson ?? {}) as JsonObject;
  const failed =
    row.status === 'build_failed' || row.status === 'rejected' || deployment?.status === 'build_failed';
  if (failed) return { build_status: 'build_failed', build_error: row.statusReason };
  if (details.build === 'built') return { build_status: 'built', build_error: null };
  if (row.status === 'building') return { build_status: 'verifying', build_error: null };
  // A build that waits for the owner to mend something says so, and does not use up the cap.
  return { build_status: 'pending', build_error: row.countsForCap ? null : row.statusReason };
}

export function healthEventView(row: DeploymentHealthEventModel) {
  return {
    status: row.status,
    reason: row.reason,
    details: row.detailsJson as JsonObject,
    created_at: naiveIso(row.createdAt),
  };
}
