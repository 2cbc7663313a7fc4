import OpenAI from 'openai';
import type { Logger } from '../../../adapters/logging';
import type { ScriptedAnswer } from '../../../demo/standins/llm';
import {
  EXACT_COST,
  exactAnswer,
  MASTER,
  startStack,
  VENDOR_KEY,
  type Stack,
  type StackOptions,
} from './harness';

jest.setTimeout(120_000);

let stack: Stack;
const lines: string[] = [];
const logger = Object.fromEntries(
  ['debug', 'info', 'warn', 'error'].map((level) => [
    level,
    (message: string, fields?: object) => lines.push(JSON.stringify([level, message, fields])),
  ]),
) as unknown as Logger;
const restart = (options: StackOptions = {}) => stack.restart({ allVendors: true, logger, ...options });

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

const KIMI = 'moonshotai/Kimi-K2.5-TEE';
const ask = { messages: [{ role: 'user' as const, content: 'What is the tallest tower?' }], max_tokens: 500 };
const clientOf = (token: string) =>
  new OpenAI({ apiKey: token, baseURL: `${stack.url}/v1`, maxRetries: 0, logLevel: 'off' });
const rowOf = async (jobId: string) => {
  for (let tries = 0; tries < 100; tries += 1) {
    const row = await stack.prisma.providerCall.findFirst({ where: { jobId } });
    if (row) return row;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the call is not in the ledger');
};
const always = (answer: ScriptedAnswer): StackOptions => ({ vendor: { script: () => answer } });
const costOf = async (jobId: string) =>
  (await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).body;

describe("a call in OpenAI's shape", () => {
  beforeAll(() => restart());

  it.each([
    [KIMI, 'chutes', KIMI],
    [`chutes/${KIMI}`, 'chutes', KIMI],
    ['chutes/any/other', 'chutes', 'any/other'],
    ['claude-haiku-4-5', 'anthropic', 'claude-haiku-4-5'],
    ['anthropic/claude-haiku-4-5', 'anthropic', 'claude-haiku-4-5'],
  ])('for %s goes to %s, and is in the ledger when its answer is there', async (name, provider, model) => {
    const { token, jobId } = await stack.attempt();
    const { data, response } = await clientOf(token)
      .chat.completions.create({ model: name, ...ask })
      .withResponse();
    const row = await stack.prisma.providerCall.findFirstOrThrow({ where: { jobId } });
    expect(row).toMatchObject({ provider, model, status: 'ok', errorCode: null });
    expect(data).toMatchObject({ object: 'chat.completion', usage: { prompt_tokens: row.promptTokens } });
    expect(data.choices[0]?.message.content).toBeTruthy();
    expect(Number(response.headers.get('x-eirel-cost-usd'))).toBe(Number(row.costMicroUsd) / 1e6);
    expect(Number(response.headers.get('x-eirel-cost-remaining-usd'))).toBeCloseTo(
      1 - Number(row.costMicroUsd) / 1e6,
      6,
    );
  });

  it('for a model that is not listed is a 400 that names what is', async () => {
    const { token } = await stack.attempt();
    for (const model of ['gpt-0', 'openai/gpt-0', 'toString', '*']) {
      const answer = await stack.call(token, { model, ...ask });
      expect(answer.status).toBe(400);
      expect(answer.body.detail).toContain('gpt-4o-mini');
      expect(answer.body.error).toMatchObject({ type: 'invalid_request_error' });
    }
    expect((await stack.call(token, { model: 'gpt-0', ...ask })).body.detail).not.toContain('gemini');
  });

  it("keeps the owner's providers to the owner", async () => {
    const { token, jobId } = await stack.attempt();
    const body = { model: 'gemini/gemini-3-flash', ...ask };
    expect((await stack.call(token, body)).status).toBe(403);
    expect((await stack.call(token, { model: 'gemini-3-flash', ...ask })).status).toBe(400);
    const own = { provider: 'gemini', model: 'gemini-3-flash', payload: ask };
    expect((await stack.call(token, own)).status).toBe(403);
    const owner = await stack.call(MASTER, body, { 'x-eirel-job-id': jobId });
    expect(owner).toMatchObject({ status: 200, body: { object: 'chat.completion' } });
  });

  it('lists what may be asked for', async () => {
    const { token } = await stack.attempt();
    const names = (await clientOf(token).models.list()).data.map(({ id }) => id);
    expect(names).toEqual(expect.arrayContaining([`chutes/${KIMI}`, 'chutes/*', 'openai/gpt-4o']));
    expect(names.some((name) => name.startsWith('gemini'))).toBe(false);
  });

  it('without its fields is a 422, and without a token a 401', async () => {
    const { token } = await stack.attempt();
    expect((await stack.call(token, {})).status).toBe(422);
    expect((await stack.call(token, { model: KIMI, messages: [] })).status).toBe(422);
    expect((await stack.call('nobody', { model: KIMI, ...ask })).status).toBe(401);
  });

  it.each<[string, ScriptedAnswer, number, string]>([
    ['provider down', { status: 503 }, 502, 'provider_down'],
    ['unknown model', { status: 404 }, 502, 'unknown_model'],
    ['refused', { status: 400, body: { error: { message: 'no' } } }, 502, 'refused'],
    ['too long', { status: 413 }, 502, 'too_long'],
    ['rate limited', { status: 429, headers: { 'retry-after': '0.5' } }, 502, 'rate_limited'],
  ])(
    'tells that the vendor said %s, streamed or not, and costs nothing',
    async (_what, answer, status, code) => {
      await restart(always(answer));
      for (const stream of [false, true]) {
        const { token, jobId } = await stack.attempt();
        const failed = await stack.call(token, { model: KIMI, ...ask, stream });
        expect(failed).toMatchObject({ status, body: { error_code: code, error: { code } } });
        expect(await rowOf(jobId)).toMatchObject({ status: 'error', errorCode: code, costMicroUsd: 0n });
      }
    },
  );
});

describe('a stream', () => {
  it.each([KIMI, 'claude-haiku-4-5'])(
    'of %s has the words, the usage and the price of the whole',
    async (model) => {
      await restart(always({ content: 'the tallest tower is tall' }));
      const whole = await stack.attempt();
      await clientOf(whole.token).chat.completions.create({ model, ...ask });
      const { token, jobId } = await stack.attempt();
      const stream = await clientOf(token).chat.completions.create({
        model,
        ...ask,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let prompt: number | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        prompt = chunk.usage?.prompt_tokens ?? prompt;
      }
      expect(text).toBe('the tallest tower is tall');
      const row = await stack.prisma.providerCall.findFirstOrThrow({ where: { jobId } });
      expect(row).toMatchObject({ status: 'ok', promptTokens: prompt });
      expect(row.costMicroUsd).toBe((await rowOf(whole.jobId)).costMicroUsd);
      expect((await costOf(jobId)).cost_usd_used).toBe(Number(row.costMicroUsd) / 1e6);
    },
  );

  it('shows usage only to those who ask', async () => {
    await restart();
    const { token } = await stack.attempt();
    const { body } = await stack.call(token, { model: KIMI, ...ask, stream: true });
    expect(body.text).toContain('"finish_reason":"stop"');
    expect(body.text).not.toContain('prompt_tokens');
    expect(String(body.text).endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('is refused before its first byte when the budget is spent, and a refusal is not repeated', async () => {
    await restart({ jobBudgetMicroUsd: EXACT_COST, ...always(exactAnswer) });
    const { token } = await stack.attempt();
    const exact = { model: 'chutes/exact', messages: [{ role: 'user', content: 'x' }], max_tokens: 100 };
    expect((await stack.call(token, exact)).status).toBe(200);
    const refused = await stack.call(token, { ...exact, stream: true });
    expect(refused).toMatchObject({
      status: 429,
      body: { detail: 'run budget exhausted', budget_usd: 0.001, error: { code: 'insufficient_quota' } },
    });
    expect(stack.vendor.calls()).toBe(1);
  });

  it('that breaks off says so, has no end, and is charged for what came', async () => {
    await restart(always({ content: 'one two three four', eventDelayMs: 10, hangUpAfterEvents: 3 }));
    const { token, jobId } = await stack.attempt();
    const { status, body } = await stack.call(token, { model: KIMI, ...ask, stream: true });
    expect(status).toBe(200);
    expect(body.text).toContain('provider_down');
    expect(body.text).not.toContain('[DONE]');
    const row = await rowOf(jobId);
    expect(row).toMatchObject({ status: 'error', errorCode: 'provider_down' });
    expect(row.costMicroUsd).toBeGreaterThan(0n);
  });

  it('keeps its end back when it cannot be recorded', async () => {
    await restart(always({ content: 'one two', eventDelayMs: 1_500 }));
    const { token } = await stack.attempt();
    const called = stack.call(token, { model: KIMI, ...ask, stream: true });
    // The vendor is asked: the hold is written, and the end of the stream is seconds away.
    for (let tries = 0; stack.vendor.calls() === 0 && tries < 1_000; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await stack.prisma.$executeRaw`ALTER TABLE provider_calls RENAME COLUMN latency_ms TO latency_ms_away`;
    try {
      const { body } = await called;
      expect(body.text).toContain('withheld');
      expect(body.text).not.toContain('[DONE]');
      expect(body.text).not.toContain('"finish_reason":"stop"');
    } finally {
      await stack.prisma.$executeRaw`ALTER TABLE provider_calls RENAME COLUMN latency_ms_away TO latency_ms`;
    }
  });

  const leave = async (token: string) => {
    const abort = new AbortController();
    const response = await fetch(`${stack.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: KIMI, ...ask, stream: true }),
      signal: abort.signal,
    });
    await response.body?.getReader().read();
    abort.abort();
  };

  it('whose caller leaves shortly before the end is charged what it used', async () => {
    await restart(always({ content: 'one two three four', eventDelayMs: 40 }));
    const { token, jobId } = await stack.attempt();
    await leave(token);
    const row = await rowOf(jobId);
    expect(row).toMatchObject({ status: 'ok', errorCode: null });
    expect(row.completionTokens).toBeGreaterThan(40);
    expect(stack.vendor.abandoned()).toBe(0);
  });

  it('whose caller leaves long before the end is cut off at the vendor and charged its hold', async () => {
    await restart({
      ...always({ content: 'word '.repeat(200), eventDelayMs: 50 }),
      disconnectGraceSeconds: 0.2,
    });
    const { token, jobId } = await stack.attempt();
    await leave(token);
    const row = await rowOf(jobId);
    expect(row).toMatchObject({ status: 'error', errorCode: 'client_disconnected' });
    // 500 tokens of output alone are 860 micro-USD.
    expect(Number(row.costMicroUsd)).toBeGreaterThan(860);
    expect((await costOf(jobId)).cost_usd_used).toBe(Number(row.costMicroUsd) / 1e6);
    for (let tries = 0; stack.vendor.abandoned() === 0 && tries < 40; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(stack.vendor.abandoned()).toBe(1);
  });

  it('counts against the budget with all the others at once', async () => {
    await restart({
      jobBudgetMicroUsd: 4_000,
      ...always({ content: 'one two three', eventDelayMs: 20 }),
    });
    const { token, jobId } = await stack.attempt();
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => stack.call(token, { model: KIMI, ...ask, stream: true })),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    const rows = await stack.prisma.providerCall.findMany({ where: { jobId, status: 'ok' } });
    expect(rows).toHaveLength(answers.filter(({ status }) => status === 200).length);
    const spent = rows.reduce((sum, row) => sum + Number(row.costMicroUsd), 0);
    expect(spent).toBeLessThanOrEqual(4_000);
    expect((await costOf(jobId)).cost_usd_used).toBe(spent / 1e6);
  });
});

describe('a vendor that is full', () => {
  it('is a 503 that says when to come back, and costs nothing', async () => {
    await restart({ ...always({ delayMs: 3_000 }), limit: { maxConcurrency: 1, maxQueue: 1 } });
    const { token, jobId } = await stack.attempt();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => stack.call(token, { model: KIMI, ...ask })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(2);
    expect(refused[0]?.body).toMatchObject({ error_code: 'rate_limited' });
    const failed = await stack.prisma.providerCall.findMany({ where: { jobId, status: 'error' } });
    expect(failed.map((row) => row.costMicroUsd)).toEqual([0n, 0n]);
  });
});

describe("the vendor's key", () => {
  it('is in no answer, no log line and no row', async () => {
    const message = `Incorrect key ${VENDOR_KEY} in "Authorization: Bearer ${VENDOR_KEY}"`;
    const seen: unknown[] = [];
    for (const status of [400, 401, 429, 500, 503]) {
      await restart(always({ status, body: { error: { message, code: VENDOR_KEY, type: VENDOR_KEY } } }));
      for (const model of [KIMI, 'claude-haiku-4-5']) {
        for (const stream of [false, true]) {
          const { token } = await stack.attempt();
          seen.push(await stack.call(token, { model, ...ask, stream }));
        }
      }
    }
    const rows = await stack.prisma.providerCall.findMany();
    expect(seen).toHaveLength(20);
    expect(lines.length).toBeGreaterThan(20);
    const all = JSON.stringify([seen, rows, lines], (_key, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    expect(all).toContain('[redacted]');
    expect(all).not.toContain(VENDOR_KEY);
  });
});
