/** The three wire protocols of evaluation.md 3.2: how a question is put, and where its answer stands. */
import { CITATION_MAX_CHARS, CITATIONS_MAX } from '../../domain/oracle/record';
import type { CallUsage } from '../../domain/oracle/cost';
import type { NamedSchema } from '../../domain/oracle/reply';
import { cleanText } from '../../domain/tasks/clean-json';
import { isObject, objectsOf } from '../llm/vendor';
import type { OracleEndpoint } from './config';
import { OracleFailure } from './types';

/** One call: the rules, then what was said in turn, beginning and ending with us. */
export interface Prompt {
  system: string;
  turns: readonly { role: 'user' | 'assistant'; text: string }[];
  output: NamedSchema;
  webSearch: boolean;
}

/** What a model said. */
export interface Said {
  text: string;
  citations: string[];
  finishReason: string | null;
  usage: CallUsage;
}

export interface Protocol {
  url: string;
  headers: Record<string, string>;
  body: object;
  /** @throws OracleFailure for an answer that is not of the protocol, or that declines */
  read(answer: Record<string, unknown>): Said;
}

/** OpenAI's and xAI's responses, for questions that need the web. */
export function responses(endpoint: OracleEndpoint, prompt: Prompt): Protocol {
  const { name, schema } = prompt.output;
  return {
    url: `${endpoint.baseUrl}/responses`,
    headers: { authorization: `Bearer ${endpoint.apiKey}` },
    body: {
      model: endpoint.model,
      input: [
        { role: 'system', content: prompt.system },
        ...prompt.turns.map(({ role, text }) => ({ role, content: text })),
      ],
      tools: [{ type: 'web_search' }],
      max_output_tokens: endpoint.maxTokens,
      text: { format: { type: 'json_schema', name, strict: true, schema } },
    },
    read(answer) {
      if (!Array.isArray(answer.output)) throw notProtocol('the answer is not a response');
      const items = objectsOf(answer.output);
      const parts = items
        .filter((item) => item.type === 'message')
        .flatMap((item) => objectsOf(item.content));
      const texts = parts.filter((part) => part.type === 'output_text');
      const refusal = parts.find((part) => part.type === 'refusal');
      if (texts.length === 0 && refusal) throw declined();
      const incomplete = isObject(answer.incomplete_details) ? answer.incomplete_details.reason : null;
      return {
        text: texts.map((part) => textOf(part.text)).join(''),
        citations: urls([
          ...texts.flatMap((part) => objectsOf(part.annotations).map((note) => note.url)),
          ...(Array.isArray(answer.citations) ? (answer.citations as unknown[]) : []),
        ]),
        finishReason: textOrNull(incomplete) ?? textOrNull(answer.status),
        usage: {
          tokens: tokensOf(answer.usage, 'input_tokens', 'output_tokens'),
          searches: items.filter((item) => item.type === 'web_search_call').length,
          usdTicks: ticksOf(answer.usage),
        },
      };
    },
  };
}

/** OpenAI's chat completions, spoken by xAI and Chutes too. */
export function chatCompletions(endpoint: OracleEndpoint, prompt: Prompt): Protocol {
  const { name, schema } = prompt.output;
  // OpenAI itself refuses max_tokens for its reasoning models; the compatible vendors know nothing else.
  const limit = new URL(endpoint.baseUrl).host.includes('api.openai.com')
    ? 'max_completion_tokens'
    : 'max_tokens';
  return {
    url: `${endpoint.baseUrl}/chat/completions`,
    headers: { authorization: `Bearer ${endpoint.apiKey}` },
    body: {
      model: endpoint.model,
      messages: [
        { role: 'system', content: prompt.system },
        ...prompt.turns.map(({ role, text }) => ({ role, content: text })),
      ],
      response_format: { type: 'json_schema', json_schema: { name, strict: true, schema } },
      temperature: 0,
      [limit]: endpoint.maxTokens,
    },
    read(answer) {
      const choice = objectsOf(answer.choices)[0];
      if (!choice) throw notProtocol('the answer is not a chat completion');
      const message = isObject(choice.message) ? choice.message : {};
      const text = textOf(message.content);
      const finishReason = textOrNull(choice.finish_reason);
      if (!text && (textOf(message.refusal) || finishReason === 'content_filter')) throw declined();
      return {
        text,
        citations: urls(Array.isArray(answer.citations) ? (answer.citations as unknown[]) : []),
        finishReason,
        usage: {
          tokens: tokensOf(answer.usage, 'prompt_tokens', 'completion_tokens'),
          searches: 0,
          usdTicks: ticksOf(answer.usage),
        },
      };
    },
  };
}

/** Keys of JSON Schema that Gemini's `responseSchema` does not know. */
const NOT_GEMINI = new Set(['additionalProperties', '$schema', '$ref', '$defs', 'definitions']);

/** Gemini's generateContent. The key goes in a header, so that no address that is logged holds it. */
export function generateContent(endpoint: OracleEndpoint, prompt: Prompt): Protocol {
  return {
    url: `${endpoint.baseUrl}/models/${encodeURIComponent(endpoint.model)}:generateContent`,
    headers: { 'x-goog-api-key': endpoint.apiKey },
    body: {
      systemInstruction: { parts: [{ text: prompt.system }] },
      contents: prompt.turns.map(({ role, text }) => ({
        role: role === 'assistant' ? 'model' : 'user',
        parts: [{ text }],
      })),
      generationConfig: {
        temperature: 0,
        maxOutputTokens: endpoint.maxTokens,
        responseMimeType: 'application/json',
        responseSchema: geminiSchema(prompt.output.schema),
      },
      ...(prompt.webSearch ? { tools: [{ googleSearch: {} }] } : {}),
    },
    read(answer) {
      const candidate = objectsOf(answer.candidates)[0];
      const feedback = isObject(answer.promptFeedback) ? answer.promptFeedback : {};
      if (!candidate) {
        if (feedback.blockReason) throw blocked(textOf(feedback.blockReason));
        throw notProtocol('the answer has no candidates');
      }
      const content = isObject(candidate.content) ? candidate.content : {};
      const parts = objectsOf(content.parts).filter((part) => part.thought !== true);
      const text = parts.map((part) => textOf(part.text)).join('');
      const finishReason = textOrNull(candidate.finishReason);
      if (!text && finishReason && BLOCKING.has(finishReason)) throw blocked(finishReason);
      const grounding = isObject(candidate.groundingMetadata) ? candidate.groundingMetadata : {};
      const queries = Array.isArray(grounding.webSearchQueries) ? grounding.webSearchQueries.length : 0;
      return {
        text,
        citations: urls(
          objectsOf(grounding.groundingChunks).map((chunk) => (isObject(chunk.web) ? chunk.web.uri : null)),
        ),
        finishReason,
        usage: { tokens: geminiTokens(answer.usageMetadata), searches: queries, usdTicks: null },
      };
    },
  };
}

const BLOCKING = new Set(['SAFETY', 'RECITATION', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII']);

function geminiSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(geminiSchema);
  if (!isObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !NOT_GEMINI.has(key))
      .map(([key, value]) => [key, geminiSchema(value)]),
  );
}

function notProtocol(message: string): OracleFailure {
  return new OracleFailure('malformed_response', 'later', message);
}

function declined(): OracleFailure {
  return new OracleFailure('provider_error', 'never', 'the model declined to answer');
}

function blocked(reason: string): OracleFailure {
  const why = cleanText(reason).slice(0, 64);
  return new OracleFailure('blocked', 'never', `the answer was blocked (${why})`, { finishReason: why });
}

function tokensOf(usage: unknown, input: string, output: string): CallUsage['tokens'] {
  if (!isObject(usage)) return null;
  const promptTokens = numberOf(usage[input]);
  const completionTokens = numberOf(usage[output]);
  if (promptTokens === null || completionTokens === null) return null;
  const inner = (key: string): Record<string, unknown> => {
    const details = usage[`${key}_details`];
    return isObject(details) ? details : {};
  };
  return {
    promptTokens,
    completionTokens,
    cachedTokens: numberOf(inner(input).cached_tokens) ?? 0,
    reasoningTokens: numberOf(inner(output).reasoning_tokens) ?? 0,
  };
}

function geminiTokens(usage: unknown): CallUsage['tokens'] {
  if (!isObject(usage)) return null;
  const prompt = numberOf(usage.promptTokenCount);
  if (prompt === null) return null;
  const thoughts = numberOf(usage.thoughtsTokenCount) ?? 0;
  return {
    promptTokens: prompt + (numberOf(usage.toolUsePromptTokenCount) ?? 0),
    completionTokens: (numberOf(usage.candidatesTokenCount) ?? 0) + thoughts,
    cachedTokens: numberOf(usage.cachedContentTokenCount) ?? 0,
    reasoningTokens: thoughts,
  };
}

function ticksOf(usage: unknown): number | null {
  return isObject(usage) ? numberOf(usage.cost_in_usd_ticks) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value ? cleanText(value).slice(0, 64) : null;
}

/** Distinct addresses among values, bounded. */
function urls(values: readonly unknown[]): string[] {
  const found = values.filter(
    (value): value is string =>
      typeof value === 'string' && /^https?:\/\//i.test(value) && value.length <= CITATION_MAX_CHARS,
  );
  return [...new Set(found.map(cleanText))].slice(0, CITATIONS_MAX);
}
