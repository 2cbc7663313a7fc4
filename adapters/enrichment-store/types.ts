import type { EnrichmentRecord, EnrichmentSide, Grounding, Reconciliation } from '../../domain/oracle/record';

/** Names the enrichment of one task. */
export interface EnrichmentKey {
  runId: string;
  familyId: string;
  taskId: string;
}

/** What there is to do about a task. */
export interface EnrichmentJob {
  /**
   * `wanted`: its oracles are to be asked. `deterministic`: it has a fixed answer, no vendor is ever called. `settled`: done
   * before. `closed`: nobody needs it any more. `missing`: there is no such task.
   */
  state: 'wanted' | 'deterministic' | 'settled' | 'closed' | 'missing';
  /** Why, in words. */
  reason: string;
  /** The task as frozen; empty when it is missing. */
  payload: Record<string, unknown>;
  /** Once it is settled. */
  oracleStatus: string | null;
  expectedClaims: number;
}

/**
 * Where the enrichment of tasks is kept: the owner's database, or a validator's own disk. Every method may be repeated; what
 * was stored first stays, so that nobody is judged by two truths, and no vendor is paid twice for what is stored.
 */
export interface EnrichmentStore {
  readonly side: EnrichmentSide;
  /** Whose store it is, on the side of validators. */
  readonly validatorHotkey: string | null;
  begin(key: EnrichmentKey): Promise<EnrichmentJob>;
  answers(key: EnrichmentKey): Promise<Grounding[]>;
  /** @param raw the model's own words, null when it gave none; kept outside the row */
  saveAnswer(key: EnrichmentKey, grounding: Grounding, raw: string | null): Promise<void>;
  reconciliation(key: EnrichmentKey): Promise<Reconciliation | null>;
  saveReconciliation(key: EnrichmentKey, found: Reconciliation, raw: string | null): Promise<void>;
  /** @returns what is stored, which is an earlier record where there was one */
  settle(key: EnrichmentKey, record: EnrichmentRecord): Promise<EnrichmentRecord>;
  /** Shows operators what it waits for. */
  waiting(key: EnrichmentKey, reason: string): Promise<void>;
  /** Gives up: the task is not scored until it is enriched again. */
  fail(key: EnrichmentKey, reason: string): Promise<void>;
}
