/** The oracle layer's work on one task. */
export interface TaskEnrichmentInput {
  runId: string;
  taskId: string;
  familyId: string;
  /**
   * Queue of the workers that have the store and the models; each model is called through a queue of its own below it
   * (`oracleTaskQueue`). `eirel-llm` on the owner's side.
   */
  queue: string;
}

/** One oracle as an enrichment sees it. */
export interface OracleProgress {
  state: 'asking' | 'answered' | 'failed' | 'blocked' | 'waiting';
  /** Why there is no answer. */
  reason: string | null;
}

/** Where the enrichment of a task stands, and what it ended with. */
export interface EnrichmentView {
  runId: string;
  taskId: string;
  step: 'planning' | 'asking' | 'reconciling' | 'waiting' | 'settling' | 'settled' | 'not_needed' | 'failed';
  reason: string;
  /** By vendor, the reconciler included. */
  oracles: Record<string, OracleProgress>;
  round: number;
  /** ISO time of the next round while it waits, else null. */
  nextAttempt: string | null;
  /** consensus, majority, disputed or deterministic once it is settled. */
  oracleStatus: string | null;
  expectedClaims: number;
}

export const ENRICHMENT_MESSAGES = {
  /** Signal `SteerRequest`: ask again now, rather than when the pause is over. */
  askAgain: 'askAgain',
  /** Query: `EnrichmentView`. */
  status: 'status',
} as const;
