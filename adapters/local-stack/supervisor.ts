import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logging';
import { PidLedger } from './pid-ledger';
import { sendSignal } from './process-table';
import { waitUntilReady } from './readiness';
import { describeEnd, end, launch, tailOf } from './supervised-process';
import type { ProcessEnd, ProcessSpec, RunningProcess } from './supervised-process';

/** What a supervisor tells, by event name. */
export interface SupervisorEvents {
  /** a process was started; `restarts` counts the starts after its first */
  started: [{ name: string; pid: number; restarts: number }];
  /** a process became ready, `seconds` after it was started */
  ready: [{ name: string; pid: number; seconds: number; restarts: number }];
  /** a process ended; `expected` when it was asked to */
  exited: [{ name: string; pid: number; end: ProcessEnd; expected: boolean; reason: string }];
  /** a process that ended was started again */
  restarted: [{ name: string; pid: number; restarts: number }];
  /** a process keeps failing and is no longer started */
  gaveUp: [{ name: string; reason: string }];
}

/** Where a process stands. */
export type ProcessState = 'idle' | 'starting' | 'ready' | 'waiting' | 'stopping' | 'stopped' | 'failed';

/** Settings of a supervisor; times in milliseconds. */
export interface SupervisorOptions {
  /** holds `pids.json`, and the log files unless `logDir` is given */
  dataDir: string;
  logDir?: string;
  logger: Logger;
  /** delay before the first restart, doubled at each further one (250) */
  restartDelayMs?: number;
  /** the longest such delay (10 000) */
  maxRestartDelayMs?: number;
  /** starts in a row that end before the process was ready, after which it is given up (5) */
  maxFailedStarts?: number;
  /** time after which a process that ran is trusted again and its delay starts anew (10 000) */
  stableMs?: number;
}

/** Thrown when a process cannot be brought up. */
export class ProcessFailedError extends Error {
  override readonly name = 'ProcessFailedError';
}

interface Entry {
  spec: ProcessSpec;
  logFile: string;
  state: ProcessState;
  running?: RunningProcess;
  restarts: number;
  /** starts in a row without becoming ready */
  failedStarts: number;
  /** ends in a row without a stable time between them; decides the delay */
  ends: number;
  stopping: AbortController;
  loop?: Promise<void>;
  failure?: string;
}

/**
 * Keeps named programs running: starts them in the order of their dependencies, restarts those that end, and
 * stops them in reverse order. Children live in their own process groups and are noted in `<dataDir>/pids.json`.
 * When this process ends without having stopped them, they are killed; when it is killed itself, the next
 * supervisor on the same directory stops them (`recover`).
 */
export class Supervisor extends EventEmitter<SupervisorEvents> {
  private readonly entries = new Map<string, Entry>();
  private readonly ledger: PidLedger;
  private readonly killAll = () => {
    for (const { running } of this.entries.values())
      if (running) sendSignal(running.identity.pid, 'SIGKILL', true);
  };

  constructor(private readonly options: SupervisorOptions) {
    super();
    this.ledger = new PidLedger(join(options.dataDir, 'pids.json'));
    process.on('exit', this.killAll);
  }

  /** Stops what a killed supervisor of the same directory left running; returns the names of the processes. */
  recover(): Promise<string[]> {
    return this.ledger.stopLeftovers(this.options.logger);
  }

  /** Makes a program known without starting it. */
  add(...specs: ProcessSpec[]): void {
    for (const spec of specs) {
      if (this.entries.has(spec.name)) throw new Error(`there is already a process named ${spec.name}`);
      const logFile =
        spec.logFile ?? join(this.options.logDir ?? join(this.options.dataDir, 'logs'), `${spec.name}.log`);
      this.entries.set(spec.name, {
        spec,
        logFile,
        state: 'idle',
        restarts: 0,
        failedStarts: 0,
        ends: 0,
        stopping: new AbortController(),
      });
    }
  }

  /** Names of all processes, in the order in which they were added. */
  get names(): string[] {
    return [...this.entries.keys()];
  }

  /** The process id of a running process, or undefined while it does not run. */
  pidOf(name: string): number | undefined {
    return this.entry(name).running?.identity.pid;
  }

  /** Where a process stands. */
  stateOf(name: string): ProcessState {
    return this.entry(name).state;
  }

  /** The file that a process writes its output to. */
  logFileOf(name: string): string {
    return this.entry(name).logFile;
  }

  /** Sends a signal to a process; it is restarted if it ends by it. Returns false when it does not run. */
  signal(name: string, signal: NodeJS.Signals): boolean {
    const pid = this.pidOf(name);
    return pid !== undefined && sendSignal(pid, signal);
  }

  /**
   * Starts processes, after those they depend on, and waits until they are ready.
   * @param names the processes to start; all without it
   * @throws ProcessFailedError with the end of its log when one cannot be brought up
   */
  async start(names: readonly string[] = this.names): Promise<void> {
    const results = await Promise.allSettled(names.map((name) => this.startOne(name, [])));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  private async startOne(name: string, path: readonly string[]): Promise<void> {
    if (path.includes(name))
      throw new Error(`processes wait for one another: ${[...path, name].join(' -> ')}`);
    const entry = this.entry(name);
    await Promise.all((entry.spec.startAfter ?? []).map((other) => this.startOne(other, [...path, name])));
    if (entry.state === 'idle' || entry.state === 'stopped' || entry.state === 'failed') {
      entry.stopping = new AbortController();
      entry.state = 'starting';
      entry.failure = undefined;
      entry.failedStarts = 0;
      entry.ends = 0;
      entry.loop = this.keepRunning(entry);
      // The loop ends by itself only after it gave up; whoever waits for readiness learns that below.
      entry.loop.catch((error: unknown) => this.giveUp(entry, `its supervision failed: ${String(error)}`));
    }
    await this.ready(name);
  }

  /** Waits until a process that was started is ready, through restarts if need be. */
  async ready(name: string): Promise<void> {
    const entry = this.entry(name);
    while (entry.state !== 'ready') {
      if (entry.state === 'failed') throw new ProcessFailedError(entry.failure);
      if (entry.state === 'stopping' || entry.state === 'stopped' || entry.state === 'idle') {
        throw new ProcessFailedError(`${name} was stopped before it was ready`);
      }
      await sleep(20);
    }
  }

  /** Stops one process and does not restart it. */
  async stop(name: string): Promise<void> {
    const entry = this.entry(name);
    if (!entry.loop || entry.state === 'stopped' || entry.state === 'failed') return;
    entry.state = 'stopping';
    entry.stopping.abort();
    if (entry.running) await end(entry.spec, entry.running);
    await entry.loop;
    entry.state = 'stopped';
  }

  /** Stops the named processes (all without it), each before those that it depends on. */
  async stopAll(names: readonly string[] = this.names): Promise<void> {
    let left = [...names];
    while (left.length > 0) {
      const free = left.filter(
        (name) => !left.some((other) => this.entry(other).spec.startAfter?.includes(name)),
      );
      const now = free.length > 0 ? free : left;
      await Promise.all(now.map((name) => this.stop(name)));
      left = left.filter((name) => !now.includes(name));
    }
  }

  /** Forgets the last-resort kill at exit; to be called when everything is stopped and the object is done with. */
  dispose(): void {
    process.off('exit', this.killAll);
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (!entry) throw new Error(`no process is named ${name}; there are ${this.names.join(', ') || 'none'}`);
    return entry;
  }

  private async keepRunning(entry: Entry): Promise<void> {
    const { spec } = entry;
    const {
      restartDelayMs = 250,
      maxRestartDelayMs = 10_000,
      maxFailedStarts = 5,
      stableMs = 10_000,
    } = this.options;
    const { signal } = entry.stopping;
    for (let first = true; !signal.aborted; first = false) {
      const since = Date.now();
      const { wasReady, outcome, hopeless } = await this.runOnce(entry, first);
      if (signal.aborted) return;
      entry.failedStarts = wasReady ? 0 : entry.failedStarts + 1;
      entry.ends = wasReady && Date.now() - since > stableMs ? 1 : entry.ends + 1;
      if (hopeless || entry.failedStarts >= maxFailedStarts) {
        const times = entry.failedStarts > 1 ? ` ${entry.failedStarts} times in a row` : '';
        this.giveUp(entry, `${spec.name} could not be started${times}: ${outcome}`);
        return;
      }
      entry.state = 'waiting';
      const delay = Math.min(restartDelayMs * 2 ** (entry.ends - 1), maxRestartDelayMs);
      await sleep(delay, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) entry.state = 'starting';
    }
  }

  /**
   * Starts a process and waits for its end. `hopeless` when another try would go the same way; a process that
   * worked before is never hopeless for being slow, since what it waits for may just be restarting too.
   */
  private async runOnce(
    entry: Entry,
    first: boolean,
  ): Promise<{ wasReady: boolean; outcome: string; hopeless: boolean }> {
    const { spec } = entry;
    const { logger } = this.options;
    let running: RunningProcess;
    try {
      await spec.prepare?.();
      if (entry.stopping.signal.aborted) return { wasReady: false, outcome: 'stopped', hopeless: false };
      running = await launch(spec, entry.logFile, this.ledger);
    } catch (error) {
      const outcome = (error as Error).message;
      logger.warn('a process could not be started', { name: spec.name, reason: outcome });
      const code = (error as NodeJS.ErrnoException).code;
      return { wasReady: false, outcome, hopeless: code === 'ENOENT' || code === 'EACCES' };
    }
    const { pid } = running.identity;
    entry.running = running;
    if (!first) entry.restarts += 1;
    const { restarts } = entry;
    const since = Date.now();
    this.emit('started', { name: spec.name, pid, restarts });
    if (!first) this.emit('restarted', { name: spec.name, pid, restarts });

    const gone = new AbortController();
    const timeoutMs = (spec.readyTimeoutSeconds ?? 60) * 1000;
    let wasReady = false;
    let complaint: string | undefined;
    const readiness = waitUntilReady(spec.ready, pid, timeoutMs, gone.signal).then(async (why) => {
      if (gone.signal.aborted) return;
      if (why === undefined) {
        wasReady = true;
        if (entry.state !== 'stopping') entry.state = 'ready';
        this.emit('ready', { name: spec.name, pid, seconds: (Date.now() - since) / 1000, restarts });
        return;
      }
      complaint = `it was not ready after ${timeoutMs / 1000} s: ${why}`;
      await end(spec, running);
    });
    const how = await running.ended;
    gone.abort();
    await readiness;
    entry.running = undefined;
    const expected = entry.stopping.signal.aborted;
    const reason = complaint ?? describeEnd(how);
    this.emit('exited', { name: spec.name, pid, end: how, expected, reason });
    if (!expected) logger.warn('a process ended by itself', { name: spec.name, pid, reason, wasReady });
    return { wasReady, outcome: reason, hopeless: complaint !== undefined && first };
  }

  private giveUp(entry: Entry, reason: string): void {
    const tail = tailOf(entry.logFile);
    entry.failure = `${reason}\nIts log is ${entry.logFile}${tail ? `, which ends:\n${tail}` : ' (empty)'}`;
    entry.state = 'failed';
    this.options.logger.error('a process is given up', { name: entry.spec.name, reason });
    this.emit('gaveUp', { name: entry.spec.name, reason: entry.failure });
  }
}
