import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { llmConfigFromEnv } from '../../../adapters/llm';
import { findPrice, modelsOf, parseModels, providersOf } from '../../../domain/pricing/prices';
import { providerProxyConfigFromEnv } from '../../../services/provider-proxy/config';
import { resolveModel } from '../../../services/provider-proxy/models';

const price = { input_per_mtok_usd: 1, output_per_mtok_usd: 2 };
const file = {
  version: 1,
  providers: {
    openai: { callers: 'miners', models: { a: price, both: price } },
    openrouter: { callers: 'miners', models: { both: price, 'x/y:free': price } },
    gemini: { callers: 'owner', models: { '*': price, g: price } },
  },
};
const miner = { job: { jobId: 'j', deploymentId: null, runId: null }, isOwner: false };
const owner = { ...miner, isOwner: true };

describe('the file of models', () => {
  const catalogue = parseModels(file, 'f');

  it('gives prices and who may call', () => {
    expect(findPrice('openai', 'a', catalogue.prices)).toEqual(price);
    expect(findPrice('openai', 'b', catalogue.prices)).toBeNull();
    expect([...catalogue.ownerOnly]).toEqual(['gemini']);
    expect(modelsOf('gemini', catalogue.prices)).toEqual(['*', 'g']);
    expect(providersOf('both', catalogue.prices)).toEqual(['openai', 'openrouter']);
    expect(providersOf('free', catalogue.prices)).toEqual([]);
  });

  it.each<[string, unknown, RegExp]>([
    ['another version', { ...file, version: 2 }, /^f: version/],
    ['an unknown field', { ...file, more: 1 }, /^f: the file.*more/],
    [
      'a negative price',
      {
        version: 1,
        providers: { p: { callers: 'miners', models: { m: { ...price, input_per_mtok_usd: -1 } } } },
      },
      /^f: providers\.p\.models\.m\.input_per_mtok_usd/,
    ],
    ['callers that are none', { version: 1, providers: { p: { callers: 'all', models: {} } } }, /callers/],
    [
      'a provider without a name',
      { version: 1, providers: { 'P x': { callers: 'owner', models: {} } } },
      /P x/,
    ],
    ['a list', [], /^f: the file/],
  ])('with %s is refused by the place of the error', (_what, value, words) => {
    expect(() => parseModels(value, 'f')).toThrow(words);
  });

  it('resolves names', () => {
    expect(resolveModel('a', miner, catalogue)).toEqual({ provider: 'openai', model: 'a' });
    expect(resolveModel('x/y:free', miner, catalogue)).toEqual({ provider: 'openrouter', model: 'x/y:free' });
    expect(resolveModel('openrouter/x/y', miner, catalogue)).toEqual({
      provider: 'openrouter',
      model: 'x/y',
    });
    expect(resolveModel('g', owner, catalogue)).toEqual({ provider: 'gemini', model: 'g' });
    expect(() => resolveModel('both', miner, catalogue)).toThrow(/openai\/both or openrouter\/both/);
    expect(() => resolveModel('g', miner, catalogue)).toThrow(
      'unknown model g; allowed are openai/a, openai/both, openrouter/both, openrouter/x/y:free',
    );
  });

  it('is read from EIREL_MODELS_FILE in the place of the bundled one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'models-'));
    const path = join(folder, 'models.json');
    const env = {
      DATABASE_URL: 'postgresql://x',
      REDIS_URL: 'redis://x',
      EIREL_JOB_TOKEN_SECRET: 'a-secret-of-sixteen-characters',
      EIREL_MODELS_FILE: path,
    };
    try {
      expect(() => providerProxyConfigFromEnv(env)).toThrow(/EIREL_MODELS_FILE.*cannot be read/);
      writeFileSync(path, '{');
      expect(() => providerProxyConfigFromEnv(env)).toThrow(/EIREL_MODELS_FILE/);
      writeFileSync(path, JSON.stringify(file));
      const pricing = JSON.stringify({ 'openai:b': price });
      const config = providerProxyConfigFromEnv({ ...env, EIREL_LLM_PRICING_JSON: pricing });
      expect(modelsOf('openai', config.prices)).toEqual(['a', 'both', 'b']);
      expect(modelsOf('chutes', config.prices)).toEqual([]);
      expect(config.ownerOnly.has('gemini')).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const bundled = providerProxyConfigFromEnv({ ...env, EIREL_MODELS_FILE: '' });
    expect(modelsOf('chutes', bundled.prices)).toContain('*');
  });
});

describe('bounds and addresses of vendors', () => {
  it('come from the environment', () => {
    const config = llmConfigFromEnv({
      EIREL_PROVIDER_ANTHROPIC_API_KEY: 'k',
      EIREL_PROVIDER_ANTHROPIC_BASE_URL: 'https://proxy.example/v1/messages',
      EIREL_PROVIDER_ANTHROPIC_MAX_CONCURRENCY: '3',
      EIREL_PROVIDER_ANTHROPIC_MAX_QUEUE: '0',
      EIREL_PROVIDER_XAI_API_KEY: 'k',
    });
    expect(config.endpoints).toEqual({
      anthropic: { baseUrl: 'https://proxy.example/v1', apiKey: 'k', protocol: 'anthropic' },
      xai: { baseUrl: 'https://api.x.ai/v1', apiKey: 'k' },
    });
    expect(config.limits).toEqual({
      anthropic: { maxConcurrency: 3, maxQueue: 0 },
      xai: { maxConcurrency: 64, maxQueue: 256 },
    });
  });

  it.each(['0', '-1', '1.5', 'many'])('refuse %s calls at once', (value) => {
    expect(() => llmConfigFromEnv({ EIREL_PROVIDER_XAI_MAX_CONCURRENCY: value })).toThrow(
      /EIREL_PROVIDER_XAI_MAX_CONCURRENCY/,
    );
  });
});
