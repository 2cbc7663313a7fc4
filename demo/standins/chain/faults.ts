/** What a node can be made to do wrong, so that clients can be tried against it. */
export interface Faults {
  /** Answers nothing, while connections stay open. */
  stall: boolean;
  /** Refuses new connections with HTTP 429, as the public endpoints do to those who knock too often. */
  refuseUpgrades: boolean;
  /** Nonces that `system_accountNextIndex` is behind by. */
  staleNonceBy: number;
  /** Custom number with which every submission is refused; null for none. */
  customError: number | null;
  /** What it says of the finalised head: the truth, a block that nobody has, one ahead of the best, or an old one. */
  finalizedHead: 'true' | 'unknown' | 'genesis';
  /** Blocks below this one have lost their state. */
  prunedBelow: number;
  /** Takes submissions without ever building them in. */
  holdPool: boolean;
  /** Takes the next submission and drops the connection before it answers. */
  dropAfterSubmit: boolean;
}

export function noFaults(): Faults {
  return {
    stall: false,
    refuseUpgrades: false,
    staleNonceBy: 0,
    customError: null,
    finalizedHead: 'true',
    prunedBelow: 0,
    holdPool: false,
    dropAfterSubmit: false,
  };
}
