/** What a task is judged against where validators ask the oracles themselves (decision 4, mode `validator`). */
import {
  ANSWER_MAX_CHARS,
  CITATION_MAX_CHARS,
  CITATIONS_MAX,
  ORACLE_STATUSES,
  ORACLE_VENDORS,
  type EnrichmentRecord,
  type Grounding,
  type OracleVendor,
} from '../oracle/record';
import { oracleQuestion } from '../oracle/question';
import { readReconcilerReply } from '../oracle/reply';
import { settleFindings } from '../oracle/settle';
import { usdToMicro } from '../pricing/cost';
import { isObject } from './clean-json';

/** The recorded truth of a task. `oracleStatus` is null until somebody settled it. */
export interface RecordedTruth {
  oracleStatus: string | null;
}

/**
 * Takes the truth that a validator's oracles found, where there is none: the first valid result is kept, and every later
 * claim of the task is judged against it. A truth that is recorded already, and one of a task with a fixed answer, is
 * never replaced. A validator without oracles calls every task disputed; that is no finding and is not taken.
 * @param baseline `baseline_response` of a result, cleaned; its `_reconciled` holds the oracles' findings
 * @returns the record to keep, or null when there is nothing to take
 */
export function truthFromBaseline(
  current: RecordedTruth,
  payload: Readonly<Record<string, unknown>>,
  baseline: Readonly<Record<string, unknown>> | null,
  validatorHotkey: string,
): EnrichmentRecord | null {
  const found = baseline?._reconciled;
  if (current.oracleStatus !== null || payload.oracle_source !== 'three_oracle' || !isObject(found)) {
    return null;
  }
  if (!(ORACLE_STATUSES as readonly unknown[]).includes(found.oracle_status)) return null;
  const vendors = vendorsOf(found);
  const claimed = Array.isArray(found.expected_claims) && found.expected_claims.length > 0;
  if (found.oracle_status === 'disputed' && !claimed && !vendors.some((item) => item.status === 'ok'))
    return null;
  const { floor } = oracleQuestion(payload);
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  const split = list(found.consensus_claims).length + list(found.majority_claims).length > 0;
  const findings = readReconcilerReply(
    JSON.stringify({
      consensus_claims: split ? list(found.consensus_claims) : list(found.expected_claims),
      majority_claims: list(found.majority_claims),
      minority_claims: list(found.minority_claims),
      must_not_claim_extras: list(found.must_not_claim).filter((item) => !floor.includes(item as string)),
      oracle_status: found.oracle_status,
      disagreement_note: found.disagreement_note,
    }),
    ORACLE_VENDORS,
  );
  const record = settleFindings({
    side: 'validator',
    validatorHotkey,
    floor,
    vendors,
    reconciliation: {
      ...findings,
      model: null,
      error: null,
      latency_ms: whole(found.reconciler_latency_ms),
      cost_micro_usd: microOrNull(found.reconciler_cost_usd),
      prompt_version: null,
    },
    layerConfigured: true,
    referenceVendor: 'openai',
    latencyMs: whole(Number(baseline?.latency_seconds) * 1000),
  });
  const text = baseline?.response_text;
  const source = baseline?.source_vendor;
  return {
    ...record,
    reference: {
      text: typeof text === 'string' ? text.slice(0, ANSWER_MAX_CHARS) : record.reference.text,
      source: typeof source === 'string' ? source.slice(0, 64) : record.reference.source,
      citations: addresses(baseline?.citations),
    },
  };
}

function vendorsOf(found: Readonly<Record<string, unknown>>): Grounding[] {
  const of = (key: string, vendor: OracleVendor): unknown => {
    const map = found[key];
    return isObject(map) ? map[vendor] : undefined;
  };
  return ORACLE_VENDORS.flatMap((vendor): Grounding[] => {
    const status = of('vendor_status', vendor);
    if (status !== 'ok' && status !== 'error' && status !== 'blocked') return [];
    const answer = of('vendor_answers', vendor);
    return [
      {
        vendor,
        model: null,
        status,
        answer: status === 'ok' && typeof answer === 'string' ? answer.slice(0, ANSWER_MAX_CHARS) : '',
        citations: addresses(of('vendor_citations', vendor)),
        finish_reason: null,
        error_msg: null,
        latency_ms: 0,
        cost_micro_usd: microOrNull(of('vendor_costs', vendor)),
        prompt_version: null,
      },
    ];
  });
}

function addresses(value: unknown): string[] {
  const found = Array.isArray(value) ? value : [];
  return found
    .map((item: unknown) => (isObject(item) ? item.url : item))
    .filter((item): item is string => typeof item === 'string' && item.length <= CITATION_MAX_CHARS)
    .slice(0, CITATIONS_MAX);
}

function microOrNull(usd: unknown): number | null {
  return typeof usd === 'number' && usd >= 0 && usd < 1e6 ? usdToMicro(usd) : null;
}

function whole(value: unknown): number {
  return typeof value === 'number' && value >= 0 && value < 1e9 ? Math.round(value) : 0;
}
