/** The sampler's seed and the promise that is published before it (decision 16). */
import { sha256Hex } from '../evidence/canonical';

/** U+2016, the sign that the specification writes between the parts. */
const SEPARATOR = '\u2016';
const MIN_SECRET_LENGTH = 16;

/**
 * The seed of one run: SHA-256 over the UTF-8 bytes of `<family>‖<sequence>‖<secret>`, where ‖ is U+2016 (bytes
 * E2 80 96) and the sequence is in decimal without leading zeros, e.g. `general_chat‖7‖...`.
 * It is kept to the owner while the run is open and published at its close.
 * @param sequence run sequence, from 1
 * @param ownerSecret at least 16 characters: the seed becomes public, and a short secret could be guessed from it
 * @returns 64 lower-case hex digits
 * @throws RangeError on a family with the separator in it, a bad sequence or a short secret (which is not repeated)
 */
export function deriveSeed(family: string, sequence: number, ownerSecret: string): string {
  if (family === '' || family.includes(SEPARATOR))
    throw new RangeError('the family id is empty or contains U+2016');
  if (!Number.isSafeInteger(sequence) || sequence < 1) {
    throw new RangeError(`the run sequence must be a whole number from 1, not ${sequence}`);
  }
  if (ownerSecret.length < MIN_SECRET_LENGTH) {
    throw new RangeError(
      `the sampler secret is shorter than ${MIN_SECRET_LENGTH} characters: set a longer one`,
    );
  }
  return sha256Hex([family, String(sequence), ownerSecret].join(SEPARATOR));
}

/**
 * What is published when the run opens: SHA-256 over the seed's 64 hex digits as ASCII text, in hex.
 * Anyone checks it at the close with `printf %s SEED | sha256sum`.
 */
export function commitment(seedHex: string): string {
  return sha256Hex(seedHex);
}

/** True when a published seed is the one that was promised. */
export function verifyCommitment(seedHex: string, published: string): boolean {
  return commitment(seedHex) === published;
}
