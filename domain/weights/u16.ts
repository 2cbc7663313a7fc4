/** Weight vectors as the chain takes them (chain.md section 4, "floats -> u16"). */

export const U16_MAX = 65_535;

/** A row of the weight matrix ready to send: ascending uids, values 1..65535, equal lengths. */
export interface WeightRow {
  uids: number[];
  values: number[];
}

/** Rounds half to even as Python's `round` does; `Math.round` rounds half up. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Turns float weights into the u16 row that the Python SDK would send: `round(w / max * 65535)`, sorted by uid, zeros
 * dropped. The largest weight always becomes 65535.
 * @param uids slot numbers 0..65535 in any order
 * @param weights finite and not negative, one per uid
 * @returns empty lists when every weight is zero: there is nothing to send
 * @throws RangeError on unequal lengths, duplicate or invalid uids, negative or non-finite weights
 */
export function toU16Weights(uids: readonly number[], weights: readonly number[]): WeightRow {
  if (uids.length !== weights.length) {
    throw new RangeError(
      `${uids.length} uids were given with ${weights.length} weights: both must be equally long`,
    );
  }
  const pairs = uids.map((uid, i) => ({ uid, weight: weights[i] as number }));
  const seen = new Set<number>();
  for (const { uid, weight } of pairs) {
    if (!Number.isInteger(uid) || uid < 0 || uid > U16_MAX)
      throw new RangeError(`uid ${uid} is not within 0..65535`);
    if (seen.has(uid)) throw new RangeError(`uid ${uid} occurs twice`);
    if (!Number.isFinite(weight) || weight < 0) {
      throw new RangeError(`the weight of uid ${uid} is ${weight}: it must be finite and not negative`);
    }
    seen.add(uid);
  }
  const max = pairs.reduce((most, { weight }) => Math.max(most, weight), 0);
  if (max === 0) return { uids: [], values: [] };
  const kept = pairs
    .sort((a, b) => a.uid - b.uid)
    .map(({ uid, weight }) => ({ uid, value: roundHalfEven((weight / max) * U16_MAX) }))
    .filter(({ value }) => value > 0);
  return { uids: kept.map((k) => k.uid), values: kept.map((k) => k.value) };
}

/** The fractions of a row, value / sum, which is what a reader of the chain compares. Empty for an empty row. */
export function rowFractions(row: WeightRow): Map<number, number> {
  const sum = row.values.reduce((a, b) => a + b, 0);
  return new Map(row.uids.map((uid, i) => [uid, (row.values[i] as number) / sum]));
}
