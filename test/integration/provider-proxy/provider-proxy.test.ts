import { randomUUID } from 'node:crypto';
import { mintJobToken, newJobId } from '../../../domain/job-token';
import { BudgetKeeper } from '../../../adapters/budget/keeper';
import { createPrismaLedger } from '../../../adapters/budget/ledger';
import {
  deploymentToken,
  EXACT_COST,
  exactAnswer,
  exactCall,
  MASTER,
  SECRET,
  startStack,
  type Stack,
} from './harness';

jest.setTimeout(120_000);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

const KIMI = {
  provider: 'chutes',
  model: 'moonshotai/Kimi-K2.5-TEE',
  payload: { messages: [{ role: 'user', content: 'What is the tallest tower?' }], max_tokens: 500 },
};

describe('a call', () => {
  beforeAll(() => stack.restart());

  it('answers in the original shape, and is in the ledger when its answer is there', async () => {
    const { token, jobId, deploymentId, runId } = await stack.attempt();
    const answer = await stack.call(token, KIMI, { 'x-eirel-run-budget-usd': '30.000000' });
    const rows = await stack.prisma.providerCall.findMany({ where: { jobId } });
    expect(answer.status).toBe(200);
    expect(answer.body.upstream_response).toMatchObject({ object: 'chat.completion', model: KIMI.model });
    expect(rows).toHaveLength(1);
    const row = rows[0]!;
    expect(row).toMatchObject({
      deploymentId,
      runId,
      kind: 'llm',
      provider: 'chutes',
      status: 'ok',
      errorCode: null,
    });
    expect(Number(row.costMicroUsd)).toBeGreaterThan(50);
    const usd = Number(row.costMicroUsd) / 1e6;
    expect(answer.body.usage).toEqual({
      provider: 'chutes',
      model: KIMI.model,
      request_count: 1,
      estimated_total_tokens: expect.any(Number),
      max_requests: 24,
      max_total_tokens: 60_000,
      actual_prompt_tokens: row.promptTokens,
      actual_completion_tokens: row.completionTokens,
      actual_total_tokens: row.promptTokens + row.completionTokens,
      latency_seconds: expect.any(Number),
      cost_usd: usd,
      cost_usd_used: usd,
      cost_remaining_usd: 1 - usd,
    });
  });

  it('is withheld when it cannot be recorded', async () => {
    const { token } = await stack.attempt();
    await stack.prisma.$executeRaw`ALTER TABLE provider_calls RENAME COLUMN latency_ms TO latency_ms_away`;
    try {
      const answer = await stack.call(token, KIMI);
      expect(answer).toMatchObject({ status: 503, body: { detail: expect.stringContaining('withheld') } });
      expect(answer.body).not.toHaveProperty('upstream_response');
    } finally {
      await stack.prisma.$executeRaw`ALTER TABLE provider_calls RENAME COLUMN latency_ms_away TO latency_ms`;
    }
  });

  it('never streams, and gets an output limit where it sets none', async () => {
    const seen: Record<string, unknown>[] = [];
    await stack.restart({ vendor: { script: ({ body }) => void seen.push(body) } });
    const { token } = await stack.attempt();
    const payload = { messages: KIMI.payload.messages, model: 'something-dearer', stream: true };
    expect((await stack.call(token, { ...KIMI, payload })).status).toBe(200);
    expect(seen[0]).toMatchObject({ model: KIMI.model, stream: false, max_tokens: 4096 });
  });

  it('is charged by its text when the vendor does not say what it used', async () => {
    await stack.restart({ vendor: { script: () => ({ content: 'word '.repeat(200), withoutUsage: true }) } });
    const { token } = await stack.attempt();
    const { body } = await stack.call(token, KIMI);
    expect(body.usage?.actual_completion_tokens).toBeGreaterThan(200);
    expect(body.usage?.cost_usd).toBeGreaterThan(0);
  });

  it.each([
    ['another provider', { ...KIMI, provider: 'acme' }, 400, 'unsupported provider'],
    ['a provider without a key', { ...KIMI, provider: 'openai', model: 'gpt-4o' }, 503, 'not configured'],
    ['anthropic', { ...KIMI, provider: 'anthropic', model: 'claude-haiku-4-5' }, 503, 'not configured'],
    ['a model without a price', { ...KIMI, provider: 'openai', model: 'gpt-0' }, 400, 'no price'],
    [
      'an output limit that is none',
      { ...KIMI, payload: { ...KIMI.payload, max_tokens: 1e9 } },
      400,
      'max_tokens',
    ],
  ])('for %s is refused with words', async (_what, body, status, words) => {
    const { token } = await stack.attempt();
    const answer = await stack.call(token, body);
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toContain(words);
  });

  it('without its fields is a 422 that names them', async () => {
    const { token } = await stack.attempt();
    const answer = await stack.call(token, { provider: 'chutes' });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual(
      expect.arrayContaining([expect.objectContaining({ type: 'missing', loc: ['body', 'model'] })]),
    );
  });

  it('that fails at the vendor costs nothing, is recorded, and shows no key', async () => {
    const leak = { error: { message: 'key cpk_integration_test_vendor_key is bad', code: null } };
    await stack.restart({
      jobBudgetMicroUsd: EXACT_COST,
      vendor: { script: ({ model }) => (model === 'bad' ? { status: 401, body: leak } : exactAnswer) },
    });
    const { token, jobId } = await stack.attempt();
    const failed = await stack.call(token, {
      ...exactCall,
      model: 'bad',
      payload: { messages: [], max_tokens: 1 },
    });
    expect(failed.status).toBe(502);
    expect(failed.body.detail).toContain('provider upstream error (chutes)');
    expect(JSON.stringify(failed.body)).not.toContain('cpk_integration');
    expect(await stack.prisma.providerCall.findFirst({ where: { jobId } })).toMatchObject({
      status: 'error',
      errorCode: 'refused',
      costMicroUsd: 0n,
    });
    expect((await stack.call(token)).status).toBe(200);
  });
});

const OVER = 'the attempt of this job is over; its token is of no more use';

describe('who may call', () => {
  beforeAll(() => stack.restart({ vendor: { script: () => exactAnswer } }));

  const expectRefused = async (answer: ReturnType<Stack['call']>, status: number, detail: string) => {
    const before = stack.vendor.calls();
    expect(await answer).toEqual({ status, body: { detail } });
    expect(stack.vendor.calls()).toBe(before);
  };

  it('nobody without a bearer, with a made-up or with a forged one', async () => {
    const { jobId, deploymentId, runId } = await stack.attempt();
    const claims = { jobId, deploymentId, runId, expiresAt: new Date(Date.now() + 60_000) };
    const forged = mintJobToken(claims, 'a secret of somebody else');
    for (const token of ['', 'whatever', forged, `${mintJobToken(claims, SECRET)}x`]) {
      await expectRefused(stack.call(token), 401, 'invalid provider proxy token');
    }
  });

  it('not with the token of an attempt whose result is in, nor of one that never was', async () => {
    const over = await stack.attempt({ over: true });
    await expectRefused(stack.call(over.token), 403, OVER);
    const unknown = { jobId: newJobId(), deploymentId: randomUUID(), runId: 'run-7' };
    const token = mintJobToken({ ...unknown, expiresAt: new Date(Date.now() + 60_000) }, SECRET);
    await expectRefused(stack.call(token), 403, 'the token is of no attempt that is known here');
  });

  it('is counted when it is turned away, by reason', async () => {
    const { body } = await stack.request('/metrics');
    const refusals = Object.fromEntries(
      [...String(body.text).matchAll(/eirel_tool_auth_refusals_total\{reason="(\w+)".*\} (\d+)/g)].map(
        ([, reason, count]) => [reason, Number(count)],
      ),
    );
    expect(refusals).toMatchObject({ missing: 1, forged: 3, foreign: 1, replayed: 1, expired: 0 });
  });

  it('not with an expired token', async () => {
    const { token } = await stack.attempt({ expiresAt: new Date(Date.now() - 1) });
    await expectRefused(stack.call(token), 401, 'provider proxy token has expired');
  });

  it('with a job token, whose job a header may repeat but not contradict', async () => {
    const mine = await stack.attempt();
    const other = await stack.attempt({ deploymentId: mine.deploymentId });
    expect((await stack.call(mine.token, exactCall, { 'x-eirel-job-id': mine.jobId })).status).toBe(200);
    await expectRefused(
      stack.call(mine.token, exactCall, { 'x-eirel-job-id': other.jobId }),
      403,
      'job id header contradicts the token',
    );
  });

  it('with a deployment token, for jobs of that deployment only', async () => {
    const mine = await stack.attempt();
    const foreign = await stack.attempt();
    const over = await stack.attempt({ deploymentId: mine.deploymentId, over: true });
    const token = deploymentToken(mine.deploymentId);
    const as = (jobId: string) => stack.call(token, exactCall, { 'x-eirel-job-id': jobId });

    expect((await as(mine.jobId)).status).toBe(200);
    expect(await stack.prisma.providerCall.findFirst({ where: { jobId: mine.jobId } })).toMatchObject({
      runId: mine.runId,
      deploymentId: mine.deploymentId,
    });
    await expectRefused(as(foreign.jobId), 403, 'job does not belong to this deployment');
    await expectRefused(as(newJobId()), 403, 'job does not belong to this deployment');
    await expectRefused(as(`miner-${foreign.deploymentId}`), 403, 'job does not belong to this deployment');
    await expectRefused(as(over.jobId), 403, OVER);
    await expectRefused(stack.call(token), 400, 'missing job id header');
    expect((await as(`miner-${mine.deploymentId}`)).status).toBe(200);
  });

  it('the owner, for any job', async () => {
    const { jobId, deploymentId } = await stack.attempt();
    await expectRefused(stack.call(MASTER), 400, 'missing job id header');
    expect((await stack.call(MASTER, exactCall, { 'x-eirel-job-id': jobId })).status).toBe(200);
    expect(await stack.prisma.providerCall.findFirst({ where: { jobId } })).toMatchObject({ deploymentId });
  });

  it("the owner's routes are the owner's alone", async () => {
    const { token, jobId } = await stack.attempt();
    for (const path of ['cost', 'usage']) {
      expect((await stack.request(`/v1/jobs/${jobId}/${path}`, { token })).status).toBe(401);
    }
    const charge = { method: 'POST', body: JSON.stringify({ tool_name: 'web_search', amount_usd: 0.003 }) };
    expect((await stack.request(`/v1/jobs/${jobId}/charge_tool`, { ...charge, token })).status).toBe(401);
    await stack.restart({ masterToken: undefined });
    expect(await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).toEqual({
      status: 503,
      body: { detail: 'provider proxy is not configured' },
    });
  });
});

describe('budgets', () => {
  const spentOf = async (where: object) => {
    const sum = await stack.prisma.providerCall.aggregate({ where, _sum: { costMicroUsd: true } });
    return Number(sum._sum.costMicroUsd ?? 0n);
  };

  it('let exactly 50 of 200 calls at once through where one job may spend 50', async () => {
    await stack.restart({
      jobBudgetMicroUsd: 50 * EXACT_COST,
      vendor: { script: () => ({ ...exactAnswer, delayMs: 20 }) },
    });
    const { token, jobId } = await stack.attempt();
    const answers = await Promise.all(Array.from({ length: 200 }, () => stack.call(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(150);
    expect(stack.vendor.calls()).toBe(50);
    expect(await spentOf({ jobId })).toBe(50 * EXACT_COST);
    expect(answers.find(({ status }) => status === 429)?.body).toEqual({
      detail: 'run budget exhausted',
      budget_usd: 0.05,
      cost_usd_used: 0.05,
      budget_scope: 'job',
    });
    expect((await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).body).toMatchObject({
      cost_usd_used: 0.05,
      cost_rejections: 150,
    });
  });

  it('of a run hold over all its jobs at once', async () => {
    await stack.restart({
      runBudgetMicroUsd: 50 * EXACT_COST,
      vendor: { script: () => ({ ...exactAnswer, delayMs: 20 }) },
    });
    const deploymentId = randomUUID();
    const jobs = await Promise.all(Array.from({ length: 5 }, () => stack.attempt({ deploymentId })));
    const answers = await Promise.all(
      jobs.flatMap(({ token }) => Array.from({ length: 40 }, () => stack.call(token))),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(await spentOf({ deploymentId })).toBe(50 * EXACT_COST);
    expect(answers.find(({ status }) => status === 429)?.body.budget_scope).toBe('run');
    const elsewhere = await stack.attempt({ deploymentId, runId: 'run-8' });
    expect((await stack.call(elsewhere.token)).status).toBe(200);
  });

  it('never let the sum of actual costs pass, where calls cost less than they hold', async () => {
    const budget = 20_000;
    await stack.restart({ jobBudgetMicroUsd: budget, vendor: { latencyMs: 10 } });
    const { token, jobId } = await stack.attempt();
    let refused = 0;
    for (let round = 0; round < 4; round += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => stack.call(token, KIMI)));
      expect(await spentOf({ jobId })).toBeLessThanOrEqual(budget);
      refused += answers.filter(({ status }) => status === 429).length;
    }
    expect(refused).toBeGreaterThan(0);
    const used = await spentOf({ jobId });
    expect((await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).body.cost_usd_used).toBe(
      used / 1e6,
    );
  });

  it("are not the miner's to set", async () => {
    await stack.restart({ jobBudgetMicroUsd: EXACT_COST, vendor: { script: () => exactAnswer } });
    const { token } = await stack.attempt();
    expect((await stack.call(token)).status).toBe(200);
    for (const budget of ['1000000', 'NaN', 'Infinity', '-1']) {
      expect((await stack.call(token, exactCall, { 'x-eirel-run-budget-usd': budget })).status).toBe(429);
    }
  });

  it('survive the loss of Redis, and so do the costs', async () => {
    await stack.restart({ jobBudgetMicroUsd: 2 * EXACT_COST, vendor: { script: () => exactAnswer } });
    const { token, jobId } = await stack.attempt();
    expect((await stack.call(token)).status).toBe(200);
    await stack.redis.flushdb();
    expect((await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).body).toMatchObject({
      cost_usd_used: 0.001,
    });
    const second = await stack.call(token);
    expect(second.body.usage).toMatchObject({
      request_count: 2,
      cost_usd_used: 0.002,
      cost_remaining_usd: 0,
    });
    await stack.redis.flushdb();
    expect((await stack.call(token)).status).toBe(429);
  });

  it('get back a hold whose call was cut off with its process', async () => {
    await stack.restart({ jobBudgetMicroUsd: EXACT_COST, vendor: { script: () => exactAnswer } });
    const { token, jobId, deploymentId } = await stack.attempt();
    const keeper = new BudgetKeeper(stack.redis, createPrismaLedger(stack.prisma), {
      jobMicroUsd: EXACT_COST,
      runMicroUsd: 30_000_000,
    });
    await keeper.reserve({ jobId, deploymentId, runId: 'run-7' }, 'never-settled', EXACT_COST, 3_000);
    expect((await stack.call(token)).status).toBe(429);
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    expect((await stack.call(token)).status).toBe(200);
    expect((await stack.call(token)).status).toBe(429);
  });

  it('that cannot be checked let nothing through', async () => {
    await stack.restart({ redisUrl: 'redis://127.0.0.1:1' });
    const { token } = await stack.attempt();
    const answer = await stack.call(token);
    expect(answer.status).toBe(503);
    expect(answer.body.detail).toContain('budget ledger');
    expect(stack.vendor.calls()).toBe(0);
    expect((await stack.request('/readyz')).status).toBe(503);
  });
});

describe('what a job cost', () => {
  beforeAll(() => stack.restart({ vendor: { script: () => exactAnswer } }));

  const charge = (jobId: string, body: object) =>
    stack.request(`/v1/jobs/${jobId}/charge_tool`, {
      method: 'POST',
      token: MASTER,
      body: JSON.stringify(body),
    });

  it('is told apart by models and tools', async () => {
    const { token, jobId } = await stack.attempt();
    await stack.call(token);
    await stack.call(token);
    expect(await charge(jobId, { tool_name: 'web_search', amount_usd: 0.003, span_id: 's1' })).toEqual({
      status: 200,
      body: { cost_usd_used: 0.005, span_id: 's1' },
    });
    expect(await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).toEqual({
      status: 200,
      body: {
        cost_usd_used: 0.005,
        llm_cost_usd: 0.002,
        tool_cost_usd: 0.003,
        max_usd_budget: 1,
        cost_rejections: 0,
        per_provider: { chutes: 0.002, 'tool:web_search': 0.003 },
        per_span: {},
        per_span_buckets: {},
        span_parents: {},
      },
    });
    expect((await stack.request(`/v1/jobs/${jobId}/usage`, { token: MASTER })).body).toMatchObject({
      request_count: 2,
      actual_total_tokens: 220,
      cost_usd_used: 0.005,
      provider_counts: { chutes: 2 },
      model_counts: { 'chutes:exact': 2 },
    });
  });

  it('counts a tool that is called before any model', async () => {
    const { jobId } = await stack.attempt();
    expect((await charge(jobId, { tool_name: 'rag.retrieve', amount_usd: 0 })).status).toBe(200);
  });

  it('does not exist for a job that never was', async () => {
    const jobId = newJobId();
    expect(await stack.request(`/v1/jobs/${jobId}/cost`, { token: MASTER })).toEqual({
      status: 404,
      body: { detail: 'job not found' },
    });
    expect((await stack.request(`/v1/jobs/${jobId}/usage`, { token: MASTER })).body).toEqual({
      detail: 'provider proxy job usage not found',
    });
    expect((await charge(jobId, { tool_name: 'web_search', amount_usd: 1 })).status).toBe(404);
  });

  it('cannot be pushed past the budget by tools, nor below zero', async () => {
    const { jobId } = await stack.attempt();
    expect((await charge(jobId, { tool_name: 'web_search', amount_usd: 1.01 })).status).toBe(429);
    expect((await charge(jobId, { tool_name: 'web_search', amount_usd: -1 })).status).toBe(422);
    expect((await charge(jobId, { tool_name: 'web search', amount_usd: 0 })).status).toBe(422);
  });
});

describe('the service', () => {
  beforeAll(() => stack.restart());

  it('answers JSON to what it does not know', async () => {
    expect(await stack.request('/nowhere')).toEqual({ status: 404, body: { detail: 'Not Found' } });
    expect(await stack.request('/v1/chat/completions')).toEqual({
      status: 405,
      body: { detail: 'Method Not Allowed' },
    });
    const { token } = await stack.attempt();
    const broken = await stack.request('/v1/chat/completions', {
      method: 'POST',
      token,
      body: '{"provider":',
    });
    expect(broken.status).toBe(422);
    expect(broken.body.detail).toEqual([expect.objectContaining({ type: 'json_invalid' })]);
  });

  it('describes every route in its OpenAPI document', async () => {
    const { body } = await stack.request('/openapi.json');
    const paths = body.paths as Record<string, object>;
    expect(Object.keys(paths).sort()).toEqual(
      [
        '/healthz',
        '/metrics',
        '/openapi.json',
        '/readyz',
        '/v1/chat/completions',
        '/v1/embeddings',
        '/v1/jobs/{job}/charge_tool',
        '/v1/jobs/{job}/cost',
        '/v1/jobs/{job}/usage',
        '/v1/models',
      ].sort(),
    );
    // What is described is there: no path of it is unknown to the service.
    for (const [path, item] of Object.entries(paths)) {
      const [method = ''] = Object.keys(item);
      const answer = await stack.request(path.replace('{job}', 'j'), { method: method.toUpperCase() });
      expect([path, answer.status]).not.toEqual([path, 404]);
      expect([path, answer.status]).not.toEqual([path, 405]);
    }
  });

  it('shows its health and its counters', async () => {
    const { token } = await stack.attempt();
    await stack.call(token, KIMI);
    expect(await stack.request('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await stack.request('/readyz')).toEqual({
      status: 200,
      body: { status: 'ready', checks: { redis: 'ok', postgres: 'ok' } },
    });
    const { body } = await stack.request('/metrics');
    expect(body.text).toMatch(/eirel_provider_proxy_up\{[^}]*\} 1/);
    expect(body.text).toMatch(
      /eirel_provider_proxy_provider_requests_total\{[^}]*provider="chutes"[^}]*\} 1/,
    );
    expect(body.text).toMatch(
      /eirel_http_request_duration_seconds_count\{[^}]*route="\/v1\/chat\/completions"/,
    );
  });
});
