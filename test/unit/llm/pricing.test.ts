import * as fc from 'fast-check';
import {
  costMicroUsd,
  UnpricedModelError,
  usdToMicro,
  worstCaseMicroUsd,
} from '../../../domain/pricing/cost';
import { DEFAULT_PRICES, findPrice, priceTable } from '../../../domain/pricing/prices';

const usage = (promptTokens: number, completionTokens: number, cachedTokens = 0, reasoningTokens = 0) => ({
  promptTokens,
  completionTokens,
  cachedTokens,
  reasoningTokens,
});
const KIMI = 'moonshotai/Kimi-K2.5-TEE';

describe('costMicroUsd', () => {
  it.each([
    ['a million tokens each way', 'chutes', KIMI, usage(1_000_000, 1_000_000), 2_102_700],
    ['one token, rounded up', 'chutes', KIMI, usage(1, 0), 1],
    ['nothing', 'chutes', KIMI, usage(0, 0), 0],
    ['a model that the provider row covers', 'chutes', 'some/other', usage(1000, 1000), 2500],
    ['cached prompt at its own rate', 'openai', 'gpt-5.4', usage(100_000, 0, 100_000), 25_000],
    ['the last prompt of the short tier', 'openai', 'gpt-5.4', usage(272_000, 0), 680_000],
    ['the first prompt of the long tier', 'openai', 'gpt-5.4', usage(272_001, 0), 1_360_005],
    ['long tier output', 'openai', 'gpt-5.4', usage(300_000, 1000, 0), 1_522_500],
    ['cached beyond the prompt counts as the prompt', 'openai', 'gpt-5.4', usage(10, 0, 99), 3],
  ])('%s', (_what, provider, model, used, micro) => {
    expect(costMicroUsd(provider, model, used)).toBe(micro);
  });

  it('does not bill reasoning twice', () => {
    expect(costMicroUsd('openai', 'gpt-4o', usage(0, 1000, 0, 800))).toBe(
      costMicroUsd('openai', 'gpt-4o', usage(0, 1000)),
    );
  });

  it('bills reasoning that was counted beside the completion', () => {
    expect(costMicroUsd('openai', 'gpt-4o', usage(0, 100, 0, 800))).toBe(9000);
  });

  it('scales a missing long cached rate with the input rate', () => {
    const table = {
      'x:m': {
        input_per_mtok_usd: 2,
        output_per_mtok_usd: 4,
        cached_input_per_mtok_usd: 0.5,
        long_context_threshold_tokens: 10,
        long_input_per_mtok_usd: 4,
        long_output_per_mtok_usd: 8,
      },
    };
    expect(costMicroUsd('x', 'm', usage(100, 0, 100), table)).toBe(100);
  });

  it('refuses a model without a price rather than calling it free', () => {
    expect(() => costMicroUsd('openai', 'gpt-unheard-of', usage(1, 1))).toThrow(UnpricedModelError);
    expect(() => costMicroUsd('openai', 'toString', usage(1, 1))).toThrow(UnpricedModelError);
  });

  const count = fc.nat(2_000_000);
  const key = fc.constantFrom(...Object.keys(DEFAULT_PRICES)).map((k) => {
    const at = k.indexOf(':');
    return [k.slice(0, at), k.slice(at + 1)] as const;
  });

  it('is an integer, never below the exact sum, and less than one micro-USD above it', () => {
    fc.assert(
      fc.property(count, count, (prompt, completion) => {
        const exact = prompt * 0.3827 + completion * 1.72;
        const micro = costMicroUsd('chutes', KIMI, usage(prompt, completion));
        expect(Number.isSafeInteger(micro)).toBe(true);
        expect(micro).toBeGreaterThanOrEqual(exact - 1e-3);
        expect(micro).toBeLessThan(exact + 1 + 1e-3);
      }),
    );
  });

  it('never exceeds the worst case of the same bounds', () => {
    fc.assert(
      fc.property(key, count, count, count, count, ([provider, model], prompt, completion, cached, slack) => {
        const actual = costMicroUsd(
          provider,
          model,
          usage(prompt, completion, cached, Math.floor(completion / 2)),
        );
        const bound = { promptTokens: prompt + slack, outputTokens: completion + slack };
        expect(worstCaseMicroUsd(provider, model, bound)).toBeGreaterThanOrEqual(actual);
      }),
    );
  });

  it('survives counts that no vendor should send', () => {
    expect(costMicroUsd('openai', 'gpt-4o', usage(Number.NaN, -5, Number.POSITIVE_INFINITY, -1))).toBe(0);
  });
});

describe('priceTable', () => {
  it('lays overrides over the shipped prices', () => {
    const table = priceTable('{"openai:gpt-new":{"input_per_mtok_usd":1,"output_per_mtok_usd":2}}');
    expect(findPrice('openai', 'gpt-new', table)?.output_per_mtok_usd).toBe(2);
    expect(findPrice('openai', 'gpt-4o', table)).toEqual(DEFAULT_PRICES['openai:gpt-4o']);
  });

  it.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['a key without a provider', '{"gpt":{"input_per_mtok_usd":1,"output_per_mtok_usd":2}}'],
    ['a negative rate', '{"a:b":{"input_per_mtok_usd":-1,"output_per_mtok_usd":2}}'],
    ['a misspelt field', '{"a:b":{"input_per_mtok_usd":1,"output_per_mtok_usd":2,"outputs":3}}'],
    [
      'a threshold without long rates',
      '{"a:b":{"input_per_mtok_usd":1,"output_per_mtok_usd":2,"long_context_threshold_tokens":5}}',
    ],
  ])('refuses %s', (_what, json) => {
    expect(() => priceTable(json)).toThrow(/EIREL_LLM_PRICING_JSON/);
  });
});

describe('usdToMicro', () => {
  it('keeps exact micro-USD exact and rounds the rest up', () => {
    expect(usdToMicro(0.07)).toBe(70_000);
    expect(usdToMicro(30)).toBe(30_000_000);
    expect(usdToMicro(0.0000001)).toBe(1);
    fc.assert(fc.property(fc.nat(1e9), (micro) => expect(usdToMicro(micro / 1e6)).toBe(micro)));
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 2e9])('refuses %p', (usd) => {
    expect(() => usdToMicro(usd)).toThrow(RangeError);
  });
});
