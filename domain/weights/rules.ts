import type { WeightFailure, WeightMode } from './outcomes';
import { U16_MAX } from './u16';
import type { WeightRow } from './u16';

/** What the chain will hold a row against; all of it can be read before anything is signed. */
export interface PublishingState {
  uid: number | null;
  n: number;
  validatorPermit: boolean;
  isSubnetOwner: boolean;
  stakeWeightRao: bigint | null;
  stakeThresholdRao: bigint;
  minAllowedWeights: number;
  /** Of 65535; 65535 is no limit. */
  maxWeightsLimit: number;
  commitReveal: { enabled: boolean; timelocked: 'timelocked' | 'crv3' | null; hashed: boolean };
}

/** Whether commits are made by time lock or by hash where a subnet has commit-reveal on; `auto` prefers the time lock. */
export type CommitPreference = 'auto' | 'timelock' | 'hash';

/**
 * How the row must be sent, by the subnet's own setting and the calls of the runtime.
 * @returns null when the subnet wants commits and the runtime offers none of the wanted kind
 */
export function weightMode(
  { enabled, timelocked, hashed }: PublishingState['commitReveal'],
  preference: CommitPreference,
): WeightMode | null {
  if (!enabled) return 'set';
  if (timelocked && preference !== 'hash') return timelocked;
  return hashed && preference !== 'timelock' ? 'commit' : null;
}

/** Why the chain would refuse a row for good, by the rules of chain.md section 4; null when nothing speaks against it. */
export function refusalOf(
  state: PublishingState,
  row: WeightRow,
): { kind: WeightFailure; said: string } | null {
  const { uid, n } = state;
  if (uid === null) return { kind: 'not_registered', said: 'read before signing' };
  const { stakeWeightRao: stake, stakeThresholdRao: threshold } = state;
  if (stake !== null && stake < threshold && !state.isSubnetOwner) {
    return { kind: 'stake_too_low', said: `stake weight ${stake}, threshold ${threshold}, in rao` };
  }
  // A single weight on oneself is exempt from what follows.
  if (row.uids.length === 1 && row.uids[0] === uid) return null;
  if (!state.validatorPermit && !state.isSubnetOwner)
    return { kind: 'no_permit', said: `uid ${uid}, read before signing` };
  const least = Math.min(n, state.minAllowedWeights);
  if (row.uids.length < least) {
    return {
      kind: 'length_too_low',
      said: `the row has ${row.uids.length} weights, the subnet asks for ${least}`,
    };
  }
  const sum = row.values.reduce((a, b) => a + b, 0);
  const max = Math.max(...row.values);
  if (state.maxWeightsLimit < U16_MAX && max * U16_MAX > state.maxWeightsLimit * sum) {
    const share = ((100 * max) / sum).toFixed(2);
    const limit = ((100 * state.maxWeightsLimit) / U16_MAX).toFixed(2);
    return {
      kind: 'max_weight_exceeded',
      said: `the largest is ${share} % of the row, the limit ${limit} %`,
    };
  }
  return null;
}
