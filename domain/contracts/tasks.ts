/** Wire contracts of claims and results (api.md 4.2, decisions 6 and 26). */
import { z } from 'zod';
import { laxInt, laxNumber } from './lax';

export const MAX_CLAIM_BATCH = 40;

const json = z.record(z.string(), z.unknown());
const fencing = laxInt({ min: 1 });

/** Path of the family routes. */
export const familyParams = z.object({ family: z.string() });
/** Path of one task of a family. */
export const familyTaskParams = z.object({ family: z.string(), id: z.string() });
/** Path of one task without its family. */
export const taskParams = z.object({ id: z.string() });

/** `POST /v1/families/{family}/tasks/claim`. Without a `run_id` the open run is claimed from. */
export const claimRequestSchema = z.object({
  run_id: z.string().nullish(),
  batch_size: laxInt({ min: 1, max: MAX_CLAIM_BATCH }).default(1),
  /**
   * The validator's own name for this claim. Sent again, as after an answer that was lost, it gets what is still leased
   * under that name, and nothing more. Without one every request is a claim of its own.
   */
  claim_key: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters')
    .nullish(),
});

/** `POST /v1/tasks/claim`: the same, with the family in the body. */
export const claimAnyRequestSchema = claimRequestSchema.extend({
  family_id: z.string().default('general_chat'),
});

export const claimItemSchema = z.object({
  task_evaluation_id: z.string(),
  run_id: z.string(),
  family_id: z.string(),
  task_id: z.string(),
  task_index: z.int(),
  task_payload: json,
  miners: z.array(
    z.object({ hotkey: z.string(), endpoint: z.string(), auth_headers: z.record(z.string(), z.string()) }),
  ),
  claim_expires_at: z.string(),
  rubric_version: z.string().nullable(),
  benchmark_version: z.string().nullable(),
  cached_baseline: json.nullable(),
  expected_claims: z.array(z.unknown()),
  must_not_claim: z.array(z.unknown()),
  oracle_status: z.string().nullable(),
  scoring_version: z.int(),
  fencing: z.int(),
  claim_heartbeat_url: z.string(),
});

/** `remaining_task_count` is 0 when nothing was handed out, else the tasks that are pending or claimed. */
export const claimResponseSchema = z.object({
  tasks: z.array(claimItemSchema),
  remaining_task_count: z.int(),
});

/**
 * `POST /v1/families/{family}/task-evaluations/{id}/result`. The entries stay open objects: what they may hold, and
 * what becomes of what cannot be read, is in `domain/tasks/entries.ts`.
 */
export const resultRequestSchema = z.object({
  fencing: fencing.nullish(),
  baseline_response: json.nullish(),
  miner_results: z.array(json).default([]),
  released_miners: z.array(z.object({ miner_hotkey: z.string(), reason: z.string().nullish() })).default([]),
  validator_hotkey: z.string().nullish(),
  judge_model: z.string().nullish(),
  oracle_cost_usd: laxNumber({ min: 0 }).default(0),
});
export type ResultRequest = z.infer<typeof resultRequestSchema>;

export const resultResponseSchema = z.object({
  task_evaluation_id: z.string(),
  status: z.literal('accepted'),
  family_evaluation_complete: z.boolean(),
  remaining_task_count: z.int(),
});
export type ResultResponse = z.infer<typeof resultResponseSchema>;

/** `POST .../heartbeat`; the body may be left out. */
export const heartbeatRequestSchema = z.object({ fencing: fencing.nullish() }).nullish();
export const heartbeatResponseSchema = z.object({
  task_evaluation_id: z.string(),
  claim_expires_at: z.string(),
  fencing: z.int(),
});

/** `POST .../baseline-failed`; the body may be left out. */
export const releaseRequestSchema = z
  .object({ fencing: fencing.nullish(), reason: z.string().max(500).nullish() })
  .nullish();
export const releaseResponseSchema = z.object({ status: z.literal('released') });

export const tasksStatusQuery = z.object({ run_id: z.string().optional(), epoch_id: z.string().optional() });
/** A task counts as claimed while any miner's row of it is, else pending while any row is, else evaluated. */
export const tasksStatusResponseSchema = z.object({
  run_id: z.string(),
  family_id: z.string(),
  total_tasks: z.int(),
  pending_tasks: z.int(),
  claimed_tasks: z.int(),
  evaluated_tasks: z.int(),
  miners: z.array(z.object({ miner_hotkey: z.string(), judgments_received: z.int() })),
});
