/** Structured outputs of the oracles and the reconciler: what is asked for as JSON Schema, and how it is read. */
import { z } from 'zod';
import { cleanText, isObject } from '../tasks/clean-json';
import {
  ANSWER_MAX_CHARS,
  CLAIM_MAX_CHARS,
  CLAIMS_MAX,
  NOTE_MAX_CHARS,
  ORACLE_STATUSES,
  ORACLE_VENDORS,
  type OracleVendor,
  type Reconciliation,
} from './record';

/** A model's reply that is not what was asked for; the message tells the model what to mend. */
export class MalformedReply extends Error {
  override readonly name = 'MalformedReply';
}

/** The schema of a structured output. */
export interface NamedSchema {
  name: string;
  schema: Record<string, unknown>;
}

const answerSchema = z.strictObject({ answer: z.string() });
const reconcilerSchema = z.strictObject({
  consensus_claims: z.array(z.string()),
  majority_claims: z.array(z.strictObject({ claim: z.string(), supporting_oracles: z.array(z.string()) })),
  minority_claims: z.array(z.strictObject({ claim: z.string(), supporting_oracle: z.string() })),
  must_not_claim_extras: z.array(z.string()),
  oracle_status: z.enum(ORACLE_STATUSES),
  disagreement_note: z.string().nullable(),
});

export const ORACLE_OUTPUT: NamedSchema = named('oracle_answer', answerSchema);
export const RECONCILER_OUTPUT: NamedSchema = named('reconciler_output', reconcilerSchema);

function named(name: string, schema: z.ZodType): NamedSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema) as Record<string, unknown>;
  void $schema;
  return { name, schema: rest };
}

/**
 * Reads an oracle's reply. Properties that were not asked for are passed over: what counts is that the answer is there.
 * @returns the answer, trimmed
 * @throws MalformedReply
 */
export function readOracleReply(text: string): string {
  const value = parseObject(text);
  if (typeof value.answer !== 'string') throw new MalformedReply('answer must be a string');
  const answer = cleanText(value.answer).trim();
  if (!answer) throw new MalformedReply('answer is empty');
  if (answer.length > ANSWER_MAX_CHARS) {
    throw new MalformedReply(
      `answer has ${answer.length} characters; at most ${ANSWER_MAX_CHARS} are allowed`,
    );
  }
  return answer;
}

type Findings = Pick<
  Reconciliation,
  | 'consensus_claims'
  | 'majority_claims'
  | 'minority_claims'
  | 'must_not_claim_extras'
  | 'oracle_status'
  | 'disagreement_note'
>;

/**
 * Reads the reconciler's reply (evaluation.md 3.4): entries that are malformed are discarded, a status that is not one
 * of the three is `disputed`, and the status is otherwise the model's own.
 * @param asked the vendors whose answers it was shown; support by any other is not support
 * @throws MalformedReply when it is not an object, or has no list of claims at all
 */
export function readReconcilerReply(text: string, asked: readonly OracleVendor[]): Findings {
  const value = parseObject(text);
  if (!Array.isArray(value.consensus_claims) && !Array.isArray(value.majority_claims)) {
    throw new MalformedReply('consensus_claims and majority_claims must be lists');
  }
  const vendorOf = (name: unknown): OracleVendor | null =>
    asked.find((vendor) => vendor === (typeof name === 'string' ? name.trim().toLowerCase() : '')) ?? null;
  const status = typeof value.oracle_status === 'string' ? value.oracle_status.trim().toLowerCase() : '';
  const note = typeof value.disagreement_note === 'string' ? cleanText(value.disagreement_note).trim() : '';
  return {
    consensus_claims: claimsOf(value.consensus_claims),
    majority_claims: entriesOf(value.majority_claims).flatMap((entry) => {
      const claim = claimOf(entry.claim);
      const names = Array.isArray(entry.supporting_oracles) ? entry.supporting_oracles : [];
      const supporting = [...new Set(names.map(vendorOf).filter((name) => name !== null))];
      return claim && supporting.length >= 2 ? [{ claim, supporting_oracles: supporting }] : [];
    }),
    minority_claims: entriesOf(value.minority_claims).flatMap((entry) => {
      const claim = claimOf(entry.claim);
      return claim ? [{ claim, supporting_oracle: vendorOf(entry.supporting_oracle) ?? ('' as const) }] : [];
    }),
    must_not_claim_extras: claimsOf(value.must_not_claim_extras),
    oracle_status: ORACLE_STATUSES.find((known) => known === status) ?? 'disputed',
    disagreement_note: note ? note.slice(0, NOTE_MAX_CHARS) : null,
  };
}

/** Parses JSON; one code fence around it is forgiven. NaN and other words that JSON has not are refused. */
function parseObject(text: string): Record<string, unknown> {
  const inner = /^\s*```(?:json)?\s*([\s\S]*?)\s*```\s*$/.exec(text)?.[1] ?? text;
  let value: unknown;
  try {
    value = JSON.parse(inner);
  } catch {
    throw new MalformedReply(text.trim() === '' ? 'the reply is empty' : 'the reply is not JSON');
  }
  if (!isObject(value)) throw new MalformedReply('the reply is not a JSON object');
  return value;
}

function claimsOf(value: unknown): string[] {
  const found = Array.isArray(value) ? value.map(claimOf).filter((claim) => claim !== null) : [];
  return [...new Set(found)].slice(0, CLAIMS_MAX);
}

function claimOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const claim = cleanText(value).trim();
  return claim && claim.length <= CLAIM_MAX_CHARS ? claim : null;
}

function entriesOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject).slice(0, CLAIMS_MAX) : [];
}

/** Vendors by their names on the wire, for callers that only have text. */
export function isOracleVendor(name: string): name is OracleVendor {
  return (ORACLE_VENDORS as readonly string[]).includes(name);
}
