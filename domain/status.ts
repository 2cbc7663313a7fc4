/** Every status of the product and the moves between them (data-model.md section 3, decisions.md). */

export const FAMILIES = ['general_chat'] as const;
export type FamilyId = (typeof FAMILIES)[number];
/** The families that the subnet launches with: no other is taken in launch mode, whatever is active. */
export const LAUNCH_FAMILIES: readonly FamilyId[] = ['general_chat'];

export const RUN_STATUSES = ['scheduled', 'open', 'completed'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/**
 * What the run's workflow is doing; the wire only shows `RunStatus`.
 * `running` is the only phase in which tasks are claimed; `paused` and `draining` still accept results.
 */
export const RUN_PHASES = [
  'scheduled',
  'opening',
  'deploying',
  'running',
  'paused',
  'draining',
  'aggregating',
  'publishing',
  'completed',
] as const;
export type RunPhase = (typeof RUN_PHASES)[number];

export const SUBMISSION_STATUSES = [
  'received',
  'building',
  'pending_capacity',
  'deployed_for_eval',
  'build_failed',
  'rejected',
  'withdrawn',
  'retired',
] as const;
export type SubmissionStatus = (typeof SUBMISSION_STATUSES)[number];
export const TERMINAL_SUBMISSION_STATUSES: readonly SubmissionStatus[] = [
  'build_failed',
  'rejected',
  'withdrawn',
  'retired',
];

export const DEPLOYMENT_STATUSES = [
  'queued',
  'received',
  'pending_capacity',
  'building',
  'build_failed',
  'deployed_for_eval',
  'eligible',
  'active',
  'unhealthy',
  'draining',
  'standby_cold',
  'retired',
] as const;
export type DeploymentStatus = (typeof DEPLOYMENT_STATUSES)[number];

/** runtime-and-tools.md section 2.6, and `standby_cold` from wherever nothing serves: a drain needs no wait there. */
const DEPLOYMENT_MOVES: Record<DeploymentStatus, readonly DeploymentStatus[]> = {
  queued: ['received', 'retired'],
  received: ['building', 'pending_capacity', 'build_failed', 'standby_cold', 'retired'],
  pending_capacity: ['building', 'standby_cold', 'retired'],
  building: ['deployed_for_eval', 'build_failed', 'pending_capacity', 'standby_cold', 'retired'],
  build_failed: ['building', 'retired'],
  deployed_for_eval: ['eligible', 'active', 'unhealthy', 'retired', 'draining', 'standby_cold', 'building'],
  eligible: ['active', 'unhealthy', 'retired', 'draining', 'standby_cold', 'building'],
  active: ['unhealthy', 'retired', 'draining', 'standby_cold', 'eligible', 'building'],
  unhealthy: ['building', 'retired', 'deployed_for_eval', 'standby_cold'],
  draining: ['standby_cold', 'retired', 'active'],
  standby_cold: ['active', 'retired', 'building', 'draining'],
  retired: [],
};

/** Whether a deployment may go from one status to another; staying where it is is always allowed. */
export function deploymentMayMove(from: DeploymentStatus, to: DeploymentStatus): boolean {
  return from === to || DEPLOYMENT_MOVES[from].includes(to);
}

/**
 * Whether one start of the agent leads from one status to another: a start passes through `building` (and, into the
 * active set, through `deployed_for_eval`), but only its end is written.
 */
export function deploymentMayReachByStart(from: DeploymentStatus, to: DeploymentStatus): boolean {
  if (!deploymentMayMove(from, 'building')) return false;
  return deploymentMayMove('building', to) || (to === 'active' && deploymentMayMove('deployed_for_eval', to));
}

export const HEALTH_STATUSES = [
  'queued',
  'starting',
  'healthy',
  'unhealthy',
  'pending_capacity',
  'retired',
] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

export const PLACEMENT_STATUSES = [
  'queued',
  'pending',
  'pending_capacity',
  'assigned',
  'running',
  'draining',
  'released',
] as const;
export type PlacementStatus = (typeof PLACEMENT_STATUSES)[number];

/** Statuses in which a healthy deployment is offered to validators. */
export const SERVABLE_DEPLOYMENT_STATUSES: readonly DeploymentStatus[] = [
  'deployed_for_eval',
  'eligible',
  'active',
];

export const SNAPSHOT_STATUSES = ['pending_deployments', 'open', 'scored'] as const;
export type SnapshotStatus = (typeof SNAPSHOT_STATUSES)[number];

export const TASK_STATUSES = ['pending', 'claimed', 'evaluated', 'expired', 'unscored'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export const CLAIM_STATUSES = ['claimed', 'settled', 'released', 'expired'] as const;
export type ClaimStatus = (typeof CLAIM_STATUSES)[number];

export const ENRICHMENT_STATUSES = ['deterministic', 'pending', 'ready', 'failed'] as const;
export type EnrichmentStatus = (typeof ENRICHMENT_STATUSES)[number];
/** Tasks are handed out only once their truth is settled. */
export const CLAIMABLE_ENRICHMENT: readonly EnrichmentStatus[] = ['deterministic', 'ready'];

/** Tool names as they are recorded, and the one alias that is accepted on input (decision 3). */
export const TOOL_NAMES = [
  'web_search',
  'web_search.open_page',
  'url_fetch',
  'sandbox_python',
  'rag.retrieve',
] as const;
export type ToolName = (typeof TOOL_NAMES)[number];

/** The name under which a tool call is recorded: `sandbox` is the older name of `sandbox_python`. */
export function recordedToolName(name: string): string {
  return name === 'sandbox' ? 'sandbox_python' : name;
}
