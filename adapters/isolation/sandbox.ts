import { Answer, type SandboxFile } from './answer';
import type { Enclosure, SandboxLauncher, SandboxLimits } from './enclosure';
import { SandboxFailure } from './errors';
import { FrameReader, frame, prefixed, ProtocolViolation } from './frames';

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

const MAX_FRAME_BYTES = 512 * 1024;
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const DIAGNOSTIC_BYTES = 4096;

/** One tree of processes behind walls, for one execution or for the executions of a session. */
export class Sandbox {
  private readonly enclosure: Enclosure;
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
    private readonly launcher: SandboxLauncher,
    private readonly limits: SandboxLimits,
  ) {
    this.enclosure = launcher.launch(limits);
    this.enclosure.stdout.on('data', (chunk: Buffer) => this.receive(chunk));
    this.enclosure.stderr.on('data', (chunk: Buffer) => {
      if (this.diagnostics.length < DIAGNOSTIC_BYTES)
        this.diagnostics += chunk.toString('utf8', 0, DIAGNOSTIC_BYTES);
    });
    this.exited = this.enclosure.ended.then((problem) => {
      if (problem !== null) this.diagnostics = problem;
      this.isOver = true;
      // What was made for the processes goes with them, also when the sandbox ended by itself.
      this.abandon();
    });
  }

  /** True once it can run nothing more. */
  get ended(): boolean {
    return this.isOver || this.killed !== undefined;
  }

  /** Process id outside, for tests and logs. */
  get pid(): number | undefined {
    return this.enclosure.pid;
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
    // The runner keeps time itself, from when it has started; this much later it is not waited for any more.
    const timer = setTimeout(
      () => {
        backstop = true;
        this.abandon();
      },
      request.timeoutSeconds * 1000 + this.launcher.graceMs,
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
    const ranOutOfMemory = await this.enclosure.ranOutOfMemory();
    if (answer.result?.stopped !== null || violation !== undefined) this.abandon();
    return this.outcome(answer, { durationMs, violation, backstop, ranOutOfMemory });
  }

  /** Ends every process of the sandbox and takes its control groups away; resolves when both are done. */
  kill(): Promise<void> {
    this.killed ??= this.enclosure.kill();
    return this.killed;
  }

  /** Begins to end it; whoever waits for `kill`, as every user does, is told when that fails. */
  private abandon(): void {
    this.kill().catch(() => undefined);
  }

  private send(request: SandboxRequest): void {
    const input = this.enclosure.stdin;
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
      this.enclosure.stdout.destroy();
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
}
