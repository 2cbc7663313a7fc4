import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { withFileLock } from './file-lock';
import { findProgram, isExecutable, runProgram } from './programs';

/** A Python environment with packages in it. */
export interface PythonVenv {
  dir: string;
  /** the environment's own interpreter */
  python: string;
  /** path of a program that one of the packages brought */
  bin(name: string): string;
}

/** Settings of `ensurePythonVenv`. */
export interface PythonVenvOptions {
  /** the environment is made in `<toolsDir>/venv-<name>` */
  toolsDir: string;
  env?: NodeJS.ProcessEnv;
  /** installs packages that declare another Python version than the one at hand */
  ignoreRequiresPython?: boolean;
  /** leaves out what the packages depend on */
  noDependencies?: boolean;
  /** told in a few words what is being installed */
  onProgress?: (message: string) => void;
}

const OLDEST = [3, 9] as const;
const INSTALL_SECONDS = 600;

async function findPython(env: NodeJS.ProcessEnv): Promise<string> {
  const reasons: string[] = [];
  for (const name of ['python3', 'python']) {
    const path = findProgram(name, env);
    if (!path) continue;
    try {
      const out = await runProgram(path, ['-c', 'import sys; print("%d %d" % sys.version_info[:2])'], {
        env,
      });
      const [major = 0, minor = 0] = out.trim().split(' ').map(Number);
      if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return path;
      reasons.push(`${path} is Python ${major}.${minor}, ${OLDEST.join('.')} or newer is needed`);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(reasons.length > 0 ? reasons.join('; ') : 'there is no python3 on the PATH');
}

async function createVenv(python: string, dir: string, env: NodeJS.ProcessEnv): Promise<void> {
  const uv = findProgram('uv', env);
  const ways: [string, string[]][] = [
    [python, ['-m', 'venv', dir]],
    [python, ['-m', 'virtualenv', '-q', dir]],
    ...(uv ? [[uv, ['venv', '-q', '--seed', '--python', python, dir]] as [string, string[]]] : []),
  ];
  let first: Error | undefined;
  for (const [command, args] of ways) {
    try {
      rmSync(dir, { recursive: true, force: true });
      await runProgram(command, args, { env, timeoutSeconds: 120 });
      return;
    } catch (error) {
      first ??= error as Error;
    }
  }
  throw new Error(
    `no Python environment could be made (Debian keeps that in the package python3-venv): ${first?.message}`,
  );
}

/**
 * Makes a Python environment with packages from PyPI, once: a later call with the same packages returns at once.
 * Safe to call from several processes.
 * @param name of the environment
 * @param packages as pip takes them, such as `eirel==0.5.2`
 * @throws Error that says which step failed and how it ended
 */
export async function ensurePythonVenv(
  name: string,
  packages: readonly string[],
  options: PythonVenvOptions,
): Promise<PythonVenv> {
  const { env = process.env, onProgress = () => undefined } = options;
  // By its real name: checkouts that share one folder of tools through links must not make it anew in turns.
  const root = existsSync(options.toolsDir) ? realpathSync(options.toolsDir) : options.toolsDir;
  const dir = resolve(root, `venv-${name}`);
  const venv: PythonVenv = {
    dir,
    python: join(dir, 'bin', 'python'),
    bin: (program) => join(dir, 'bin', program),
  };
  // The directory is part of it: programs in an environment carry its path, so that a moved one must be made anew.
  const wanted = JSON.stringify({ dir, packages });
  const stamp = join(dir, '.eirel-packages');
  const complete = () =>
    existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && isExecutable(venv.python);
  if (complete()) return venv;
  mkdirSync(dirname(dir), { recursive: true });
  await withFileLock(`${dir}.lock`, `installing ${name}`, async () => {
    if (complete()) return;
    const python = await findPython(env);
    onProgress(`installing ${packages.join(', ')} from PyPI`);
    await createVenv(python, dir, env);
    const flags = ['--disable-pip-version-check', '--no-input', '-q'];
    if (options.ignoreRequiresPython) flags.push('--ignore-requires-python');
    if (options.noDependencies) flags.push('--no-deps');
    await runProgram(venv.python, ['-m', 'pip', 'install', ...flags, ...packages], {
      env,
      timeoutSeconds: INSTALL_SECONDS,
    });
    writeFileSync(stamp, wanted);
  });
  return venv;
}
