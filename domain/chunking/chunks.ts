/**
 * Cutting documents into overlapping pieces for retrieval (runtime-and-tools.md 4.5). All lengths and offsets are in
 * code points, as Python counts them, never in UTF-16 units.
 */

/** Code points in a piece, and how many of them the next one repeats. */
export const DEFAULT_CHUNK_CHARS = 1500;
export const DEFAULT_OVERLAP_CHARS = 200;

/** How far from the end of a piece an end of a sentence is looked for. */
const SENTENCE_WINDOW = 200;

/** One piece. `start` and `end` are offsets into the trimmed document; `text` is that stretch, trimmed. */
export interface Chunk {
  /** `{docId}#{ordinal}`, the ordinal with at least four digits, from 0. */
  id: string;
  docId: string;
  text: string;
  start: number;
  end: number;
}

/** What Python's `str.strip()` and `\s` take for white space: Unicode's, and four separators of ASCII more. */
const SPACE = '\\s\\u001c-\\u001f\\u0085';
// JavaScript counts the byte order mark as white space, Python does not.
const IS_SPACE = new RegExp(`^(?!\\ufeff)[${SPACE}]$`, 'u');
const isSpace = (character: string | undefined): boolean =>
  character !== undefined && IS_SPACE.test(character);
const SENTENCE_ENDS = new Set(['.', '!', '?']);

/** Number of code points in a text. */
export function codePointLength(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    const isPair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (isPair) index += 1;
    count += 1;
  }
  return count;
}

/** Code points with white space taken from both ends, as an array. */
function trimmed(characters: readonly string[]): readonly string[] {
  let start = 0;
  let end = characters.length;
  while (start < end && isSpace(characters[start])) start += 1;
  while (end > start && isSpace(characters[end - 1])) end -= 1;
  return characters.slice(start, end);
}

/**
 * Cuts one document. A piece that is not the last ends behind the last `.`, `!` or `?` that white space follows
 * within its last 200 characters, where there is one; the next starts `overlap` before that end, and always later
 * than the piece before it.
 * @returns nothing for a document of white space
 * @throws RangeError unless 1 <= size and 0 <= overlap < size
 */
export function chunkDocument(
  docId: string,
  content: string,
  size: number = DEFAULT_CHUNK_CHARS,
  overlap: number = DEFAULT_OVERLAP_CHARS,
): Chunk[] {
  if (!Number.isInteger(size) || !Number.isInteger(overlap) || size < 1 || overlap < 0 || overlap >= size) {
    throw new RangeError(`an overlap of ${overlap} characters does not fit into pieces of ${size}`);
  }
  const document = trimmed([...content]);
  const chunks: Chunk[] = [];
  let start = 0;
  while (start < document.length) {
    let end = Math.min(start + size, document.length);
    if (end < document.length) end = sentenceEnd(document, start, end) ?? end;
    const text = trimmed(document.slice(start, end)).join('');
    if (text !== '') {
      const ordinal = String(chunks.length).padStart(4, '0');
      chunks.push({ id: `${docId}#${ordinal}`, docId, text, start, end });
    }
    if (end >= document.length) break;
    start = Math.max(end - overlap, start + 1);
  }
  return chunks;
}

/** Behind the last end of a sentence in the window before `end`; the white space must be in the window too. */
function sentenceEnd(document: readonly string[], start: number, end: number): number | null {
  for (let index = end - 2; index >= Math.max(start, end - SENTENCE_WINDOW); index -= 1) {
    if (SENTENCE_ENDS.has(document[index] ?? '') && isSpace(document[index + 1])) return index + 1;
  }
  return null;
}
