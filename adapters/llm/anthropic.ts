import type { TokenUsage } from '../../domain/pricing/cost';
import type { LlmEndpoint } from './config';
import {
  argumentsOf,
  Chunks,
  completionOf,
  count,
  jsonFormatOf,
  outputLimit,
  partsOf,
  refuseChoices,
  stopsOf,
  textOfContent,
  toolCallsOf,
  toolChoiceOf,
  toolsOf,
  type FinishReason,
} from './openai-shape';
import { isObject, objectsOf, VendorAnswer, type ChatPayload, type Vendor } from './vendor';
import { postForEvents, postJson, type ErrorReader } from './wire';

const API_VERSION = '2023-06-01';
// The protocol demands a limit; the same as the proxy gives to a call that sets none.
const DEFAULT_MAX_TOKENS = 4096;

/** Anthropic's messages protocol (`POST {base}/messages`). */
export function createAnthropicVendor(endpoint: LlmEndpoint): Vendor {
  const call = (payload: ChatPayload, signal: AbortSignal, stream: boolean) => ({
    url: `${endpoint.baseUrl}/messages`,
    headers: { 'x-api-key': endpoint.apiKey, 'anthropic-version': API_VERSION },
    body: { ...messagesRequest(payload), stream },
    signal,
    readError,
  });
  return {
    async complete(payload, signal) {
      const answer = await postJson(call(payload, signal, false));
      if (!Array.isArray(answer.content)) throw new SyntaxError('the answer is not a message');
      const blocks = objectsOf(answer.content);
      return completionOf({
        id: String(answer.id ?? ''),
        model: payload.model,
        text: blocks.map((block) => (block.type === 'text' ? String(block.text ?? '') : '')).join(''),
        toolCalls: blocks
          .filter((block) => block.type === 'tool_use')
          .map((block) => ({
            id: String(block.id ?? ''),
            name: String(block.name ?? ''),
            arguments: JSON.stringify(block.input ?? {}),
          })),
        finishReason: finishReason(answer.stop_reason),
        usage: usageOfMessage(answer.usage),
      });
    },
    async stream(payload, signal) {
      return chunksOf(await postForEvents(call(payload, signal, true)), payload.model);
    },
  };
}

async function* chunksOf(
  events: AsyncIterable<Record<string, unknown>>,
  model: string,
): AsyncGenerator<Record<string, unknown>> {
  const chunks = new Chunks('', model);
  let counts: Record<string, unknown> = {};
  let calls = 0;
  const callOfBlock = new Map<unknown, number>();
  for await (const event of events) {
    switch (event.type) {
      case 'message_start': {
        const message = isObject(event.message) ? event.message : {};
        chunks.id = String(message.id ?? '');
        if (isObject(message.usage)) counts = message.usage;
        const usage = usageOfMessage(counts);
        if (usage) yield chunks.usage(usage);
        break;
      }
      case 'content_block_start': {
        const block = isObject(event.content_block) ? event.content_block : {};
        if (block.type !== 'tool_use') break;
        callOfBlock.set(event.index, calls);
        yield chunks.toolCall(calls, { id: String(block.id ?? ''), name: String(block.name ?? '') });
        calls += 1;
        break;
      }
      case 'content_block_delta': {
        const delta = isObject(event.delta) ? event.delta : {};
        const index = callOfBlock.get(event.index);
        if (typeof delta.text === 'string') yield chunks.delta({ content: delta.text });
        else if (typeof delta.partial_json === 'string' && index !== undefined)
          yield chunks.toolCall(index, { arguments: delta.partial_json });
        break;
      }
      case 'message_delta': {
        const delta = isObject(event.delta) ? event.delta : {};
        // Counts are totals so far, and those that do not change are left out.
        if (isObject(event.usage)) counts = { ...counts, ...event.usage };
        if (delta.stop_reason) yield chunks.finish(finishReason(delta.stop_reason));
        const usage = usageOfMessage(counts);
        if (usage) yield chunks.usage(usage);
        break;
      }
      case 'message_stop':
        return;
      case 'error': {
        const { code, message } = readError(event);
        throw new VendorAnswer(code === 'rate_limit_error' ? 429 : 529, code, message, undefined);
      }
    }
  }
  throw new SyntaxError('the stream ended without its last event');
}

function messagesRequest(payload: ChatPayload): Record<string, unknown> {
  refuseChoices(payload, 'anthropic');
  const messages: { role: 'user' | 'assistant'; content: object[] }[] = [];
  const system: string[] = [];
  const say = (role: 'user' | 'assistant', content: object[]) => {
    if (content.length === 0) return;
    const last = messages.at(-1);
    // Turns must alternate, so neighbours of one role become one turn.
    if (last?.role === role) last.content.push(...content);
    else messages.push({ role, content });
  };
  for (const message of objectsOf(payload.messages)) {
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(textOfContent(message.content));
        break;
      case 'assistant':
        say('assistant', [
          ...contentBlocks(message.content),
          ...toolCallsOf(message).map((call) => ({
            type: 'tool_use',
            id: call.id,
            name: call.name,
            input: argumentsOf(call),
          })),
        ]);
        break;
      case 'tool':
        say('user', [
          {
            type: 'tool_result',
            tool_use_id: String(message.tool_call_id ?? ''),
            content: textOfContent(message.content),
          },
        ]);
        break;
      default:
        say('user', contentBlocks(message.content));
    }
  }
  const format = jsonFormatOf(payload);
  if (format) system.push(jsonInstruction(format.schema));
  const tools = toolsOf(payload);
  const choice = toolChoiceOf(payload);
  const stops = stopsOf(payload);
  return {
    model: payload.model,
    max_tokens: outputLimit(payload) ?? DEFAULT_MAX_TOKENS,
    messages,
    ...(system.length > 0 ? { system: system.join('\n\n') } : {}),
    // OpenAI's scale ends at 2, this one at 1.
    ...(typeof payload.temperature === 'number' ? { temperature: Math.min(payload.temperature, 1) } : {}),
    ...(typeof payload.top_p === 'number' ? { top_p: payload.top_p } : {}),
    ...(stops ? { stop_sequences: stops } : {}),
    ...(tools.length > 0
      ? {
          tools: tools.map(({ name, description, parameters }) => ({
            name,
            ...(description === undefined ? {} : { description }),
            input_schema: parameters,
          })),
        }
      : {}),
    ...(choice && tools.length > 0 ? { tool_choice: toolChoice(choice) } : {}),
  };
}

function contentBlocks(content: unknown): object[] {
  return partsOf(content).map((part) => {
    if ('text' in part) return { type: 'text', text: part.text };
    const { image } = part;
    return {
      type: 'image',
      source:
        'url' in image
          ? { type: 'url', url: image.url }
          : { type: 'base64', media_type: image.mediaType, data: image.base64 },
    };
  });
}

// The oldest models of the protocol have no switch for it, and a sentence works for all of them.
function jsonInstruction(schema: Record<string, unknown> | null): string {
  const shape = schema ? ` that follows this JSON Schema: ${JSON.stringify(schema)}` : '';
  return `Answer with one JSON object${shape} and with nothing else: no words around it and no code fence.`;
}

function toolChoice(choice: 'none' | 'auto' | 'required' | { name: string }): object {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name };
  return { type: choice === 'required' ? 'any' : choice };
}

function finishReason(reason: unknown): FinishReason {
  switch (reason) {
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    case 'tool_use':
      return 'tool_calls';
    case 'refusal':
      return 'content_filter';
    default:
      return 'stop';
  }
}

/** Prompt tokens that were read from or written to a cache are counted beside `input_tokens`, not in it. */
function usageOfMessage(usage: unknown): TokenUsage | null {
  if (!isObject(usage)) return null;
  const input = count(usage.input_tokens);
  const output = count(usage.output_tokens);
  if (input === null || output === null) return null;
  const cached = count(usage.cache_read_input_tokens) ?? 0;
  return {
    promptTokens: input + cached + (count(usage.cache_creation_input_tokens) ?? 0),
    completionTokens: output,
    cachedTokens: cached,
    reasoningTokens: 0,
  };
}

const readError: ErrorReader = (body) => {
  const error = isObject(body.error) ? body.error : {};
  return { code: String(error.type ?? ''), message: String(error.message ?? 'no reason given') };
};
