import OpenAI from 'openai';
import type { LlmEndpoint } from './config';
import { isObject, type Vendor } from './vendor';

/** OpenAI, and the vendors that speak its protocol: OpenRouter, Chutes, xAI. */
export function createOpenAiVendor(endpoint: LlmEndpoint): Vendor {
  const client = new OpenAI({
    apiKey: endpoint.apiKey,
    baseURL: endpoint.baseUrl,
    maxRetries: 0,
    // Otherwise read from OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_LOG, and sent to every vendor.
    organization: null,
    project: null,
    logLevel: 'off',
  });
  return {
    async complete(payload, signal) {
      const body = { ...payload, stream: false } as Record<string, unknown>;
      delete body.stream_options;
      const answer: unknown = await client.post('/chat/completions', { body, signal, timeout: LONGEST_MS });
      if (!isObject(answer) || !Array.isArray(answer.choices)) {
        throw new SyntaxError('the answer is not a chat completion');
      }
      return answer;
    },
    async embed(payload, signal) {
      const answer: unknown = await client.post('/embeddings', {
        body: payload,
        signal,
        timeout: LONGEST_MS,
      });
      if (!isObject(answer) || !Array.isArray(answer.data)) {
        throw new SyntaxError('the answer is no list of embeddings');
      }
      return answer;
    },
    async stream(payload, signal) {
      // Without this the vendor never says what the stream used.
      const body = { ...payload, stream: true, stream_options: { include_usage: true } };
      return client.post('/chat/completions', {
        body,
        signal,
        timeout: LONGEST_MS,
        stream: true,
      }) as Promise<AsyncIterable<Record<string, unknown>>>;
    },
  };
}

// The signal is the deadline; the SDK's own timeout must only not come before it.
const LONGEST_MS = 2_000_000_000;
