/** Wire contracts of the tool-call ledger (api.md 4.5, decision 3). */
import { z } from 'zod';
import { laxInt, laxNumber } from './lax';

/** A job id as the ledger takes it; longer than the ids minted here, for the cost tags of unmodified services. */
const jobId = z.string().min(1).max(256);

/** `POST /v1/internal/eval/tool_calls`. `cost_usd` in USD, `latency_ms` in milliseconds. */
export const toolCallRequestSchema = z.object({
  job_id: jobId,
  tool_name: z.string().min(1).max(64),
  args_hash: z.string().max(64).default(''),
  args_json: z.record(z.string(), z.unknown()).default({}),
  result_digest: z.string().default(''),
  latency_ms: laxInt({ min: 0, max: 2_147_483_647 }).default(0),
  cost_usd: laxNumber({ min: 0 }).default(0),
  status: z.string().max(16).default('ok'),
  error: z.string().nullish(),
});
export type ToolCallRequest = z.infer<typeof toolCallRequestSchema>;

export const toolCallRowSchema = z.object({
  id: z.string(),
  job_id: z.string(),
  tool_name: z.string(),
  args_hash: z.string(),
  args_json: z.record(z.string(), z.unknown()),
  result_digest: z.string(),
  latency_ms: z.int(),
  cost_usd: z.number(),
  status: z.string(),
  error: z.string().nullable(),
  ts: z.string(),
});
export type ToolCallRow = z.infer<typeof toolCallRowSchema>;

/** `GET /v1/internal/eval/job_ledger`. */
export const jobLedgerQuery = z.object({ job_id: jobId });
export const jobLedgerResponseSchema = z.object({
  job_id: z.string(),
  n_calls: z.int(),
  tool_calls: z.array(toolCallRowSchema),
});
