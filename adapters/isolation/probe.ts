/** Finds out whether walls stand, by running a program that looks for holes. */
import type { SandboxLauncher, SandboxLimits } from './enclosure';
import { IsolationUnavailable } from './errors';
import { Sandbox } from './sandbox';

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
def there(path):
    try:
        return bool(os.listdir(path))
    except NotADirectoryError:
        try:
            with open(path, "rb") as file:
                return bool(file.read(1))
        except OSError:
            return False
    except OSError:
        return False
if os.getuid() == 0 or os.geteuid() == 0 or os.getgroups() not in ([], [os.getgid()]):
    broken.append("the user is %d, of the groups %s" % (os.getuid(), os.getgroups()))
if os.environ: broken.append("the environment is not empty")
for path in ("/proc/1/environ", "/proc/1/maps", "/proc/1/fd", "/proc/self/environ", "/proc/self/mem",
             "/proc/meminfo", "/proc/version", "/proc/cmdline", "/proc/sys", "/etc/passwd", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/sys", "/bin/sh",
             "/usr/bin/env", "/root", "/home", "/var"):
    if there(path): broken.append(path + " is there")
refused("the root can be written", lambda: open("/x", "w"))
for path in ("/dev", "/dev/shm", "/dev/mqueue", "/etc", "/usr", "/proc", "/sys"):
    refused(path + " can be written", lambda: open(path + "/x", "w"))
refused("sockets can be made, the system-call filter does not work", lambda: socket.socket(socket.AF_INET))
if os.getpid() > 16: broken.append("there are other processes")
print("\\n".join(broken))
`;

/**
 * Runs a program in a sandbox that looks for holes in it.
 * @throws IsolationUnavailable that names them
 */
export async function probe(launcher: SandboxLauncher): Promise<void> {
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
