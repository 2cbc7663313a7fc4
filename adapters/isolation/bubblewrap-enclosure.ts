import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  groupMembers,
  outOfMemory,
  removeGroups,
  type ControlGroups,
} from '../container-runtime/process/cgroups';
import { GO_FD, SECCOMP_FD } from './bubblewrap';
import type { Enclosure, SandboxLauncher, SandboxLimits } from './enclosure';
import { SandboxFailure } from './errors';

/** How bubblewrap is started: everything that is the same for all sandboxes. */
export interface BubblewrapLauncherOptions {
  /** The command for a writable directory of this many bytes. */
  command: (diskBytes: number) => string[];
  seccomp: Buffer;
  groups: ControlGroups;
  /** User and group to run as outside; null to stay who we are. */
  account: { uid: number; gid: number } | null;
}

const END_WAIT_MS = 5000;
const OVERHEAD_BYTES = 48 * 1024 * 1024;
/** The waiting shell that becomes bubblewrap, its two processes, and the runner. */
const OWN_PROCESSES = 4;
const WAIT_THEN_RUN = `read -r _ <&${GO_FD} || exit 70; exec "$@" ${GO_FD}<&-`;

/** Makes enclosures of namespaces, by bubblewrap, in control groups where there are any. */
export function bubblewrapLauncher(options: BubblewrapLauncherOptions): SandboxLauncher {
  return {
    graceMs: 4000,
    launch: (limits) => new BubblewrapEnclosure(options, limits),
    leftovers: () => {
      const parents = options.groups.directoriesOf('any').map((directory) => dirname(directory));
      return Promise.resolve(
        parents
          .filter((parent) => existsSync(parent))
          .flatMap((parent) => readdirSync(parent, { withFileTypes: true }))
          .flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])),
      );
    },
  };
}

class BubblewrapEnclosure implements Enclosure {
  private readonly child: ChildProcess;
  private readonly directories: string[];
  readonly ended: Promise<string | null>;

  constructor(options: BubblewrapLauncherOptions, limits: SandboxLimits) {
    const id = randomBytes(9).toString('hex');
    this.directories = options.groups.directoriesOf(id);
    try {
      options.groups.create(id, {
        cpuMillis: limits.cpuMillis,
        memoryBytes: limits.memoryMb * 1024 * 1024 + limits.diskBytes + OVERHEAD_BYTES,
        maxProcesses: limits.maxProcesses + OWN_PROCESSES,
      });
    } catch (error) {
      throw new SandboxFailure(`the control groups of a sandbox cannot be made: ${(error as Error).message}`);
    }
    this.child = spawn('/bin/sh', ['-c', WAIT_THEN_RUN, 'sandbox', ...options.command(limits.diskBytes)], {
      cwd: '/',
      // Nothing of this process's environment: it holds the owner's secrets.
      env: {},
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
      ...(options.account ?? {}),
    });
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('close', () => resolve(null));
    });
    for (const stream of this.child.stdio) {
      // A pipe to a process that has ended; what its end means is decided on 'close'.
      stream?.on('error', () => undefined);
    }
    this.letGo(options.seccomp);
  }

  get stdin(): Writable {
    return this.child.stdin as Writable;
  }

  get stdout(): Readable {
    return this.child.stdout as Readable;
  }

  get stderr(): Readable {
    return this.child.stderr as Readable;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  ranOutOfMemory(): Promise<boolean> {
    return Promise.resolve(outOfMemory(this.directories));
  }

  async kill(): Promise<void> {
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
    if (this.child.pid !== undefined) await this.ended;
    await removeGroups(this.directories);
  }

  private letGo(seccomp: Buffer): void {
    const pid = this.child.pid;
    if (pid === undefined) return;
    try {
      // The shell waits, so that all that it becomes and begets is counted.
      for (const directory of this.directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
    } catch (error) {
      this.kill().catch(() => undefined);
      throw new SandboxFailure(`a sandbox cannot be put into its control group: ${(error as Error).message}`);
    }
    (this.child.stdio[SECCOMP_FD] as Writable).end(seccomp);
    (this.child.stdio[GO_FD] as Writable).end('go\n');
  }
}
