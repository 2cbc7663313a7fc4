import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ControlGroups } from '../container-runtime/process/cgroups';
import { bubblewrapCommand } from './bubblewrap';
import { bubblewrapLauncher } from './bubblewrap-enclosure';
import type { SandboxLauncher } from './enclosure';
import { IsolationUnavailable } from './errors';
import type { Isolation, IsolationConfig } from './types';
import { probe } from './probe';
import { describePython, pythonCandidates, type PythonRuntime } from './python-runtime';
import { Sandbox } from './sandbox';
import { seccompProgram } from './seccomp';

const run = promisify(execFile);

const NOBODY = { uid: 65_534, gid: 65_534 };
const HOW_TO =
  'Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap; Alpine: apk add ' +
  'bubblewrap) or name it in EIREL_SANDBOX_BWRAP.';

/**
 * Looks for bubblewrap and an interpreter, and runs a program in them that looks for holes.
 * @param runner text of the first program inside
 * @throws IsolationUnavailable with what is missing and how to get it
 */
export async function bubblewrapIsolation(config: IsolationConfig, runner: string): Promise<Isolation> {
  if (process.platform !== 'linux') {
    throw new IsolationUnavailable(
      `untrusted code can be isolated on Linux only, and this is ${process.platform}`,
    );
  }
  const bwrap = findBubblewrap(config.bwrap);
  const version = await bubblewrapVersion(bwrap);
  const seccomp = seccompProgram();
  const groups = ControlGroups.detect(config.tag);
  const account = process.getuid?.() === 0 ? NOBODY : null;
  const launcherOf = (python: PythonRuntime): SandboxLauncher =>
    bubblewrapLauncher({
      command: (diskBytes) => bubblewrapCommand({ bwrap, python, runner, diskBytes }),
      seccomp,
      groups,
      account,
    });

  const candidates = pythonCandidates(config.python);
  const failures: string[] = [];
  for (const program of candidates) {
    try {
      const python = await describePython(program);
      const launcher = launcherOf(python);
      await probe(launcher);
      return {
        launcher,
        facts: {
          backend: 'bubblewrap',
          bubblewrap: version,
          python: python.version,
          user: account ? 'nobody' : 'own user, nobody inside',
          control_groups: groups.version === null ? 'none' : `version ${groups.version}`,
        },
        warnings:
          groups.version === null
            ? [
                'no writable control group: memory is limited for each process, not for a sandbox as a whole, and ' +
                  'processor time by rlimit only',
              ]
            : [],
        start: (limits) => new Sandbox(launcher, limits),
      };
    } catch (error) {
      failures.push(`${program}: ${(error as Error).message}`);
    }
  }
  if (candidates.length === 0) {
    throw new IsolationUnavailable(
      'no Python interpreter was found; install python3 (3.9 or newer) or name one in EIREL_SANDBOX_PYTHON',
    );
  }
  throw new IsolationUnavailable(
    `no isolation is to be had on this machine, so the sandbox does not start. Tried with\n  ${failures.join('\n  ')}\n` +
      'User namespaces must be allowed for this user (sysctl kernel.unprivileged_userns_clone=1 or ' +
      'user.max_user_namespaces above 0; on Ubuntu an AppArmor profile for bwrap), and the interpreter must be ' +
      'readable by every user: one below a home directory is not, the one of the distribution is.',
  );
}

function findBubblewrap(configured: string | undefined): string {
  if (configured) {
    if (existsSync(configured)) return configured;
    throw new IsolationUnavailable(
      `EIREL_SANDBOX_BWRAP names ${configured}, which does not exist. ${HOW_TO}`,
    );
  }
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((directory) => join(directory, 'bwrap'))
    .find((file) => existsSync(file));
  if (!found) throw new IsolationUnavailable(`bubblewrap (bwrap) was not found on the PATH. ${HOW_TO}`);
  return found;
}

async function bubblewrapVersion(bwrap: string): Promise<string> {
  let stdout: string;
  try {
    ({ stdout } = await run(bwrap, ['--version'], { timeout: 10_000, cwd: '/', env: {} }));
  } catch (error) {
    throw new IsolationUnavailable(`${bwrap} cannot be run: ${(error as Error).message}. ${HOW_TO}`);
  }
  const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
  if (Number(major) === 0 && Number(minor) < 8) {
    throw new IsolationUnavailable(`${bwrap} is ${stdout.trim()}; 0.8 or newer is needed. ${HOW_TO}`);
  }
  return stdout.trim().replace(/^bubblewrap /, '');
}
