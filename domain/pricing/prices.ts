import { z } from 'zod';
import bundledModels from './models.json';

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

const NAME = /^[a-z0-9_-]{1,32}$/;
const MODEL = /^\S{1,128}$/;

/** The file of models: who may call which, and what each costs. The model `*` stands for all that are not named. */
const modelsFileSchema = z.strictObject({
  version: z.literal(1),
  providers: z.record(
    z.string().regex(NAME, 'must be a provider name'),
    z.strictObject({
      /** `miners`: everybody; `owner`: only the owner's own services. */
      callers: z.enum(['miners', 'owner']),
      models: z.record(z.string().regex(MODEL, 'must be a model name without spaces'), priceSchema),
    }),
  ),
});

/** The allow-list of models with their prices. */
export interface ModelCatalogue {
  prices: PriceTable;
  /** Providers that only the owner's own services may call. */
  ownerOnly: ReadonlySet<string>;
}

/**
 * Validates a file of models.
 * @param value the parsed JSON
 * @param name what the file is called in errors
 * @throws Error that names the first entry which is wrong
 */
export function parseModels(value: unknown, name: string): ModelCatalogue {
  const parsed = modelsFileSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(
      `${name}: ${(issue?.path ?? []).join('.') || 'the file'}: ${issue?.message ?? 'not valid'}`,
    );
  }
  const prices: Record<string, Price> = {};
  const ownerOnly = new Set<string>();
  for (const [provider, { callers, models }] of Object.entries(parsed.data.providers)) {
    if (callers === 'owner') ownerOnly.add(provider);
    for (const [model, price] of Object.entries(models)) prices[`${provider}:${model}`] = price;
  }
  return { prices: Object.freeze(prices), ownerOnly };
}

/** The models as shipped. */
export const DEFAULT_MODELS: ModelCatalogue = parseModels(bundledModels, 'models.json');

/** The prices as shipped. */
export const DEFAULT_PRICES: PriceTable = DEFAULT_MODELS.prices;

const KEY = /^[a-z0-9_-]+:\S+$/;

/**
 * Lays an operator's prices over others. A model that gets a price here is allowed by it.
 * @param json text of `EIREL_LLM_PRICING_JSON`: an object of `provider:model` to price; empty means none
 * @param base the prices below, the shipped ones unless told otherwise
 * @throws Error that names the first entry which is not a price; a wrong price is refused, never ignored
 */
export function priceTable(json: string | undefined, base: PriceTable = DEFAULT_PRICES): PriceTable {
  if (!json?.trim()) return base;
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
  return { ...base, ...overrides };
}

/** The price of a model: its own row, else its provider's `*` row, else null. */
export function findPrice(provider: string, model: string, table: PriceTable = DEFAULT_PRICES): Price | null {
  const row = (key: string) => (Object.hasOwn(table, key) ? (table[key] ?? null) : null);
  return row(`${provider}:${model}`) ?? row(`${provider}:*`);
}

/** The models of a provider that the table allows, `*` included, in the order of the table. */
export function modelsOf(provider: string, table: PriceTable): string[] {
  const prefix = `${provider}:`;
  return Object.keys(table)
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
}

/** The providers that list a model by its own name; a `*` row lists none. */
export function providersOf(model: string, table: PriceTable): string[] {
  const suffix = `:${model}`;
  return model === '*'
    ? []
    : Object.keys(table)
        .filter((key) => key.indexOf(':') === key.length - suffix.length && key.endsWith(suffix))
        .map((key) => key.slice(0, -suffix.length));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
