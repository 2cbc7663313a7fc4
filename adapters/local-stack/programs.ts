import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Thrown when a part of the stack cannot be had in any way. */
export class PartUnavailableError extends Error {
  override readonly name = 'PartUnavailableError';
}

/**
 * Finds a program on the PATH.
 * @returns its path, or undefined
 */
export function findProgram(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    if (dir === '') continue;
    const path = join(dir, name);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

/** Says whether `path` is a file that this process may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') return false;
    throw error;
  }
}

/** The variables that any program needs, and none that would configure it by accident. */
export function bareEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
  return Object.fromEntries(kept.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/**
 * Runs a program to its end.
 * @param options.timeoutSeconds it is killed after that time (60)
 * @returns what it wrote to standard output and standard error
 * @throws Error with the end of its output when it fails
 */
export function runProgram(
  command: string,
  args: readonly string[],
  options: {
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    timeoutSeconds?: number;
    uid?: number;
    gid?: number;
  } = {},
): Promise<string> {
  const { timeoutSeconds = 60, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      [...args],
      { ...rest, timeout: timeoutSeconds * 1000, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        process.off('exit', kill);
        const output = `${stdout}${stderr}`;
        if (!error) return resolve(output);
        const why = error.killed
          ? `it took longer than ${timeoutSeconds} s`
          : typeof error.code === 'number'
            ? `exit code ${error.code}`
            : (error.signal ?? error.message);
        const tail = output.trim().split('\n').slice(-8).join('\n');
        reject(new Error(`${command} ${args[0] ?? ''} failed (${why})${tail ? `: ${tail}` : ''}`));
      },
    );
    // This process may be asked to end in the middle of an installation.
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
  });
}

/** One way to get a program. */
export interface Way {
  /** for example `the package index PyPI` */
  name: string;
  /** returns the program's path; an error says why it cannot be had this way */
  obtain: () => Promise<string>;
}

/**
 * Tries ways to get a program, in order, and returns the first that works.
 * @param part for example `Temporal`
 * @param ways what to try
 * @param remedies what the user can do when none works: sentences
 * @throws PartUnavailableError that names the part, why each way failed, and the remedies
 */
export async function firstThatWorks(
  part: string,
  ways: readonly Way[],
  remedies: readonly string[],
): Promise<{ path: string; way: string }> {
  const reasons: string[] = [];
  for (const way of ways) {
    try {
      return { path: await way.obtain(), way: way.name };
    } catch (error) {
      reasons.push(`  - ${way.name}: ${(error as Error).message.replaceAll('\n', '\n    ')}`);
    }
  }
  throw new PartUnavailableError(
    `${part} cannot be had. What was tried:\n${reasons.join('\n')}\nEither of these helps:\n` +
      remedies.map((remedy, index) => `  ${index + 1}. ${remedy}`).join('\n'),
  );
}
