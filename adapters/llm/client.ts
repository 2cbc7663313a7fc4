import OpenAI from 'openai';
import type { TokenUsage } from '../../domain/pricing/cost';
import { KNOWN_PROVIDERS, OPENAI_COMPATIBLE_PROVIDERS, type LlmConfig, type LlmEndpoint } from './config';
import { LlmError, type LlmErrorDetails } from './errors';
import { failureOf } from './failure';
import { withRetries } from './retry';
import type { ChatRequest, ChatResult, LlmClient, RawChatRequest, RawChatResult } from './types';

/**
 * A client over every configured vendor that speaks the OpenAI chat-completions protocol.
 * Attempts are repeated on 429, 502, 503, 504 and lost connections, with jitter, and not sooner than the vendor's
 * Retry-After (kept within 0.5 to 30 seconds).
 */
export function createLlmClient(config: LlmConfig): LlmClient {
  const clients = new Map<string, OpenAI>();

  const clientOf = (details: LlmErrorDetails): { client: OpenAI; endpoint: LlmEndpoint } => {
    const endpoint = Object.hasOwn(config.endpoints, details.provider)
      ? config.endpoints[details.provider]
      : undefined;
    if (!endpoint) throw new LlmError('not_configured', notConfigured(details.provider), details);
    let client = clients.get(details.provider);
    if (!client) {
      client = new OpenAI({
        apiKey: endpoint.apiKey,
        baseURL: endpoint.baseUrl,
        maxRetries: 0,
        // Otherwise read from OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_LOG, and sent to every vendor.
        organization: null,
        project: null,
        logLevel: 'off',
      });
      clients.set(details.provider, client);
    }
    return { client, endpoint };
  };

  const chatRaw = async (request: RawChatRequest): Promise<RawChatResult> => {
    const details: LlmErrorDetails = { provider: request.provider, model: request.model };
    const { client, endpoint } = clientOf(details);
    const payload: Record<string, unknown> = { ...request.payload, model: request.model, stream: false };
    delete payload.stream_options;
    const startedAt = performance.now();
    const raw = await withRetries(
      {
        maxRetries: config.maxRetries,
        baseDelayMs: config.retryBaseDelayMs,
        signal: request.signal,
        details,
      },
      () => attempt(client, endpoint, payload, request, details),
    );
    return { raw, usage: usageOf(raw), latencyMs: Math.round(performance.now() - startedAt) };
  };

  const chat = async (request: ChatRequest): Promise<ChatResult> => {
    const details: LlmErrorDetails = { provider: request.provider, model: request.model };
    const { endpoint } = clientOf(details);
    const result = await chatRaw({ ...request, payload: payloadOf(request, endpoint) });
    const { text, finishReason } = answerOf(result.raw, details);
    return { ...result, text, finishReason };
  };

  return { chat, chatRaw };
}

async function attempt(
  client: OpenAI,
  endpoint: LlmEndpoint,
  payload: Record<string, unknown>,
  request: RawChatRequest,
  details: LlmErrorDetails,
): Promise<Record<string, unknown>> {
  // The SDK's own timeout ends with the headers; this one covers the body as well.
  const deadline = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
  let body: unknown;
  try {
    body = await client.post('/chat/completions', { body: payload, signal, timeout: request.timeoutMs });
  } catch (error) {
    throw failureOf(error, {
      details,
      secrets: [endpoint.apiKey],
      timedOut: deadline.aborted,
      cancelled: request.signal?.aborted ?? false,
      timeoutMs: request.timeoutMs,
    });
  }
  if (!isObject(body) || !Array.isArray(body.choices)) {
    throw new LlmError(
      'provider_down',
      `${details.provider} answered 200 with something that is not a chat completion`,
      { ...details, status: 200 },
    );
  }
  return body;
}

function payloadOf(request: ChatRequest, endpoint: LlmEndpoint): Record<string, unknown> {
  const format = request.responseFormat;
  // OpenAI itself refuses max_tokens for its reasoning models; the compatible vendors know nothing else.
  const limit = new URL(endpoint.baseUrl).host === 'api.openai.com' ? 'max_completion_tokens' : 'max_tokens';
  return {
    messages: request.messages,
    [limit]: request.maxTokens,
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(format === undefined
      ? {}
      : {
          response_format:
            format === 'json_object'
              ? { type: 'json_object' }
              : {
                  type: 'json_schema',
                  json_schema: { name: format.name, strict: true, schema: format.schema },
                },
        }),
  };
}

function answerOf(
  raw: Record<string, unknown>,
  details: LlmErrorDetails,
): { text: string; finishReason: string | null } {
  const choice: unknown = (raw.choices as unknown[])[0];
  const message = isObject(choice) && isObject(choice.message) ? choice.message : {};
  const finishReason =
    isObject(choice) && typeof choice.finish_reason === 'string' ? choice.finish_reason : null;
  const text = typeof message.content === 'string' ? message.content : '';
  if (!text && (typeof message.refusal === 'string' || finishReason === 'content_filter')) {
    throw new LlmError('refused', `${details.provider} declined to answer`, { ...details, status: 200 });
  }
  return { text, finishReason };
}

/**
 * Reads the `usage` of a chat completion.
 * @returns null when it is absent or its counts are not numbers
 */
export function usageOf(raw: Record<string, unknown>): TokenUsage | null {
  const usage = raw.usage;
  if (!isObject(usage)) return null;
  const promptTokens = count(usage.prompt_tokens);
  const completionTokens = count(usage.completion_tokens);
  if (promptTokens === null || completionTokens === null) return null;
  const prompt = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  const completion = isObject(usage.completion_tokens_details) ? usage.completion_tokens_details : {};
  return {
    promptTokens,
    completionTokens,
    cachedTokens: count(prompt.cached_tokens) ?? 0,
    reasoningTokens: count(completion.reasoning_tokens) ?? 0,
  };
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.ceil(value) : null;
}

function notConfigured(provider: string): string {
  if (provider === 'anthropic') {
    return (
      'provider anthropic is not configured: this version does not speak its wire protocol; ' +
      'use openrouter for its models'
    );
  }
  if ((OPENAI_COMPATIBLE_PROVIDERS as readonly string[]).includes(provider)) {
    return `provider ${provider} is not configured: set EIREL_PROVIDER_${provider.toUpperCase()}_API_KEY`;
  }
  return `provider ${provider} is not configured; known providers are ${KNOWN_PROVIDERS.join(', ')}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
