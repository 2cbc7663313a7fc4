/**
 * Decimal rounding that gives the same digits in every language.
 *
 * Scores are doubles; two programs that sum them in another order differ in the last bits. Scoring version 2
 * therefore compares and adds whole numbers of 1e-6 ("micro units") obtained by rounding half to even.
 */

/** Micro units in 1.0. */
export const MICRO = 1_000_000;

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/**
 * Rounds half to even to six places, on the decimal digits that the number prints with
 * (the shortest text that reads back as the same double; JavaScript and Python print the same one).
 * Working on the printed digits, not on the binary value, means that a reader who sees 0.1234565 in a
 * published file and rounds it by hand gets the same answer.
 * @param value any number with an absolute value below 9e9
 * @returns whole micro units; 0 for a value that is not a number
 * @throws RangeError when the value is infinite or its micro units cannot be held exactly
 */
export function toMicro(value: number): number {
  if (Number.isNaN(value)) return 0;
  const match = DECIMAL.exec(String(value));
  if (!match) throw new RangeError(`cannot round ${value}: not a finite number`);
  const [, sign, whole = '0', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  // value = digits * 10^scale, wanted in units of 10^-6
  const scale = Number(exponent) - fraction.length + 6;
  const magnitude =
    scale >= 0 ? digits * 10n ** BigInt(scale) : divideHalfEven(digits, 10n ** BigInt(-scale));
  const micro = Number(sign ? -magnitude : magnitude);
  if (!Number.isSafeInteger(micro)) throw new RangeError(`cannot round ${value}: too large for micro units`);
  return micro === 0 ? 0 : micro;
}

/** Whole micro units as a number, e.g. 550000 -> 0.55. The division is correctly rounded, so it prints as expected. */
export function fromMicro(micro: number): number {
  return micro / MICRO;
}

/** Six places, half to even. Idempotent and monotone. */
export function roundHalfEven6(value: number): number {
  return fromMicro(toMicro(value));
}

/**
 * Mean of whole micro units, rounded half to even to a whole micro unit; exact and independent of the order.
 * @param sum sum of the values, in micro units
 * @param count how many there are, at least 1
 */
export function meanMicro(sum: number, count: number): number {
  const negative = sum < 0;
  const mean = Number(divideHalfEven(BigInt(Math.abs(sum)), BigInt(count)));
  return negative && mean !== 0 ? -mean : mean;
}

function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const doubled = 2n * (numerator % denominator);
  const up = doubled > denominator || (doubled === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}

/**
 * Formats with a fixed number of places, exact ties to even as Python's `format(x, '.2f')`;
 * `Number.prototype.toFixed` differs from it only in those ties.
 */
export function fixedHalfEven(value: number, places: number): string {
  if (!Number.isFinite(value)) return String(value).toLowerCase();
  // A double lies exactly between two decimals of `places` digits only if it is an odd multiple of 2^-(places+1).
  const halves = Math.abs(value) * 2 ** (places + 1);
  const text = value.toFixed(places);
  if (!Number.isInteger(halves) || halves % 2 !== 1) return text;
  const lastDigit = Number(text.at(-1));
  if (lastDigit % 2 === 0) return text;
  // toFixed went away from zero to an odd digit; half a unit nearer to zero lies the even neighbour.
  return (value - (Math.sign(value) * 10 ** -places) / 2).toFixed(places);
}
