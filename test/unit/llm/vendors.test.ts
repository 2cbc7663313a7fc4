import { createLlmClient, LlmError, type LlmClient, type RawChatStream } from '../../../adapters/llm';
import { startLlmStandin, type LlmStandin, type ScriptedAnswer } from '../../../demo/standins/llm';

const KEY = 'vendor-key-0123456789abcdef';
const PROVIDERS = ['chutes', 'xai', 'anthropic', 'gemini'];

let standin: LlmStandin | undefined;
afterEach(async () => {
  await standin?.close();
  standin = undefined;
});

async function start(
  script: (n: number) => ScriptedAnswer | undefined = () => undefined,
  limit = { maxConcurrency: 8, maxQueue: 8 },
): Promise<{ client: LlmClient; bodies: Record<string, unknown>[]; standin: LlmStandin }> {
  const bodies: Record<string, unknown>[] = [];
  standin = await startLlmStandin({ apiKey: KEY, script: ({ body }) => script(bodies.push(body)) });
  const { baseUrl } = standin;
  const client = createLlmClient({
    endpoints: {
      chutes: { baseUrl, apiKey: KEY },
      xai: { baseUrl, apiKey: KEY },
      anthropic: { baseUrl, apiKey: KEY, protocol: 'anthropic' },
      gemini: { baseUrl: baseUrl.replace(/v1$/, 'v1beta'), apiKey: KEY, protocol: 'gemini' },
    },
    limits: Object.fromEntries(PROVIDERS.map((provider) => [provider, limit])),
    maxRetries: 1,
    retryBaseDelayMs: 5,
  });
  return { client, bodies, standin };
}

const ask = (provider: string, payload: object = {}) => ({
  provider,
  model: 'm-1',
  payload: { messages: [{ role: 'user', content: 'hello' }], max_tokens: 200, ...payload },
  timeoutMs: 2_000,
});

async function failure(promise: Promise<unknown>): Promise<LlmError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LlmError);
  return error as LlmError;
}

interface Choice {
  delta: { content?: string; role?: string };
  finish_reason: string | null;
}

async function readAll(stream: RawChatStream): Promise<{ text: string; finish: string[]; roles: number }> {
  let text = '';
  let roles = 0;
  const finish: string[] = [];
  for await (const chunk of stream.chunks) {
    expect(chunk.object).toBe('chat.completion.chunk');
    for (const { delta, finish_reason: reason } of chunk.choices as Choice[]) {
      text += delta.content ?? '';
      if (delta.role) roles += 1;
      if (reason) finish.push(reason);
    }
  }
  return { text, finish, roles };
}

describe.each(PROVIDERS)('%s', (provider) => {
  it('answers in the shape of OpenAI, with usage, and the same in a stream', async () => {
    const { client } = await start(() => ({ content: 'one two  three\nfour' }));
    const whole = await client.chatRaw(ask(provider));
    expect(whole.raw).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'one two  three\nfour' }, finish_reason: 'stop' }],
    });
    expect(whole.usage).toMatchObject({ promptTokens: 9, cachedTokens: 0 });
    expect(whole.usage?.completionTokens).toBeGreaterThan(40);
    const stream = await client.chatStream(ask(provider));
    expect(await readAll(stream)).toEqual({ text: 'one two  three\nfour', finish: ['stop'], roles: 1 });
    expect(stream.usage()).toEqual(whole.usage);
  });

  it('says that an answer was cut at its limit', async () => {
    const { client } = await start(() => ({ content: 'word '.repeat(100) }));
    const { raw } = await client.chatRaw(ask(provider, { max_tokens: 20 }));
    expect(raw.choices).toMatchObject([{ finish_reason: 'length' }]);
  });

  it.each<[number, ScriptedAnswer, string]>([
    [404, { status: 404 }, 'unknown_model'],
    [403, { status: 403 }, 'refused'],
    [413, { status: 413 }, 'too_long'],
    [429, { status: 429, headers: { 'retry-after': '0.5' } }, 'rate_limited'],
    [500, { status: 500 }, 'provider_down'],
    [529, { status: 529 }, 'provider_down'],
    [0, { hangUp: true }, 'provider_down'],
    [200, { body: '<html>' }, 'provider_down'],
    [200, { body: {} }, 'provider_down'],
  ])('tells what a %i means', async (_status, answer, kind) => {
    const { client } = await start(() => answer);
    expect((await failure(client.chatRaw(ask(provider)))).kind).toBe(kind);
    if (answer.body === undefined) {
      expect((await failure(client.chatStream(ask(provider)))).kind).toBe(kind);
    }
  });

  it('tells a prompt that is too long by the words of its vendor', async () => {
    const message =
      {
        anthropic: 'prompt is too long: 200001 tokens > 200000 maximum',
        gemini: 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
      }[provider] ?? "This model's maximum context length is 8192 tokens";
    const { client } = await start(() => ({ status: 400, body: { error: { message } } }));
    expect((await failure(client.chatRaw(ask(provider)))).kind).toBe('too_long');
  });

  it('tries again when the vendor is busy, also for a stream', async () => {
    const { client, standin: vendor } = await start((n) =>
      n % 2 === 1 ? { status: 503 } : { content: 'now' },
    );
    await client.chatRaw(ask(provider));
    expect((await readAll(await client.chatStream(ask(provider)))).text).toBe('now');
    expect(vendor.calls()).toBe(4);
  });

  it('tells a stream that breaks off from one that ends', async () => {
    const { client } = await start(() => ({
      content: 'a b c d e f',
      eventDelayMs: 10,
      hangUpAfterEvents: 3,
    }));
    const stream = await client.chatStream(ask(provider));
    expect((await failure(readAll(stream))).kind).toBe('provider_down');
  });

  it('ends a stream at its deadline', async () => {
    // It opens with its first event, long before the deadline, and would go on for long after it.
    const { client } = await start(() => ({ content: 'a b c d e f '.repeat(20), eventDelayMs: 100 }));
    const stream = await client.chatStream({ ...ask(provider), timeoutMs: 3_000 });
    expect((await failure(readAll(stream))).kind).toBe('timeout');
  });

  it('never repeats the key', async () => {
    const { client } = await start(() => ({
      status: 401,
      body: { error: { message: `bad key ${KEY}, header "Bearer ${KEY}"`, type: KEY, status: KEY } },
    }));
    for (const call of [client.chatRaw(ask(provider)), client.chatStream(ask(provider))]) {
      const error = await failure(call);
      expect(JSON.stringify({ ...error, message: error.message, stack: error.stack })).not.toContain(
        '0123456789',
      );
    }
  });
});

describe('translation', () => {
  const tools = [
    { type: 'function', function: { name: 'add', description: 'Adds', parameters: { type: 'object' } } },
  ];
  const conversation = {
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'one' },
      { role: 'user', content: [{ type: 'text', text: 'two' }] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: '3' },
    ],
    max_tokens: 50,
    temperature: 1.5,
    stop: 'END',
    tools,
    tool_choice: 'required',
  };

  it('to Anthropic keeps roles, functions and limits', async () => {
    const { client, bodies } = await start(() => ({
      body: {
        id: 'msg_1',
        content: [
          { type: 'text', text: 'adding' },
          { type: 'tool_use', id: 't1', name: 'add', input: { a: 2 } },
        ],
        stop_reason: 'tool_use',
        usage: { input_tokens: 5, cache_read_input_tokens: 90, output_tokens: 7 },
      },
    }));
    const { raw, usage } = await client.chatRaw({ ...ask('anthropic'), payload: conversation });
    expect(bodies[0]).toEqual({
      model: 'm-1',
      max_tokens: 50,
      system: 'be brief',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'add', input: { a: 1 } }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: '3' }] },
      ],
      temperature: 1,
      stop_sequences: ['END'],
      tools: [{ name: 'add', description: 'Adds', input_schema: { type: 'object' } }],
      tool_choice: { type: 'any' },
      stream: false,
    });
    expect(raw.choices).toMatchObject([
      {
        message: { content: 'adding', tool_calls: [{ id: 't1', function: { arguments: '{"a":2}' } }] },
        finish_reason: 'tool_calls',
      },
    ]);
    expect(usage).toEqual({ promptTokens: 95, completionTokens: 7, cachedTokens: 90, reasoningTokens: 0 });
  });

  it('to Gemini keeps roles, functions and limits, and counts thoughts', async () => {
    const { client, bodies } = await start(() => ({
      body: {
        candidates: [
          {
            content: {
              parts: [{ text: 'hm', thought: true }, { functionCall: { name: 'add', args: { a: 2 } } }],
            },
            finishReason: 'STOP',
          },
        ],
        usageMetadata: { promptTokenCount: 9, candidatesTokenCount: 3, thoughtsTokenCount: 20 },
      },
    }));
    const { raw, usage } = await client.chatRaw({ ...ask('gemini'), payload: conversation });
    expect(bodies[0]).toEqual({
      systemInstruction: { parts: [{ text: 'be brief' }] },
      contents: [
        { role: 'user', parts: [{ text: 'one' }, { text: 'two' }] },
        { role: 'model', parts: [{ functionCall: { name: 'add', args: { a: 1 } } }] },
        { role: 'user', parts: [{ functionResponse: { name: 'add', response: { result: '3' } } }] },
      ],
      generationConfig: { maxOutputTokens: 50, temperature: 1.5, stopSequences: ['END'] },
      tools: [
        {
          functionDeclarations: [
            { name: 'add', description: 'Adds', parametersJsonSchema: { type: 'object' } },
          ],
        },
      ],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
    });
    expect(raw.choices).toMatchObject([
      {
        message: { content: null, tool_calls: [{ id: 'call_0', function: { name: 'add' } }] },
        finish_reason: 'tool_calls',
      },
    ]);
    expect(usage).toEqual({ promptTokens: 9, completionTokens: 23, cachedTokens: 0, reasoningTokens: 20 });
  });

  it.each([
    ['anthropic', { content: [], stop_reason: 'refusal', usage: { input_tokens: 1, output_tokens: 0 } }],
    ['gemini', { promptFeedback: { blockReason: 'SAFETY' } }],
  ])('of a refusal by %s is an error of that kind', async (provider, body) => {
    const { client } = await start(() => ({ body }));
    const call = { provider, model: 'm', messages: [], maxTokens: 10, timeoutMs: 1000 };
    expect((await failure(client.chat(call))).kind).toBe('refused');
  });

  it.each(['anthropic', 'gemini'])('refuses what %s cannot express, and sends nothing', async (provider) => {
    const { client, standin: vendor } = await start();
    const sound = { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] };
    expect((await failure(client.chatRaw(ask(provider, sound)))).message).toContain('input_audio');
    expect((await failure(client.chatRaw(ask(provider, { n: 2 })))).kind).toBe('refused');
    expect(vendor.calls()).toBe(0);
  });

  it('keeps a model name inside its place in the address', async () => {
    const { client } = await start();
    const { raw } = await client.chatRaw({ ...ask('gemini'), model: 'a/../b?x=1:generateContent#' });
    expect(raw.model).toBe('a/../b?x=1:generateContent#');
  });
});

describe('calls at once', () => {
  it('are as many as allowed, the others wait and are refused beyond the queue', async () => {
    let under = 0;
    let most = 0;
    const { client, standin: vendor } = await start(
      () => {
        under += 1;
        most = Math.max(most, under);
        setTimeout(() => (under -= 1), 900);
        return { delayMs: 1_000 };
      },
      { maxConcurrency: 2, maxQueue: 3 },
    );
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => client.chatRaw({ ...ask('anthropic'), timeoutMs: 30_000 })),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(3);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ kind: 'rate_limited', status: undefined });
      expect((reason as Error).message).toContain('2 calls are under way and 3 wait');
    }
    expect(vendor.calls()).toBe(5);
    expect(most).toBe(2);
  });

  it('give their place back after a failure, an unread stream and a stream that is stopped', async () => {
    const { client } = await start((n) => (n === 1 ? { status: 400 } : { content: 'a b c' }), {
      maxConcurrency: 1,
      maxQueue: 0,
    });
    await failure(client.chatRaw(ask('gemini')));
    (await client.chatStream(ask('gemini'))).stop();
    const stream = await client.chatStream(ask('gemini'));
    for await (const chunk of stream.chunks) {
      expect(chunk).toBeDefined();
      break;
    }
    stream.stop();
    expect((await client.chatRaw(ask('gemini'))).usage).not.toBeNull();
  });

  it('that wait longer than their time are refused without being sent', async () => {
    const { client, standin: vendor } = await start(() => ({ delayMs: 400 }), {
      maxConcurrency: 1,
      maxQueue: 5,
    });
    const first = client.chatRaw(ask('chutes'));
    const error = await failure(client.chatRaw({ ...ask('chutes'), timeoutMs: 50 }));
    expect(error.message).toContain('no call to chutes became free within 0.05 s');
    await first;
    expect(vendor.calls()).toBe(1);
  });
});
