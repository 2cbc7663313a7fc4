import { DEFAULT_PRICES, findPrice, modelsOf, type Price, type PriceTable } from './prices';

/** Micro-USD in one USD: ledgers and budgets count in integers of this unit. */
export const MICRO_USD = 1_000_000;

/** Tokens of one call. Cached tokens are part of the prompt's, reasoning tokens part of the completion's. */
export interface TokenUsage {
  promptTokens: number;
  completionTokens: number;
  cachedTokens: number;
  reasoningTokens: number;
}

/** No price is known for a model, so what it costs cannot be told or bounded. */
export class UnpricedModelError extends Error {
  override readonly name = 'UnpricedModelError';
  constructor(
    readonly provider: string,
    readonly model: string,
    table: PriceTable,
  ) {
    super(
      `model ${model} of provider ${provider} is not allowed: it has no price. ${allowed(provider, table)}; ` +
        'the operator can add one in EIREL_MODELS_FILE or EIREL_LLM_PRICING_JSON',
    );
  }
}

function allowed(provider: string, table: PriceTable): string {
  const models = modelsOf(provider, table);
  return models.length > 0
    ? `Allowed models of ${provider} are ${models.join(', ')}`
    : `No model of ${provider} is allowed`;
}

interface Rates {
  input: bigint;
  cached: bigint;
  output: bigint;
  reasoning: bigint;
}

// Rates are held in millionths of a micro-USD per token, which six decimals of a USD-per-Mtok price need.
const SCALE = 1_000_000n;

/**
 * What a call cost (runtime-and-tools.md 3.3): uncached prompt, cached prompt, visible completion and reasoning, each
 * at its own rate. Vendors count reasoning inside the completion, so it is taken out of it before it is billed;
 * only where more reasoning than completion is reported were the two counted apart, and both are billed.
 * @returns integer micro-USD, rounded up once on the sum
 * @throws UnpricedModelError when the table has neither the model nor its provider's `*`
 */
export function costMicroUsd(
  provider: string,
  model: string,
  usage: TokenUsage,
  table: PriceTable = DEFAULT_PRICES,
): number {
  const price = requirePrice(provider, model, table);
  const prompt = tokens(usage.promptTokens);
  const completion = tokens(usage.completionTokens);
  const reasoning = tokens(usage.reasoningTokens);
  const cached = min(tokens(usage.cachedTokens), prompt);
  const visible = reasoning > completion ? completion : completion - reasoning;
  const rates = isLong(price, prompt) ? longRates(price) : shortRates(price);
  return roundUp(
    (prompt - cached) * rates.input +
      cached * rates.cached +
      visible * rates.output +
      reasoning * rates.reasoning,
  );
}

/**
 * The most that a call can cost, for reserving it before it is sent: no cached tokens, every output token at the
 * dearer of the two output rates, and the dearer tier as soon as the bound on the prompt reaches it.
 * @param bound upper bounds in tokens
 * @returns integer micro-USD, rounded up
 * @throws UnpricedModelError as `costMicroUsd`
 */
export function worstCaseMicroUsd(
  provider: string,
  model: string,
  bound: { promptTokens: number; outputTokens: number },
  table: PriceTable = DEFAULT_PRICES,
): number {
  const price = requirePrice(provider, model, table);
  const prompt = tokens(bound.promptTokens);
  const output = tokens(bound.outputTokens);
  const at = (rates: Rates) =>
    prompt * max(rates.input, rates.cached) + output * max(rates.output, rates.reasoning);
  const short = at(shortRates(price));
  return roundUp(isLong(price, prompt) ? max(short, at(longRates(price))) : short);
}

/** Micro-USD as a USD number with at most 6 decimals, for the wire. */
export function microToUsd(micro: number | bigint): number {
  return Number(micro) / MICRO_USD;
}

/**
 * A USD amount as integer micro-USD, rounded up, so that an amount is never counted for less than it is.
 * @throws RangeError for a negative amount, NaN, infinity or more than a billion USD
 */
export function usdToMicro(usd: number): number {
  if (!Number.isFinite(usd) || usd < 0 || usd > 1e9) {
    throw new RangeError('a USD amount must be a finite number between 0 and 1000000000');
  }
  // Nine digits past the micro-USD are float noise (0.07 * 1e6 = 70000.00000000001), not money.
  return Math.ceil(Number((usd * MICRO_USD).toFixed(6)));
}

function requirePrice(provider: string, model: string, table: PriceTable): Price {
  const price = findPrice(provider, model, table);
  if (!price) throw new UnpricedModelError(provider, model, table);
  return price;
}

function isLong(price: Price, prompt: bigint): boolean {
  const threshold = price.long_context_threshold_tokens;
  return threshold !== undefined && prompt > BigInt(threshold);
}

function shortRates(price: Price): Rates {
  const input = scaled(price.input_per_mtok_usd);
  const output = scaled(price.output_per_mtok_usd);
  return {
    input,
    output,
    cached: optional(price.cached_input_per_mtok_usd) ?? input,
    reasoning: optional(price.reasoning_per_mtok_usd) ?? output,
  };
}

/** Long-tier rates; a missing cached or reasoning rate keeps its proportion to the input or output rate. */
function longRates(price: Price): Rates {
  const short = shortRates(price);
  const input = optional(price.long_input_per_mtok_usd) ?? short.input;
  const output = optional(price.long_output_per_mtok_usd) ?? short.output;
  return {
    input,
    output,
    cached: optional(price.long_cached_input_per_mtok_usd) ?? proportion(short.cached, short.input, input),
    reasoning:
      optional(price.long_reasoning_per_mtok_usd) ?? proportion(short.reasoning, short.output, output),
  };
}

function proportion(part: bigint, whole: bigint, of: bigint): bigint {
  return whole === 0n ? of : (part * of + whole - 1n) / whole;
}

function optional(usd: number | undefined): bigint | undefined {
  return usd === undefined ? undefined : scaled(usd);
}

function scaled(usd: number): bigint {
  return BigInt(Math.round(usd * Number(SCALE)));
}

// A count that a vendor reports wrongly (negative, fractional, NaN) must neither lower the bill nor break it.
function tokens(count: number): bigint {
  return Number.isFinite(count) && count > 0 ? BigInt(Math.ceil(count)) : 0n;
}

function roundUp(value: bigint): number {
  return Number((value + SCALE - 1n) / SCALE);
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
