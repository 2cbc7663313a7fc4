/** Memory, CPU and process limits by control groups, version 1 or 2, wherever a writable hierarchy exists. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const CONTROLLERS = ['memory', 'cpu', 'pids'] as const;
type Controller = (typeof CONTROLLERS)[number];

/** Writes into groups of our own below the ones that this process may use. */
export class ControlGroups {
  private constructor(
    /** Our parent group by controller; with version 2 the same directory for all. */
    private readonly parents: ReadonlyMap<Controller, string>,
    readonly version: 1 | 2 | null,
  ) {}

  /** Looks for writable hierarchies. @param tag tells the groups of one runtime root from another's */
  static detect(root: string): ControlGroups {
    const name = `eirel-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
    const unified = detectUnified(name);
    if (unified !== null) return new ControlGroups(unified, 2);
    const parents = new Map<Controller, string>();
    for (const controller of CONTROLLERS) {
      const parent = detectLegacy(controller, name);
      if (parent !== null) parents.set(controller, parent);
    }
    return new ControlGroups(parents, parents.size > 0 ? 1 : null);
  }

  /** The directories that `create` makes for an instance. */
  directoriesOf(instanceId: string): string[] {
    return [...new Set([...this.parents.values()].map((parent) => join(parent, instanceId)))];
  }

  /** Sentences on what is limited for an agent as a whole, and what is not. */
  notes(limits: { cpuMillis: number; memoryBytes: number }): string[] {
    const by = `by control group version ${this.version}`;
    const missing = 'not limited for the whole agent: no writable control group';
    return [
      this.parents.has('memory')
        ? `memory limited to ${Math.round(limits.memoryBytes / 1024 / 1024)} MiB ${by}`
        : `memory ${missing}`,
      this.parents.has('cpu') ? `cpu limited to ${limits.cpuMillis / 1000} cores ${by}` : `cpu ${missing}`,
    ];
  }

  /**
   * Makes the groups of one instance and sets their limits. The agent's first process writes itself into the
   * `cgroup.procs` of each.
   * @throws what the kernel answers when a limit cannot be set
   */
  create(instanceId: string, limits: { cpuMillis: number; memoryBytes: number; maxProcesses: number }): void {
    for (const [controller, parent] of this.parents) {
      const directory = join(parent, instanceId);
      // The parent goes with its last instance.
      mkdirSync(parent, { recursive: true });
      if (this.version === 2) delegate(parent);
      mkdirSync(directory, { recursive: true });
      for (const [file, value, required] of this.settings(controller, limits)) {
        const path = join(directory, file);
        if (required || existsSync(path)) writeFileSync(path, value);
      }
    }
  }

  private settings(
    controller: Controller,
    limits: { cpuMillis: number; memoryBytes: number; maxProcesses: number },
  ): [file: string, value: string, required: boolean][] {
    const memory = String(limits.memoryBytes);
    const period = 100_000;
    const quota = String(Math.max(1000, Math.round((limits.cpuMillis * period) / 1000)));
    if (controller === 'pids') return [['pids.max', String(limits.maxProcesses), true]];
    if (controller === 'memory') {
      return this.version === 2
        ? [
            ['memory.max', memory, true],
            ['memory.swap.max', '0', false],
            ['memory.oom.group', '1', false],
          ]
        : [
            ['memory.limit_in_bytes', memory, true],
            ['memory.memsw.limit_in_bytes', memory, false],
          ];
    }
    return this.version === 2
      ? [['cpu.max', `${quota} ${period}`, true]]
      : [
          ['cpu.cfs_period_us', String(period), true],
          ['cpu.cfs_quota_us', quota, true],
        ];
  }
}

/** True when the kernel killed a process of these groups for want of memory. */
export function outOfMemory(directories: readonly string[]): boolean {
  return directories.some((directory) =>
    ['memory.events', 'memory.oom_control'].some((file) => {
      const text = readOrEmpty(join(directory, file));
      return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
    }),
  );
}

/** The processes in these groups. */
export function groupMembers(directories: readonly string[]): number[] {
  const pids = directories.flatMap((directory) => readOrEmpty(join(directory, 'cgroup.procs')).split('\n'));
  return [...new Set(pids.filter((line) => line !== '').map(Number))];
}

/** Removes empty groups; the kernel may take a moment to see that they are empty. */
export async function removeGroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (let attempt = 0; attempt < 20 && existsSync(directory); attempt += 1) {
      try {
        rmdirSync(directory);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
        await sleep(50);
      }
    }
    removeIfUnused(dirname(directory));
  }
}

/** Removes our parent group unless other instances are in it; the next one makes it again. */
function removeIfUnused(parent: string): void {
  try {
    rmdirSync(parent);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EBUSY', 'ENOTEMPTY', 'ENOENT'].includes(code)) throw error;
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The group is gone, and with it everything that it could tell.
    return '';
  }
}

interface Mount {
  path: string;
  type: string;
  options: string[];
}

function mounts(): Mount[] {
  return readOrEmpty('/proc/mounts')
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length >= 4)
    .map(([, path = '', type = '', options = '']) => ({ path, type, options: options.split(',') }));
}

/** This process's own group in the hierarchy of a controller (`''` for version 2). */
function ownGroup(controller: string): string {
  for (const line of readOrEmpty('/proc/self/cgroup').split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    if (controllers.split(',').includes(controller)) return path.join(':');
  }
  return '/';
}

function detectUnified(name: string): Map<Controller, string> | null {
  const mount = mounts().find(({ type }) => type === 'cgroup2');
  if (mount === undefined) return null;
  const enabled = (directory: string): string[] =>
    readOrEmpty(join(directory, 'cgroup.controllers')).trim().split(' ');
  // Version 2 gives limits to the children of a group only while the group holds no processes itself (writing
  // fails with EBUSY), which is true of our own group where one was delegated to us, and of the root.
  for (const base of [join(mount.path, ownGroup('')), mount.path]) {
    if (!enabled(base).includes('memory')) continue;
    try {
      delegate(base);
      const parent = join(base, name);
      mkdirSync(parent, { recursive: true });
      delegate(parent);
      const given = CONTROLLERS.filter((controller) => enabled(parent).includes(controller));
      if (given.length > 0) return new Map(given.map((controller) => [controller, parent]));
    } catch {
      continue;
    }
  }
  return null;
}

function delegate(directory: string): void {
  const available = readOrEmpty(join(directory, 'cgroup.controllers')).trim().split(' ');
  const wanted = CONTROLLERS.filter((controller) => available.includes(controller));
  writeFileSync(
    join(directory, 'cgroup.subtree_control'),
    wanted.map((controller) => `+${controller}`).join(' '),
  );
}

function detectLegacy(controller: Controller, name: string): string | null {
  const mount = mounts().find(({ type, options }) => type === 'cgroup' && options.includes(controller));
  if (mount === undefined) return null;
  // Inside a container the path may be the host's and not exist below the mount.
  for (const base of [join(mount.path, ownGroup(controller)), mount.path]) {
    const parent = join(base, name);
    try {
      if (!existsSync(base)) continue;
      mkdirSync(parent, { recursive: true });
      return parent;
    } catch {
      continue;
    }
  }
  return null;
}
