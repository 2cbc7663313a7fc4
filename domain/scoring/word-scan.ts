/**
 * Which of a few fixed ASCII texts a text holds, whatever their case: all found in one pass over it (Aho and Corasick's
 * automaton, as a table with a row for each state and a column for each ASCII character).
 */
export class WordScan {
  private readonly next: Uint16Array;
  /** Bits of the words that end in a state. */
  private readonly ends: Int32Array;

  /** @param words up to 31, in lower case */
  constructor(words: readonly string[]) {
    if (words.length > 31) throw new RangeError(`${words.length} words do not fit into the bits of a number`);
    const children: Map<number, number>[] = [new Map()];
    const ends = [0];
    for (const [index, word] of words.entries()) {
      let state = 0;
      for (const code of Buffer.from(word, 'ascii')) {
        let child = children[state]?.get(code);
        if (child === undefined) {
          child = children.push(new Map()) - 1;
          ends.push(0);
          children[state]?.set(code, child);
        }
        state = child;
      }
      ends[state] = (ends[state] ?? 0) | (1 << index);
    }
    this.next = new Uint16Array(children.length * COLUMNS);
    // States in the order of their depth; of each, where its longest end that begins a word leads to is in the table then.
    const queue: [state: number, fallback: number][] = [[0, 0]];
    for (const [state, fallback] of queue) {
      ends[state] = (ends[state] ?? 0) | (ends[fallback] ?? 0);
      for (let code = 0; code < COLUMNS; code += 1) {
        const child = children[state]?.get(lower(code));
        const otherwise = state === 0 ? 0 : (this.next[fallback * COLUMNS + code] ?? 0) / COLUMNS;
        this.next[state * COLUMNS + code] = (child ?? otherwise) * COLUMNS;
        if (child !== undefined && code === lower(code)) queue.push([child, otherwise]);
      }
    }
    this.ends = Int32Array.from(ends);
  }

  /** @returns for each word that the text holds, the bit at its place in the list */
  find(text: string): number {
    const { next, ends } = this;
    let found = 0;
    let row = 0;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      row = code < COLUMNS ? (next[row + code] as number) : 0;
      found |= ends[row >> COLUMN_BITS] as number;
    }
    return found;
  }
}

const COLUMN_BITS = 7;
const COLUMNS = 1 << COLUMN_BITS;

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
