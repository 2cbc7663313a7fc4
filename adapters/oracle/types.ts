import type { OracleQuestion } from '../../domain/oracle/question';
import type { Grounding, OracleVendor, Reconciliation } from '../../domain/oracle/record';

/**
 * When a failed call is worth making again: `soon` by the retry policy, `later` once somebody has acted or an outage is
 * over, `never` because the same call gives the same.
 */
export type Again = 'soon' | 'later' | 'never';

/** A call that gave no usable answer. The message begins with the tag of evaluation.md 3.2, and holds no secret. */
export class OracleFailure extends Error {
  override readonly name = 'OracleFailure';
  constructor(
    readonly tag: 'timeout' | 'provider_error' | 'malformed_response' | 'blocked',
    readonly again: Again,
    message: string,
    readonly details: {
      retryAfterSeconds?: number;
      /** What was paid for the failed call, micro-USD. */
      costMicroUsd?: number | null;
      finishReason?: string | null;
    } = {},
  ) {
    super(`${tag}: ${message}`);
  }
}

/** An answer with the model's own words, which are kept for whoever wants to see them. */
export interface Asked<T> {
  value: T;
  raw: string;
}

/** The oracles and the reconciler. Methods throw `OracleFailure`, and the signal's reason when it fires. */
export interface OracleClient {
  ask(vendor: OracleVendor, question: OracleQuestion, signal: AbortSignal): Promise<Asked<Grounding>>;
  reconcile(
    prompt: string,
    answers: readonly Grounding[],
    signal: AbortSignal,
  ): Promise<Asked<Reconciliation>>;
}
