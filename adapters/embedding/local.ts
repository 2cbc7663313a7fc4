import { createHash } from 'node:crypto';
import { normalised, type Embedder } from './types';

const DIMENSIONS = 512;
/** Words weigh more than the pieces of words that catch their inflections. */
const WORD_WEIGHT = 1;
const PIECE_WEIGHT = 0.35;
const PIECE_LENGTH = 4;

/**
 * An embedding that needs no network and gives the same vector for the same text everywhere: each word, and each run
 * of four letters in it, is hashed to one of 512 places and a sign; counts are damped by their logarithm. It matches
 * words, not meanings, and says so by its name.
 */
export const localHashEmbedder: Embedder = {
  name: 'local-hash-v1',
  embed: (texts) => Promise.resolve(texts.map(vectorOf)),
};

function vectorOf(text: string): Float32Array {
  const counts = new Map<string, number>();
  const count = (feature: string): void => void counts.set(feature, (counts.get(feature) ?? 0) + 1);
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  for (const word of words) {
    count(`w${word}`);
    const letters = [...`<${word}>`];
    for (let start = 0; start + PIECE_LENGTH <= letters.length; start += 1) {
      count(`p${letters.slice(start, start + PIECE_LENGTH).join('')}`);
    }
  }
  const vector = new Float64Array(DIMENSIONS);
  for (const [feature, times] of counts) {
    const { place, sign } = placeOf(feature);
    const weight = feature.startsWith('w') ? WORD_WEIGHT : PIECE_WEIGHT;
    vector[place] = (vector[place] ?? 0) + sign * weight * (1 + Math.log(times));
  }
  return normalised(vector);
}

const places = new Map<string, { place: number; sign: number }>();
const MAX_REMEMBERED = 50_000;

function placeOf(feature: string): { place: number; sign: number } {
  const known = places.get(feature);
  if (known) return known;
  const digest = createHash('sha256').update(feature).digest();
  const found = { place: digest.readUInt16LE(0) % DIMENSIONS, sign: (digest[2] ?? 0) & 1 ? 1 : -1 };
  if (places.size >= MAX_REMEMBERED) places.clear();
  places.set(feature, found);
  return found;
}
