import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** One produced block: number, time in milliseconds, and with extrinsics their bytes and the block's hash. */
export interface JournalBlock {
  n: number;
  t: number;
  x?: string[];
  h?: string;
}

export interface JournalContent {
  /** Genesis as JSON text, null for a new journal. */
  genesis: string | null;
  blocks: JournalBlock[];
}

const FILE_NAME = 'chain.jsonl';

/**
 * The chain on disk: one JSON line for the genesis and one for each block, appended before the block is announced. A line
 * that a kill cut short was never announced and is dropped at the next start.
 */
export class Journal {
  private constructor(private fd: number | null) {}

  /** Opens (or creates) the journal of a data folder and reads what it holds. @throws Error on a damaged line */
  static open(dataDir: string): { journal: Journal; content: JournalContent } {
    mkdirSync(dataDir, { recursive: true });
    const path = join(dataDir, FILE_NAME);
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const end = text.lastIndexOf('\n') + 1;
    const fd = openSync(path, 'a');
    if (end < text.length) ftruncateSync(fd, Buffer.byteLength(text.slice(0, end)));
    const lines = text.slice(0, end).split('\n').slice(0, -1);
    const [first, ...rest] = lines.map((line, i) => {
      try {
        return JSON.parse(line) as unknown;
      } catch {
        closeSync(fd);
        throw new Error(`${path} is damaged in line ${i + 1}: remove the folder to start a new chain`);
      }
    });
    const genesis = first === undefined ? null : JSON.stringify((first as { genesis: unknown }).genesis);
    return { journal: new Journal(fd), content: { genesis, blocks: rest as JournalBlock[] } };
  }

  writeGenesis(json: string): void {
    this.append(`{"genesis":${json}}\n`);
  }

  writeBlock(block: JournalBlock): void {
    this.append(`${JSON.stringify(block)}\n`);
  }

  close(): void {
    if (this.fd === null) return;
    fsyncSync(this.fd);
    closeSync(this.fd);
    this.fd = null;
  }

  private append(line: string): void {
    if (this.fd === null) throw new Error('the journal is closed');
    writeSync(this.fd, line);
  }
}
