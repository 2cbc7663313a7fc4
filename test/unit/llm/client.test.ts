import {
  createLlmClient,
  endpointBaseUrl,
  llmConfigFromEnv,
  LlmError,
  type LlmClient,
} from '../../../adapters/llm';
import { startLlmStandin, type LlmStandin, type ScriptedAnswer } from '../../../demo/standins/llm';

const KEY = 'sk-test-0123456789abcdef';
const request = {
  provider: 'chutes',
  model: 'm',
  messages: [{ role: 'user' as const, content: 'hello' }],
  maxTokens: 200,
  timeoutMs: 2_000,
};

let standin: LlmStandin | undefined;
afterEach(async () => {
  await standin?.close();
  standin = undefined;
});

async function withAnswers(
  answers: (ScriptedAnswer | undefined)[],
  maxRetries = 0,
): Promise<{ client: LlmClient; bodies: Record<string, unknown>[]; standin: LlmStandin }> {
  const bodies: Record<string, unknown>[] = [];
  standin = await startLlmStandin({
    apiKey: KEY,
    script: ({ body }) => {
      bodies.push(body);
      return answers[Math.min(bodies.length - 1, answers.length - 1)];
    },
  });
  const client = createLlmClient({
    endpoints: { chutes: { baseUrl: standin.baseUrl, apiKey: KEY } },
    maxRetries,
    retryBaseDelayMs: 5,
  });
  return { client, bodies, standin };
}

async function failure(promise: Promise<unknown>): Promise<LlmError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LlmError);
  return error as LlmError;
}

describe('chat', () => {
  it('gives text, usage and the vendor answer', async () => {
    const { client, bodies } = await withAnswers([{ content: 'hi there' }]);
    const result = await client.chat({ ...request, temperature: 0, responseFormat: 'json_object' });
    expect(result.text).toBe('hi there');
    expect(result.finishReason).toBe('stop');
    expect(result.usage?.promptTokens).toBeGreaterThan(0);
    expect(result.usage?.reasoningTokens).toBeGreaterThan(0);
    expect(result.raw).toMatchObject({ object: 'chat.completion' });
    expect(bodies[0]).toMatchObject({
      model: 'm',
      max_tokens: 200,
      temperature: 0,
      stream: false,
      response_format: { type: 'json_object' },
    });
  });

  it('tells usage that the vendor left out from zero', async () => {
    const { client } = await withAnswers([{ content: 'x', withoutUsage: true }]);
    expect((await client.chat(request)).usage).toBeNull();
  });

  it('passes a raw payload on, but never as a stream and never for another model', async () => {
    const { client, bodies } = await withAnswers([undefined]);
    await client.chatRaw({
      provider: 'chutes',
      model: 'm',
      payload: { model: 'dear', stream: true, stream_options: {}, messages: request.messages, top_p: 0.3 },
      timeoutMs: 1000,
    });
    expect(bodies[0]).toEqual({ model: 'm', stream: false, messages: request.messages, top_p: 0.3 });
  });
});

describe('failures', () => {
  it.each<[string, ScriptedAnswer, string]>([
    [
      '404',
      { status: 404, body: { error: { message: 'no such model', code: 'model_not_found' } } },
      'unknown_model',
    ],
    ['400', { status: 400, body: { error: { message: 'bad temperature' } } }, 'refused'],
    ['403', { status: 403, body: { error: { message: 'not you' } } }, 'refused'],
    [
      'a full context',
      { status: 400, body: { error: { message: 'x', code: 'context_length_exceeded' } } },
      'too_long',
    ],
    ['413', { status: 413 }, 'too_long'],
    ['429', { status: 429, headers: { 'retry-after': '7' } }, 'rate_limited'],
    [
      'an empty account',
      { status: 429, body: { error: { message: 'pay', code: 'insufficient_quota' } } },
      'refused',
    ],
    ['500', { status: 500 }, 'provider_down'],
    ['503', { status: 503 }, 'provider_down'],
    ['a lost connection', { hangUp: true }, 'provider_down'],
    ['an answer that is not JSON', { body: '<html>busy</html>' }, 'provider_down'],
    ['JSON that is no completion', { body: { ok: true } }, 'provider_down'],
  ])('%s is of its kind', async (_what, answer, kind) => {
    const { client } = await withAnswers([answer]);
    const error = await failure(client.chat(request));
    expect(error.kind).toBe(kind);
    if (kind === 'rate_limited') expect(error.retryAfterSeconds).toBe(7);
  });

  it('never repeats the key, even when the vendor does', async () => {
    const { client } = await withAnswers([
      { status: 401, body: { error: { message: `bad key ${KEY}, header "Bearer ${KEY}"` } } },
    ]);
    const error = await failure(client.chat(request));
    expect(error.kind).toBe('refused');
    expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(
      '0123456789',
    );
  });

  it('gives up on a body that is too slow, without trying again', async () => {
    const { client, standin: vendor } = await withAnswers([{ delayMs: 30_000 }], 3);
    const error = await failure(client.chat({ ...request, timeoutMs: 2_000 }));
    expect(error.kind).toBe('timeout');
    expect(vendor.calls()).toBe(1);
  });

  it('stops when the caller does', async () => {
    const { client } = await withAnswers([{ delayMs: 3_000 }]);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    expect((await failure(client.chat({ ...request, signal: abort.signal }))).kind).toBe('cancelled');
  });

  it('says what to set for a vendor that is not configured', async () => {
    const { client } = await withAnswers([undefined]);
    expect((await failure(client.chat({ ...request, provider: 'openai' }))).message).toContain(
      'EIREL_PROVIDER_OPENAI_API_KEY',
    );
    const anthropic = await failure(client.chat({ ...request, provider: 'anthropic' }));
    expect(anthropic.kind).toBe('not_configured');
    expect(anthropic.message).toContain('EIREL_PROVIDER_ANTHROPIC_API_KEY');
    expect((await failure(client.chat({ ...request, provider: 'toString' }))).kind).toBe('not_configured');
  });
});

describe('retries', () => {
  it.each([429, 502, 503, 504])('%i is tried again until it works', async (status) => {
    const { client, standin: vendor } = await withAnswers(
      [{ status }, { status }, { content: 'at last' }],
      3,
    );
    expect((await client.chat(request)).text).toBe('at last');
    expect(vendor.calls()).toBe(3);
  });

  it('a lost connection is tried again', async () => {
    const { client } = await withAnswers([{ hangUp: true }, { content: 'back' }], 1);
    expect((await client.chat(request)).text).toBe('back');
  });

  it('ends with the last failure when all attempts are used', async () => {
    const { client, standin: vendor } = await withAnswers([{ status: 503 }], 2);
    expect((await failure(client.chat(request))).kind).toBe('provider_down');
    expect(vendor.calls()).toBe(3);
  });

  it('does not come back before Retry-After', async () => {
    const { client } = await withAnswers(
      [{ status: 429, headers: { 'retry-after': '0.6' } }, { content: 'ok' }],
      1,
    );
    const startedAt = performance.now();
    await client.chat(request);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(590);
  });

  it.each([400, 401, 404, 500])('%i is not tried again', async (status) => {
    const { client, standin: vendor } = await withAnswers([{ status }], 3);
    await failure(client.chat(request));
    expect(vendor.calls()).toBe(1);
  });
});

describe('configuration', () => {
  it('takes a base URL in both forms', () => {
    expect(endpointBaseUrl('https://llm.chutes.ai/v1/chat/completions')).toBe('https://llm.chutes.ai/v1');
    expect(endpointBaseUrl('https://llm.chutes.ai/v1/')).toBe('https://llm.chutes.ai/v1');
  });

  it('leaves out a vendor without a key', () => {
    const config = llmConfigFromEnv({
      EIREL_PROVIDER_CHUTES_API_KEY: 'k',
      EIREL_PROVIDER_CHUTES_BASE_URL: '',
    });
    expect(config.endpoints).toEqual({ chutes: { baseUrl: 'https://llm.chutes.ai/v1', apiKey: 'k' } });
    expect(config.maxRetries).toBe(3);
  });

  it('refuses a base URL that is not one, by the name of its variable', () => {
    expect(() =>
      llmConfigFromEnv({ EIREL_PROVIDER_OPENAI_API_KEY: 'k', EIREL_PROVIDER_OPENAI_BASE_URL: 'ftp://x' }),
    ).toThrow(/EIREL_PROVIDER_OPENAI_BASE_URL/);
    expect(() => llmConfigFromEnv({ EIREL_PROVIDER_PROXY_MAX_RETRIES: 'many' })).toThrow(/MAX_RETRIES/);
  });
});
