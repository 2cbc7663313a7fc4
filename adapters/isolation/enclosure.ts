import type { Readable, Writable } from 'node:stream';

/** What bounds one sandbox as a whole. */
export interface SandboxLimits {
  /** Of each process, as address space. */
  memoryMb: number;
  /** Of the writable directory, in bytes; it lives in memory. */
  diskBytes: number;
  /** Processes and threads of the code. */
  maxProcesses: number;
  maxFileBytes: number;
  /** Processor time that all its processes together may use of each second, in thousandths of a core. */
  cpuMillis: number;
}

/** One tree of processes behind walls, however those are made; the runner is the first program in it. */
export interface Enclosure {
  /** Streams of the runner; they end or fail with it. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Process id on this machine, where it is known. */
  readonly pid: number | undefined;
  /** Resolves when the runner has ended, with why it could not be started where it could not. */
  readonly ended: Promise<string | null>;
  /** Whether the processes were ended for using more memory than they were given. */
  ranOutOfMemory(): Promise<boolean>;
  /**
   * Ends all processes and takes away what was made for them; resolves when both are done.
   * @throws SandboxFailure when they do not end
   */
  kill(): Promise<void>;
}

/** A way to make enclosures. */
export interface SandboxLauncher {
  /** How much longer than its time an execution is waited for, its start included, in milliseconds. */
  readonly graceMs: number;
  /** @throws SandboxFailure when it cannot be made */
  launch(limits: SandboxLimits): Enclosure;
  /** Names of what sandboxes have left behind; empty when none runs and none went wrong. */
  leftovers(): Promise<string[]>;
}
