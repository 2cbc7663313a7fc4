import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  groupMembers,
  outOfMemory,
  removeGroups,
  type ControlGroups,
} from '../container-runtime/process/cgroups';
import { Answer, type SandboxFile } from './answer';
import { GO_FD, SECCOMP_FD } from './bubblewrap';
import { SandboxFailure } from './errors';
import { FrameReader, frame, prefixed, ProtocolViolation } from './frames';

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

/** One execution. */
export interface SandboxRequest {
  code: string;
  timeoutSeconds: number;
  /** Files put into the working directory first; names without a slash. */
  attachments: readonly { name: string; content: Buffer }[];
  /** Keep the interpreter and its variables for the next execution. */
  session: boolean;
  /** Refuse imports that can be of no use, with a clear error. */
  importGuard: boolean;
  caps: { stdoutBytes: number; stderrBytes: number };
}

/** What came of it; nothing in here is to be trusted beyond its bounds. */
export interface SandboxOutcome {
  stdout: Buffer;
  stderr: Buffer;
  /** -9 when stopped for its time or its output, -1 when the sandbox itself ended; a negative signal number otherwise. */
  exitCode: number;
  timedOut: boolean;
  /** Why it was stopped or ended, when not by itself: a sentence for the caller. */
  note: string | null;
  truncated: boolean;
  files: SandboxFile[];
  filesLeftOut: number;
  durationMs: number;
}

/** How a sandbox is started: everything that is the same for all. */
export interface SandboxLauncher {
  /** The command for a writable directory of this many bytes. */
  command: (diskBytes: number) => string[];
  seccomp: Buffer;
  groups: ControlGroups;
  /** User and group to run as outside; null to stay who we are. */
  account: { uid: number; gid: number } | null;
}

const MAX_FRAME_BYTES = 512 * 1024;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const DIAGNOSTIC_BYTES = 4096;
/** The runner keeps time itself, from when it has started; this much later it is not waited for any more. */
const GRACE_MS = 4000;
const END_WAIT_MS = 5000;
const OVERHEAD_BYTES = 48 * 1024 * 1024;
/** The waiting shell that becomes bubblewrap, its two processes, and the runner. */
const OWN_PROCESSES = 4;
const WAIT_THEN_RUN = `read -r _ <&${GO_FD} || exit 70; exec "$@" ${GO_FD}<&-`;

/** One tree of processes behind walls, for one execution or for the executions of a session. */
export class Sandbox {
  private readonly child: ChildProcess;
  private readonly directories: string[];
  private readonly reader = new FrameReader(MAX_FRAME_BYTES, MAX_ANSWER_BYTES);
  private diagnostics = '';
  private current: { answer: Answer; done: (violation?: string) => void } | null = null;
  private killed: Promise<void> | undefined;
  private readonly exited: Promise<void>;
  private isOver = false;

  /**
   * Starts the processes; they are ready when the first execution is answered.
   * @throws SandboxFailure when they cannot be started
   */
  constructor(
    launcher: SandboxLauncher,
    private readonly limits: SandboxLimits,
  ) {
    const id = randomBytes(9).toString('hex');
    this.directories = launcher.groups.directoriesOf(id);
    try {
      launcher.groups.create(id, {
        cpuMillis: limits.cpuMillis,
        memoryBytes: limits.memoryMb * 1024 * 1024 + limits.diskBytes + OVERHEAD_BYTES,
        maxProcesses: limits.maxProcesses + OWN_PROCESSES,
      });
    } catch (error) {
      throw new SandboxFailure(`the control groups of a sandbox cannot be made: ${(error as Error).message}`);
    }
    this.child = spawn('/bin/sh', ['-c', WAIT_THEN_RUN, 'sandbox', ...launcher.command(limits.diskBytes)], {
      cwd: '/',
      // Nothing of this process's environment: it holds the owner's secrets.
      env: {},
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      ...(launcher.account ?? {}),
    });
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.diagnostics = error.message;
        this.over();
        resolve();
      });
      this.child.once('close', () => {
        this.over();
        resolve();
      });
    });
    for (const stream of this.child.stdio) {
      // A pipe to a process that has ended; what its end means is decided on 'close'.
      stream?.on('error', () => undefined);
    }
    this.child.stdout?.on('data', (chunk: Buffer) => this.receive(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      if (this.diagnostics.length < DIAGNOSTIC_BYTES)
        this.diagnostics += chunk.toString('utf8', 0, DIAGNOSTIC_BYTES);
    });
    this.letGo(launcher.seccomp);
  }

  /** True once it can run nothing more. */
  get ended(): boolean {
    return this.isOver || this.killed !== undefined;
  }

  /** Process id outside, for tests and logs. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /**
   * Runs code and gathers its answer; when the time is over, or the signal fires, the whole tree is ended.
   * @throws SandboxFailure when the sandbox did not come up, or the signal's reason
   */
  async execute(request: SandboxRequest, signal?: AbortSignal): Promise<SandboxOutcome> {
    if (this.ended) throw new SandboxFailure('the sandbox has ended');
    if (this.current) throw new SandboxFailure('the sandbox is running something already');
    const answer = new Answer(request.caps);
    const startedAt = performance.now();
    this.reader.reset();
    let violation: string | undefined;
    let backstop = false;
    const finished = new Promise<void>((resolve) => {
      this.current = {
        answer,
        done: (reason) => {
          violation = reason;
          resolve();
        },
      };
    });
    const timer = setTimeout(
      () => {
        backstop = true;
        this.abandon();
      },
      request.timeoutSeconds * 1000 + GRACE_MS,
    );
    const onAbort = () => this.abandon();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      this.send(request);
      await Promise.race([finished, this.exited]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.current = null;
    }
    if (signal?.aborted) throw signal.reason;
    const durationMs = Math.round(performance.now() - startedAt);
    const ranOutOfMemory = outOfMemory(this.directories);
    if (answer.result?.stopped !== null || violation !== undefined) this.abandon();
    return this.outcome(answer, { durationMs, violation, backstop, ranOutOfMemory });
  }

  /** Ends every process of the sandbox and takes its control groups away; resolves when both are done. */
  kill(): Promise<void> {
    this.killed ??= this.end();
    return this.killed;
  }

  /** Begins to end it; whoever waits for `kill`, as every user does, is told when that fails. */
  private abandon(): void {
    this.kill().catch(() => undefined);
  }

  private letGo(seccomp: Buffer): void {
    const pid = this.child.pid;
    if (pid === undefined) return;
    try {
      // The shell waits, so that all that it becomes and begets is counted.
      for (const directory of this.directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
    } catch (error) {
      this.abandon();
      throw new SandboxFailure(`a sandbox cannot be put into its control group: ${(error as Error).message}`);
    }
    (this.child.stdio[SECCOMP_FD] as Writable).end(seccomp);
    (this.child.stdio[GO_FD] as Writable).end('go\n');
  }

  private send(request: SandboxRequest): void {
    const input = this.child.stdin;
    if (!input) throw new SandboxFailure('the sandbox has no input');
    for (const { name, content } of request.attachments) {
      input.write(frame('a', prefixed(Buffer.from(name)), content));
    }
    input.write(
      frame(
        'x',
        Buffer.from(
          JSON.stringify({
            code: request.code,
            timeout_seconds: request.timeoutSeconds,
            session: request.session,
            import_guard: request.importGuard,
            memory_mb: this.limits.memoryMb,
            max_processes: this.limits.maxProcesses,
            max_file_bytes: this.limits.maxFileBytes,
            stdout_cap: request.caps.stdoutBytes,
            stderr_cap: request.caps.stderrBytes,
          }),
        ),
      ),
    );
  }

  private receive(chunk: Buffer): void {
    const { current } = this;
    // Output that nobody asked for: of a session's leftovers, or of code that found the way to this pipe.
    if (!current) return;
    try {
      for (const next of this.reader.push(chunk)) {
        if (current.answer.take(next)) current.done();
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.child.stdout?.destroy();
      current.done(error.message);
    }
  }

  private outcome(
    answer: Answer,
    end: { durationMs: number; violation: string | undefined; backstop: boolean; ranOutOfMemory: boolean },
  ): SandboxOutcome {
    const { result } = answer;
    const base = {
      stdout: answer.stdout,
      stderr: answer.stderr,
      truncated: answer.truncated,
      files: answer.files,
      filesLeftOut: result?.files_left_out ?? 0,
      durationMs: end.durationMs,
    };
    const memory = 'it used more memory than it was given';
    if (end.violation !== undefined) {
      return {
        ...base,
        exitCode: -1,
        timedOut: false,
        note: `the sandbox was ended: it sent ${end.violation}`,
      };
    }
    if (!result) {
      if (end.backstop) return { ...base, exitCode: -9, timedOut: true, note: null };
      if (answer.stdout.length === 0 && this.diagnostics && !end.ranOutOfMemory) {
        throw new SandboxFailure(`a sandbox did not come up: ${this.diagnostics.trim().split('\n').at(-1)}`);
      }
      const why = end.ranOutOfMemory ? memory : 'its processes were killed';
      return { ...base, exitCode: -1, timedOut: false, note: `the sandbox ended: ${why}` };
    }
    const problems = result.problems.length > 0 ? result.problems.join('; ') : null;
    if (result.stopped === 'timeout') return { ...base, exitCode: -9, timedOut: true, note: problems };
    if (result.stopped === 'output') {
      return { ...base, exitCode: -9, timedOut: false, note: 'stopped: it wrote more than 64 MiB of output' };
    }
    if (result.stopped === 'crash') {
      const why = end.ranOutOfMemory ? memory : `its process ended with code ${result.signal ?? 'unknown'}`;
      return { ...base, exitCode: -1, timedOut: false, note: `the session ended: ${why}` };
    }
    return {
      ...base,
      exitCode: result.exit_code ?? -1,
      timedOut: false,
      note: end.ranOutOfMemory && result.exit_code !== 0 ? `killed: ${memory}` : problems,
    };
  }

  private over(): void {
    this.isOver = true;
    // The groups go with the processes, also when the sandbox ended by itself.
    this.abandon();
  }

  private async end(): Promise<void> {
    // Bubblewrap dies, its first process with it, and the kernel ends all others of that namespace.
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    for (const stream of this.child.stdio) (stream as Readable | Writable | null)?.destroy();
    const deadline = Date.now() + END_WAIT_MS;
    for (;;) {
      const members = groupMembers(this.directories);
      if (members.length === 0) break;
      if (Date.now() > deadline) throw new SandboxFailure(`processes ${members.join(', ')} do not end`);
      for (const pid of members) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // Ended between being listed and being killed, which is what was wanted.
        }
      }
      await sleep(10);
    }
    if (this.child.pid !== undefined) await this.exited;
    await removeGroups(this.directories);
  }
}
