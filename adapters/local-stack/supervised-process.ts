import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import type { PidLedger } from './pid-ledger';
import { identify, sendSignal, stopProcess } from './process-table';
import type { ProcessIdentity } from './process-table';
import type { Readiness } from './readiness';

/** A program that is to be kept running. */
export interface ProcessSpec {
  /** unique within a supervisor; also the name of the log file */
  name: string;
  command: string;
  args?: readonly string[];
  /** added to the inherited environment, or the whole of it when `inheritEnv` is false */
  env?: Readonly<Record<string, string | undefined>>;
  inheritEnv?: boolean;
  cwd?: string;
  /** user and group to run as; needs root */
  uid?: number;
  gid?: number;
  /** where output is appended; `<logDir>/<name>.log` without one */
  logFile?: string;
  ready: Readiness;
  /** seconds until a process that is not ready is given up (60) */
  readyTimeoutSeconds?: number;
  /** processes that must be ready before this one is started */
  startAfter?: readonly string[];
  /** called before every start; a rejection counts as a crash */
  prepare?: () => Promise<void>;
  /** the signal that asks it to end (SIGTERM) */
  stopSignal?: NodeJS.Signals;
  /** seconds between that signal and SIGKILL (10) */
  stopGraceSeconds?: number;
}

/** How a process ended. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** why it could not even be started */
  error?: string;
}

const LOG_ROTATE_BYTES = 20 * 1024 * 1024;

/** The last `lines` lines of a log file, or an empty text when there is none. */
export function tailOf(path: string, lines = 20): string {
  if (!existsSync(path)) return '';
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** Says in words how a process ended. */
export function describeEnd({ code, signal, error }: ProcessEnd): string {
  if (error) return error;
  if (signal) return `ended by ${signal}`;
  const number = Object.entries(constants.signals).find(([, value]) => value + 128 === code)?.[0];
  return number ? `ended with exit code ${code} (${number})` : `ended with exit code ${code}`;
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  if (existsSync(path) && statSync(path).size > LOG_ROTATE_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

/** One running instance of a program, from its start to its end. */
export interface RunningProcess {
  identity: ProcessIdentity;
  /** settles when the process has ended */
  ended: Promise<ProcessEnd>;
}

/**
 * Starts a program in a process group of its own, so that a terminal's Ctrl-C does not reach it, with its
 * output appended to a file, so that it does not depend on this process, and notes it in the ledger.
 * @throws Error when it cannot be started
 */
export async function launch(spec: ProcessSpec, logFile: string, ledger: PidLedger): Promise<RunningProcess> {
  const log = openLog(logFile);
  let resolveEnd: (end: ProcessEnd) => void = () => undefined;
  const ended = new Promise<ProcessEnd>((resolve) => (resolveEnd = resolve));
  try {
    const child = spawn(spec.command, [...(spec.args ?? [])], {
      cwd: spec.cwd,
      env: { ...(spec.inheritEnv === false ? {} : process.env), ...spec.env },
      uid: spec.uid,
      gid: spec.gid,
      detached: true,
      stdio: ['ignore', log, log],
    });
    const pid = child.pid;
    if (pid === undefined) {
      throw await new Promise<Error>((resolve) => child.once('error', resolve));
    }
    // Noted in the same turn of the event loop as the start: nothing of ours runs in between.
    const startTime = identify(pid)?.startTime ?? 'ended at once';
    const identity = { pid, startTime };
    ledger.add({ ...identity, name: spec.name, stopSignal: spec.stopSignal ?? 'SIGTERM' });
    child.once('exit', (code, signal) => {
      ledger.remove(identity);
      // Whatever it started in its group must not outlive it, or the next instance would find it in its way.
      sendSignal(pid, 'SIGKILL', true);
      resolveEnd({ code, signal });
    });
    return { identity, ended };
  } finally {
    closeSync(log);
  }
}

/** Asks a process to end as its specification says, and kills its group when the grace is over. */
export async function end(spec: ProcessSpec, running: RunningProcess): Promise<void> {
  await stopProcess(running.identity, spec.stopSignal ?? 'SIGTERM', (spec.stopGraceSeconds ?? 10) * 1000);
  await running.ended;
}
