import { z } from 'zod';
import { openApiDocument, type DescribedRoute } from '../tools/openapi';
import { PROXY_WORDS } from './auth';
import { completionRequestSchema, completionResponseSchema } from './completions';
import { embeddingRequestSchema, embeddingResponseSchema } from './embeddings';
import { chargeToolSchema, chargeToolResponseSchema, jobCostSchema, jobUsageSchema } from './jobs';
import { openAiRequestSchema } from './openai';

const MODEL_REFUSALS = {
  400: 'No job is named, or the model, provider or payload cannot be served',
  403: "The job is of another caller, its attempt is over, or the provider is the owner's own",
  429: 'A budget would be passed; the body has `budget_usd`, `cost_usd_used` and `budget_scope`',
  502: 'The vendor failed; `error_code` says how',
};

/** What the proxy serves, as its OpenAPI document has it. */
const ROUTES: readonly DescribedRoute[] = [
  {
    method: 'post',
    path: '/v1/chat/completions',
    summary:
      "One model call, in OpenAI's shape (as a stream of server-sent events with `stream`) or in the original's own",
    access: 'job',
    request: z.union([openAiRequestSchema, completionRequestSchema]),
    response: z.union([z.record(z.string(), z.unknown()), completionResponseSchema]),
    refusals: MODEL_REFUSALS,
  },
  {
    method: 'post',
    path: '/v1/embeddings',
    summary: "Vectors of texts, in OpenAI's shape",
    access: 'job',
    request: embeddingRequestSchema,
    response: embeddingResponseSchema,
    refusals: MODEL_REFUSALS,
  },
  {
    method: 'get',
    path: '/v1/models',
    summary: 'Models that the caller may ask for',
    access: 'job',
    response: z.object({ object: z.literal('list'), data: z.array(z.record(z.string(), z.unknown())) }),
  },
  {
    method: 'get',
    path: '/v1/jobs/:job/cost',
    summary: 'What a job has cost, in USD',
    access: 'owner',
    response: jobCostSchema,
    refusals: { 404: 'The job has made no call' },
  },
  {
    method: 'get',
    path: '/v1/jobs/:job/usage',
    summary: 'Model calls and tokens of a job',
    access: 'owner',
    response: jobUsageSchema,
    refusals: { 404: 'The job has made no call' },
  },
  {
    method: 'post',
    path: '/v1/jobs/:job/charge_tool',
    summary: 'Charges a tool call to a job, under its budgets',
    access: 'owner',
    request: chargeToolSchema,
    response: chargeToolResponseSchema,
    refusals: { 404: 'The job is not known', 429: MODEL_REFUSALS[429] },
  },
];

/** The proxy's OpenAPI 3.1 document. */
export const proxyDocument = (): object =>
  openApiDocument({ name: 'provider-proxy', ...PROXY_WORDS }, [], ROUTES);
