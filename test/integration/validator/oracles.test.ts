/** Decision 4, side `validator`: the engine finds the truth itself, by the owner's workflow and with its own keys. */
import { startLlmStandin, type LlmStandin } from '../../../demo/standins/llm';
import { eventually, oracleKeys, startValidator, TestJudge, type TestValidator } from './harness';
import { answer, TestOwner } from './owner';

jest.setTimeout(90_000);

let owner: TestOwner;
let judge: TestJudge;
let vendors: LlmStandin;
let validator: TestValidator | null = null;
let vendorsAway = false;
let judgeCalls = 0;
const calls: Record<string, number> = {};
const ANSWERS: Record<string, string> = {
  'gpt-5.4': 'Blue.',
  'gemini-3.1-pro-preview': 'Blue.',
  'grok-4.3': 'Red.',
};

beforeEach(async () => {
  owner = new TestOwner();
  judge = new TestJudge();
  judgeCalls = 0;
  judge.script = () => {
    judgeCalls += 1;
    return undefined;
  };
  vendorsAway = false;
  for (const model of Object.keys(calls)) delete calls[model];
  vendors = await startLlmStandin({
    script: ({ model }) => {
      calls[model] = (calls[model] ?? 0) + 1;
      if (vendorsAway) return { status: 503, body: { error: { message: 'overloaded' } } };
      const said = ANSWERS[model];
      return said === undefined ? undefined : { content: JSON.stringify({ answer: said }) };
    },
  });
  await Promise.all([owner.start(), judge.start()]);
  owner.miners.set('m', answer('It is blue.'));
  owner.addTask(
    't1',
    {
      prompt: 'What colour is it?',
      mode: 'instant',
      category: 'live_lookup',
      oracle_source: 'three_oracle',
      expected_output: { must_not_claim: ['green'] },
    },
    { oracle_status: null },
  );
});
afterEach(async () => {
  await validator?.end();
  validator = null;
  await Promise.all([owner.kill(), judge.close(), vendors.close()]);
});

const keys = (): NodeJS.ProcessEnv => oracleKeys(vendors);

const resultOf = async () => {
  await eventually('a result', () => owner.results.length > 0, 60_000);
  return owner.results[0]?.body as Record<string, unknown>;
};

it('judges by what its oracles found, and sends it with the result', async () => {
  validator = await startValidator(owner.url, judge.url, keys());
  const body = await resultOf();
  expect(body.baseline_response).toMatchObject({
    response_text: 'Blue.',
    source_vendor: 'openai',
    _reconciled: {
      oracle_status: 'majority',
      expected_claims: ['Blue.'],
      must_not_claim: ['green'],
      majority_claims: [{ claim: 'Blue.', supporting_oracles: ['openai', 'gemini'] }],
      vendor_status: { openai: 'ok', gemini: 'ok', grok: 'ok' },
    },
  });
  expect(body.oracle_cost_usd).toBeGreaterThan(0);
  expect(body.miner_results).toMatchObject([
    { miner_hotkey: 'm', oracle_status: 'majority', judge_output: { metadata: { eval_outcome: 'correct' } } },
  ]);
  expect(calls).toMatchObject({ 'gpt-5.4': 1, 'gemini-3.1-pro-preview': 1, 'grok-4.3': 1 });
});

it('without oracles calls it disputed, and asks nobody', async () => {
  validator = await startValidator(owner.url, judge.url);
  const body = await resultOf();
  expect(body.baseline_response).toMatchObject({
    _reconciled: { oracle_status: 'disputed', expected_claims: [] },
  });
  expect(calls).toEqual({});
});

it('gives a task back with the reason while its oracles stay away, and judges it once they answer', async () => {
  vendorsAway = true;
  validator = await startValidator(owner.url, judge.url, {
    ...keys(),
    EIREL_VALIDATOR_ORACLE_OPENAI_ATTEMPTS: '1',
    EIREL_VALIDATOR_ORACLE_GEMINI_ATTEMPTS: '1',
    EIREL_VALIDATOR_ORACLE_GROK_ATTEMPTS: '1',
    EIREL_ENRICHMENT_ROUND_SECONDS: '0.1',
    EIREL_ENRICHMENT_GIVE_UP_SECONDS: '0.01',
  });
  await eventually('the task given back', () => owner.releases.length > 0, 60_000);
  expect(owner.releases[0]?.body.reason).toMatch(/no truth to judge by.*enrichment\/run-1\/task-t1.*openai/);
  expect(owner.results).toEqual([]);
  expect(judgeCalls).toBe(0);
  vendorsAway = false;
  const body = await resultOf();
  expect(body.baseline_response).toMatchObject({
    _reconciled: { oracle_status: 'majority', vendor_status: { openai: 'ok', gemini: 'ok', grok: 'ok' } },
  });
  expect(judgeCalls).toBeGreaterThan(0);
});

it('asks no vendor about a fixed answer, nor about what another validator has found', async () => {
  const found = {
    response_text: 'It is blue.',
    citations: [],
    source_vendor: 'gemini',
    _reconciled: {
      oracle_status: 'consensus',
      expected_claims: ['It is blue.'],
      consensus_claims: ['It is blue.'],
      must_not_claim: ['green'],
      vendor_status: { openai: 'ok', gemini: 'ok', grok: 'ok' },
    },
  };
  (owner.tasks[0] as (typeof owner.tasks)[number]).extra.cached_baseline = found;
  const fixed = {
    prompt: 'What is 2 + 2?',
    category: 'live_lookup',
    oracle_source: 'deterministic',
    expected_output: { answer: '4' },
  };
  owner.addTask('t2', fixed, { oracle_status: null });
  validator = await startValidator(owner.url, judge.url, keys());
  await eventually('both results', () => owner.results.length === 2, 60_000);
  const bodyOf = (id: string) => owner.results.find(({ path }) => path.includes(`/${id}/`))?.body;
  expect(bodyOf('t1')).toMatchObject({
    baseline_response: found,
    oracle_cost_usd: 0,
    miner_results: [{ oracle_status: 'consensus' }],
  });
  expect(bodyOf('t2')).toMatchObject({
    baseline_response: { _reconciled: { oracle_status: 'deterministic', expected_claims: ['4'] } },
    oracle_cost_usd: 0,
  });
  expect(calls).toEqual({});
});
