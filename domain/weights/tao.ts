/** Money of the chain: 1 TAO = 1e9 rao, always bigint and never through a float. */

export const RAO_PER_TAO = 1_000_000_000n;
/** Balances on chain are u64. */
export const MAX_RAO = (1n << 64n) - 1n;

/**
 * Parses a decimal amount of TAO such as `0.1` or `12` into rao.
 * @throws RangeError for anything but plain non-negative decimal digits, for more than nine decimals that are not zero,
 * and for more than the chain can hold
 */
export function parseTaoToRao(text: string): bigint {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text.trim());
  if (!match) throw new RangeError(`"${text}" is not an amount of TAO: write decimal digits such as 0.1`);
  const [, whole = '0', fraction = ''] = match;
  if (/[1-9]/.test(fraction.slice(9))) {
    throw new RangeError(`"${text}" TAO is finer than one rao: use at most nine decimals`);
  }
  const rao = BigInt(whole) * RAO_PER_TAO + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  if (rao > MAX_RAO) throw new RangeError(`"${text}" TAO is more than the chain can hold`);
  return rao;
}

/** The shortest decimal text of an amount in rao, the inverse of `parseTaoToRao`. */
export function formatRaoAsTao(rao: bigint): string {
  const sign = rao < 0n ? '-' : '';
  const abs = rao < 0n ? -rao : rao;
  const fraction = (abs % RAO_PER_TAO).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${abs / RAO_PER_TAO}${fraction ? `.${fraction}` : ''}`;
}
