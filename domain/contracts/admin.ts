/** What the owner says to the control-plane (api.md section 4.6, and the steering of runs). */
import { z } from 'zod';
import { clampedInt, wireTime } from './common';
import { laxBool, laxInt } from './lax';
import { NO_ORDER, orderBody } from './orders';

const MAX_INT32 = 2_147_483_647;

export const validatorBody = z.object({
  hotkey: z.string().min(40).max(128),
  uid: laxInt({ min: -MAX_INT32, max: MAX_INT32 }).default(0),
  stake: laxInt().default(0),
});
export const validatorPatchBody = z.object({ is_active: laxBool() });
export const hotkeyParams = z.object({ hotkey: z.string() });

export const validatorPayload = z
  .object({
    hotkey: z.string(),
    uid: z.int(),
    stake: z.int(),
    is_active: z.boolean(),
    last_synced_at: wireTime,
  })
  .meta({ id: 'Validator' });
export const validatorChangePayload = z
  .object({
    status: z.string(),
    hotkey: z.string(),
    is_active: z.boolean().optional(),
  })
  .meta({ id: 'ValidatorChange' });

export const adminRunPayload = z
  .object({
    id: z.string(),
    sequence: z.int(),
    status: z.string(),
    started_at: wireTime.nullable(),
    ends_at: wireTime.nullable(),
    closed_at: wireTime.nullable(),
  })
  .meta({ id: 'AdminRun' });
export const adminCurrentRunPayload = z.union([
  adminRunPayload.omit({ closed_at: true }),
  z.object({ status: z.literal('no_open_run') }),
]);
export const advancePayload = z
  .object({
    result: z.literal('advanced'),
    previous_run_id: z.string().nullable(),
    previous_sequence: z.int().nullable(),
    id: z.string(),
    sequence: z.int(),
    status: z.string(),
    started_at: wireTime.nullable(),
    ends_at: wireTime.nullable(),
  })
  .meta({ id: 'RunAdvance' });
export const adminNeuronPayload = z
  .object({
    hotkey: z.string(),
    uid: z.int(),
    coldkey: z.string().nullable(),
    stake_tao: z.string(),
    validator_permit: z.boolean(),
    active: z.boolean(),
    last_update_block: z.int(),
    /** ip:port, null for one that never served. */
    axon: z.string().nullable(),
    /** Finalised block at which this was so. */
    block: z.int(),
    last_synced_at: wireTime,
  })
  .meta({ id: 'Neuron' });
export const neuronSyncPayload = z.object({ block: z.int(), neurons: z.int() }).meta({ id: 'NeuronSync' });
export const adminListQuery = z.object({ limit: clampedInt({ min: 1, max: 200, fallback: 50 }) });
export const adminSubmissionPayload = z
  .object({
    id: z.string(),
    miner_hotkey: z.string(),
    submission_seq: z.int(),
    family_id: z.string(),
    status: z.string(),
    introduced_run_id: z.string().nullable(),
    created_at: wireTime,
  })
  .meta({ id: 'AdminSubmission' });
export const adminDeploymentPayload = z
  .object({
    id: z.string(),
    submission_id: z.string(),
    miner_hotkey: z.string(),
    family_id: z.string(),
    status: z.string(),
    health_status: z.string(),
    placement_status: z.string(),
    assigned_node_name: z.string().nullable(),
    is_active: z.boolean(),
    updated_at: wireTime,
  })
  .meta({ id: 'AdminDeployment' });
export const whoamiPayload = z
  .object({
    role: z.literal('owner'),
    hotkey: z.string(),
    network: z.string(),
    netuid: z.int(),
    coldkey: z.string().nullable(),
    uid: z.int().nullable(),
    validator_permit: z.boolean(),
    stake_tao: z.string().nullable(),
    /** What is not as it should be, each in a sentence; empty when nothing is missing. */
    missing: z.array(z.string()),
  })
  .meta({ id: 'Whoami' });

/** An empty body steers without a reason. */
export const steerBody = orderBody.optional().transform((body) => body ?? NO_ORDER);
export const closeBody = orderBody
  .extend({ mode: z.enum(['now', 'drain']).default('drain') })
  .optional()
  .transform((body) => body ?? { ...NO_ORDER, mode: 'drain' as const });
export const extendBody = orderBody
  .extend({
    seconds: z
      .int()
      .min(1)
      .max(366 * 86_400)
      .optional(),
    until: z.iso.datetime({ offset: true }).optional(),
  })
  .refine((body) => (body.seconds === undefined) !== (body.until === undefined), {
    message: 'give either seconds (by how much) or until (a time with its zone)',
    path: ['seconds'],
  });

/** What steering a run did; with `dry_run` what it would do. */
export const steerPayload = z
  .object({
    run_id: z.string(),
    action: z.string(),
    /** False when the run was already as asked for, or for a dry run. */
    changed: z.boolean(),
    dry_run: z.boolean(),
    phase: z.string(),
    status: z.string(),
    ends_at: wireTime,
    message: z.string(),
  })
  .meta({ id: 'RunSteering' });
