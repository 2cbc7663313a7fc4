/** A node that runs containers, for a cluster of the tests' own: kubelet, containerd and kube-proxy in namespaces of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { debianPackage, installed } from './debian';

const SCRIPT = join(__dirname, 'kubernetes-node.sh');

/** Null when a node can be run here, else why not. @param programs directory of what build-kubernetes.sh built */
export function nodeMissing(programs: string): string | null {
  if (process.getuid?.() !== 0) return 'no engine: a node needs root';
  const absent = [
    ...['kubelet', 'kube-proxy', 'pause'].filter((name) => !existsSync(join(programs, name))),
    ...['containerd', 'ctr', 'runc', 'iptables', 'ip', 'nsenter', 'unshare'].filter(
      (name) => installed(name) === null,
    ),
  ];
  if (absent.length > 0)
    return `no engine: ${absent.join(', ')} not there; run test/harness/build-kubernetes.sh`;
  return plugins() === null ? 'no engine: containernetworking-plugins cannot be fetched' : null;
}

function plugins(): string | null {
  const places = [
    '/usr/lib/cni',
    '/opt/cni/bin',
    join(debianPackage('containernetworking-plugins') ?? '', 'usr', 'lib', 'cni'),
  ];
  return places.find((place) => existsSync(join(place, 'bridge'))) ?? null;
}

/** Addresses of a node's own: the host's end of its wire, its services and its number. */
export interface NodeNetwork {
  number: number;
  host: string;
  serviceCidr: string;
}

/** Makes the wire between the machine and a node, with addresses that no other node here has. */
export function nodeNetwork(): NodeNetwork {
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const number = 1 + Math.floor(Math.random() * 250);
    const space = `eirel-k8s-${number}`;
    const ip = (...words: string[]): boolean => spawnSync('ip', words).status === 0;
    if (!ip('netns', 'add', space)) continue;
    const host = `10.216.${number}.1`;
    const serviceCidr = `10.217.${number}.0/24`;
    if (
      ip('link', 'add', `${space}-h`, 'type', 'veth', 'peer', 'name', `${space}-n`, 'netns', space) &&
      ip('address', 'add', `${host}/24`, 'dev', `${space}-h`) &&
      ip('link', 'set', `${space}-h`, 'up') &&
      // Services are addresses of the node's own making.
      ip('route', 'add', serviceCidr, 'via', `10.216.${number}.2`, 'dev', `${space}-h`, 'onlink')
    ) {
      return { number, host, serviceCidr };
    }
    ip('netns', 'delete', space);
  }
  throw new Error('no network for a node can be made here');
}

export class TestNode {
  private constructor(
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  /**
   * @param directory a new directory for all that the node keeps
   * @param kubeconfig path of a kubeconfig with the rights of a node
   * @param registry `host:port` of a registry that is spoken to over plain HTTP
   */
  static async start(
    network: NodeNetwork,
    options: { directory: string; programs: string; kubeconfig: string; registry: string },
  ): Promise<TestNode> {
    const { directory, programs, registry } = options;
    mkdirSync(directory, { recursive: true });
    copyFileSync(options.kubeconfig, join(directory, 'kubeconfig.yaml'));
    writeFileSync(join(directory, 'pause.tar'), await pauseImage(join(programs, 'pause')));
    const words = [SCRIPT, process.pid, directory, network.number, programs, plugins() ?? '', registry];
    const child = spawn('sh', words.map(String), { stdio: 'ignore', detached: true });
    return new TestNode(child, directory);
  }

  /** Ends of the logs of the node's parts, for an error message. */
  tail(): string {
    const names = ['node.log', 'containerd.log', 'kubelet.log', 'kube-proxy.log'];
    return names
      .map(
        (name) =>
          `${name}:\n${spawnSync('tail', ['-n', '8', join(this.directory, name)], { encoding: 'utf8' }).stdout}`,
      )
      .join('\n');
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    // It ends what it started by SIGKILL, which nothing can hold up.
    await ended;
  }
}

/** The image of a pod's first process, in the layout of `docker save`. */
async function pauseImage(program: string): Promise<Buffer> {
  const layer = await tar({ pause: readFileSync(program) });
  const digest = createHash('sha256').update(layer).digest('hex');
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  });
  const name = `${createHash('sha256').update(config).digest('hex')}.json`;
  return tar({
    [name]: Buffer.from(config),
    'layer.tar': layer,
    'manifest.json': Buffer.from(
      JSON.stringify([{ Config: name, RepoTags: ['eirel.test/pause:1'], Layers: ['layer.tar'] }]),
    ),
  });
}

async function tar(files: Record<string, Buffer>): Promise<Buffer> {
  const archive = pack();
  for (const [name, body] of Object.entries(files))
    archive.entry({ name, mode: 0o755, mtime: new Date(0) }, body);
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
