/** Decision 4, side `validator`: the engine finds the truth itself, by the owner's workflow and with its own keys. */
import { startLlmStandin, type LlmStandin } from '../../../demo/standins/llm';
import { eventually, startValidator, TestJudge, type TestValidator } from './harness';
import { answer, TestOwner } from './owner';

jest.setTimeout(90_000);

let owner: TestOwner;
let judge: TestJudge;
let vendors: LlmStandin;
let validator: TestValidator | null = null;
const calls: Record<string, number> = {};
const ANSWERS: Record<string, string> = {
  'gpt-5.4': 'Blue.',
  'gemini-3.1-pro-preview': 'Blue.',
  'grok-4.3': 'Red.',
};

beforeEach(async () => {
  owner = new TestOwner();
  judge = new TestJudge();
  for (const model of Object.keys(calls)) delete calls[model];
  vendors = await startLlmStandin({
    script: ({ model }) => {
      calls[model] = (calls[model] ?? 0) + 1;
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

const keys = (): NodeJS.ProcessEnv => {
  const base = vendors.baseUrl.replace(/\/v1$/, '');
  return {
    EIREL_VALIDATOR_ORACLE_OPENAI_API_KEY: 'k',
    EIREL_VALIDATOR_ORACLE_OPENAI_BASE_URL: `${base}/v1`,
    EIREL_VALIDATOR_ORACLE_GEMINI_API_KEY: 'k',
    EIREL_VALIDATOR_ORACLE_GEMINI_BASE_URL: `${base}/v1beta`,
    EIREL_VALIDATOR_ORACLE_GROK_API_KEY: 'k',
    EIREL_VALIDATOR_ORACLE_GROK_BASE_URL: `${base}/v1`,
    EIREL_VALIDATOR_RECONCILER_API_KEY: 'k',
    EIREL_VALIDATOR_RECONCILER_BASE_URL: `${base}/v1`,
  };
};

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
