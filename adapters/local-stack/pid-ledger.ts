import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from '../logging';
import { isRunning, stopProcess } from './process-table';
import type { ProcessIdentity } from './process-table';

/** A child process as the ledger remembers it. */
export interface LedgerEntry extends ProcessIdentity {
  name: string;
  /** the signal that asks it to end */
  stopSignal: NodeJS.Signals;
}

// A supervisor that was killed gave no warning, and its children survive a crash by design, so they get little time.
const ORPHAN_GRACE_MS = 5000;

/**
 * The list of a supervisor's children in a file, so that the next supervisor finds those of a killed one.
 * Written at once at every change: a note that comes late is one that a SIGKILL prevents.
 */
export class PidLedger {
  private entries: LedgerEntry[];

  constructor(private readonly path: string) {
    this.entries = this.read();
  }

  private read(): LedgerEntry[] {
    try {
      return JSON.parse(readFileSync(this.path, 'utf8')) as LedgerEntry[];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new Error(`${this.path} cannot be read: ${(error as Error).message}`);
    }
  }

  private write(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    const draft = `${this.path}.draft`;
    writeFileSync(draft, JSON.stringify(this.entries, null, 2));
    renameSync(draft, this.path);
  }

  /** Notes a child. */
  add(entry: LedgerEntry): void {
    this.entries.push(entry);
    this.write();
  }

  /** Strikes a child out. */
  remove(identity: ProcessIdentity): void {
    this.entries = this.entries.filter((e) => e.pid !== identity.pid || e.startTime !== identity.startTime);
    this.write();
  }

  /**
   * Stops what a former supervisor left running, and empties the ledger.
   * @returns names of the processes that were stopped
   */
  async stopLeftovers(logger: Logger): Promise<string[]> {
    const left = this.entries.filter(isRunning);
    for (const { name, pid } of left)
      logger.warn('stopping a process that an earlier run left behind', { name, pid });
    await Promise.all(left.map((entry) => stopProcess(entry, entry.stopSignal, ORPHAN_GRACE_MS)));
    this.entries = [];
    this.write();
    return left.map((entry) => entry.name);
  }
}
