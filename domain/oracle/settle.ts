/** From the oracles' answers to what a task is judged by (evaluation.md 3.4 and 3.5). Pure, so that anyone can repeat it. */
import { microToUsd } from '../pricing/cost';
import {
  ANSWER_MAX_CHARS,
  ORACLE_VENDORS,
  type EnrichmentRecord,
  type EnrichmentSide,
  type Grounding,
  type OracleVendor,
  type Reconciliation,
  type Reference,
} from './record';

/** Answers needed for anything to be reconciled. */
export const USABLE_ORACLES_MIN = 2;
export const LAYER_NOT_CONFIGURED = 'oracle_layer_not_configured';

export interface Findings {
  side: EnrichmentSide;
  validatorHotkey: string | null;
  /** Claims that the task itself forbids. */
  floor: readonly string[];
  /** One per configured oracle. */
  vendors: readonly Grounding[];
  /** Null when there was nothing to reconcile. */
  reconciliation: Reconciliation | null;
  /** False where fewer than two oracles or no reconciler are configured. */
  layerConfigured: boolean;
  referenceVendor: OracleVendor;
  latencyMs: number;
}

/** The answers that can be reconciled. */
export function usableAnswers(vendors: readonly Grounding[]): Grounding[] {
  return vendors.filter((item) => item.status === 'ok' && item.answer !== '');
}

/** Puts the record of a task together. */
export function settleFindings(findings: Findings): EnrichmentRecord {
  const { reconciliation } = findings;
  const vendors = [...findings.vendors].sort(
    (a, b) => ORACLE_VENDORS.indexOf(a.vendor) - ORACLE_VENDORS.indexOf(b.vendor),
  );
  const expected = expectedClaims(reconciliation);
  const costs = [...vendors.map((item) => item.cost_micro_usd), reconciliation?.cost_micro_usd];
  return {
    side: findings.side,
    validator_hotkey: findings.validatorHotkey,
    oracle_status: reconciliation?.oracle_status ?? 'disputed',
    disagreement_note: noteOf(findings),
    expected_claims: expected,
    must_not_claim: forbiddenClaims(findings.floor, reconciliation),
    vendors,
    reconciliation,
    reference: referenceOf(vendors, findings.referenceVendor, expected),
    cost_micro_usd: costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0),
    latency_ms: findings.latencyMs,
  };
}

/** Claims of all oracles, then those of a majority, each once. Claims survive also when the status is `disputed`. */
export function expectedClaims(reconciliation: Reconciliation | null): string[] {
  if (!reconciliation) return [];
  return [
    ...new Set([
      ...reconciliation.consensus_claims,
      ...reconciliation.majority_claims.map((entry) => entry.claim),
    ]),
  ];
}

/** A forbidden claim of the reconciler's that is shorter says nothing, and would be found in any answer. */
const FORBIDDEN_MIN_CHARS = 3;

/**
 * The task's own forbidden claims and the reconciler's. One of the reconciler's that stands in an expected claim is left
 * out: the knockout compares by containment, so that it would close on every right answer.
 */
export function forbiddenClaims(floor: readonly string[], reconciliation: Reconciliation | null): string[] {
  const expected = expectedClaims(reconciliation).map((claim) => claim.toLowerCase());
  const extras = (reconciliation?.must_not_claim_extras ?? []).filter(
    (extra) =>
      extra.trim().length >= FORBIDDEN_MIN_CHARS &&
      !expected.some((claim) => claim.includes(extra.trim().toLowerCase())),
  );
  return [...new Set([...floor, ...extras])];
}

/**
 * What a record's own answers and reconciliation amount to, for whoever checks it: its claims, what it forbids, and its
 * status must be these.
 */
export function recheck(
  record: EnrichmentRecord,
  floor: readonly string[],
): Pick<EnrichmentRecord, 'expected_claims' | 'must_not_claim' | 'oracle_status'> {
  return {
    expected_claims: expectedClaims(record.reconciliation),
    must_not_claim: forbiddenClaims(floor, record.reconciliation),
    oracle_status: record.reconciliation?.oracle_status ?? 'disputed',
  };
}

function noteOf(findings: Findings): string | null {
  if (findings.reconciliation) {
    return findings.reconciliation.error ?? findings.reconciliation.disagreement_note;
  }
  if (!findings.layerConfigured) return LAYER_NOT_CONFIGURED;
  const usable = usableAnswers(findings.vendors).length;
  return `only ${usable}/${findings.vendors.length} oracles returned usable answers`;
}

/** The preferred oracle's answer, else the first other one's, else the first claim, else nothing (section 3.5). */
export function referenceOf(
  vendors: readonly Grounding[],
  preferred: OracleVendor,
  claims: readonly string[],
): Reference {
  const usable = usableAnswers(vendors);
  const first = usable.find((item) => item.vendor === preferred) ?? usable[0];
  if (first) {
    const source = first.vendor === preferred ? first.vendor : `${first.vendor}_fallback`;
    return { text: first.answer, source, citations: first.citations };
  }
  const claim = claims[0];
  return claim
    ? { text: claim.slice(0, ANSWER_MAX_CHARS), source: 'consensus_claim', citations: [] }
    : { text: '', source: 'none', citations: [] };
}

/** The record as `baseline_response` and `cached_baseline` carry it (evaluation.md 2.6 and 3.4); money in USD. */
export function baselineOf(record: EnrichmentRecord): Record<string, unknown> {
  const { reconciliation, vendors } = record;
  const usd = (micro: number | null | undefined): number | null =>
    micro === null || micro === undefined ? null : microToUsd(micro);
  const byVendor = <T>(pick: (item: Grounding) => T): Record<string, T> =>
    Object.fromEntries(vendors.map((item) => [item.vendor, pick(item)]));
  return {
    response_text: record.reference.text,
    citations: record.reference.citations,
    cost_usd: microToUsd(record.cost_micro_usd),
    latency_seconds: record.latency_ms / 1000,
    source_vendor: record.reference.source,
    _reconciled: {
      expected_claims: record.expected_claims,
      must_not_claim: record.must_not_claim,
      oracle_status: record.oracle_status,
      disagreement_note: record.disagreement_note,
      consensus_claims: reconciliation?.consensus_claims ?? [],
      majority_claims: reconciliation?.majority_claims ?? [],
      minority_claims: reconciliation?.minority_claims ?? [],
      vendor_status: byVendor((item) => item.status),
      vendor_costs: byVendor((item) => usd(item.cost_micro_usd)),
      vendor_citations: byVendor((item) => item.citations),
      vendor_answers: byVendor((item) => item.answer),
      reconciler_latency_ms: reconciliation?.latency_ms ?? 0,
      reconciler_cost_usd: usd(reconciliation?.cost_micro_usd),
      prompt_versions: {
        oracle: vendors.find((item) => item.prompt_version)?.prompt_version ?? null,
        reconciler: reconciliation?.prompt_version ?? null,
      },
    },
  };
}
