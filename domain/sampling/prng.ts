/**
 * The sampler's randomness: SHA-256 in counter mode, easy to write again in any language.
 *
 * Block i of the stream with label L is SHA-256(seed || UTF-8(L) || 0x00 || i as 8 bytes big-endian), i from 0.
 * The blocks are read as consecutive 32-bit big-endian words. A number below n takes the next word w that is below
 * floor(2^32 / n) * n (others are thrown away, so no number is favoured) and is w mod n; n = 1 takes no word.
 */
import { createHash } from 'node:crypto';

const WORD_RANGE = 2 ** 32;
const WORDS_PER_BLOCK = 8;

export interface RandomStream {
  /** Uniform whole number in 0..n-1; n from 1 to 2^32. */
  below(n: number): number;
}

/**
 * @param seedHex 64 hex digits
 * @param label separates independent draws from one seed
 */
export function randomStream(seedHex: string, label: string): RandomStream {
  const prefix = Buffer.concat([seedBytes(seedHex), Buffer.from(label, 'utf8'), Buffer.from([0])]);
  let block = Buffer.alloc(0);
  let counter = 0n;
  let word = WORDS_PER_BLOCK;
  const nextWord = (): number => {
    if (word === WORDS_PER_BLOCK) {
      const index = Buffer.alloc(8);
      index.writeBigUInt64BE(counter);
      block = createHash('sha256').update(prefix).update(index).digest();
      counter += 1n;
      word = 0;
    }
    const value = block.readUInt32BE(word * 4);
    word += 1;
    return value;
  };
  return {
    below(n) {
      if (!Number.isInteger(n) || n < 1 || n > WORD_RANGE)
        throw new RangeError(`cannot draw a number below ${n}`);
      if (n === 1) return 0;
      const limit = Math.floor(WORD_RANGE / n) * n;
      let value = nextWord();
      while (value >= limit) value = nextWord();
      return value % n;
    },
  };
}

/**
 * The first `count` items of a Fisher-Yates shuffle: for i = 0, 1, ... swap place i with place i + below(length - i).
 * `items` is not changed.
 */
export function drawWithoutReplacement<T>(items: readonly T[], count: number, random: RandomStream): T[] {
  const pool = [...items];
  for (let i = 0; i < count; i += 1) {
    const j = i + random.below(pool.length - i);
    const picked = pool[j] as T;
    pool[j] = pool[i] as T;
    pool[i] = picked;
  }
  return pool.slice(0, count);
}

function seedBytes(seedHex: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(seedHex)) throw new RangeError('a sampler seed is 64 lower-case hex digits');
  return Buffer.from(seedHex, 'hex');
}
