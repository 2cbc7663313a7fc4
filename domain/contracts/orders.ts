/** What an operator's order says, and what came of it (the steering of runs, submissions, deployments, tasks, weights). */
import { z } from 'zod';
import { queryInt, wireTime } from './common';

/** Who steers through the API: why, by which way, and under which id of their own. */
export const orderBody = z.object({
  reason: z.string().max(500).default(''),
  /** Says what would happen and changes nothing. */
  dry_run: z.boolean().default(false),
  /** An order sent again under the same id is not carried out again. */
  order_id: z
    .string()
    .regex(/^[A-Za-z0-9-]{8,36}$/, 'must be 8 to 36 letters, digits or dashes, such as a UUID')
    .optional(),
  via: z.enum(['api', 'cli']).default('api'),
});

export const NO_ORDER = { reason: '', dry_run: false, via: 'api' as const };
/** An empty body orders without a reason. */
export const plainOrder = orderBody.optional().transform((body) => body ?? NO_ORDER);
/** A ban says why: its hotkey is told. */
export const banBody = orderBody.extend({ reason: z.string().trim().min(1).max(500) });
export const cancelBody = orderBody.extend({
  run_id: z.string().regex(/^run-\d+$/, 'must be the id of a run, such as run-7'),
  hotkey: z
    .string()
    .regex(/^[1-9A-HJ-NP-Za-km-z]{40,64}$/, 'must be an SS58 address')
    .optional(),
});

const done = {
  action: z.string(),
  /** False when it was so already, or for a dry run. */
  changed: z.boolean(),
  dry_run: z.boolean(),
  message: z.string(),
};
export const banPayload = z
  .object({ submission_id: z.string(), hotkey: z.string(), withdrawn: z.array(z.string()), ...done })
  .meta({ id: 'Ban' });
export const unbanPayload = z.object({ hotkey: z.string(), ...done }).meta({ id: 'Unban' });
export const deploymentOrderPayload = z
  .object({ deployment_id: z.string(), status: z.string(), open_leases: z.int(), ...done })
  .meta({ id: 'DeploymentOrder' });
export const reEnrichPayload = z
  .object({ run_id: z.string(), task_id: z.string(), enrichment_status: z.string(), ...done })
  .meta({ id: 'ReEnrichment' });
export const cancelPayload = z
  .object({ run_id: z.string(), publications: z.array(z.string()), ...done })
  .meta({ id: 'PublicationCancel' });
export const publishPayload = z
  .object({ run_id: z.string(), publications: z.array(z.string()), ...done })
  .meta({ id: 'PublicationStart' });

export const actionsQuery = z.object({
  target: z.string().max(255).optional(),
  limit: queryInt({ min: 1, max: 200, fallback: 50 }),
});
/** One row of the audit. */
export const actionPayload = z
  .object({
    id: z.string(),
    at: wireTime,
    actor: z.string(),
    via: z.string(),
    action: z.string(),
    target: z.string(),
    reason: z.string(),
    request: z.record(z.string(), z.unknown()),
    outcome: z.string(),
    message: z.string(),
  })
  .meta({ id: 'OperatorAction' });
export const bannedPayload = z
  .object({ hotkey: z.string(), reason: z.string(), banned_by: z.string(), banned_at: wireTime })
  .meta({ id: 'BannedHotkey' });

/** A workflow that something keeps from going on. */
export const stuckPayload = z
  .object({
    workflow_id: z.string(),
    kind: z.string().nullable(),
    status: z.string().nullable(),
    run_id: z.string().nullable(),
    hotkey: z.string().nullable(),
    step: z.string(),
    /** Why, as much of it as fits a search attribute; the Web UI has all of it. */
    reason: z.string(),
    started_at: wireTime,
  })
  .meta({ id: 'StuckWorkflow' });

export const enrichmentsQuery = z.object({ status: z.enum(['pending', 'ready', 'failed']).optional() });
/** One task whose truth oracles are asked for. */
export const enrichmentPayload = z
  .object({
    task_id: z.string(),
    task_index: z.int(),
    /** pending, ready, failed */
    status: z.string(),
    oracle_status: z.string().nullable(),
    /** What it waits for, or why it failed. */
    reason: z.string().nullable(),
    side: z.string().nullable(),
    cost_usd: z.number(),
    settled_at: wireTime.nullable(),
  })
  .meta({ id: 'Enrichment' });
