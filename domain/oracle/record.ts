/**
 * What the oracle layer finds for one task, as it is stored, handed to judges and published (evaluation.md section 3).
 * Money is integer micro-USD, null where the vendor did not say what it used; times are milliseconds.
 */
import { z } from 'zod';

export const ORACLE_VENDORS = ['openai', 'gemini', 'grok'] as const;
export type OracleVendor = (typeof ORACLE_VENDORS)[number];

export const ORACLE_STATUSES = ['consensus', 'majority', 'disputed'] as const;
export type OracleStatus = (typeof ORACLE_STATUSES)[number];

export const ENRICHMENT_SIDES = ['owner', 'validator'] as const;
export type EnrichmentSide = (typeof ENRICHMENT_SIDES)[number];

/** Longest answer of an oracle that is used, in characters; a longer one is malformed. */
export const ANSWER_MAX_CHARS = 32_000;
/** Longest single claim, and most claims of one list. */
export const CLAIM_MAX_CHARS = 2_000;
export const CLAIMS_MAX = 64;
export const CITATIONS_MAX = 50;
export const CITATION_MAX_CHARS = 2_048;
/** Longest reason or note. */
export const NOTE_MAX_CHARS = 500;

const micro = z.int().min(0).nullable();
const claim = z.string().min(1).max(CLAIM_MAX_CHARS);
const claims = z.array(claim).max(CLAIMS_MAX);

/** One oracle's answer, or why there is none; `error_msg` begins with timeout:, provider_error: or malformed_response:. */
export const groundingSchema = z.strictObject({
  vendor: z.enum(ORACLE_VENDORS),
  model: z.string().max(128).nullable(),
  status: z.enum(['ok', 'error', 'blocked']),
  /** the canonical answer; empty unless `ok` */
  answer: z.string().max(ANSWER_MAX_CHARS),
  citations: z.array(z.string().max(CITATION_MAX_CHARS)).max(CITATIONS_MAX),
  finish_reason: z.string().max(64).nullable(),
  error_msg: z.string().max(NOTE_MAX_CHARS).nullable(),
  latency_ms: z.int().min(0),
  cost_micro_usd: micro,
  prompt_version: z.string().max(64).nullable(),
});
export type Grounding = z.infer<typeof groundingSchema>;

/** What the reconciler made of the answers; `error` tells why there is nothing. */
export const reconciliationSchema = z.strictObject({
  model: z.string().max(128).nullable(),
  consensus_claims: claims,
  majority_claims: z.array(z.strictObject({ claim, supporting_oracles: z.array(z.enum(ORACLE_VENDORS)) })),
  minority_claims: z.array(
    z.strictObject({ claim, supporting_oracle: z.enum(ORACLE_VENDORS).or(z.literal('')) }),
  ),
  must_not_claim_extras: claims,
  oracle_status: z.enum(ORACLE_STATUSES),
  disagreement_note: z.string().max(NOTE_MAX_CHARS).nullable(),
  error: z.string().max(NOTE_MAX_CHARS).nullable(),
  latency_ms: z.int().min(0),
  cost_micro_usd: micro,
  prompt_version: z.string().max(64).nullable(),
});
export type Reconciliation = z.infer<typeof reconciliationSchema>;

/** The text that answers are compared with in pairwise judgements, and where it comes from (section 3.5). */
export const referenceSchema = z.strictObject({
  text: z.string().max(ANSWER_MAX_CHARS),
  source: z.string().max(64),
  citations: z.array(z.string().max(CITATION_MAX_CHARS)).max(CITATIONS_MAX),
});
export type Reference = z.infer<typeof referenceSchema>;

/** The whole finding. Who holds it can compute its claims and status again: `domain/oracle/settle.ts`. */
export const enrichmentRecordSchema = z.strictObject({
  side: z.enum(ENRICHMENT_SIDES),
  /** whose oracles were asked, on the side of validators */
  validator_hotkey: z.string().max(128).nullable(),
  oracle_status: z.enum(ORACLE_STATUSES),
  disagreement_note: z.string().max(NOTE_MAX_CHARS).nullable(),
  expected_claims: z.array(claim).max(2 * CLAIMS_MAX),
  must_not_claim: z.array(z.string()),
  vendors: z.array(groundingSchema),
  /** null when fewer than two oracles answered, so that there was nothing to reconcile */
  reconciliation: reconciliationSchema.nullable(),
  reference: referenceSchema,
  cost_micro_usd: z.int().min(0),
  latency_ms: z.int().min(0),
});
export type EnrichmentRecord = z.infer<typeof enrichmentRecordSchema>;
