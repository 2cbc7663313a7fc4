/** What an oracle's call cost (evaluation.md 3.7), in integer micro-USD. */
import { costMicroUsd, MICRO_USD, UnpricedModelError, type TokenUsage } from '../pricing/cost';
import { DEFAULT_PRICES, type PriceTable } from '../pricing/prices';
import type { OracleVendor } from './record';

/** Under which name of the price table a vendor's models stand. */
export const PRICED_AS = { openai: 'openai', gemini: 'gemini', grok: 'xai', reconciler: 'chutes' } as const;
export type PricedVendor = OracleVendor | 'reconciler';

/** Price of one search made by the model: OpenAI's per call, Gemini's per query; Grok's is part of its tokens. */
const SEARCH_MICRO_USD: Record<PricedVendor, number> = {
  openai: 10_000,
  gemini: 14_000,
  grok: 0,
  reconciler: 0,
};
/** Ticks of `usage.cost_in_usd_ticks` in one USD. */
const TICKS_PER_USD = 1e10;

/** What a call used, as the vendor said. */
export interface CallUsage {
  tokens: TokenUsage | null;
  searches: number;
  /** Grok's own figure, which goes before ours. */
  usdTicks: number | null;
}

/** @returns micro-USD rounded up, or null when the vendor said nothing or its model has no price */
export function oracleCostMicroUsd(
  vendor: PricedVendor,
  model: string,
  usage: CallUsage,
  prices: PriceTable = DEFAULT_PRICES,
): number | null {
  if (usage.usdTicks !== null) return Math.ceil((usage.usdTicks * MICRO_USD) / TICKS_PER_USD);
  if (usage.tokens === null) return null;
  try {
    const searches = Math.max(0, Math.floor(usage.searches)) * SEARCH_MICRO_USD[vendor];
    return costMicroUsd(PRICED_AS[vendor], model, usage.tokens, prices) + searches;
  } catch (error) {
    if (error instanceof UnpricedModelError) return null;
    throw error;
  }
}
