/** Processes as the kernel lists them. A process is known by its id and its start time, since ids are used again. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot, field 22 of `/proc/<pid>/stat`. */
  startTicks: string;
}

export interface ProcessEntry extends ProcessIdentity {
  /** One letter; `Z` has ended and waits for its parent. */
  state: string;
  group: number;
  session: number;
  uid: number;
}

/** What runs under an id now; null when nothing does. A process that has ended counts as nothing. */
export function processAt(pid: number): ProcessEntry | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const state = fields[0] ?? 'Z';
    if (state === 'Z' || state === 'X') return null;
    return {
      pid,
      state,
      group: Number(fields[2]),
      session: Number(fields[3]),
      startTicks: fields[19] ?? '',
      uid: statSync(`/proc/${pid}`).uid,
    };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** True when this very process still runs, not merely one with its id. */
export function isAlive(identity: ProcessIdentity): boolean {
  return processAt(identity.pid)?.startTicks === identity.startTicks;
}

/** This process's own identity. */
export function ownIdentity(): ProcessIdentity {
  const own = processAt(process.pid);
  if (own === null) throw new Error('/proc does not show this process');
  return { pid: own.pid, startTicks: own.startTicks };
}

/** Every process that is visible here. */
export function allProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processAt(Number(name)))
    .filter((entry) => entry !== null);
}

/** Sends a signal; a process that is gone already is no error. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
