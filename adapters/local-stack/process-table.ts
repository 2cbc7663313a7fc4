import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be confused with a later one that got the same number. */
export interface ProcessIdentity {
  pid: number;
  /** Opaque text that differs for every process that ever had this pid since the machine was started. */
  startTime: string;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

let bootId: string | undefined;
function thisBoot(): string {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return bootId;
}

/**
 * When a process was started, as opaque text to compare with.
 * @returns undefined when no such process runs; a zombie counts as not running
 */
export function startTimeOf(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The second field is the program's name in parentheses and may hold anything, a parenthesis included.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [state, ticks] = [fields[0], fields[19]];
      return state === 'Z' || state === 'X' || ticks === undefined ? undefined : `${thisBoot()}:${ticks}`;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
      throw error;
    }
  }
  try {
    const line = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.slice(line.indexOf(' ') + 1).trim();
  } catch (error) {
    // `ps` ends with 1 when there is no such process.
    if (typeof (error as { status?: unknown }).status === 'number') return undefined;
    throw error;
  }
}

/** The identity of a running process, or undefined when it does not run. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Says whether exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

/**
 * Sends a signal to a process, or to its whole group when `group` is set (the process must lead it).
 * @returns false when there was nothing to send it to
 */
export function sendSignal(pid: number, signal: NodeJS.Signals, group = false): boolean {
  try {
    return process.kill(group ? -pid : pid, signal);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Waits until a process has ended.
 * @param timeoutMs how long to wait, in milliseconds
 * @returns false when it still runs after that time
 */
export async function waitForEnd(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(identity)) {
    if (Date.now() >= deadline) return false;
    await sleep(50);
  }
  return true;
}

/**
 * Stops a process that is not necessarily a child of this one: the signal, the grace, then SIGKILL for its group.
 * @param graceMs time between `signal` and SIGKILL, in milliseconds
 */
export async function stopProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  if (!isRunning(identity)) return;
  sendSignal(identity.pid, signal);
  if (!(await waitForEnd(identity, graceMs)) && isRunning(identity)) {
    sendSignal(identity.pid, 'SIGKILL');
    await waitForEnd(identity, 5000);
  }
  // What it left in its group has nobody to stop it any more.
  sendSignal(identity.pid, 'SIGKILL', true);
}

/**
 * Running processes whose working directory is `dir` (Linux only; elsewhere an empty list).
 * PostgreSQL's processes all work in their data directory, which is how leftovers are recognised.
 */
export function processesIn(dir: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        if (readlinkSync(`/proc/${name}/cwd`) !== dir) return [];
      } catch (error) {
        // Ended meanwhile, or somebody else's process: neither is a leftover of ours.
        if (['ENOENT', 'EACCES', 'EPERM', 'ESRCH'].includes(codeOf(error) ?? '')) return [];
        throw error;
      }
      return identify(Number(name)) ?? [];
    });
}
