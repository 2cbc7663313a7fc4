/** From family winners to the weight table that `GET /v1/weights` serves (evaluation.md 5.7, decision 24). */
import { fromMicro, roundHalfEven6, toMicro } from './decimal';

export interface FamilyOutcome {
  family_id: string;
  winner_hotkey: string | null;
  /** share of the emission, 0..1; families with 0 or less are skipped */
  family_weight: number;
  official_family_score: number;
}

export interface WeightTable {
  /** hotkey to weight, keys sorted, six places */
  weights: Record<string, number>;
  family_winners: FamilyOutcome[];
  /** what is left for UID 0, 0..1 */
  burn: number;
}

/** The weights of one family: its whole share to the winner, nothing without one. */
export function familyWeights(input: {
  winner: { hotkey: string } | null;
  familyWeight: number;
}): Record<string, number> {
  refuseBadWeight(input.familyWeight);
  return input.winner && input.familyWeight > 0
    ? { [input.winner.hotkey]: roundHalfEven6(input.familyWeight) }
    : {};
}

/**
 * The table of a whole run. A hotkey that wins two families gets the sum of both (the original kept the last one);
 * what no winner takes is burnt.
 * @throws RangeError when a weight is not a number, or when the families' weights exceed 1 together
 */
export function runWeights(families: readonly FamilyOutcome[]): WeightTable {
  const active = families.filter((family) => {
    refuseBadWeight(family.family_weight);
    return family.family_weight > 0;
  });
  const configured = active.reduce((sum, family) => sum + toMicro(family.family_weight), 0);
  if (configured > toMicro(1)) {
    throw new RangeError(
      `the family weights add up to ${fromMicro(configured)}: correct EIREL_FAMILY_WEIGHTS to at most 1`,
    );
  }
  const micro = new Map<string, number>();
  for (const family of active) {
    if (family.winner_hotkey === null) continue;
    micro.set(family.winner_hotkey, (micro.get(family.winner_hotkey) ?? 0) + toMicro(family.family_weight));
  }
  const assigned = [...micro.values()].reduce((sum, value) => sum + value, 0);
  return {
    weights: Object.fromEntries(
      [...micro.keys()].sort().map((hotkey) => [hotkey, fromMicro(micro.get(hotkey) ?? 0)]),
    ),
    family_winners: active.map((family) => ({ ...family })),
    burn: fromMicro(toMicro(1) - assigned),
  };
}

function refuseBadWeight(weight: number): void {
  if (!Number.isFinite(weight))
    throw new RangeError(`a family weight is ${weight}: correct EIREL_FAMILY_WEIGHTS`);
}
