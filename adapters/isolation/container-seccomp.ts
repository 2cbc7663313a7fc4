import { IsolationUnavailable } from './errors';
import { CLONE_NEW_FLAGS, deniedCalls, TIOCLINUX, TIOCSTI } from './seccomp';

const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
};
const EPERM = 1;
const ENOSYS = 38;
const AF_UNIX = 1;

interface Rule {
  names: string[];
  action: 'SCMP_ACT_ERRNO';
  errnoRet: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[];
}

/**
 * The system-call filter of `seccompProgram` in the form that container engines take, by names in the place of numbers.
 * @throws IsolationUnavailable for an architecture without a table here
 */
export function containerSeccompProfile(arch: string = process.arch): string {
  const architecture = ARCHITECTURES[arch];
  if (!architecture) {
    throw new IsolationUnavailable(
      `no system-call filter is known for the architecture ${arch}; run the sandbox on x64 or arm64`,
    );
  }
  const refuse = (names: string[], args?: Rule['args'], errnoRet = EPERM): Rule => ({
    names,
    action: 'SCMP_ACT_ERRNO',
    errnoRet,
    ...(args ? { args } : {}),
  });
  const flags = Array.from({ length: 32 }, (_, bit) => 2 ** bit).filter(
    (flag) => Math.floor(CLONE_NEW_FLAGS / flag) % 2 === 1,
  );
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: [architecture],
    syscalls: [
      refuse(deniedCalls(arch)),
      // The engine mounts a queue of messages into every container.
      refuse(['mq_open', 'mq_unlink']),
      refuse(['clone3'], undefined, ENOSYS),
      ...flags.map((flag) =>
        refuse(['clone'], [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }]),
      ),
      refuse(['socket', 'socketpair'], [{ index: 0, value: AF_UNIX, op: 'SCMP_CMP_NE' }]),
      refuse(['ioctl'], [{ index: 1, value: TIOCSTI, op: 'SCMP_CMP_EQ' }]),
      refuse(['ioctl'], [{ index: 1, value: TIOCLINUX, op: 'SCMP_CMP_EQ' }]),
    ],
  });
}
