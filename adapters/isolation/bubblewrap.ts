/** The command line that puts the runner into a sandbox of namespaces. */
import { realPath, type PythonRuntime } from './python-runtime';

/** Descriptor that the system-call filter is read from. */
export const SECCOMP_FD = 3;
/** Descriptor on which the first process waits until it has been put into its control group. */
export const GO_FD = 4;

const NOBODY = '65534';
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom'];

export interface BubblewrapOptions {
  bwrap: string;
  python: PythonRuntime;
  /** Text of the runner, given as an argument so that it needs no file inside. */
  runner: string;
  /** Size of the only writable place, in bytes. */
  diskBytes: number;
}

/**
 * The words of the command. Inside there is: the interpreter, its standard library and its shared libraries, read
 * only; `/tmp` of limited size; five devices. There is no `/proc`, no `/sys`, no shell, no network interface that is
 * up to anything, no variable, no capability, and no other process than its own.
 */
export function bubblewrapCommand({ bwrap, python, runner, diskBytes }: BubblewrapOptions): string[] {
  return [
    bwrap,
    ...['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts'],
    '--unshare-cgroup-try',
    '--disable-userns',
    ...['--uid', NOBODY, '--gid', NOBODY],
    ...['--hostname', 'sandbox'],
    '--die-with-parent',
    '--new-session',
    '--clearenv',
    // For the C library of the runner, which hands no variable on: without it every thread reserves 64 MiB.
    ...['--setenv', 'MALLOC_ARENA_MAX', '2'],
    ...['--cap-drop', 'ALL'],
    ...python.visible.flatMap((path) => ['--ro-bind', realPath(path), path]),
    ...python.covered.flatMap((path) => ['--size', '4096', '--tmpfs', path, '--remount-ro', path]),
    ...['--size', '4096', '--tmpfs', '/dev'],
    ...DEVICES.flatMap((name) => ['--dev-bind', `/dev/${name}`, `/dev/${name}`]),
    ...['--remount-ro', '/dev'],
    ...['--size', String(diskBytes), '--perms', '0700', '--tmpfs', '/tmp'],
    ...['--remount-ro', '/'],
    ...['--chdir', '/tmp'],
    ...['--seccomp', String(SECCOMP_FD)],
    '--',
    python.executable,
    // Isolated, without site packages, without writing bytecode, in UTF-8 whatever the locale.
    ...['-I', '-S', '-B', '-X', 'utf8', '-c', runner],
  ];
}
