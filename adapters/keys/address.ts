import { decodeAddress, encodeAddress } from '@polkadot/util-crypto';

/** Network prefix of every address here: generic substrate. */
export const SS58_PREFIX = 42;

// Decoding costs two hashes and big numbers; the hotkeys of a subnet are few and come again with every request.
const KNOWN_KEYS = new Map<string, Uint8Array>();
const MOST_KNOWN_KEYS = 4096;

/**
 * Public key of an address with network prefix 42.
 * @returns 32 bytes not to be changed, or null when the text is not such an address (bad checksum, other prefix, hex,
 *   other length)
 */
export function publicKeyOf(address: string): Uint8Array | null {
  const known = KNOWN_KEYS.get(address);
  if (known) return known;
  const key = decodePublicKey(address);
  if (key === null) return null;
  if (KNOWN_KEYS.size >= MOST_KNOWN_KEYS) KNOWN_KEYS.clear();
  KNOWN_KEYS.set(address, key);
  return key;
}

function decodePublicKey(address: string): Uint8Array | null {
  // decodeAddress also takes hex, which is no address on this wire.
  if (!/^[1-9A-HJ-NP-Za-km-z]{46,50}$/.test(address)) return null;
  try {
    const key = decodeAddress(address, false, SS58_PREFIX);
    // The account id must be 32 bytes, and the text its only spelling, since rows are keyed by the text.
    return key.length === 32 && encodeAddress(key, SS58_PREFIX) === address ? key : null;
  } catch {
    return null;
  }
}

/** True for an SS58 address of a 32-byte account with prefix 42. Never throws. */
export function isSs58Address(text: unknown): text is string {
  return typeof text === 'string' && publicKeyOf(text) !== null;
}

/** Address with prefix 42 of a 32-byte public key. */
export function addressOf(publicKey: Uint8Array): string {
  return encodeAddress(publicKey, SS58_PREFIX);
}

/** True when both addresses name the same 32-byte account; false when either is not an address. */
export function sameAccount(a: string, b: string): boolean {
  const [x, y] = [publicKeyOf(a), publicKeyOf(b)];
  return x !== null && y !== null && Buffer.from(x).equals(Buffer.from(y));
}
