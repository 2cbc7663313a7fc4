import fc from 'fast-check';
import { WordScan } from '../../../domain/scoring/word-scan';

// Few letters, so that words overlap, begin with each other's ends and are found.
const letters = fc.constantFrom('a', 'b', '<', 'é', '\ud83d');
const wordOf = fc.string({ unit: fc.constantFrom('a', 'b', '<'), minLength: 1, maxLength: 5 });

describe('texts found in one pass', () => {
  test('are those that a search for each finds', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(wordOf, { maxLength: 31 }),
        fc.string({ unit: fc.oneof(letters, fc.constantFrom('A', 'B')), maxLength: 40 }),
        (words, text) => {
          const found = new WordScan(words).find(text);
          const lower = text.toLowerCase();
          expect(words.filter((_, index) => (found & (1 << index)) !== 0)).toEqual(
            words.filter((word) => lower.includes(word)),
          );
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('a letter whose lower case is ASCII is none', () => {
    expect(new WordScan(['k']).find('\u212a')).toBe(0);
  });

  test('more words than there are bits are refused', () => {
    const words = Array.from({ length: 32 }, (_, index) => `w${index}`);
    expect(() => new WordScan(words)).toThrow('32 words');
  });
});
