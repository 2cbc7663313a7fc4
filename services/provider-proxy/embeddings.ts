import type { Response } from 'express';
import { z } from 'zod';
import { HttpError } from '../../domain/http-errors';
import type { ProxyDeps } from './accounting';
import type { Caller } from './auth';
import type { BoundedPayload } from './bounds';
import { hold, make, type AskedCall } from './call';
import { resolveModel } from './models';
import { forOpenAi, sayCost } from './openai';

const MAX_INPUTS = 2048;
const tokens = z.array(z.int().min(0)).min(1);

/** Body of `POST /v1/embeddings` in OpenAI's shape; what is not named here is the vendor's business. */
export const embeddingRequestSchema = z.looseObject({
  model: z.string().min(1).max(160),
  input: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1).max(MAX_INPUTS),
    tokens,
    z.array(tokens).min(1).max(MAX_INPUTS),
  ]),
});
export type EmbeddingRequest = z.infer<typeof embeddingRequestSchema>;

/** Answer, as the vendor gives it. */
export const embeddingResponseSchema = z.looseObject({
  object: z.literal('list'),
  data: z.array(z.looseObject({ index: z.int(), embedding: z.union([z.array(z.number()), z.string()]) })),
  usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }).optional(),
});

const TIMEOUT_SECONDS = 60;
/** What a vendor may add around each text, in tokens. */
const TOKENS_PER_INPUT = 16;

/**
 * Answers with vectors, under the same budgets and ledger as a completion; what it cost is in `X-Eirel-Cost-Usd` and
 * `X-Eirel-Cost-Remaining-Usd`.
 * @throws HttpError as `hold` and `make` of call.ts, with an `error` object beside `detail` for OpenAI's clients
 */
export async function embed(
  caller: Caller,
  request: EmbeddingRequest,
  res: Response,
  deps: ProxyDeps,
): Promise<void> {
  try {
    const { model, ...payload } = request;
    const asked: AskedCall = {
      ...resolveModel(model, caller, deps.config),
      payload,
      timeoutSeconds: TIMEOUT_SECONDS,
    };
    const held = await hold(caller, asked, deps, boundTexts(request));
    const settled = await make(held, deps, (call) => deps.llm.embeddings(call));
    sayCost(res, settled);
    res.json(settled.result.raw);
  } catch (error) {
    throw error instanceof HttpError ? forOpenAi(error) : error;
  }
}

/** A token is at least one byte of text, and a token that is given as a number is at least one digit. */
function boundTexts({ model: _, ...payload }: EmbeddingRequest): BoundedPayload {
  const inputs = Array.isArray(payload.input) ? payload.input.length : 1;
  const bytes = Buffer.byteLength(JSON.stringify(payload.input), 'utf8');
  return { payload, promptTokens: bytes + inputs * TOKENS_PER_INPUT, outputTokens: 0 };
}
