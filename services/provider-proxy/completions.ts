import { z } from 'zod';
import { microToUsd } from '../../domain/pricing/cost';
import type { ProxyDeps } from './accounting';
import type { Caller } from './auth';
import { guessTokens } from './bounds';
import { hold, make } from './call';

const positive = (fallback: number) => z.int().min(1).default(fallback);

/** Body of `POST /v1/chat/completions` in the original's own shape (runtime-and-tools.md 3.2). */
export const completionRequestSchema = z.object({
  provider: z.string().min(1).max(32),
  model: z.string().min(1).max(128),
  payload: z.record(z.string(), z.unknown()),
  max_requests: positive(24),
  max_total_tokens: positive(60_000),
  max_wall_clock_seconds: positive(300),
  per_request_timeout_seconds: z.number().min(1).default(60),
});
export type CompletionRequest = z.infer<typeof completionRequestSchema>;

/** Answer in the original's own shape; money in USD. */
export const completionResponseSchema = z.object({
  upstream_response: z.record(z.string(), z.unknown()),
  usage: z.object({
    provider: z.string(),
    model: z.string(),
    request_count: z.int(),
    estimated_total_tokens: z.int(),
    max_requests: z.int(),
    max_total_tokens: z.int(),
    actual_prompt_tokens: z.int(),
    actual_completion_tokens: z.int(),
    actual_total_tokens: z.int(),
    latency_seconds: z.number(),
    cost_usd: z.number(),
    cost_usd_used: z.number(),
    cost_remaining_usd: z.number(),
  }),
});

/**
 * Makes one model call for a job: bounds its price, holds it, calls the vendor, writes the ledger, settles, answers.
 * The answer leaves only after the ledger has the call.
 * @throws HttpError as `hold` and `make` of call.ts
 */
export async function complete(
  caller: Caller,
  request: CompletionRequest,
  deps: ProxyDeps,
): Promise<z.infer<typeof completionResponseSchema>> {
  const { provider, model, payload } = request;
  const held = await hold(
    caller,
    { provider, model, payload, timeoutSeconds: request.per_request_timeout_seconds },
    deps,
  );
  const { result, usage, costMicroUsd: cost, balance } = await make(held, deps);
  const { promptTokens, completionTokens } = usage;
  return {
    upstream_response: result.raw,
    usage: {
      provider,
      model,
      request_count: held.reservation.requestCount,
      estimated_total_tokens: guessTokens(payload.messages) + held.bounded.outputTokens,
      max_requests: request.max_requests,
      max_total_tokens: request.max_total_tokens,
      actual_prompt_tokens: promptTokens,
      actual_completion_tokens: completionTokens,
      actual_total_tokens: promptTokens + completionTokens,
      latency_seconds: Number((result.latencyMs / 1000).toFixed(4)),
      cost_usd: microToUsd(cost),
      cost_usd_used: microToUsd(balance.jobUsedMicroUsd),
      cost_remaining_usd: microToUsd(balance.remainingMicroUsd),
    },
  };
}
