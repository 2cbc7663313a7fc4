/** What the bench asks of its load generator, and what comes back. */
export interface LoadOrder {
  kind: 'reads' | 'cycles' | 'claims';
  url: string;
  /** Path of a signed GET. */
  path?: string;
  /** Seeds of the signers, hex; client i signs with number i. */
  seeds: string[];
  clients: number;
  seconds: number;
  /** Hotkeys that every task is offered for; results carry one entry for each. */
  miners?: string[];
  /** Size of a result's body. */
  bodyBytes?: number;
}

/**
 * Seconds at the start that are not measured: all clients ask at once there, by code that is not compiled yet. None where
 * there may be less to claim than that takes; such a measurement comes after one that warms up.
 */
export function startSeconds({ kind }: Pick<LoadOrder, 'kind'>): number {
  return kind === 'claims' ? 0 : 1;
}

export interface LoadReport {
  /** Milliseconds of each request, by operation; those of the start left out. */
  times: Record<string, number[]>;
  /** Seconds in which they were made. */
  seconds: number;
  /** Requests by operation, with those of the start. */
  done: Record<string, number>;
  /** Answers that were not 2xx, and why, with how often. */
  refused: Record<string, number>;
  cpuSeconds: number;
}
