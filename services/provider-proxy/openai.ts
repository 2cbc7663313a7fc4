import type { Response } from 'express';
import { z } from 'zod';
import { HttpError } from '../../domain/http-errors';
import { microToUsd } from '../../domain/pricing/cost';
import type { ProxyDeps } from './accounting';
import type { Caller } from './auth';
import { hold, make, type AskedCall, type Settled } from './call';
import { resolveModel } from './models';
import { streamCall } from './stream';

/** Body of `POST /v1/chat/completions` in OpenAI's shape; what is not named here is the vendor's business. */
export const openAiRequestSchema = z.looseObject({
  model: z.string().min(1).max(160),
  messages: z.array(z.record(z.string(), z.unknown())).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});
export type OpenAiRequest = z.infer<typeof openAiRequestSchema>;

const TIMEOUT_SECONDS = 120;

/** True for a body in OpenAI's shape, which has neither of the two fields that the original's own shape begins with. */
export function isOpenAiShaped(body: unknown): boolean {
  return (
    body !== null &&
    typeof body === 'object' &&
    !Array.isArray(body) &&
    !('provider' in body) &&
    !('payload' in body)
  );
}

/**
 * Answers a call in OpenAI's shape, as a completion or as a stream, under the same budgets and ledger as the other
 * shape. A completion carries what it cost in `X-Eirel-Cost-Usd` and `X-Eirel-Cost-Remaining-Usd`.
 * @throws HttpError as `hold` and `make` of call.ts, with an `error` object beside `detail` for OpenAI's clients
 */
export async function completeOpenAi(
  caller: Caller,
  request: OpenAiRequest,
  res: Response,
  deps: ProxyDeps,
): Promise<void> {
  try {
    const { model, stream, stream_options: options, ...rest } = request;
    const asked: AskedCall = {
      ...resolveModel(model, caller, deps.config),
      payload: rest,
      timeoutSeconds: TIMEOUT_SECONDS,
    };
    if (stream === true) {
      await streamCall(caller, asked, options?.include_usage === true, res, deps);
      return;
    }
    const settled = await make(await hold(caller, asked, deps), deps);
    sayCost(res, settled);
    res.json(settled.result.raw);
  } catch (error) {
    throw error instanceof HttpError ? forOpenAi(error) : error;
  }
}

/** Tells in headers what a call cost and what is left. */
export function sayCost(res: Response, { costMicroUsd, balance }: Settled): void {
  res.setHeader('X-Eirel-Cost-Usd', microToUsd(costMicroUsd).toFixed(6));
  res.setHeader('X-Eirel-Cost-Remaining-Usd', microToUsd(balance.remainingMicroUsd).toFixed(6));
}

/** The error that OpenAI's clients read, beside our own. */
export function forOpenAi(error: HttpError): HttpError {
  const exhausted = error.status === 429;
  const code = exhausted ? 'insufficient_quota' : (error.extra.error_code ?? null);
  const type = exhausted
    ? 'insufficient_quota'
    : error.status < 500
      ? 'invalid_request_error'
      : 'upstream_error';
  // A budget does not fill by itself, and these clients would ask again.
  const headers = exhausted ? { ...error.headers, 'x-should-retry': 'false' } : error.headers;
  const described = { error: { message: error.message, type, param: null, code } };
  return new HttpError(error.status, error.detail, { ...error.extra, ...described }, headers);
}
