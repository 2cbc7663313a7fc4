/** Wire contracts of the state that graph agents keep with the owner (api.md section 4.8). */
import { z } from 'zod';
import { queryInt, wireTime } from './common';

/** Largest state, decoded. */
export const MAX_STATE_BYTES = 262_144;

export const threadParams = z.object({ thread: z.string().min(1).max(64) });

export const checkpointBody = z.object({
  checkpoint_id: z.string().min(1).max(64),
  parent_id: z.string().max(64).nullish(),
  node: z.string().max(128).nullish(),
  /** Base64. */
  state: z.string(),
  pending_writes: z.array(z.unknown()).default([]),
  metadata: z.record(z.string(), z.unknown()).default({}),
});

export const checkpointPayload = z
  .object({
    thread_id: z.string(),
    checkpoint_id: z.string(),
    parent_id: z.string().nullable(),
    created_at: wireTime,
    node: z.string().nullable(),
    state: z.string(),
    pending_writes: z.array(z.unknown()),
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Checkpoint' });
export type CheckpointPayload = z.output<typeof checkpointPayload>;

export const historyQuery = z.object({
  limit: queryInt({ min: 1, max: 500, fallback: 50 }),
  checkpoint_id: z.string().optional(),
});
export const historyPayload = z.object({ items: z.array(checkpointPayload) });
export const threadDeletedPayload = z.object({ deleted: z.int(), thread_id: z.string() });
