/**
 * What separates an agent from the service and from other agents: a user id of its own, no capabilities, resource
 * limits, and a view of the file system without directories that are closed to other users. Whatever the host
 * cannot give is said in a note rather than left out in silence.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { chmod, chown } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import type { ProcessRuntimeConfig } from './config';
import { nodePaths, type PythonInfo } from './interpreters';

const run = promisify(execFile);

/** Where the programs of the host are looked for; the service's own PATH is not trusted with root's rights. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const NO_RIGHTS = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
const NICENESS = '5';
/** Thread stacks and allocator arenas that count as data though most of them is never touched. */
const DATA_SLACK_BYTES = 256 * 1024 * 1024;
const MAX_OPEN_FILES = 4096;

export interface AgentLimits {
  uid: number | null;
  memoryBytes: number;
  maxProcesses: number;
  fileMaxBytes: number;
}

export class Isolation {
  private constructor(
    /** True when each agent gets a user id of its own. */
    readonly ownUsers: boolean,
    /** One sentence for operators about the user that agents run as. */
    readonly userNote: string,
    private readonly tools: Tools,
    private readonly hidden: readonly string[],
    private readonly kept: readonly string[],
    private readonly hideScript: string,
  ) {}

  /**
   * Finds out, by trying it, what this host allows.
   * @param python null when agents in Python cannot run anyway
   * @param hideScript path of `hide.sh`
   */
  static async detect(
    config: ProcessRuntimeConfig,
    python: PythonInfo | null,
    hideScript: string,
  ): Promise<Isolation> {
    const tools = findTools();
    const without = (reason: string): Isolation =>
      new Isolation(
        false,
        `user isolation not possible: ${reason}; agents can read what the service can`,
        tools,
        [],
        [],
        hideScript,
      );
    if (process.getuid?.() !== 0) return without('the service does not run as root');
    if (tools.setpriv === null) return without('the program setpriv (util-linux) is not installed');
    if (!isMapped(config.uids.from) || !isMapped(config.uids.from + config.uids.count - 1)) {
      return without(`user ids from ${config.uids.from} do not exist in this user namespace`);
    }
    const needed = [
      ...new Set([...nodePaths(), ...(python?.paths ?? []), ...dirnameOf(python), config.root]),
    ];
    const hidden = outermost(needed.map(closedAncestor).filter((path) => path !== null));
    const kept = outermost(needed.filter((path) => path !== config.root && isBelow(path, hidden)));
    if (hidden.length > 0 && tools.unshare === null) {
      return without(
        `${hidden.join(', ')} is closed to other users and the program unshare is not installed`,
      );
    }
    const isolation = new Isolation(true, '', tools, hidden, kept, hideScript);
    const failure = await isolation.tryOut(config, python);
    if (failure !== null) return without(failure);
    const view = hidden.length > 0 ? `, without sight of ${hidden.join(', ')}` : '';
    return new Isolation(
      true,
      `runs as a user id of its own without capabilities${view}`,
      tools,
      hidden,
      kept,
      hideScript,
    );
  }

  /** Sentences on limits that are set per process, and on those that are not. */
  notes(limits: AgentLimits): string[] {
    const notes = [limits.uid === null ? this.userNote : `${this.userNote} (uid ${limits.uid})`];
    if (this.tools.prlimit === null) {
      notes.push('per-process limits not set: the program prlimit (util-linux) is not installed');
    } else {
      notes.push(
        `per process: ${mebibytes(dataLimit(limits))} MiB of data, ${openFiles()} open files, ` +
          `${mebibytes(limits.fileMaxBytes)} MiB per file, no core dumps` +
          (limits.uid === null ? '' : `, ${limits.maxProcesses} processes`),
      );
    }
    notes.push('network not isolated: agents share the loopback interface; use a container backend for more');
    return notes;
  }

  /**
   * The words to put before an agent's command.
   * @param directory the deployment's directory, which the agent must see
   */
  wrap(limits: AgentLimits, directory: string): string[] {
    const words: string[] = [];
    if (this.tools.nice !== null) words.push(this.tools.nice, '-n', NICENESS);
    if (limits.uid !== null && this.hidden.length > 0 && this.tools.unshare !== null) {
      const kept = isBelow(directory, this.hidden) ? [...this.kept, directory] : this.kept;
      words.push(this.tools.unshare, '--mount', '--propagation', 'private', '--');
      words.push('/bin/sh', this.hideScript, this.hidden.join(':'), kept.join(':'));
    }
    if (this.tools.prlimit !== null) {
      words.push(this.tools.prlimit, `--data=${dataLimit(limits)}`, `--nofile=${openFiles()}`, '--core=0');
      words.push(`--fsize=${limits.fileMaxBytes}`);
      // The kernel counts processes per user, so the limit makes sense only for a user of the agent's own.
      if (limits.uid !== null) words.push(`--nproc=${limits.maxProcesses}`);
      words.push('--');
    }
    if (this.tools.setpriv !== null) {
      words.push(this.tools.setpriv);
      if (limits.uid !== null) words.push(`--reuid=${limits.uid}`, `--regid=${limits.uid}`, '--clear-groups');
      // Only root has rights to give up; for others the kernel would refuse the attempt.
      words.push(...(process.getuid?.() === 0 ? NO_RIGHTS : ['--no-new-privs']), '--');
    }
    return words;
  }

  /** Runs the interpreters as an agent would; returns the reason when one of them fails. */
  private async tryOut(config: ProcessRuntimeConfig, python: PythonInfo | null): Promise<string | null> {
    const directory = mkdtempSync(join(config.root, '.try-'));
    const uid = config.uids.from;
    const limits = { uid, memoryBytes: 2 ** 30, maxProcesses: 64, fileMaxBytes: 2 ** 20 };
    const programs = [[process.execPath, '-e', '0'], ...(python ? [[python.executable, '-c', 'pass']] : [])];
    try {
      await chmod(directory, 0o700);
      await chown(directory, uid, uid);
      for (const program of programs) {
        const [command = '', ...words] = [
          ...this.wrap(limits, directory),
          '/bin/sh',
          '-c',
          'cd "$0" && exec "$@"',
          directory,
          ...program,
        ];
        await run(command, words, { timeout: 20_000, env: { PATH: SYSTEM_PATH }, cwd: '/' });
      }
      return null;
    } catch (error) {
      const { stderr = '', message } = error as { stderr?: string; message: string };
      return (stderr.trim() || message).split('\n')[0] ?? 'a trial run failed';
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

interface Tools {
  setpriv: string | null;
  prlimit: string | null;
  unshare: string | null;
  nice: string | null;
}

function findTools(): Tools {
  return {
    setpriv: which('setpriv'),
    prlimit: which('prlimit'),
    unshare: which('unshare'),
    nice: which('nice'),
  };
}

function which(program: string): string | null {
  for (const directory of SYSTEM_PATH.split(':')) {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return join(directory, program);
    } catch {
      continue;
    }
  }
  return null;
}

/** Without a control group this is the memory limit; with one it stands behind it. */
function dataLimit(limits: AgentLimits): number {
  return limits.memoryBytes + DATA_SLACK_BYTES;
}

/** The hard limit of this process bounds what a child may have. */
function openFiles(): number {
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return Math.min(MAX_OPEN_FILES, hard === undefined ? MAX_OPEN_FILES : Number(hard));
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);

function dirnameOf(python: PythonInfo | null): string[] {
  return python === null ? [] : [dirname(python.executable)];
}

/** The outermost directory on the way to a path that other users may not pass; null when the way is open. */
export function closedAncestor(path: string): string | null {
  const parts = path.split(sep).filter((part) => part !== '');
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const directory = sep + parts.slice(0, depth).join(sep);
    try {
      if ((statSync(directory).mode & 0o001) === 0) return directory;
    } catch {
      // What does not exist keeps nobody out; the trial run tells whether it was needed.
      return null;
    }
  }
  return null;
}

function isBelow(path: string, directories: readonly string[]): boolean {
  return directories.some((directory) => path === directory || path.startsWith(directory + sep));
}

/** Drops duplicates and paths below other ones. */
function outermost(paths: readonly string[]): string[] {
  const sorted = [...new Set(paths)].sort((a, b) => a.length - b.length);
  const result: string[] = [];
  for (const path of sorted) if (!isBelow(path, result)) result.push(path);
  return result;
}

function isMapped(id: number): boolean {
  return readFileSync('/proc/self/uid_map', 'utf8')
    .trim()
    .split('\n')
    .some((line) => {
      const [start = 0, , length = 0] = line.trim().split(/\s+/).map(Number);
      return id >= start && id < start + length;
    });
}
