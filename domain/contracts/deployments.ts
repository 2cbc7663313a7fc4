/** Deployments as the wire shows them (api.md section 3, Deployment). */
import { z } from 'zod';
import { jsonObject, wireTime } from './common';

/** Statuses in which a deployment counts as eligible on the wire. */
export const ELIGIBLE_DEPLOYMENT_STATUSES: readonly string[] = [
  'eligible',
  'active',
  'standby_cold',
  'draining',
];

export const deploymentPayload = z
  .object({
    id: z.string(),
    submission_id: z.string(),
    miner_hotkey: z.string(),
    family_id: z.string(),
    deployment_revision: z.string(),
    image_ref: z.string(),
    endpoint: z.string(),
    status: z.string(),
    health_status: z.string(),
    health_details: jsonObject,
    requested_cpu_millis: z.int(),
    requested_memory_bytes: z.int(),
    placement_status: z.string(),
    assigned_node_name: z.string().nullable(),
    assigned_cpu_millis: z.int(),
    assigned_memory_bytes: z.int(),
    placement_error: z.string().nullable(),
    latency_ms_p50: z.int(),
    is_active: z.boolean(),
    is_eligible: z.boolean(),
    is_draining: z.boolean(),
    active_set_rank: z.int().nullable(),
    benchmark_version: z.string(),
    rubric_version: z.string(),
    judge_model: z.string(),
    created_at: wireTime,
    updated_at: wireTime,
  })
  .meta({ id: 'Deployment' });
export type DeploymentPayload = z.output<typeof deploymentPayload>;

export const healthEventPayload = z
  .object({ status: z.string(), reason: z.string().nullable(), details: jsonObject, created_at: wireTime })
  .meta({ id: 'DeploymentHealthEvent' });
