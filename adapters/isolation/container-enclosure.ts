import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { PassThrough, type Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { engineMessage, isConflict, isNotFound } from '../container-runtime/docker/engine';
import type { Enclosure, SandboxLauncher, SandboxLimits } from './enclosure';
import { SandboxFailure } from './errors';

/** How containers are started: everything that is the same for all sandboxes. */
export interface ContainerLauncherOptions {
  docker: Docker;
  image: string;
  /** Path of the interpreter in the image. */
  python: string;
  /** Text of the runner. */
  runner: string;
  /** The engine's system-call filter, as JSON. */
  seccomp: string;
  /** Tells the containers of one service from another's. */
  tag: string;
}

const LABEL = 'ai.eirel.sandbox';
const OVERHEAD_BYTES = 48 * 1024 * 1024;
const OWN_PROCESSES = 4;
/** Numbers that no user of a machine has. Each sandbox has its own, because the kernel counts processes by user. */
const USERS = { from: 1_500_000_000, to: 2_000_000_000 };
/** What an engine shows of itself and its machine; covered by emptiness. */
const COVERED = ['/sys', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/dev/mqueue', '/dev/shm'];
/** What `/proc` has beside processes, on any machine. That of processes the runner closes to the code. */
const KERNEL_FILES =
  'acpi asound bus cgroups cmdline cpuinfo crypto devices diskstats driver dynamic_debug execdomains fb filesystems fs ' +
  'interrupts iomem ioports irq kallsyms kcore key-users keys kmsg kpagecgroup kpagecount kpageflags latency_stats ' +
  'loadavg locks mdstat meminfo misc modules mtrr pagetypeinfo partitions pressure sched_debug schedstat scsi slabinfo ' +
  'softirqs stat swaps sys sysrq-trigger sysvipc timer_list tty uptime version vmallocinfo vmstat zoneinfo';

/** Those, and what else this machine has, whose kernel it most often is. */
function coveredPaths(): string[] {
  const known = KERNEL_FILES.split(' ');
  const here = (existsSync('/proc') ? readdirSync('/proc') : []).filter(
    (name) => !/^(\d+|self|thread-self|mounts|net)$/.test(name),
  );
  return [...COVERED, ...new Set([...known, ...here])].map((name) =>
    name.startsWith('/') ? name : `/proc/${name}`,
  );
}

/** Makes enclosures of containers. A container takes about a second to start, which bubblewrap does in a tenth. */
export function containerLauncher(options: ContainerLauncherOptions): SandboxLauncher {
  return {
    graceMs: 25_000,
    launch: (limits) => new ContainerEnclosure(options, limits),
    leftovers: async () => (await list(options)).map(({ Id: id }) => id),
  };
}

/** Takes away the containers of a service of this tag that was killed. */
export async function removeLeftovers(
  options: Pick<ContainerLauncherOptions, 'docker' | 'tag'>,
): Promise<void> {
  for (const { Id: id } of await list(options)) await remove(options.docker.getContainer(id));
}

function list({ docker, tag }: Pick<ContainerLauncherOptions, 'docker' | 'tag'>): Promise<{ Id: string }[]> {
  return docker.listContainers({ all: true, filters: { label: [`${LABEL}=${tag}`] } });
}

class ContainerEnclosure implements Enclosure {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly pid = undefined;
  readonly ended: Promise<string | null>;
  private readonly started: Promise<Docker.Container | null>;
  private connection: Duplex | undefined;
  private outOfMemory = false;

  constructor(
    private readonly options: ContainerLauncherOptions,
    limits: SandboxLimits,
  ) {
    // A pipe to a container that has ended; what its end means is decided on `ended`.
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.on('error', () => undefined);
    let problem: string | null = null;
    this.started = this.start(limits).catch((error: unknown) => {
      problem = `the container engine refused: ${engineMessage(error)}`;
      return null;
    });
    this.ended = this.started.then(async (container) => {
      if (!container) return problem;
      try {
        await container.wait();
        const { State: state } = await container.inspect();
        this.outOfMemory = state.OOMKilled;
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) return engineMessage(error);
      }
      return null;
    });
  }

  async ranOutOfMemory(): Promise<boolean> {
    const container = await this.started;
    if (!container || this.outOfMemory) return this.outOfMemory;
    try {
      return (await container.inspect()).State.OOMKilled;
    } catch {
      return this.outOfMemory;
    }
  }

  async kill(): Promise<void> {
    const container = await this.started;
    this.connection?.destroy();
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.destroy();
    if (container) await remove(container);
  }

  private async start(limits: SandboxLimits): Promise<Docker.Container> {
    const { docker } = this.options;
    const container = await docker.createContainer(describe(this.options, limits));
    try {
      const connection = (await container.attach({
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        hijack: true,
      })) as unknown as Duplex;
      connection.on('error', () => undefined);
      this.connection = connection;
      (docker.modem as { demuxStream(from: Duplex, out: PassThrough, err: PassThrough): void }).demuxStream(
        connection,
        this.stdout,
        this.stderr,
      );
      await container.start();
      this.stdin.pipe(connection);
      return container;
    } catch (error) {
      await remove(container);
      throw error;
    }
  }
}

function describe(options: ContainerLauncherOptions, limits: SandboxLimits): Docker.ContainerCreateOptions {
  const user = randomInt(USERS.from, USERS.to);
  const memory = limits.memoryMb * 1024 * 1024 + limits.diskBytes + OVERHEAD_BYTES;
  return {
    name: `eirel-sandbox-${randomBytes(9).toString('hex')}`,
    Image: options.image,
    Labels: { [LABEL]: options.tag },
    User: `${user}:${user}`,
    Hostname: 'sandbox',
    WorkingDir: '/tmp',
    Entrypoint: [options.python],
    Cmd: ['-I', '-S', '-B', '-X', 'utf8', '-c', options.runner],
    Env: ['MALLOC_ARENA_MAX=2'],
    NetworkDisabled: true,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    HostConfig: {
      NetworkMode: 'none',
      IpcMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', `seccomp=${options.seccomp}`],
      PidsLimit: limits.maxProcesses + OWN_PROCESSES,
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: limits.cpuMillis * 1_000_000,
      Tmpfs: { '/tmp': `rw,nosuid,nodev,size=${limits.diskBytes},mode=0700,uid=${user},gid=${user}` },
      MaskedPaths: coveredPaths(),
      ReadonlyPaths: [],
      LogConfig: { Type: 'none', Config: {} },
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
    },
  };
}

async function remove(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    // Gone, or on its way.
    if (isNotFound(error) || isConflict(error)) return;
    throw new SandboxFailure(`a sandbox's container cannot be removed: ${engineMessage(error)}`);
  }
}
