/**
 * A validator's own record of the tasks it works on: what a claim brought, every answer and every judgement obtained, how
 * it ended. It is what a process that was killed goes on from, so that no miner is asked and no judge paid twice. One file a task,
 * readable by its owner only: it holds tokens and gold answers.
 */
import { mkdirSync } from 'node:fs';
import { open, readdir, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** Names a lease on a task. */
export interface JournalKey {
  taskEvaluationId: string;
  fencing: number | null;
}

interface Line {
  key: string;
  value: unknown;
}

const ITEM = 'item';
const ENDING = 'ending';
const PRIVATE_FILE = 0o600;

/** One task's record. Values are kept as JSON. */
export class TaskJournal {
  private readonly values = new Map<string, unknown>();
  private readonly pending = new Map<string, Promise<unknown>>();
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    lines: Line[],
  ) {
    for (const { key, value } of lines) this.values.set(key, value);
  }

  /** The task as it was claimed. */
  get item(): unknown {
    return this.values.get(ITEM);
  }

  /** How it ended, undefined while it has not. */
  get ending(): unknown {
    return this.values.get(ENDING);
  }

  read(key: string): unknown {
    return this.values.get(key);
  }

  /**
   * The value under a key: the recorded one, else what `act` answers, recorded before it is returned.
   * @param keep false for an answer that another attempt should ask for anew
   */
  async once<T>(key: string, act: () => Promise<T>, keep: (value: T) => boolean = () => true): Promise<T> {
    if (this.values.has(key)) return this.values.get(key) as T;
    const running = this.pending.get(key);
    if (running) return running as Promise<T>;
    const acting = (async () => {
      const value = await act();
      if (keep(value)) await this.write(key, value);
      return value;
    })();
    this.pending.set(key, acting);
    try {
      return await acting;
    } finally {
      this.pending.delete(key);
    }
  }

  /** Records a value. It is on disk when this returns. */
  async write(key: string, value: unknown): Promise<void> {
    const line = `${JSON.stringify({ key, value: value ?? null })}\n`;
    const written = this.writing.then(async () => {
      await this.handle.appendFile(line);
      await this.handle.datasync();
    });
    // A line that could not be written is the failure of whoever wrote it, not of the next.
    this.writing = written.catch(() => undefined);
    await written;
    this.values.set(key, value);
  }

  /** Records how it ended, and drops everything else. */
  async end(ending: unknown): Promise<void> {
    await this.writing;
    await replaceFile(this.file, [{ key: ENDING, value: ending }]);
    this.values.clear();
    this.values.set(ENDING, ending);
    await this.close();
  }

  /** Gives the file back. Idempotent. */
  async close(): Promise<void> {
    await this.writing;
    await this.handle.close();
  }
}

/** All of a validator's journals. */
export class TaskJournals {
  /** @throws Error when the directory cannot be made */
  constructor(private readonly dir: string) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /** The record of a task, null without one. */
  async open(key: JournalKey): Promise<TaskJournal | null> {
    const file = this.fileOf(key);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    const handle = await open(file, 'a', PRIVATE_FILE);
    // A power cut may leave half a line; what is written next must not be glued to it.
    if (whole.length < text.length) await handle.truncate(Buffer.byteLength(whole));
    const lines = whole.split('\n').filter(Boolean);
    return new TaskJournal(
      file,
      handle,
      lines.map((line) => JSON.parse(line) as Line),
    );
  }

  /** Begins the record of a claimed task; one that exists already is left as it is. */
  async begin(key: JournalKey, item: unknown): Promise<void> {
    const file = this.fileOf(key);
    if (await exists(file)) return;
    await replaceFile(file, [{ key: ITEM, value: item }]);
  }

  /** Removes records that nothing was written to for `ageMs`, of which no lease can be left. */
  async sweep(ageMs: number): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.dir)) {
      const file = join(this.dir, name);
      const info = await stat(file).catch(() => null);
      if (!info || Date.now() - info.mtimeMs < ageMs) continue;
      await rm(file, { force: true });
      removed += 1;
    }
    return removed;
  }

  private fileOf({ taskEvaluationId, fencing }: JournalKey): string {
    // The id is the owner's; nothing of it may lead out of the directory.
    return join(
      this.dir,
      `${encodeURIComponent(taskEvaluationId).replaceAll('.', '%2E')}.${fencing ?? 0}.jsonl`,
    );
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Puts a whole file in place at once. */
async function replaceFile(file: string, lines: Line[]): Promise<void> {
  const draft = `${file}.draft`;
  const handle = await open(draft, 'w', PRIVATE_FILE);
  try {
    await handle.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}
