/** Readers of option values; each refuses with the reason, as commander shows it. */
import { InvalidArgumentError } from 'commander';

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < min || value > max) {
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `expected a whole number of at least ${min}`
          : `expected a whole number from ${min} to ${max}`,
      );
    }
    return value;
  };
}

/** Seconds, whole or decimal, greater than zero. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0 || value > 1e7) {
    throw new InvalidArgumentError('expected a number of seconds greater than 0');
  }
  return value;
}

/** `0x` and 64 hex digits. */
export function hash32(text: string): string {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text.trim())) {
    throw new InvalidArgumentError('expected a hash: 0x and 64 hex digits');
  }
  return text.trim();
}
