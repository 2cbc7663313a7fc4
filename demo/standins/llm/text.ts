import { createHash } from 'node:crypto';

/** Text as it is compared: lower case, no punctuation, thousands separators gone, single spaces. */
export function normalise(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/(?<=\d),(?=\d{3}\b)/g, '')
    .replace(/(?<=\d)\.(?=\d)/g, 'point')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** True when the words of `part` stand in `whole` in their order, side by side. */
export function contains(whole: string, part: string): boolean {
  const wanted = normalise(part);
  return wanted !== '' && ` ${normalise(whole)} `.includes(` ${wanted} `);
}

/** Share of the distinct words of `part` that occur in `whole`, 0..1. */
export function wordRecall(whole: string, part: string): number {
  const wanted = new Set(normalise(part).split(' ').filter(Boolean));
  if (wanted.size === 0) return 0;
  const have = new Set(normalise(whole).split(' '));
  return [...wanted].filter((word) => have.has(word)).length / wanted.size;
}

/** A number that depends on the text only, 0 to 2^32 - 1. */
export function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

/** Tokens of a text by the usual rule of thumb. */
export function tokensOf(text: string): number {
  return Math.ceil(text.length / 4);
}
