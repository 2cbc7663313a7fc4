import { z } from 'zod';

/**
 * What a model call costs (runtime-and-tools.md 3.3). Prices are written as vendors write them, in USD per million
 * tokens, and counted as integers: one USD per million tokens is one micro-USD per token, so no rate loses a digit.
 */

const rate = z.number().min(0).max(10_000);

/** One row of the table, in the shape that `EIREL_LLM_PRICING_JSON` uses. */
export const priceSchema = z
  .strictObject({
    input_per_mtok_usd: rate,
    output_per_mtok_usd: rate,
    reasoning_per_mtok_usd: rate.optional(),
    cached_input_per_mtok_usd: rate.optional(),
    long_context_threshold_tokens: z.int().min(1).optional(),
    long_input_per_mtok_usd: rate.optional(),
    long_output_per_mtok_usd: rate.optional(),
    long_cached_input_per_mtok_usd: rate.optional(),
    long_reasoning_per_mtok_usd: rate.optional(),
  })
  .refine(
    (price) =>
      price.long_context_threshold_tokens === undefined ||
      (price.long_input_per_mtok_usd !== undefined && price.long_output_per_mtok_usd !== undefined),
    { error: 'a long-context threshold needs long_input_per_mtok_usd and long_output_per_mtok_usd' },
  );
export type Price = z.infer<typeof priceSchema>;

/** Prices by `provider:model`; `provider:*` is the price of that provider's other models. */
export type PriceTable = Readonly<Record<string, Price>>;

const flat = (input: number, output: number, extra: Partial<Price> = {}): Price => ({
  input_per_mtok_usd: input,
  output_per_mtok_usd: output,
  ...extra,
});
const tiered = (
  short: [input: number, output: number, cached: number],
  threshold: number,
  long: [input: number, output: number, cached: number],
): Price => ({
  input_per_mtok_usd: short[0],
  output_per_mtok_usd: short[1],
  cached_input_per_mtok_usd: short[2],
  long_context_threshold_tokens: threshold,
  long_input_per_mtok_usd: long[0],
  long_output_per_mtok_usd: long[1],
  long_cached_input_per_mtok_usd: long[2],
});
const claude = (input: number, output: number) => flat(input, output, { reasoning_per_mtok_usd: output });
const grok = tiered([1.25, 2.5, 0.2], 200_000, [2.5, 5, 0.4]);
const geminiPro = tiered([2, 12, 0.2], 200_000, [4, 18, 0.4]);
const geminiFlash = flat(0.25, 1.5, { cached_input_per_mtok_usd: 0.025 });
const chutesDefault = flat(0.5, 2);

/** The table as shipped. */
export const DEFAULT_PRICES: PriceTable = Object.freeze({
  'chutes:moonshotai/Kimi-K2.5-TEE': flat(0.3827, 1.72),
  'chutes:Qwen/Qwen3-32B-TEE': flat(0.08, 0.24),
  'chutes:MiniMaxAI/MiniMax-M2.5-TEE': flat(0.118, 0.99),
  'chutes:zai-org/GLM-5.1-TEE': chutesDefault,
  'chutes:*': chutesDefault,
  'anthropic:claude-opus-4-6': claude(15, 75),
  'anthropic:claude-sonnet-4-6': claude(3, 15),
  'anthropic:claude-haiku-4-5': claude(1, 5),
  'openai:gpt-4o': flat(2.5, 10),
  'openai:gpt-4o-mini': flat(0.15, 0.6),
  'openai:gpt-5.4': tiered([2.5, 15, 0.25], 272_000, [5, 22.5, 0.5]),
  'openai:gpt-5.4-mini': flat(0.75, 4.5, { cached_input_per_mtok_usd: 0.075 }),
  'openrouter:*': flat(5, 15),
  'xai:grok-4.3': grok,
  'xai:*': grok,
  'gemini:gemini-3.1-pro-preview': geminiPro,
  'gemini:gemini-3-pro': geminiPro,
  'gemini:*': geminiPro,
  'gemini:gemini-3.1-flash-lite-preview': geminiFlash,
  'gemini:gemini-3-flash': geminiFlash,
  'gemini:gemini-3-flash-preview': geminiFlash,
});

const KEY = /^[a-z0-9_-]+:\S+$/;

/**
 * Lays an operator's prices over the shipped ones.
 * @param json text of `EIREL_LLM_PRICING_JSON`: an object of `provider:model` to price; empty means none
 * @throws Error that names the first entry which is not a price; a wrong price is refused, never ignored
 */
export function priceTable(json: string | undefined): PriceTable {
  if (!json?.trim()) return DEFAULT_PRICES;
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseJson(json));
  if (!parsed.success)
    throw new Error('EIREL_LLM_PRICING_JSON must be a JSON object of provider:model to price');
  const overrides: Record<string, Price> = {};
  for (const [key, value] of Object.entries(parsed.data)) {
    if (!KEY.test(key)) throw new Error(`EIREL_LLM_PRICING_JSON: "${key}" is not of the form provider:model`);
    const price = priceSchema.safeParse(value);
    if (!price.success) {
      const issue = price.error.issues[0];
      const where = [key, ...(issue?.path ?? [])].join('.');
      throw new Error(`EIREL_LLM_PRICING_JSON: ${where}: ${issue?.message ?? 'not a price'}`);
    }
    overrides[key] = price.data;
  }
  return { ...DEFAULT_PRICES, ...overrides };
}

/** The price of a model: its own row, else its provider's `*` row, else null. */
export function findPrice(provider: string, model: string, table: PriceTable = DEFAULT_PRICES): Price | null {
  const row = (key: string) => (Object.hasOwn(table, key) ? (table[key] ?? null) : null);
  return row(`${provider}:${model}`) ?? row(`${provider}:*`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
