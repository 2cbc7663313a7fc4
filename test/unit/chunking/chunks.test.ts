import fc from 'fast-check';
import { chunkDocument, codePointLength } from '../../../domain/chunking/chunks';

// Sentences, white space of several kinds, and characters outside the basic plane.
const documents = fc
  .array(
    fc.oneof(
      fc.constantFrom('. ', '! ', '?\n', '.', ' ', '\n\n', '\u00a0', '\u{1f600}', 'e\u0301', '\u4e2d'),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.lorem({ maxCount: 12 }),
    ),
    { maxLength: 120 },
  )
  .map((parts) => parts.join(''));
const shapes = fc
  .record({ size: fc.integer({ min: 1, max: 400 }), part: fc.double({ min: 0, max: 0.99, noNaN: true }) })
  .map(({ size, part }) => ({ size, overlap: Math.floor(size * part) }));

describe('laws of chunking', () => {
  const trim = (text: string) =>
    text.replace(/^(?:(?!\ufeff)[\s\u001c-\u001f\u0085])+|(?:(?!\ufeff)[\s\u001c-\u001f\u0085])+$/gu, '');

  it('covers every visible character of the document, in order', () => {
    fc.assert(
      fc.property(documents, shapes, (document, { size, overlap }) => {
        const points = [...trim(document)];
        const covered = points.map((point) => /[\s\u001c-\u001f\u0085]/u.test(point));
        for (const { start, end } of chunkDocument('d', document, size, overlap))
          covered.fill(true, start, end);
        expect(covered.every(Boolean)).toBe(true);
      }),
    );
  });

  it('gives each piece the text of its offsets, within its size', () => {
    fc.assert(
      fc.property(documents, shapes, (document, { size, overlap }) => {
        const points = [...trim(document)];
        for (const { text, start, end } of chunkDocument('d', document, size, overlap)) {
          expect(end - start).toBeLessThanOrEqual(size);
          expect(text).toBe(trim(points.slice(start, end).join('')));
          expect(codePointLength(text)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('overlaps neighbours by what was asked, or moves on by one', () => {
    fc.assert(
      fc.property(documents, shapes, (document, { size, overlap }) => {
        const chunks = chunkDocument('d', `x${document.replace(/\s+/gu, 'y')}`, size, overlap);
        for (const [index, chunk] of chunks.slice(1).entries()) {
          const before = chunks[index];
          if (!before) throw new Error('no piece before');
          expect(chunk.start).toBe(Math.max(before.end - overlap, before.start + 1));
        }
      }),
    );
  });

  it('numbers pieces from 0 and ends at the end', () => {
    fc.assert(
      fc.property(documents, shapes, (document, { size, overlap }) => {
        const chunks = chunkDocument('doc', document, size, overlap);
        const ids = chunks.map(({ id }) => id);
        expect(ids).toEqual(ids.map((_, index) => `doc#${String(index).padStart(4, '0')}`));
        if (chunks.length > 0) expect(chunks.at(-1)?.end).toBe([...trim(document)].length);
        else expect(trim(document)).toBe('');
      }),
    );
  });
});

describe('where a piece ends', () => {
  it('is behind the last end of a sentence in its last 200 characters', () => {
    const document = `${'a'.repeat(1350)}. ${'b'.repeat(60)}! ${'c'.repeat(400)}`;
    const [first, second] = chunkDocument('d', document);
    expect(first).toMatchObject({ start: 0, end: 1413, id: 'd#0000' });
    expect(first?.text.endsWith('b!')).toBe(true);
    expect(second).toMatchObject({ start: 1213, end: 1814, id: 'd#0001' });
  });

  it('is its full size when the sentence ends earlier, or no white space follows', () => {
    expect(chunkDocument('d', `${'a'.repeat(1000)}. ${'b'.repeat(900)}`)[0]?.end).toBe(1500);
    expect(chunkDocument('d', `${'a'.repeat(1400)}.${'b'.repeat(900)}`)[0]?.end).toBe(1500);
  });

  it('is not moved in the last piece', () => {
    expect(chunkDocument('d', 'One. Two. Three')).toEqual([
      { id: 'd#0000', docId: 'd', text: 'One. Two. Three', start: 0, end: 15 },
    ]);
  });

  it('counts code points', () => {
    const document = '\u{1f600}'.repeat(1600);
    const chunks = chunkDocument('d', document);
    expect(chunks.map(({ start, end }) => [start, end])).toEqual([
      [0, 1500],
      [1300, 1600],
    ]);
    expect(codePointLength(document)).toBe(1600);
  });

  it('keeps white space out of the text and in the offsets', () => {
    expect(chunkDocument('d', '  ab   cd  ', 4, 0)).toEqual([
      { id: 'd#0000', docId: 'd', text: 'ab', start: 0, end: 4 },
      { id: 'd#0001', docId: 'd', text: 'cd', start: 4, end: 7 },
    ]);
  });
});

it('refuses an overlap that is no smaller than the piece', () => {
  expect(() => chunkDocument('d', 'text', 200, 200)).toThrow(/overlap of 200/);
  expect(chunkDocument('d', ' \n\t ')).toEqual([]);
});
