import { createAnthropicVendor } from './anthropic';
import { DEFAULT_LIMIT, KNOWN_PROVIDERS, type LlmConfig, type LlmEndpoint } from './config';
import { LlmError, type LlmErrorDetails } from './errors';
import { failureOf } from './failure';
import { Gate } from './gate';
import { createGeminiVendor } from './gemini';
import { createOpenAiVendor } from './openai';
import { usageOf } from './openai-shape';
import { withRetries } from './retry';
import type {
  ChatRequest,
  ChatResult,
  EmbeddingClient,
  LlmClient,
  RawChatRequest,
  RawChatResult,
  RawChatStream,
} from './types';
import { isObject, NotExpressible, objectsOf, type ChatPayload, type Vendor } from './vendor';

interface Line {
  endpoint: LlmEndpoint;
  vendor: Vendor;
  gate: Gate;
}

/**
 * A client over every configured vendor. Attempts are repeated on 429, 502, 503, 504, 529 and lost connections, with
 * jitter, and not sooner than the vendor's Retry-After (kept within 0.5 to 30 seconds). Each vendor gets a bounded
 * number of calls at once; the others wait, no longer than their own time limit, in a queue that is bounded too.
 */
export function createLlmClient(config: LlmConfig): LlmClient & EmbeddingClient {
  const lines = new Map<string, Line>();
  const secrets = Object.values(config.endpoints).map((endpoint) => endpoint.apiKey);

  const lineTo = (details: LlmErrorDetails): Line => {
    const { provider } = details;
    const endpoint = Object.hasOwn(config.endpoints, provider) ? config.endpoints[provider] : undefined;
    if (!endpoint) throw new LlmError('not_configured', notConfigured(provider), details);
    let line = lines.get(provider);
    if (!line) {
      const limit = config.limits?.[provider] ?? DEFAULT_LIMIT;
      line = { endpoint, vendor: vendorOf(endpoint), gate: new Gate(limit) };
      lines.set(provider, line);
    }
    return line;
  };

  /** One attempt under its deadline; `leave` must be called when the answer has been read. */
  const attempt = async <T>(
    line: Line,
    request: RawChatRequest,
    details: LlmErrorDetails,
    work: (vendor: Vendor, payload: ChatPayload, signal: AbortSignal) => Promise<T>,
  ): Promise<{ result: T; leave: () => void; signal: AbortSignal; fail: (error: unknown) => LlmError }> => {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
    let sent = false;
    const fail = (error: unknown) =>
      failureOf(error, {
        details,
        secrets,
        sent,
        timedOut: deadline.aborted,
        cancelled: request.signal?.aborted ?? false,
        timeoutMs: request.timeoutMs,
      });
    let leave: () => void = () => undefined;
    try {
      leave = await line.gate.enter(signal);
      sent = true;
      const result = await work(line.vendor, { ...request.payload, model: request.model }, signal);
      return { result, leave, signal, fail };
    } catch (error) {
      leave();
      throw fail(error);
    }
  };

  const policyOf = (request: RawChatRequest, details: LlmErrorDetails) => ({
    maxRetries: config.maxRetries,
    baseDelayMs: config.retryBaseDelayMs,
    signal: request.signal,
    details,
  });

  const inOnePiece = async (
    request: RawChatRequest,
    work: (vendor: Vendor, payload: ChatPayload, signal: AbortSignal) => Promise<Record<string, unknown>>,
  ): Promise<RawChatResult> => {
    const details: LlmErrorDetails = { provider: request.provider, model: request.model };
    const line = lineTo(details);
    const startedAt = performance.now();
    const raw = await withRetries(policyOf(request, details), async () => {
      const { result, leave } = await attempt(line, request, details, work);
      leave();
      return result;
    });
    return { raw, usage: usageOf(raw), latencyMs: Math.round(performance.now() - startedAt) };
  };
  const chatRaw = (request: RawChatRequest): Promise<RawChatResult> =>
    inOnePiece(request, (vendor, payload, signal) => vendor.complete(payload, signal));
  const embeddings = async (request: RawChatRequest): Promise<RawChatResult> => {
    const result = await inOnePiece(request, (vendor, payload, signal) => {
      if (!vendor.embed) throw new NotExpressible(`${request.provider} has no embeddings`);
      return vendor.embed(payload, signal);
    });
    const usage = isObject(result.raw.usage) ? result.raw.usage : {};
    return { ...result, usage: usageOf({ usage: { completion_tokens: 0, ...usage } }) };
  };

  const chatStream = async (request: RawChatRequest): Promise<RawChatStream> => {
    const details: LlmErrorDetails = { provider: request.provider, model: request.model };
    const line = lineTo(details);
    const stop = new AbortController();
    const signals = request.signal ? [request.signal, stop.signal] : [stop.signal];
    const stoppable = { ...request, signal: AbortSignal.any(signals) };
    const { result, leave, signal, fail } = await withRetries(policyOf(stoppable, details), () =>
      attempt(line, stoppable, details, (vendor, payload, within) => vendor.stream(payload, within)),
    );
    let usage: RawChatResult['usage'] = null;
    async function* read(): AsyncGenerator<Record<string, unknown>> {
      let finished = false;
      try {
        for await (const chunk of result) {
          usage = usageOf(chunk) ?? usage;
          finished ||= objectsOf(chunk.choices).some((choice) => Boolean(choice.finish_reason));
          yield chunk;
        }
        // Some iterators end quietly when they are aborted or when the connection is lost.
        signal.throwIfAborted();
        if (!finished) throw new SyntaxError('the stream ended before the answer did');
      } catch (error) {
        throw fail(error);
      } finally {
        leave();
      }
    }
    return {
      chunks: read(),
      usage: () => usage,
      stop: () => {
        stop.abort();
        leave();
      },
    };
  };

  const chat = async (request: ChatRequest): Promise<ChatResult> => {
    const details: LlmErrorDetails = { provider: request.provider, model: request.model };
    const { endpoint } = lineTo(details);
    const result = await chatRaw({ ...request, payload: payloadOf(request, endpoint) });
    const { text, finishReason } = answerOf(result.raw, details);
    return { ...result, text, finishReason };
  };

  return { chat, chatRaw, chatStream, embeddings };
}

function vendorOf(endpoint: LlmEndpoint): Vendor {
  switch (endpoint.protocol) {
    case 'anthropic':
      return createAnthropicVendor(endpoint);
    case 'gemini':
      return createGeminiVendor(endpoint);
    default:
      return createOpenAiVendor(endpoint);
  }
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

function notConfigured(provider: string): string {
  if ((KNOWN_PROVIDERS as readonly string[]).includes(provider)) {
    return `provider ${provider} is not configured: set EIREL_PROVIDER_${provider.toUpperCase()}_API_KEY`;
  }
  return `provider ${provider} is not configured; known providers are ${KNOWN_PROVIDERS.join(', ')}`;
}
