import type { ObjectStore } from '../adapters/object-store/types';
import { buildLogKey } from '../domain/build-log';

/** Bytes of the log's beginning and of its end that are kept; what a build writes in between is counted only. */
const HEAD_BYTES = 1024 * 1024;
const TAIL_BYTES = 1024 * 1024;
const SAVE_EVERY_MS = 2000;

/**
 * The log of a build as its miner reads it: written line by line while the build runs, so that a worker that dies takes
 * at most two seconds of it along, and continued by the next attempt.
 */
export class BuildEvidence {
  private head = '';
  private tail: string[] = [];
  private tailBytes = 0;
  private leftOut = 0;
  private dirty = false;
  private saving: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  lines = 0;

  private constructor(
    private readonly store: ObjectStore,
    readonly key: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @param attempt from 1; a later one continues what the earlier ones wrote */
  static async open(
    store: ObjectStore,
    submissionId: string,
    attempt: number,
    onError: (error: unknown) => void,
  ): Promise<BuildEvidence> {
    const log = new BuildEvidence(store, buildLogKey(submissionId), onError);
    if (attempt > 1 && (await store.exists(log.key))) {
      const before = (await store.getBytes(log.key)).toString('utf8').split('\n');
      if (before.at(-1) === '') before.pop();
      for (const line of before) log.write(line);
    }
    if (attempt > 1) log.write(`--- attempt ${attempt} ---`);
    log.timer = setInterval(() => void log.save(), SAVE_EVERY_MS);
    return log;
  }

  /** One line without its newline. */
  write(line: string): void {
    const text = `${line}\n`;
    this.lines += 1;
    this.dirty = true;
    if (this.tail.length === 0 && this.head.length + text.length <= HEAD_BYTES) {
      this.head += text;
      return;
    }
    this.tail.push(text);
    this.tailBytes += text.length;
    while (this.tailBytes > TAIL_BYTES) {
      this.tailBytes -= this.tail.shift()?.length ?? 0;
      this.leftOut += 1;
    }
  }

  /** Writes what is left. A log that cannot be kept does not fail the build that it is of. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.save();
  }

  private save(): Promise<void> {
    this.saving = this.saving.then(async () => {
      if (!this.dirty) return;
      this.dirty = false;
      const gap = this.leftOut > 0 ? `... ${this.leftOut} lines left out ...\n` : '';
      const bytes = Buffer.from(`${this.head}${gap}${this.tail.join('')}`);
      try {
        await this.store.put(this.key, bytes, { contentType: 'text/plain; charset=utf-8' });
      } catch (error) {
        this.dirty = true;
        this.onError(error);
      }
    });
    return this.saving;
  }
}
