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
  type ToolCall,
} from './openai-shape';
import { isObject, NotExpressible, objectsOf, VendorAnswer, type ChatPayload, type Vendor } from './vendor';
import { postForEvents, postJson, type ErrorReader } from './wire';

/** Gemini's protocol (`POST {base}/models/{model}:generateContent`). The key goes in a header, never in the URL. */
export function createGeminiVendor(endpoint: LlmEndpoint): Vendor {
  const call = (payload: ChatPayload, signal: AbortSignal, method: string) => ({
    url: `${endpoint.baseUrl}/models/${encodeURIComponent(payload.model)}:${method}`,
    headers: { 'x-goog-api-key': endpoint.apiKey },
    body: generateRequest(payload),
    signal,
    readError,
  });
  return {
    async complete(payload, signal) {
      const answer = await postJson(call(payload, signal, 'generateContent'));
      const read = readAnswer(answer, 0);
      if (!read.known) throw new SyntaxError('the answer has no candidates');
      return completionOf({
        id: String(answer.responseId ?? ''),
        model: payload.model,
        text: read.text,
        toolCalls: read.toolCalls,
        finishReason: read.finish ?? 'stop',
        usage: usageOfAnswer(answer),
      });
    },
    async stream(payload, signal) {
      const events = await postForEvents(call(payload, signal, 'streamGenerateContent?alt=sse'));
      return chunksOf(events, payload.model);
    },
  };
}

async function* chunksOf(
  events: AsyncIterable<Record<string, unknown>>,
  model: string,
): AsyncGenerator<Record<string, unknown>> {
  const chunks = new Chunks('', model);
  let calls = 0;
  let finish: FinishReason | null = null;
  for await (const event of events) {
    if (isObject(event.error)) {
      const { code, message } = readError(event);
      throw new VendorAnswer(count(event.error.code) ?? 500, code, message, undefined);
    }
    chunks.id = String(event.responseId ?? chunks.id);
    const read = readAnswer(event, calls);
    if (read.text) yield chunks.delta({ content: read.text });
    for (const toolCall of read.toolCalls) {
      yield chunks.toolCall(calls, toolCall);
      calls += 1;
    }
    finish = read.finish ?? finish;
    const usage = usageOfAnswer(event);
    if (usage) yield chunks.usage(usage);
  }
  if (!finish) throw new SyntaxError('the stream ended without a finish reason');
  yield chunks.finish(calls > 0 && finish === 'stop' ? 'tool_calls' : finish);
}

interface Read {
  known: boolean;
  text: string;
  toolCalls: ToolCall[];
  finish: FinishReason | null;
}

function readAnswer(answer: Record<string, unknown>, callsBefore: number): Read {
  const feedback = isObject(answer.promptFeedback) ? answer.promptFeedback : {};
  if (feedback.blockReason) return { known: true, text: '', toolCalls: [], finish: 'content_filter' };
  const candidate = objectsOf(answer.candidates)[0];
  const content = isObject(candidate?.content) ? candidate.content : {};
  // Thoughts are told apart by a flag and are not part of the answer.
  const parts = objectsOf(content.parts).filter((part) => part.thought !== true);
  const toolCalls = parts
    .map((part) => part.functionCall)
    .filter(isObject)
    .map((fn, i) => ({
      id: typeof fn.id === 'string' ? fn.id : `call_${callsBefore + i}`,
      name: String(fn.name ?? ''),
      arguments: JSON.stringify(fn.args ?? {}),
    }));
  const finish = candidate?.finishReason ? finishReason(candidate.finishReason) : null;
  return {
    known: candidate !== undefined,
    text: parts.map((part) => (typeof part.text === 'string' ? part.text : '')).join(''),
    toolCalls,
    finish: finish === 'stop' && toolCalls.length > 0 ? 'tool_calls' : finish,
  };
}

function generateRequest(payload: ChatPayload): Record<string, unknown> {
  refuseChoices(payload, 'gemini');
  const contents: { role: 'user' | 'model'; parts: object[] }[] = [];
  const system: string[] = [];
  const nameOfCall = new Map<string, string>();
  const say = (role: 'user' | 'model', parts: object[]) => {
    if (parts.length === 0) return;
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else contents.push({ role, parts });
  };
  for (const message of objectsOf(payload.messages)) {
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(textOfContent(message.content));
        break;
      case 'assistant': {
        const calls = toolCallsOf(message);
        for (const call of calls) nameOfCall.set(call.id, call.name);
        say('model', [
          ...contentParts(message.content),
          ...calls.map((call) => ({ functionCall: { name: call.name, args: argumentsOf(call) } })),
        ]);
        break;
      }
      case 'tool': {
        const id = String(message.tool_call_id ?? '');
        const response = { result: textOfContent(message.content) };
        say('user', [{ functionResponse: { name: nameOfCall.get(id) ?? id, response } }]);
        break;
      }
      default:
        say('user', contentParts(message.content));
    }
  }
  const tools = toolsOf(payload);
  const choice = toolChoiceOf(payload);
  return {
    contents,
    ...(system.length > 0 ? { systemInstruction: { parts: [{ text: system.join('\n\n') }] } } : {}),
    generationConfig: generationConfig(payload),
    ...(tools.length > 0
      ? {
          tools: [
            {
              functionDeclarations: tools.map(({ name, description, parameters }) => ({
                name,
                ...(description === undefined ? {} : { description }),
                parametersJsonSchema: parameters,
              })),
            },
          ],
        }
      : {}),
    ...(choice && tools.length > 0 ? { toolConfig: { functionCallingConfig: callingConfig(choice) } } : {}),
  };
}

function generationConfig(payload: ChatPayload): Record<string, unknown> {
  const limit = outputLimit(payload);
  const stops = stopsOf(payload);
  const format = jsonFormatOf(payload);
  return {
    ...(limit === undefined ? {} : { maxOutputTokens: limit }),
    ...(typeof payload.temperature === 'number' ? { temperature: payload.temperature } : {}),
    ...(typeof payload.top_p === 'number' ? { topP: payload.top_p } : {}),
    ...(typeof payload.seed === 'number' ? { seed: payload.seed } : {}),
    ...(stops ? { stopSequences: stops } : {}),
    ...(format ? { responseMimeType: 'application/json' } : {}),
    ...(format?.schema ? { responseJsonSchema: format.schema } : {}),
  };
}

function contentParts(content: unknown): object[] {
  return partsOf(content).map((part) => {
    if ('text' in part) return { text: part.text };
    if ('url' in part.image) {
      throw new NotExpressible('gemini takes images as data: URLs only, not by address');
    }
    return { inlineData: { mimeType: part.image.mediaType, data: part.image.base64 } };
  });
}

function callingConfig(choice: 'none' | 'auto' | 'required' | { name: string }): object {
  if (typeof choice === 'object') return { mode: 'ANY', allowedFunctionNames: [choice.name] };
  return { mode: choice === 'required' ? 'ANY' : choice.toUpperCase() };
}

function finishReason(reason: unknown): FinishReason {
  switch (reason) {
    case 'MAX_TOKENS':
      return 'length';
    case 'SAFETY':
    case 'RECITATION':
    case 'BLOCKLIST':
    case 'PROHIBITED_CONTENT':
    case 'SPII':
    case 'IMAGE_SAFETY':
      return 'content_filter';
    default:
      return 'stop';
  }
}

/** Thoughts are counted beside the candidates' tokens, and billed as output. */
function usageOfAnswer(answer: Record<string, unknown>): TokenUsage | null {
  const usage = answer.usageMetadata;
  if (!isObject(usage)) return null;
  const promptTokens = count(usage.promptTokenCount);
  if (promptTokens === null) return null;
  const thoughts = count(usage.thoughtsTokenCount) ?? 0;
  return {
    promptTokens: promptTokens + (count(usage.toolUsePromptTokenCount) ?? 0),
    completionTokens: (count(usage.candidatesTokenCount) ?? 0) + thoughts,
    cachedTokens: count(usage.cachedContentTokenCount) ?? 0,
    reasoningTokens: thoughts,
  };
}

const readError: ErrorReader = (body) => {
  const error = isObject(body.error) ? body.error : {};
  return { code: String(error.status ?? ''), message: String(error.message ?? 'no reason given') };
};
