/** From a plan to the words and the environment that an agent starts with. */
import { copyFile, mkdir, writeFile, chmod, chown } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OwnerFault, type PlacementSpec } from '../types';
import type { PythonInfo } from './interpreters';
import type { StartPlan } from './image';
import type { DeploymentFiles } from './state';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What the backend decides for every agent; a Dockerfile may not. */
const RESERVED = new Set([
  'PATH',
  'HOME',
  'TMPDIR',
  'PORT',
  'MINER_RUNTIME_HOST',
  'MINER_RUNTIME_PORT',
  'IFS',
]);

export interface StartCommand {
  words: string[];
  /** Absolute working directory. */
  directory: string;
  env: Record<string, string>;
}

/**
 * @param python the interpreter, or why there is none
 * @throws OwnerFault when the interpreter that the plan needs is missing, or the spec's environment is malformed
 */
export function startCommand(
  plan: StartPlan,
  spec: PlacementSpec,
  files: DeploymentFiles,
  port: number,
  python: PythonInfo | OwnerFault,
): StartCommand {
  const env = environment(plan, spec, files, port, python);
  if (plan.kind === 'sdk') {
    if (python instanceof OwnerFault) throw python;
    if (!python.uvicorn) {
      throw new OwnerFault(
        'sdk_missing',
        `${python.executable} has no uvicorn: install the miner SDK into it (pip install eirel), or point ` +
          'EIREL_PROCESS_RUNTIME_PYTHON at an interpreter that has it',
      );
    }
    const words = [python.executable, join(files.bin, 'launcher.py'), plan.module, plan.object];
    return { words, directory: files.app, env };
  }
  const declared = spec.manifest.runtime.port;
  const words = plan.words.map((word, index) => {
    if (index === 0) return program(word, files, python);
    return redirect(word, plan.words[index - 1] ?? '', files.app, declared, port);
  });
  return { words, directory: join(files.app, plan.workdir), env };
}

function environment(
  plan: StartPlan,
  spec: PlacementSpec,
  files: DeploymentFiles,
  port: number,
  python: PythonInfo | OwnerFault,
): Record<string, string> {
  for (const name of Object.keys(spec.env)) {
    if (!ENV_NAME.test(name))
      throw new OwnerFault('bad_env', `${JSON.stringify(name)} is not a variable name`);
  }
  const fromImage = Object.entries(plan.kind === 'dockerfile' ? plan.env : {})
    .filter(([name]) => ENV_NAME.test(name) && !RESERVED.has(name))
    .map(([name, value]) => [name, inTree(value, files.app)] as const);
  const interpreters = python instanceof OwnerFault ? [] : [dirname(python.executable)];
  return {
    LANG: 'C.UTF-8',
    // Output that is not written at once would be missing from the log of a crash.
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    ...Object.fromEntries(fromImage),
    ...spec.env,
    PATH: [files.bin, ...interpreters, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(
      ':',
    ),
    HOME: files.home,
    TMPDIR: join(files.home, 'tmp'),
    MINER_RUNTIME_HOST: '127.0.0.1',
    MINER_RUNTIME_PORT: String(port),
    PORT: String(port),
  };
}

function program(word: string, files: DeploymentFiles, python: PythonInfo | OwnerFault): string {
  const name = word.slice(word.lastIndexOf('/') + 1);
  if (/^python3?(\.\d+)?$/.test(name) && !existsSync(join(files.app, word))) {
    if (python instanceof OwnerFault) throw python;
    return python.executable;
  }
  if (/^node(js)?$/.test(name) && !existsSync(join(files.app, word))) return process.execPath;
  return inTree(word, files.app);
}

/** A path of the image becomes the path of its copy, where there is one; also in lists like PYTHONPATH. */
function inTree(value: string, app: string): string {
  return value
    .split(':')
    .map((part) =>
      part.startsWith('/') && part !== '/' && existsSync(join(app, part)) ? join(app, part) : part,
    )
    .join(':');
}

/** Listening on the declared port of all interfaces becomes listening on the given port of the loopback one. */
function redirect(word: string, before: string, app: string, declared: number, port: number): string {
  if (before === '-c' && word.includes(' ')) return redirectLine(word, declared, port);
  if (word === '0.0.0.0' || word === '::') return '127.0.0.1';
  if (word === String(declared)) return String(port);
  const moved = word
    .replace(/^((?:--?[\w-]+=)?)(?:0\.0\.0\.0|\[::\])?:?(\d+)$/, (whole, flag: string, digits: string) => {
      if (Number(digits) !== declared || (flag === '' && !word.includes(':'))) return whole;
      return word.includes(':') ? `${flag}127.0.0.1:${port}` : `${flag}${port}`;
    })
    .replace(/^(--?[\w-]+=)0\.0\.0\.0$/, '$1127.0.0.1');
  return inTree(moved, app);
}

function redirectLine(line: string, declared: number, port: number): string {
  return line
    .replace(/(^|[\s=])0\.0\.0\.0(?=[\s:]|$)/g, '$1127.0.0.1')
    .replace(new RegExp(`([\\s=:])${declared}(?=\\s|$)`, 'g'), `$1${port}`);
}

/** Puts the interpreters under their usual names, and the scripts that run as the agent's user, where it may read them. */
export async function installPrograms(
  files: DeploymentFiles,
  scripts: { enter: string; launcher: string },
  python: PythonInfo | OwnerFault,
): Promise<void> {
  await mkdir(files.bin, { recursive: true, mode: 0o755 });
  const wrapper = async (name: string, target: string): Promise<void> => {
    const path = join(files.bin, name);
    await writeFile(path, `#!/bin/sh\nexec ${quote(target)} "$@"\n`);
    await chmod(path, 0o755);
  };
  await wrapper('node', process.execPath);
  if (!(python instanceof OwnerFault)) {
    await wrapper('python', python.executable);
    await wrapper('python3', python.executable);
  }
  for (const [name, source] of [
    ['enter.sh', scripts.enter],
    ['launcher.py', scripts.launcher],
  ] as const) {
    await copyFile(source, join(files.bin, name));
    await chmod(join(files.bin, name), 0o644);
  }
}

/** Writes the environment as shell assignments that only the agent's user can read. */
export async function writeEnvironment(
  path: string,
  env: Record<string, string>,
  uid: number | null,
): Promise<void> {
  const lines = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  await writeFile(path, lines.join(''), { mode: 0o600, flag: 'wx' });
  if (uid !== null) await chown(path, uid, uid);
}

function quote(value: string): string {
  if (value.includes('\0')) throw new OwnerFault('bad_env', 'an environment value holds a NUL character');
  return `'${value.replace(/'/g, `'\\''`)}'`;
}
