/** Which tools a ledger attests, and what a multi-turn attempt is charged with. */
import type { LedgerCall, ScoringVersion } from './types';

export interface ToolAttestationInput {
  required_tool?: string | null;
  calls: readonly LedgerCall[];
}

/**
 * Factor T (evaluation.md section 2.5): 1 when no tool is required, or when the ledger holds a call to it or to
 * one of its parts (`web_search.open_page` attests `web_search`); otherwise 0.
 * Version 1 counts failed calls too, as the original does; version 2 counts calls with status `ok` only.
 */
export function toolAttestationFactor(input: ToolAttestationInput, version: ScoringVersion): 0 | 1 {
  const required = input.required_tool ?? '';
  if (required === '') return 1;
  return input.calls.some(
    (call) => isToolOrPart(call.tool_name, required) && (version === 1 || call.status === 'ok'),
  )
    ? 1
    : 0;
}

/** True for the tool itself and for its dotted parts. */
export function isToolOrPart(toolName: string, required: string): boolean {
  return toolName === required || toolName.startsWith(`${required}.`);
}

export interface TurnMeasurement {
  latency_seconds: number;
  /** null when the provider-proxy could not tell */
  cost_usd: number | null;
}

/**
 * What a multi-turn attempt is scored with (decision 13): the worst turn's latency in whole milliseconds
 * (rounded down), and the sum of the costs. One unknown cost makes the sum unknown (decision 29).
 */
export function turnTotals(turns: readonly TurnMeasurement[]): {
  latency_ms: number;
  cost_usd: number | null;
} {
  const worst = turns.reduce((max, turn) => Math.max(max, turn.latency_seconds), 0);
  const cost = turns.reduce<number | null>(
    (sum, turn) => (sum === null || turn.cost_usd === null ? null : sum + turn.cost_usd),
    0,
  );
  return { latency_ms: Math.floor(worst * 1000), cost_usd: cost };
}
