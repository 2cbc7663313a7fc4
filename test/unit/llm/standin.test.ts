import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import { createLogger } from '../../../adapters/logging';
import { startLlmStandin, type LlmStandin } from '../../../demo/standins/llm';
import { costMicroUsd } from '../../../domain/pricing/cost';
import { compositeScore } from '../../../domain/scoring';
import { serve, type RunningService } from '../../../services/http';
import { createJudgeService } from '../../../services/judge/app';
import { judgeConfigFromEnv } from '../../../services/judge/config';

const DATASET = join(__dirname, '../../../demo/dataset/general_chat.json');
const KIMI = 'moonshotai/Kimi-K2.5-TEE';
interface Task {
  task_id: string;
  prompt: string;
  expected_output: { answer: string; must_not_claim?: string[] };
}
const { tasks } = JSON.parse(readFileSync(DATASET, 'utf8')) as { tasks: Task[] };

let standin: LlmStandin;
let judge: RunningService;
let client: OpenAI;
beforeAll(async () => {
  standin = await startLlmStandin({ knowledgePath: DATASET, apiKey: 'k-standin', latencyMs: 0 });
  client = new OpenAI({ apiKey: 'k-standin', baseURL: standin.baseUrl, maxRetries: 0 });
  const config = judgeConfigFromEnv({
    EIREL_EVAL_JUDGE_BASE_URL: standin.baseUrl,
    EIREL_EVAL_JUDGE_API_KEY: 'k-standin',
    EIRETES_JUDGE_PORT: '0',
  });
  judge = await serve(createJudgeService(config, createLogger('standin-test', 'emerg')), {
    ...config.listen,
    handleSignals: false,
  });
});
afterAll(async () => {
  await judge?.close();
  await standin?.close();
});

async function say(model: string, task: Task): Promise<{ text: string; costUsd: number }> {
  const completion = await client.chat.completions.create({
    model,
    messages: [
      { role: 'system', content: 'You are a careful assistant.' },
      { role: 'user', content: `Document: (none)\n\n${task.prompt}` },
    ],
  });
  const usage = completion.usage!;
  const cost = costMicroUsd('chutes', KIMI, {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
    cachedTokens: 0,
    reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  });
  return { text: completion.choices[0]!.message.content!, costUsd: cost / 1e6 };
}

async function post<T>(path: string, body: object): Promise<T> {
  const response = await fetch(`${judge.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function scoreOf(task: Task, text: string, costUsd: number): Promise<number> {
  const { answer, must_not_claim = [] } = task.expected_output;
  const bundle = { question: task.prompt, answers: [text], constraints: must_not_claim.join('; ') };
  const { outcome } = await post<{ outcome: 'correct' }>('/v1/judge/eval', {
    bundle,
    expected_answer: answer,
    must_not_claim,
    oracle_source: 'deterministic',
  });
  const dims = await post<Record<string, { score: number } | null>>('/v1/judge/multi', {
    bundle,
    expected_answer: answer,
    applicable_metrics: ['grounded_correctness', 'instruction_safety'],
  });
  const input = {
    outcome,
    candidate_response: text,
    must_not_claim,
    latency_ms: 1000,
    cost_usd: costUsd,
    grounded_correctness_score: dims.grounded_correctness?.score ?? null,
    instruction_safety_score: dims.instruction_safety?.score ?? null,
    pairwise_preference_score: 0.5,
  };
  const [v1, v2] = [compositeScore(input, 1).composite, compositeScore(input, 2).composite];
  expect(v2).toBe(v1);
  return v1;
}

// Every task of the dataset is asked and judged over HTTP.
jest.setTimeout(60_000);

describe('models of the stand-in', () => {
  it('know the dataset when they are strong: every answer scores 1 under the judge, floor and gates', async () => {
    for (const task of tasks) {
      const { text, costUsd } = await say(KIMI, task);
      expect({ task: task.task_id, text, score: await scoreOf(task, text, costUsd) }).toMatchObject({
        score: 1,
      });
    }
  });

  it('get about a third wrong when they are small, and more when they are tiny', async () => {
    const wrongOf = async (model: string) => {
      let wrong = 0;
      for (const task of tasks) {
        const { text, costUsd } = await say(model, task);
        const score = await scoreOf(task, text, costUsd);
        if (score < 0.6) wrong += 1;
        else expect(score).toBe(1);
      }
      return wrong / tasks.length;
    };
    const small = await wrongOf('some/model-small');
    expect(small).toBeGreaterThan(0.15);
    expect(small).toBeLessThan(0.5);
    expect(await wrongOf('some/model-tiny')).toBeGreaterThan(small);
  });

  it('say the same every time, and nothing made up about what they do not know', async () => {
    const task = tasks[0]!;
    expect(await say('x-small', task)).toEqual(await say('x-small', task));
    const unknown = await say(KIMI, { ...task, prompt: 'What did I have for breakfast?' });
    expect(unknown.text).toContain('no record');
  });
});

describe('the judge model of the stand-in', () => {
  it('is symmetrical in the order of the answers', async () => {
    const answers = [...tasks.slice(0, 6).map((task) => task.expected_output.answer), '', 'no idea'];
    for (const task of tasks.slice(0, 6)) {
      for (const answer of answers) {
        const ask = (a: string, b: string) =>
          post<{ winner: string; confidence: number }>('/v1/judge/pairwise', {
            bundle: { question: task.prompt, answers: [a, b] },
            expected_answer: task.expected_output.answer,
          });
        const there = await ask(answer, task.expected_output.answer);
        const back = await ask(task.expected_output.answer, answer);
        const swapped = { A: 'B', B: 'A', tie: 'tie' }[there.winner];
        expect(back).toMatchObject({ winner: swapped, confidence: there.confidence });
        expect(there.winner).not.toBe('A');
      }
    }
  });
});

describe('the wire of the stand-in', () => {
  const ask = {
    model: 'm',
    messages: [{ role: 'user' as const, content: 'Which country issues the forint?' }],
  };

  it('streams the words of the unary answer, and the usage when asked', async () => {
    const unary = await client.chat.completions.create(ask);
    const stream = await client.chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let tokens: number | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      tokens = chunk.usage?.total_tokens ?? tokens;
    }
    expect(text).toBe(unary.choices[0]!.message.content);
    expect(tokens).toBeGreaterThan(0);
  });

  it('cuts at max_tokens and says so', async () => {
    const cut = await client.chat.completions.create({ ...ask, max_tokens: 10 });
    expect(cut.choices[0]!.finish_reason).toBe('length');
    expect(cut.usage!.completion_tokens).toBeLessThanOrEqual(10);
  });

  it('refuses a wrong key, an unknown model and too many calls as vendors do', async () => {
    const stranger = new OpenAI({ apiKey: 'wrong', baseURL: standin.baseUrl, maxRetries: 0 });
    await expect(stranger.chat.completions.create(ask)).rejects.toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
    const other = await startLlmStandin({ models: ['known'], script: () => ({ status: 429 }) });
    const busy = new OpenAI({ apiKey: 'k', baseURL: other.baseUrl, maxRetries: 0 });
    try {
      await expect(busy.chat.completions.create(ask)).rejects.toMatchObject({
        status: 404,
        code: 'model_not_found',
      });
      await expect(busy.chat.completions.create({ ...ask, model: 'known' })).rejects.toMatchObject({
        status: 429,
        code: 'rate_limit_exceeded',
      });
    } finally {
      await other.close();
    }
  });
});
