/** The page and the public record behind it, over real HTTP, in a real Chromium where there is one. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { compositeScore } from '../../../domain/scoring';
import { storedInput } from '../../../domain/tasks/settle';
import type { CompositeInput } from '../../../domain/scoring/types';
import { startApi } from '../api/harness';
import type { ApiUnderTest } from '../api/harness';
import {
  AGENT0,
  AGENT1,
  FAMILY,
  MINER0,
  MINER1,
  seedAgent,
  seedClose,
  seedOthers,
  seedRun,
  seedScores,
} from '../api/seed';

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const HOSTILE = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>';

let api: ApiUnderTest;

const INPUT: CompositeInput = {
  outcome: 'correct',
  candidate_response: HOSTILE,
  must_not_claim: [],
  required_tool: 'web_search',
  ledger_calls: [{ tool_name: 'web_search', status: 'ok' }],
  latency_ms: 9_000,
  cost_usd: 0.01,
  latency_budget_ms: 120_000,
  grounded_correctness_score: 0.9,
  instruction_safety_score: 1,
  pairwise_preference_score: 0.5,
};

beforeAll(async () => {
  api = await startApi();
  for (const agent of [AGENT0, AGENT1]) await seedAgent(api.db, agent);
  await seedRun(api.db);
  await api.db.submissionEvent.createMany({
    data: [
      { submissionId: AGENT0.submissionId, step: 'received', outcome: 'done', reason: 'archive accepted' },
      {
        submissionId: AGENT0.submissionId,
        step: 'build',
        outcome: 'done',
        reason: 'image built\nstep 1/4: secret of the miner',
      },
    ],
  });
  const factors = compositeScore(INPUT, 2);
  await api.db.taskEvaluation.updateMany({
    data: { payloadJson: { prompt: `what is ${HOSTILE}?` }, capability: 'lookup', domain: 'history' },
  });
  await api.db.taskMinerResult.updateMany({
    where: { minerHotkey: MINER0 },
    data: {
      compositeInputJson: storedInput(INPUT) as object,
      minerResponseJson: { output: { answer: HOSTILE } },
      factorsJson: factors as object,
      attestedToolsJson: [{ tool_name: 'web_search', status: 'ok' }],
      attestedCostUsd: 0.01,
      minerLatencySeconds: 9,
    },
  });
  await api.db.taskMinerResult.updateMany({
    where: { minerHotkey: MINER1 },
    data: { factorsJson: { unjudged: true, reason: 'the agent did not answer in time' } },
  });
  await api.db.providerCall.create({
    data: {
      jobId: 'job',
      deploymentId: AGENT0.deploymentId,
      runId: 'run-1',
      provider: 'chutes',
      model: 'm',
      status: 'ok',
      costMicroUsd: 30_000n,
    },
  });
});
afterAll(() => api.close());

const board = async () => {
  const { body } = await api.call('GET', `/api/v1/dashboard/leaderboard?family_id=${FAMILY}&run_id=run-1`);
  return body.entries as Array<Record<string, unknown> & { hotkey: string }>;
};

describe('while the run is open', () => {
  test('the leaderboard has factors and costs, and nothing where nothing was judged', async () => {
    const entries = await board();
    const best = entries.find((entry) => entry.hotkey === MINER0);
    expect(best).toMatchObject({
      factors: { outcome_score: 1, tool_attestation_factor: 1, efficiency_factor: 1, pairwise_bonus: 0 },
      costs: { llm_usd: 0.03, tool_usd: 0, usd_per_answer: 0.01, refused_calls: 0 },
    });
    expect(entries.find((entry) => entry.hotkey === MINER1)).toMatchObject({
      factors: null,
      costs: { llm_usd: 0, usd_per_answer: 0, usd_per_point: 0 },
    });
  });

  test('a miner’s tasks show factors, but no text of prompts, answers or claims', async () => {
    const { status, body, text } = await api.call('GET', `/api/v1/dashboard/runs/run-1/miners/${MINER0}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      texts_public: false,
      run_status: 'open',
      submission_id: AGENT0.submissionId,
    });
    expect(body.tasks).toHaveLength(3);
    expect(body.tasks[0]).toMatchObject({
      status: 'evaluated',
      composite: 0.82,
      attested_tools: ['web_search'],
      factors: { outcome_score: 1 },
      task_id: null,
      prompt: null,
      response: null,
      explanation: null,
    });
    expect(text).not.toContain('onerror');
    expect(text).not.toContain('bench-task');
  });

  test('a zero says why; an unknown run, miner or submission is 404', async () => {
    const { body } = await api.call('GET', `/api/v1/dashboard/runs/run-1/miners/${MINER1}`);
    expect(body.tasks[0].status_reason).toBe('the agent did not answer in time');
    for (const path of [
      `/api/v1/dashboard/runs/run-9/miners/${MINER0}`,
      '/api/v1/dashboard/runs/run-1/miners/nobody',
      '/api/v1/dashboard/submissions/nothing/journey',
      '/api/v1/dashboard/miners/nobody/submissions',
    ]) {
      expect(await api.call('GET', path)).toMatchObject({
        status: 404,
        body: { detail: expect.any(String) },
      });
    }
  });

  test('the journey tells each step by its first line; a build log stays with its miner', async () => {
    const { body, text } = await api.call(
      'GET',
      `/api/v1/dashboard/submissions/${AGENT0.submissionId}/journey`,
    );
    expect(body).toMatchObject({
      hotkey: MINER0,
      agent_name: 'demo-agent',
      deployment: { status: 'active', health_status: 'healthy' },
      steps: [
        { about: 'submission', step: 'received', reason: 'archive accepted' },
        { about: 'submission', step: 'build', outcome: 'done', reason: 'image built' },
      ],
    });
    expect(text).not.toContain('secret of the miner');
  });

  test('pages are HTML for 200 and 404, reload their live part, and carry a policy without inline script', async () => {
    const run = await api.call('GET', '/runs/run-1');
    expect(run.status).toBe(200);
    expect(run.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(run.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(run.text).toContain('hx-trigger="every 3s"');
    expect(run.text).toMatch(/^<!doctype html><html lang="en">/);
    const missing = await api.call('GET', '/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E');
    expect(missing.status).toBe(404);
    expect(missing.text).toContain('run &lt;script&gt;alert(1)&lt;/script&gt; not found');
    for (const path of ['/', '/runs', '/queue', `/miners/${MINER0}`, `/submissions/${AGENT0.submissionId}`]) {
      expect(await api.call('GET', path)).toMatchObject({ status: 200 });
    }
    for (const [path, type] of [
      ['/assets/page.css', 'text/css; charset=utf-8'],
      ['/assets/htmx.js', 'text/javascript; charset=utf-8'],
    ] as const) {
      const asset = await api.call('GET', path);
      expect(asset).toMatchObject({ status: 200 });
      expect(asset.headers.get('content-type')).toBe(type);
    }
  });
});

const browserTest = existsSync(CHROMIUM) ? describe : describe.skip;
browserTest('in Chromium, when the run is completed', () => {
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    await seedScores(api.db);
    await seedClose(api.db, 'evidence/none.json');
    await seedOthers(api.db);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync'],
    });
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
  });
  afterAll(() => browser.close());

  test('from the run to the reason of one score, by the keyboard, with the texts that are public now', async () => {
    await page.goto(`${api.url}/runs/run-1`);
    expect(await page.title()).toBe('run-1 · EIREL');
    expect(await page.locator('table caption').innerText()).toContain('Final scores');
    await page.locator(`a[href="/runs/run-1/miners/${MINER0}"]`).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL('**/miners/**');
    const task = page.locator('details').first();
    await task.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await task.locator('pre').nth(1).innerText()).toBe(HOSTILE);
    expect(await task.innerText()).toContain('The answer was judged correct');
    expect(await page.title()).not.toBe('owned');
  });

  test('on a phone nothing is wider than the screen', async () => {
    await page.setViewportSize({ width: 375, height: 740 });
    for (const path of [
      '/',
      '/runs',
      '/runs/run-1',
      `/runs/run-1/miners/${MINER0}`,
      `/submissions/${AGENT0.submissionId}`,
      `/miners/${MINER0}`,
      '/queue',
    ]) {
      await page.goto(api.url + path);
      const [content, screen] = (await page.evaluate(
        '[document.documentElement.scrollWidth, window.innerWidth]',
      )) as [number, number];
      expect({ path, wide: content > screen }).toEqual({ path, wide: false });
    }
  });

  test('every page has one heading of the first rank, a landmark, a language, and names for its controls', async () => {
    for (const path of [
      '/runs/run-1',
      `/runs/run-1/miners/${MINER0}`,
      `/submissions/${AGENT0.submissionId}`,
    ]) {
      await page.goto(api.url + path);
      expect(await page.locator('h1').count()).toBe(1);
      expect(await page.locator('main').count()).toBe(1);
      expect(await page.locator('html').getAttribute('lang')).toBe('en');
      const unnamed = await page.evaluate(
        '[...document.querySelectorAll("a")].filter((link) => !link.textContent.trim()).length',
      );
      expect({ path, unnamed }).toEqual({ path, unnamed: 0 });
    }
  });

  test('an open page follows the run without being reloaded, and no script fails', async () => {
    await page.setViewportSize({ width: 1200, height: 900 });
    await page.goto(`${api.url}/runs/run-2`);
    expect(await page.locator('.lead').innerText()).toContain('running');
    await api.db.evaluationRun.update({ where: { id: 'run-2' }, data: { phase: 'paused' } });
    await page.locator('.lead', { hasText: 'paused' }).waitFor({ timeout: 15_000 });
    expect(problems).toEqual([]);
  });
});
