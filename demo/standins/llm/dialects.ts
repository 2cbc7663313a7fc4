import type { IncomingHttpHeaders } from 'node:http';
import { piecesOf, textOf, type Completion, type EventSink } from './completion';

/** What a request asks for, whatever protocol it came in. */
export interface Asked {
  model: string;
  /** The request as an OpenAI chat-completions body. */
  body: Record<string, unknown>;
  stream: boolean;
  /** The model may search the web. */
  search?: boolean;
}

/** A failure, before it takes a protocol's shape. */
export interface Failure {
  status: number;
  message: string;
  /** OpenAI's words for it. */
  type: string;
  code: string | null;
}

/** One wire protocol. */
export interface Dialect {
  key(headers: IncomingHttpHeaders): string | undefined;
  /** Null when the body lacks what the protocol demands. */
  read(body: Record<string, unknown>): Asked | null;
  /** What `read` demands, for the 400. */
  demands: string;
  failure(failure: Failure): object;
  answer(completion: Completion): object;
  stream(completion: Completion, sink: EventSink, body: Record<string, unknown>): Promise<void>;
}

/** The protocol that a path belongs to, or null for none. Paths begin with `/v1` or, for Gemini, `/v1beta`. */
export function dialectOf(path: string): Dialect | null {
  if (path === '/v1/chat/completions') return openai;
  if (path === '/v1/messages') return anthropic;
  if (path === '/v1/responses') return responses;
  const gemini = /^\/v1(?:beta)?\/models\/([^/:]+):(generateContent|streamGenerateContent)$/.exec(path);
  return gemini ? geminiDialect(decodeURIComponent(gemini[1] ?? ''), gemini[2] !== 'generateContent') : null;
}

/** OpenAI's chat completions. */
export const openai: Dialect = {
  key: (headers) => /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1],
  demands: "'model' and 'messages' are required",
  read: (body) =>
    typeof body.model === 'string' && isFilled(body.messages)
      ? { model: body.model, body, stream: body.stream === true }
      : null,
  failure: ({ message, type, code }) => ({ error: { message, type, param: null, code } }),
  answer: (completion) => completion,
  async stream(completion, sink, body) {
    const { id, created, model, choices, usage } = completion;
    const head = { id, object: 'chat.completion.chunk', created, model };
    const chunk = (delta: object, finish: string | null) => ({
      ...head,
      choices: [{ index: 0, delta, finish_reason: finish }],
    });
    const options = body.stream_options as { include_usage?: unknown } | undefined;
    await sink.event(chunk({ role: 'assistant', content: '' }, null));
    for (const word of piecesOf(completion)) await sink.event(chunk({ content: word }, null));
    await sink.event(chunk({}, choices[0]?.finish_reason ?? 'stop'));
    if (options?.include_usage === true && usage) await sink.event({ ...head, choices: [], usage });
    await sink.event('[DONE]');
  },
};

/** OpenAI's and xAI's responses, with the web search that both offer as a tool. */
const responses: Dialect = {
  key: (headers) => openai.key(headers),
  demands: "'model' and 'input' are required",
  read: (body) =>
    typeof body.model === 'string' && isFilled(body.input)
      ? {
          model: body.model,
          stream: false,
          search: toolNamed(body.tools, (tool) => tool.type === 'web_search'),
          body: {
            model: body.model,
            ...(body.max_output_tokens === undefined ? {} : { max_tokens: body.max_output_tokens }),
            messages: (body.input as { role: string; content: unknown }[]).map(({ role, content }) => ({
              role,
              content: textOf(content),
            })),
          },
        }
      : null,
  failure: (failure) => openai.failure(failure),
  answer: (completion) => {
    const { id, created, model, choices, usage, found } = completion;
    const text = choices[0]?.message.content ?? '';
    const cut = choices[0]?.finish_reason === 'length';
    const citation = (url: string) => ({
      type: 'url_citation',
      url,
      title: url,
      start_index: 0,
      end_index: 1,
    });
    const grok = /^grok/i.test(model);
    return {
      id: `resp_${id}`,
      object: 'response',
      created_at: created,
      status: cut ? 'incomplete' : 'completed',
      incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
      model,
      output: [
        ...(found
          ? [{ type: 'web_search_call', id: `ws_${id}`, status: 'completed', action: { type: 'search' } }]
          : []),
        {
          type: 'message',
          id: `msg_${id}`,
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text, annotations: grok ? [] : (found ?? []).map(citation) }],
        },
      ],
      ...(grok && found ? { citations: found } : {}),
      ...(usage
        ? {
            usage: {
              input_tokens: usage.prompt_tokens,
              input_tokens_details: usage.prompt_tokens_details,
              output_tokens: usage.completion_tokens,
              output_tokens_details: usage.completion_tokens_details,
              total_tokens: usage.total_tokens,
              ...(grok ? { cost_in_usd_ticks: usage.total_tokens * 20_000 } : {}),
            },
          }
        : {}),
    };
  },
  stream: (completion, sink, body) => openai.stream(completion, sink, body),
};

function toolNamed(tools: unknown, wanted: (tool: Record<string, unknown>) => boolean): boolean {
  return Array.isArray(tools) && (tools as Record<string, unknown>[]).some(wanted);
}

/** Anthropic's messages. */
const anthropic: Dialect = {
  key: (headers) => (headers['anthropic-version'] ? single(headers['x-api-key']) : undefined),
  demands: 'model, max_tokens and messages: Field required',
  read: (body) =>
    typeof body.model === 'string' && typeof body.max_tokens === 'number' && isFilled(body.messages)
      ? {
          model: body.model,
          stream: body.stream === true,
          body: {
            model: body.model,
            max_tokens: body.max_tokens,
            messages: [
              ...(body.system ? [{ role: 'system', content: textOf(body.system) }] : []),
              ...(body.messages as { role: string; content: unknown }[]).map(({ role, content }) => ({
                role,
                content: textOf(content),
              })),
            ],
          },
        }
      : null,
  failure: ({ status, message }) => ({
    type: 'error',
    error: { type: ANTHROPIC_ERRORS[status] ?? 'api_error', message },
  }),
  answer: (completion) => ({
    ...messageHead(completion),
    content: [{ type: 'text', text: completion.choices[0]?.message.content ?? '' }],
    stop_reason: stopReason(completion),
    ...(completion.usage ? { usage: anthropicUsage(completion) } : {}),
  }),
  async stream(completion, sink) {
    const event = (value: { type: string }) => sink.event(value, value.type);
    const { input_tokens } = anthropicUsage(completion);
    await event({
      type: 'message_start',
      message: {
        ...messageHead(completion),
        content: [],
        stop_reason: null,
        ...(completion.usage ? { usage: { input_tokens, output_tokens: 1 } } : {}),
      },
    } as { type: string });
    await event({
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'text', text: '' },
    } as { type: string });
    await event({ type: 'ping' });
    for (const text of piecesOf(completion)) {
      await event({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text },
      } as { type: string });
    }
    await event({ type: 'content_block_stop', index: 0 } as { type: string });
    await event({
      type: 'message_delta',
      delta: { stop_reason: stopReason(completion), stop_sequence: null },
      ...(completion.usage ? { usage: { output_tokens: completion.usage.completion_tokens } } : {}),
    } as { type: string });
    await event({ type: 'message_stop' });
  },
};

const ANTHROPIC_ERRORS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function messageHead(completion: Completion): object {
  return { id: `msg_${completion.id}`, type: 'message', role: 'assistant', model: completion.model };
}

function stopReason(completion: Completion): string {
  return completion.choices[0]?.finish_reason === 'length' ? 'max_tokens' : 'end_turn';
}

function anthropicUsage(completion: Completion): { input_tokens: number; output_tokens: number } {
  const { prompt_tokens = 0, completion_tokens = 0 } = completion.usage ?? {};
  return { input_tokens: prompt_tokens, output_tokens: completion_tokens };
}

/** Gemini's generateContent. */
function geminiDialect(model: string, stream: boolean): Dialect {
  return {
    key: (headers) => single(headers['x-goog-api-key']),
    demands: 'contents is not specified',
    read: (body) => {
      if (!isFilled(body.contents)) return null;
      const config = (body.generationConfig ?? {}) as { maxOutputTokens?: unknown };
      const system = body.systemInstruction as { parts?: unknown } | undefined;
      return {
        model,
        stream,
        search: toolNamed(body.tools, (tool) => 'googleSearch' in tool),
        body: {
          model,
          ...(config.maxOutputTokens === undefined ? {} : { max_tokens: config.maxOutputTokens }),
          messages: [
            ...(system ? [{ role: 'system', content: textOf(system.parts) }] : []),
            ...(body.contents as { role?: string; parts?: unknown }[]).map(({ role, parts }) => ({
              role: role === 'model' ? 'assistant' : 'user',
              content: textOf(parts),
            })),
          ],
        },
      };
    },
    failure: ({ status, message }) => ({
      error: { code: status, message, status: GEMINI_STATUSES[status] ?? 'INTERNAL' },
    }),
    answer: (completion) =>
      geminiPart(completion, completion.choices[0]?.message.content ?? '', finishOf(completion), true),
    async stream(completion, sink) {
      const pieces = piecesOf(completion);
      for (const [i, text] of pieces.entries()) {
        const last = i === pieces.length - 1;
        await sink.event(geminiPart(completion, text, last ? finishOf(completion) : undefined, last));
      }
    },
  };
}

const GEMINI_STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
};

function finishOf(completion: Completion): string {
  return completion.choices[0]?.finish_reason === 'length' ? 'MAX_TOKENS' : 'STOP';
}

function geminiPart(
  completion: Completion,
  text: string,
  finish: string | undefined,
  withUsage: boolean,
): object {
  const { usage } = completion;
  const thoughts = usage?.completion_tokens_details.reasoning_tokens ?? 0;
  return {
    candidates: [
      {
        content: { role: 'model', parts: [{ text }] },
        index: 0,
        ...(finish ? { finishReason: finish } : {}),
        ...(completion.found ? { groundingMetadata: grounding(completion.found) } : {}),
      },
    ],
    responseId: completion.id,
    modelVersion: completion.model,
    ...(withUsage && usage
      ? {
          usageMetadata: {
            promptTokenCount: usage.prompt_tokens,
            candidatesTokenCount: usage.completion_tokens - thoughts,
            thoughtsTokenCount: thoughts,
            totalTokenCount: usage.total_tokens,
          },
        }
      : {}),
  };
}

function grounding(found: readonly string[]): object {
  return {
    webSearchQueries: ['what was asked'],
    groundingChunks: found.map((uri) => ({ web: { uri, title: uri } })),
    groundingSupports: [],
  };
}

function single(header: string | string[] | undefined): string | undefined {
  return (Array.isArray(header) ? header[0] : header) || undefined;
}

function isFilled(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0;
}
