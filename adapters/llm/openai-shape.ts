import type { TokenUsage } from '../../domain/pricing/cost';
import { isObject, NotExpressible, objectsOf, type ChatPayload } from './vendor';

/** Parts of OpenAI's chat-completions shape that the translations to and from other protocols share. */

/** A function call of the model; `arguments` is JSON text. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** What a vendor answered, before it takes OpenAI's shape. */
export interface Answer {
  id: string;
  model: string;
  text: string;
  toolCalls: ToolCall[];
  finishReason: FinishReason;
  usage: TokenUsage | null;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** An OpenAI chat completion. */
export function completionOf(answer: Answer): Record<string, unknown> {
  return {
    id: answer.id,
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: answer.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: answer.text || (answer.toolCalls.length > 0 ? null : ''),
          ...(answer.toolCalls.length > 0 ? { tool_calls: answer.toolCalls.map(toolCallOf) } : {}),
        },
        finish_reason: answer.finishReason,
      },
    ],
    ...(answer.usage ? { usage: usageShape(answer.usage) } : {}),
  };
}

/** Makes the chunks of one stream. */
export class Chunks {
  private readonly created = Math.floor(Date.now() / 1000);
  private begun = false;
  constructor(
    public id: string,
    private readonly model: string,
  ) {}

  /** A piece of text, or of a function call, which needs its place among the calls. */
  delta(delta: Record<string, unknown>): Record<string, unknown> {
    const role = this.begun ? {} : { role: 'assistant' };
    this.begun = true;
    return this.chunk([{ index: 0, delta: { ...role, ...delta }, finish_reason: null }]);
  }

  toolCall(index: number, call: Partial<ToolCall>): Record<string, unknown> {
    const fn = {
      ...(call.name === undefined ? {} : { name: call.name }),
      arguments: call.arguments ?? '',
    };
    const head = call.id === undefined ? {} : { id: call.id, type: 'function' };
    return this.delta({ tool_calls: [{ index, ...head, function: fn }] });
  }

  finish(reason: FinishReason): Record<string, unknown> {
    return this.chunk([{ index: 0, delta: {}, finish_reason: reason }]);
  }

  usage(usage: TokenUsage): Record<string, unknown> {
    return { ...this.chunk([]), usage: usageShape(usage) };
  }

  private chunk(choices: object[]): Record<string, unknown> {
    return {
      id: this.id,
      object: 'chat.completion.chunk',
      created: this.created,
      model: this.model,
      choices,
    };
  }
}

/**
 * Reads the `usage` of a chat completion or chunk.
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

/** A count of tokens; null for what is not one. */
export function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? Math.ceil(value) : null;
}

/** The larger of the two output limits; undefined when neither is set. */
export function outputLimit(payload: ChatPayload): number | undefined {
  const limits = [payload.max_completion_tokens, payload.max_tokens].filter(
    (limit): limit is number => typeof limit === 'number',
  );
  return limits.length > 0 ? Math.max(...limits) : undefined;
}

/** Stop sequences as a list; undefined when there are none. */
export function stopsOf(payload: ChatPayload): string[] | undefined {
  const { stop } = payload;
  if (typeof stop === 'string') return [stop];
  return Array.isArray(stop) ? stop.filter((value) => typeof value === 'string') : undefined;
}

/** A part of a message's content, in the two kinds that every vendor reads. */
export type Part = { text: string } | { image: { mediaType: string; base64: string } | { url: string } };

/**
 * The parts of a message's content.
 * @throws NotExpressible for a part that is neither text nor an image
 */
export function partsOf(content: unknown): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }];
  return objectsOf(content).flatMap((part): Part[] => {
    if (part.type === 'text' && typeof part.text === 'string') return part.text ? [{ text: part.text }] : [];
    const image = part.type === 'image_url' && isObject(part.image_url) ? part.image_url.url : undefined;
    if (typeof image !== 'string') {
      throw new NotExpressible(
        `message parts of type ${String(part.type)} are not supported; use text or image_url`,
      );
    }
    const inline = /^data:([\w.+-]+\/[\w.+-]+);base64,(.*)$/s.exec(image);
    return [{ image: inline ? { mediaType: inline[1] ?? '', base64: inline[2] ?? '' } : { url: image } }];
  });
}

/** Only the text of a message's content. */
export function textOfContent(content: unknown): string {
  return partsOf(content)
    .map((part) => ('text' in part ? part.text : ''))
    .join('\n');
}

/** A message's function calls. */
export function toolCallsOf(message: Record<string, unknown>): ToolCall[] {
  return objectsOf(message.tool_calls).flatMap((call) => {
    const fn = isObject(call.function) ? call.function : {};
    if (typeof fn.name !== 'string') return [];
    return [
      {
        id: typeof call.id === 'string' ? call.id : fn.name,
        name: fn.name,
        arguments: typeof fn.arguments === 'string' ? fn.arguments : '{}',
      },
    ];
  });
}

/** The arguments of a call as an object; a text that is none is kept under `input`. */
export function argumentsOf(call: ToolCall): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(call.arguments || '{}');
    return isObject(value) ? value : { input: value };
  } catch {
    // A model writes these texts, and may write what is not JSON; the next model must still see it.
    return { input: call.arguments };
  }
}

/** A function that the model may call. */
export interface ToolDefinition {
  name: string;
  description: string | undefined;
  parameters: Record<string, unknown>;
}

export function toolsOf(payload: ChatPayload): ToolDefinition[] {
  return objectsOf(payload.tools).flatMap((tool) => {
    const fn = isObject(tool.function) ? tool.function : {};
    if (typeof fn.name !== 'string') return [];
    return [
      {
        name: fn.name,
        description: typeof fn.description === 'string' ? fn.description : undefined,
        parameters: isObject(fn.parameters) ? fn.parameters : { type: 'object', properties: {} },
      },
    ];
  });
}

/** Which function must be called: none, any, one by name, or as the model likes; undefined when nothing is said. */
export function toolChoiceOf(
  payload: ChatPayload,
): 'none' | 'auto' | 'required' | { name: string } | undefined {
  const choice = payload.tool_choice;
  if (choice === 'none' || choice === 'auto' || choice === 'required') return choice;
  const fn = isObject(choice) && isObject(choice.function) ? choice.function : {};
  return typeof fn.name === 'string' ? { name: fn.name } : undefined;
}

/** The JSON that the answer must be: any object, one of a schema, or null for plain text. */
export function jsonFormatOf(payload: ChatPayload): { schema: Record<string, unknown> | null } | null {
  const format = payload.response_format;
  if (!isObject(format)) return null;
  if (format.type === 'json_object') return { schema: null };
  const named = format.type === 'json_schema' && isObject(format.json_schema) ? format.json_schema : null;
  return named ? { schema: isObject(named.schema) ? named.schema : null } : null;
}

/** @throws NotExpressible when more than one answer is asked for */
export function refuseChoices(payload: ChatPayload, provider: string): void {
  if (typeof payload.n === 'number' && payload.n > 1) {
    throw new NotExpressible(`${provider} gives one answer per call; leave n out or set it to 1`);
  }
}

function toolCallOf(call: ToolCall): object {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.arguments } };
}

function usageShape(usage: TokenUsage): object {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}
