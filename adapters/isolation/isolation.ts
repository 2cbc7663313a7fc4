/** Finds out whether untrusted code can be isolated on this machine, by doing it. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ControlGroups } from '../container-runtime/process/cgroups';
import { projectRoot } from '../project-root';
import { bubblewrapCommand } from './bubblewrap';
import { IsolationUnavailable } from './errors';
import { describePython, pythonCandidates, type PythonRuntime } from './python-runtime';
import { Sandbox, type SandboxLauncher, type SandboxLimits } from './sandbox';
import { seccompProgram } from './seccomp';

const run = promisify(execFile);

/** Settings of the isolation. */
export interface IsolationConfig {
  /** Path of bubblewrap; looked for on the PATH when undefined. */
  bwrap: string | undefined;
  /** Path of the interpreter; one of the system when undefined. */
  python: string | undefined;
  /** Tells the control groups of one service from another's. */
  tag: string;
}

/** A way to isolate that has been seen to work. */
export interface Isolation {
  launcher: SandboxLauncher;
  /** For `/healthz` and logs. */
  facts: { backend: string; bubblewrap: string; python: string; user: string; control_groups: string };
  /** Sentences on what is not limited here, for the log. */
  warnings: string[];
  /** Starts a sandbox. */
  start(limits: SandboxLimits): Sandbox;
}

const NOBODY = { uid: 65_534, gid: 65_534 };
const HOW_TO =
  'Install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap; Alpine: apk add ' +
  'bubblewrap) or name it in EIREL_SANDBOX_BWRAP. The sandbox does not run code without it.';

const PROBE_LIMITS: SandboxLimits = {
  memoryMb: 128,
  diskBytes: 1024 * 1024,
  maxProcesses: 8,
  maxFileBytes: 1024 * 1024,
  cpuMillis: 1000,
};

/** What has to hold inside; prints the walls that do not stand. */
const PROBE = `
import os, socket
broken = []
def refused(what, attempt):
    try:
        attempt()
    except (OSError, PermissionError):
        return
    broken.append(what)
if os.getuid() != 65534: broken.append("the user is %d" % os.getuid())
if os.environ: broken.append("the environment is not empty")
if os.path.exists("/proc/self"): broken.append("/proc is there")
for path in ("/etc/passwd", "/etc/hostname", "/sys/kernel", "/bin/sh", "/root", "/home"):
    if os.path.exists(path): broken.append(path + " is there")
refused("the root can be written", lambda: open("/x", "w"))
refused("/dev can be written", lambda: open("/dev/x", "w"))
refused("sockets can be made, the system-call filter does not work", lambda: socket.socket(socket.AF_INET))
if os.getpid() > 16: broken.append("there are other processes")
print("\\n".join(broken))
`;

/**
 * Looks for bubblewrap and an interpreter, and runs a program in them that looks for holes.
 * @throws IsolationUnavailable with what is missing and how to get it
 */
export async function createIsolation(config: IsolationConfig): Promise<Isolation> {
  if (process.platform !== 'linux') {
    throw new IsolationUnavailable(
      `untrusted code can be isolated on Linux only, and this is ${process.platform}`,
    );
  }
  const bwrap = findBubblewrap(config.bwrap);
  const version = await bubblewrapVersion(bwrap);
  const seccomp = seccompProgram();
  const runner = readFileSync(join(projectRoot(), 'adapters', 'isolation', 'runner.py'), 'utf8');
  const groups = ControlGroups.detect(config.tag);
  const account = process.getuid?.() === 0 ? NOBODY : null;
  const launcherOf = (python: PythonRuntime): SandboxLauncher => ({
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

async function probe(launcher: SandboxLauncher): Promise<void> {
  const sandbox = new Sandbox(launcher, PROBE_LIMITS);
  try {
    const outcome = await sandbox.execute({
      code: PROBE,
      timeoutSeconds: 10,
      attachments: [],
      session: false,
      importGuard: false,
      caps: { stdoutBytes: 4096, stderrBytes: 4096 },
    });
    const broken = outcome.stdout.toString().trim();
    if (outcome.exitCode !== 0) {
      throw new IsolationUnavailable(
        `a test program failed in it: ${outcome.stderr.toString().trim().split('\n').at(-1) || outcome.note}`,
      );
    }
    if (broken) throw new IsolationUnavailable(`its walls do not stand: ${broken.replaceAll('\n', '; ')}`);
  } finally {
    await sandbox.kill();
  }
}
