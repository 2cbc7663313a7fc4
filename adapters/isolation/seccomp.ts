import { IsolationUnavailable } from './errors';

/**
 * The system-call filter of a sandbox, as a classic BPF program for `bwrap --seccomp`.
 *
 * The namespaces are the wall; the filter takes away the kernel's doors that untrusted code has no need of and that
 * past escapes went through: mounts, new namespaces, tracing, keys, BPF, performance events, user fault handling,
 * io_uring, modules, clocks, and every socket family but AF_UNIX.
 */

/** Numbers of the refused calls: [name, x86_64, arm64]; null where the architecture has no such call. */
const DENIED: readonly (readonly [name: string, x64: number | null, arm64: number | null])[] = [
  ['ptrace', 101, 117],
  ['process_vm_readv', 310, 270],
  ['process_vm_writev', 311, 271],
  ['process_madvise', 440, 440],
  ['kcmp', 312, 272],
  ['pidfd_getfd', 438, 438],
  ['mount', 165, 40],
  ['umount2', 166, 39],
  ['pivot_root', 155, 41],
  ['chroot', 161, 51],
  ['open_tree', 428, 428],
  ['move_mount', 429, 429],
  ['fsopen', 430, 430],
  ['fsconfig', 431, 431],
  ['fsmount', 432, 432],
  ['fspick', 433, 433],
  ['mount_setattr', 442, 442],
  ['open_tree_attr', 467, 467],
  ['unshare', 272, 97],
  ['setns', 308, 268],
  ['add_key', 248, 217],
  ['request_key', 249, 218],
  ['keyctl', 250, 219],
  ['bpf', 321, 280],
  ['perf_event_open', 298, 241],
  ['userfaultfd', 323, 282],
  ['io_uring_setup', 425, 425],
  ['io_uring_enter', 426, 426],
  ['io_uring_register', 427, 427],
  ['init_module', 175, 105],
  ['delete_module', 176, 106],
  ['finit_module', 313, 273],
  ['kexec_load', 246, 104],
  ['kexec_file_load', 320, 294],
  ['reboot', 169, 142],
  ['swapon', 167, 224],
  ['swapoff', 168, 225],
  ['acct', 163, 89],
  ['quotactl', 179, 60],
  ['quotactl_fd', 443, 443],
  ['nfsservctl', 180, 42],
  ['syslog', 103, 116],
  ['sethostname', 170, 161],
  ['setdomainname', 171, 162],
  ['settimeofday', 164, 170],
  ['clock_settime', 227, 112],
  ['clock_adjtime', 305, 266],
  ['adjtimex', 159, 171],
  ['iopl', 172, null],
  ['ioperm', 173, null],
  ['modify_ldt', 154, null],
  ['uselib', 134, null],
  ['sysfs', 139, null],
  ['vhangup', 153, 58],
  ['personality', 135, 92],
  ['lookup_dcookie', 212, 18],
  ['name_to_handle_at', 303, 264],
  ['open_by_handle_at', 304, 265],
  ['fanotify_init', 300, 262],
  ['fanotify_mark', 301, 263],
  ['vmsplice', 278, 75],
  ['mbind', 237, 235],
  ['set_mempolicy', 238, 237],
  ['migrate_pages', 256, 238],
  ['move_pages', 279, 239],
  // Memory that no limit of a process counts.
  ['memfd_create', 319, 279],
  ['memfd_secret', 447, 447],
  ['shmget', 29, 194],
  ['shmat', 30, 196],
  ['msgget', 68, 186],
  ['semget', 64, 190],
];

interface Architecture {
  audit: number;
  column: 1 | 2;
  clone: number;
  clone3: number;
  socket: number;
  socketpair: number;
  ioctl: number;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: { audit: 0xc000003e, column: 1, clone: 56, clone3: 435, socket: 41, socketpair: 53, ioctl: 16 },
  arm64: { audit: 0xc00000b7, column: 2, clone: 220, clone3: 435, socket: 198, socketpair: 199, ioctl: 29 },
};

// Instructions of classic BPF, and where `struct seccomp_data` keeps what they look at (little-endian).
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_OR_EQUAL = 0x35;
const JUMP_BITS = 0x45;
const RETURN = 0x06;
const OFFSET_NUMBER = 0;
const OFFSET_ARCHITECTURE = 4;
const offsetOfArgument = (index: number): number => 16 + 8 * index;

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;

const X32_BIT = 0x40000000;
const AF_UNIX = 1;
/** CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
export const CLONE_NEW_FLAGS = 0x7e020080;
/** Pushing input into a terminal, and the console's own paste. */
export const TIOCSTI = 0x5412;
export const TIOCLINUX = 0x541c;

/**
 * The filter for an architecture. A refused call fails with EPERM; a foreign calling convention ends the process;
 * `clone3`, whose flags a filter cannot see, answers ENOSYS so that the C library falls back to `clone`.
 * @param arch as in `process.arch`
 * @returns `struct sock_filter[]`, 8 bytes each
 * @throws IsolationUnavailable for an architecture without a table here
 */
export function seccompProgram(arch: string = process.arch): Buffer {
  const known = ARCHITECTURES[arch];
  if (!known) {
    throw new IsolationUnavailable(
      `no system-call filter is known for the architecture ${arch}; run the sandbox on x64 or arm64`,
    );
  }
  const program: Buffer[] = [
    instruction(LOAD, OFFSET_ARCHITECTURE),
    instruction(JUMP_EQUAL, known.audit, 1, 0),
    instruction(RETURN, KILL_PROCESS),
    instruction(LOAD, OFFSET_NUMBER),
  ];
  if (arch === 'x64') {
    program.push(instruction(JUMP_GREATER_OR_EQUAL, X32_BIT, 0, 1), instruction(RETURN, KILL_PROCESS));
  }
  for (const row of DENIED) {
    const number = row[known.column];
    if (number !== null) program.push(...when(number, [instruction(RETURN, ERRNO | EPERM)]));
  }
  const refuseUnless = (test: Buffer): Buffer[] => [
    test,
    instruction(RETURN, ERRNO | EPERM),
    instruction(RETURN, ALLOW),
  ];
  program.push(
    ...when(known.clone3, [instruction(RETURN, ERRNO | ENOSYS)]),
    ...when(known.clone, [
      instruction(LOAD, offsetOfArgument(0)),
      ...refuseUnless(instruction(JUMP_BITS, CLONE_NEW_FLAGS, 0, 1)),
    ]),
    ...[known.socket, known.socketpair].flatMap((number) =>
      when(number, [
        instruction(LOAD, offsetOfArgument(0)),
        ...refuseUnless(instruction(JUMP_EQUAL, AF_UNIX, 1, 0)),
      ]),
    ),
    ...when(known.ioctl, [
      instruction(LOAD, offsetOfArgument(1)),
      instruction(JUMP_EQUAL, TIOCSTI, 1, 0),
      ...refuseUnless(instruction(JUMP_EQUAL, TIOCLINUX, 0, 1)),
    ]),
    instruction(RETURN, ALLOW),
  );
  return Buffer.concat(program);
}

/** Names of the calls that are refused whatever their arguments, for an architecture as in `process.arch`. */
export function deniedCalls(arch: string): string[] {
  const column = ARCHITECTURES[arch]?.column;
  return DENIED.filter((row) => column !== undefined && row[column] !== null).map(([name]) => name);
}

/** The body for one system call; anything else jumps over it. */
function when(number: number, body: Buffer[]): Buffer[] {
  return [instruction(JUMP_EQUAL, number, 0, body.length), ...body];
}

function instruction(code: number, k: number, jumpTrue = 0, jumpFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jumpTrue, 2);
  bytes.writeUInt8(jumpFalse, 3);
  bytes.writeUInt32LE(k >>> 0, 4);
  return bytes;
}
