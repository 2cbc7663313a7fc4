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

/**
 * What of a text stands outside of marked sections, as a careless reader sees them: any bracket that looks like one counts,
 * and a section ends at the first end marker of its name. Whoever gets words out of a section is read by that reader.
 */
export function outsideMarkers(text: string): string {
  const plain = text
    .normalize('NFKC')
    .replace(
      /[\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]/gu,
      '',
    )
    .replace(/[\u2039\u276e\u276c\u3008\u27e8]/gu, '<')
    .replace(/[\u203a\u276f\u276d\u3009\u27e9]/gu, '>');
  return plain.replace(/<<<\s*([A-Z_]+)_BEGIN\s*>>>[\s\S]*?<<<\s*\1_END\s*>>>/g, ' ');
}
