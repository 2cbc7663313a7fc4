/** Names of failures that cross the boundary between activities and workflows (`ApplicationFailure.type`). */
export const FAULTS = {
  /** The submission's own fault: final, shown to the miner. */
  miner: 'MinerFault',
  /** The fee is wrong and stays wrong: final. */
  feeRejected: 'FeeRejected',
  /** The fee is not final on chain yet: asked again. */
  feePending: 'FeePending',
  /** The owner's side failed: retried, never counted against a miner. */
  owner: 'OwnerFault',
  /** A row is missing or in a state that this step does not apply to: final, a defect or a race that was lost. */
  badState: 'BadState',
  /** Weights cannot be published until an operator acts: no permit, not registered, wrong version key. */
  publicationRefused: 'PublicationRefused',
  /** This attempt was told to stop; another goes on from where it was. */
  interrupted: 'Interrupted',
  /** An oracle gave no answer: tried again by its policy, then waited for. */
  oracleAway: 'OracleAway',
  /** The oracles stayed away for as long as they are waited for: the task is unscored until it is enriched again. */
  enrichmentFailed: 'EnrichmentFailed',
  /** Nothing to publish yet. */
  notReady: 'NotReady',
} as const;
export type FaultType = (typeof FAULTS)[keyof typeof FAULTS];

/** Types that no retry can mend. */
export const FINAL_FAULTS: readonly FaultType[] = [
  FAULTS.miner,
  FAULTS.feeRejected,
  FAULTS.badState,
  FAULTS.publicationRefused,
];
