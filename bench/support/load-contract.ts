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

export interface LoadReport {
  /** Milliseconds of each request, by operation. */
  times: Record<string, number[]>;
  /** Seconds that the clients worked. */
  seconds: number;
  /** Answers that were not 2xx, and why, with how often. */
  refused: Record<string, number>;
  cpuSeconds: number;
}
