import { toU16Weights } from './u16';
import type { WeightRow } from './u16';

/** What is to be published for one closed run, before and after rounding. */
export interface WeightPlan {
  /** The row to send; sums to the whole emission, the burn included. */
  row: WeightRow;
  /** Fraction per uid before rounding, ascending by uid, zeros left out. */
  shares: { uid: number; weight: number }[];
  /** Fraction that goes to the burn uid because it was not assigned or its hotkey holds no slot. */
  burned: number;
  /** Hotkeys with a weight but without a slot, sorted; their share is part of `burned`. */
  unknownHotkeys: string[];
}

// Sums of float fractions miss 1 by a few ulps; a remainder below this is rounding, not an unassigned share.
const SUM_TOLERANCE = 1e-9;

/**
 * Maps the weights of a run to uids: hotkeys without a slot are dropped, and what is left of 1 goes to the burn uid
 * (chain.md section 9, "Burn").
 * @param input.weights fraction per hotkey, each 0..1, together at most 1
 * @param input.uidOf slots at the block that the plan is built for
 * @param input.burnUid uid that receives the remainder, 0 on this subnet
 * @throws RangeError on a negative or non-finite weight, or when the weights exceed 1 in sum
 */
export function planWeights(input: {
  weights: Readonly<Record<string, number>>;
  uidOf: ReadonlyMap<string, number>;
  burnUid: number;
}): WeightPlan {
  const byUid = new Map<number, number>();
  const unknownHotkeys: string[] = [];
  let total = 0;
  let assigned = 0;
  // A fixed order makes the float sums, and with them the row, the same on every machine.
  for (const hotkey of Object.keys(input.weights).sort()) {
    const weight = input.weights[hotkey] as number;
    if (!Number.isFinite(weight) || weight < 0) {
      throw new RangeError(`the weight of ${hotkey} is ${weight}: it must be finite and not negative`);
    }
    total += weight;
    if (weight === 0) continue;
    const uid = input.uidOf.get(hotkey);
    if (uid === undefined) {
      unknownHotkeys.push(hotkey);
      continue;
    }
    assigned += weight;
    byUid.set(uid, (byUid.get(uid) ?? 0) + weight);
  }
  if (total > 1 + SUM_TOLERANCE) {
    throw new RangeError(`the weights sum to ${total}: a run may assign at most 1`);
  }
  const rest = 1 - assigned;
  const burned = rest > SUM_TOLERANCE ? rest : 0;
  if (burned > 0) byUid.set(input.burnUid, (byUid.get(input.burnUid) ?? 0) + burned);
  const shares = [...byUid].sort(([a], [b]) => a - b).map(([uid, weight]) => ({ uid, weight }));
  const row = toU16Weights(
    shares.map((s) => s.uid),
    shares.map((s) => s.weight),
  );
  return { row, shares, burned, unknownHotkeys };
}
