/** Runs the built command line as its users do: as a process of its own, with and without a terminal. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..');
const BIN = join(ROOT, 'bin', 'eirel-ai.js');

/** Brings `build/` up to date; does nothing when it is. */
export function ensureBuilt(): void {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'run.mjs'), 'build'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  env?: NodeJS.ProcessEnv;
  /** Given to standard input, which then ends. */
  input?: string;
  /** Puts the program on a pseudo-terminal: standard output and error are one then. */
  terminal?: boolean;
  cwd?: string;
  /** Called with all output so far; the program gets SIGINT once it returns true. */
  interruptWhen?: (output: string) => boolean;
}

// Runs argv on a pseudo-terminal of 100 x 30, types what it reads itself, and ends as the program did.
const ON_A_TERMINAL = `
import fcntl, os, pty, struct, sys, termios
def main():
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], sys.argv[1:])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
    typed = sys.stdin.buffer.read()
    seen = b''
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        seen += data
        if typed and (b'[y/N]' in seen or b'Password of ' in seen):
            os.write(fd, typed)
            typed = b''
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(main())
`;

/** An empty folder, so that no .env and no data directory of the developer is found. */
export const emptyFolder = mkdtempSync(join(tmpdir(), 'eirel-cli-'));
process.once('exit', () => rmSync(emptyFolder, { recursive: true, force: true }));

/** Runs `eirel-ai` with these arguments in an environment that has only what the test gives. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<Result> {
  const program = [process.execPath, BIN, ...args];
  const command = options.terminal ? ['python3', '-c', ON_A_TERMINAL, ...program] : program;
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: options.cwd ?? emptyFolder,
    env: {
      PATH: process.env.PATH,
      HOME: emptyFolder,
      TERM: 'xterm',
      EIREL_DATA_DIR: join(emptyFolder, 'no-stack'),
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const result: Result = { code: null, stdout: '', stderr: '' };
  let interrupted = false;
  const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    result[name] += chunk.toString('utf8');
    if (interrupted || !options.interruptWhen?.(result.stdout + result.stderr)) return;
    interrupted = true;
    child.kill('SIGINT');
  };
  child.stdout.on('data', collect('stdout'));
  child.stderr.on('data', collect('stderr'));
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...result, code }));
  });
}
