/**
 * A real Kubernetes control plane for tests: etcd, the API server, the controllers, the scheduler, and kwok in place
 * of kubelets. It is never built here; `test/harness/build-kubernetes.sh` puts the programs where this looks for them.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { debianPackage, installed } from './debian';
import { type NodeNetwork, TestNode } from './kubernetes-node';

export const CACHE = process.env.TEST_KUBERNETES_BIN ?? join(__dirname, '..', '..', '.eirel', 'tools', 'k8s');
const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
type Program = (typeof PROGRAMS)[number];
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

const CONTROLLERS = [
  'deployment-controller',
  'replicaset-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'disruption-controller',
  // What kube-proxy learns of where a Service leads.
  'endpointslice-controller',
];

/** Label of the nodes whose pods kwok makes ready. */
export const KWOK_LABEL = 'test.eirel.dev/kwok';
/** Member of `system:masters`. */
export const ADMIN_TOKEN = 'admin-token';
/** The service account that the manifests under deploy/k8s bind. */
export const WORKER_TOKEN = 'worker-token';
export const WORKER_USER = 'system:serviceaccount:eirel-control-plane:owner-runtime';

function find(program: Program): string | null {
  const places = [CACHE, ...(process.env.PATH ?? '').split(delimiter)];
  if (program === 'etcd' && installed('etcd') === null) {
    places.push(join(debianPackage('etcd-server') ?? CACHE, 'usr', 'bin'));
  }
  return places.map((place) => join(place, program)).find((path) => existsSync(path)) ?? null;
}

/** Null when every program is there, else why the tests cannot run. */
export function kubernetesMissing(): string | null {
  const missing: string[] = PROGRAMS.filter((program) => find(program) === null);
  if (!existsSync(join(CACHE, 'stages.yaml'))) missing.push('stages.yaml');
  return missing.length === 0
    ? null
    : `no engine: ${missing.join(', ')} not built; run test/harness/build-kubernetes.sh`;
}

interface NodeStatus {
  status?: { conditions?: { type: string; status: string }[] };
}

export interface Answer<T> {
  status: number;
  body: T;
}

export class TestCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'eirel-k8s-'));
  private readonly children: ChildProcess[] = [];
  private stopping = false;
  server = '';

  private node: TestNode | undefined;

  /** @param network of a node that is to be started (`startNode`): the API then answers on its wire */
  private constructor(private readonly network: NodeNetwork | null) {}

  static async start(network: NodeNetwork | null = null): Promise<TestCluster> {
    const cluster = new TestCluster(network);
    try {
      await cluster.boot();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** A certificate and key of the API server's own making, for servers that stand in for a kubelet. */
  get certificate(): { cert: string; key: string } {
    const read = (name: string): string => readFileSync(join(this.directory, 'certs', name), 'utf8');
    return { cert: read('apiserver.crt'), key: read('apiserver.key') };
  }

  /** Path of a kubeconfig with the given bearer token. */
  kubeconfig(token: string): string {
    const path = join(this.directory, `${token}.yaml`);
    writeFileSync(
      path,
      stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: { server: this.server, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
      { mode: 0o600 },
    );
    return path;
  }

  /** One call to the API, by default as the administrator; never throws for a refusal. */
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    options: { token?: string; contentType?: string } = {},
  ): Promise<Answer<T>> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, this.server),
        {
          method,
          rejectUnauthorized: false,
          agent: false,
          headers: {
            authorization: `Bearer ${options.token ?? ADMIN_TOKEN}`,
            accept: 'application/json',
            ...(text === undefined
              ? {}
              : {
                  'content-type': options.contentType ?? 'application/json',
                  // Node frames the body of a DELETE in no other way.
                  'content-length': String(Buffer.byteLength(text)),
                }),
          },
        },
        (response) => {
          let data = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (data += chunk));
          response.on('end', () => {
            const json = /json/.test(response.headers['content-type'] ?? '');
            resolve({ status: response.statusCode ?? 0, body: (json ? JSON.parse(data) : data) as T });
          });
          response.on('error', reject);
        },
      );
      outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`${method} ${path}: no answer in 30 s`)));
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }

  /** A ready node; `kwok` makes its pods ready, otherwise the test does what a kubelet would. */
  async addNode(
    name: string,
    options: {
      labels: Record<string, string>;
      kwok: boolean;
      cpu?: string;
      memory?: string;
      kubeletPort?: number;
    },
  ): Promise<void> {
    const amounts = {
      cpu: options.cpu ?? '64',
      memory: options.memory ?? '256Gi',
      'ephemeral-storage': '500Gi',
      pods: '110',
    };
    const status = {
      allocatable: amounts,
      capacity: amounts,
      conditions: [{ type: 'Ready', status: 'True', reason: 'Test', message: '' }],
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      ...(options.kubeletPort ? { daemonEndpoints: { kubeletEndpoint: { Port: options.kubeletPort } } } : {}),
    };
    const labels = {
      'kubernetes.io/hostname': name,
      ...options.labels,
      ...(options.kwok ? { [KWOK_LABEL]: 'yes' } : {}),
    };
    await this.must('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      status,
    });
    await this.must('PATCH', `/api/v1/nodes/${name}/status`, { status }, 'application/merge-patch+json');
    // The API server marks each new node as not ready, and the controller that would take the mark away does not run.
    await this.must(
      'PATCH',
      `/api/v1/nodes/${name}`,
      { spec: { taints: null } },
      'application/merge-patch+json',
    );
  }

  /** Starts the node that the cluster was given a network for, and waits until it takes pods. */
  async startNode(registry: string): Promise<void> {
    if (this.network === null) throw new Error('the cluster was started without a network for a node');
    this.node = await TestNode.start(this.network, {
      directory: mkdtempSync(join(tmpdir(), 'eirel-node-')),
      programs: CACHE,
      kubeconfig: this.kubeconfig(ADMIN_TOKEN),
      registry,
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const { body } = await this.call<NodeStatus>('GET', '/api/v1/nodes/runs');
      if (body.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) break;
      if (Date.now() > deadline) throw new Error(`the node did not become ready:\n${this.node.tail()}`);
      await sleep(300);
    }
    // As in `addNode`: nobody else takes the mark of a new node away.
    await this.must(
      'PATCH',
      '/api/v1/nodes/runs',
      { spec: { taints: null } },
      'application/merge-patch+json',
    );
  }

  /** @throws Error with the server's message when it refuses */
  async must<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<T> {
    const answer = await this.call<T & { message?: string }>(
      method,
      path,
      body,
      contentType === undefined ? {} : { contentType },
    );
    if (answer.status >= 300) {
      throw new Error(
        `${method} ${path}: ${answer.status} ${answer.body.message ?? JSON.stringify(answer.body)}`,
      );
    }
    return answer.body;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.node?.stop();
    // The API server last but one, so that the others do not spin on a lost connection.
    for (const child of [...this.children].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async boot(): Promise<void> {
    const [etcdPort, peerPort, apiPort] = await freePorts(3);
    const etcd = `http://127.0.0.1:${etcdPort}`;
    const address = this.network?.host ?? '127.0.0.1';
    this.server = `https://${address}:${apiPort}`;
    const file = (name: string): string => join(this.directory, name);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    writeFileSync(file('sa.key'), privateKey, { mode: 0o600 });
    writeFileSync(file('sa.pub'), publicKey);
    writeFileSync(
      file('tokens.csv'),
      `${ADMIN_TOKEN},admin,admin,"system:masters"\n` +
        `${WORKER_TOKEN},${WORKER_USER},worker,"system:serviceaccounts"\n`,
      { mode: 0o600 },
    );
    this.run('etcd', [
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ]);
    this.run('kube-apiserver', [
      `--etcd-servers=${etcd}`,
      `--secure-port=${apiPort}`,
      `--bind-address=${address}`,
      `--advertise-address=${address}`,
      `--cert-dir=${file('certs')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--disable-admission-plugins=ServiceAccount',
      `--service-cluster-ip-range=${this.network?.serviceCidr ?? '10.0.0.0/24'}`,
      '--service-account-issuer=https://kubernetes.test',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--endpoint-reconciler-type=none',
      '--kubelet-preferred-address-types=InternalIP',
      // Debian's etcd is older than what this needs, and each list would wait three seconds for it.
      '--feature-gates=SizeBasedListCostEstimate=false,WatchList=false',
    ]);
    await this.until('the API server', async () => (await this.call('GET', '/readyz')).status === 200);
    const kubeconfig = this.kubeconfig(ADMIN_TOKEN);
    this.run('kube-controller-manager', [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${CONTROLLERS.join(',')}`,
      '--leader-elect=false',
      '--secure-port=0',
      '--kube-api-qps=200',
      '--kube-api-burst=300',
    ]);
    this.run('kube-scheduler', [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0']);
    this.run('kwok', [
      `--kubeconfig=${kubeconfig}`,
      `--config=${join(CACHE, 'stages.yaml')}`,
      '--manage-all-nodes=false',
      `--manage-nodes-with-label-selector=${KWOK_LABEL}=yes`,
      '--cidr=10.244.0.0/16',
      '--node-ip=127.0.0.1',
    ]);
  }

  private run(program: Program, args: string[]): void {
    const path = find(program);
    if (path === null) throw new Error(`${program} is not there`);
    const log = openSync(join(this.directory, `${program}.log`), 'a');
    const child = spawn(path, args, { cwd: this.directory, stdio: ['ignore', log, log] });
    child.once('exit', (code, signal) => {
      if (!this.stopping && (signal !== null || code !== 0)) {
        process.stderr.write(`${program} ended with ${signal ?? code}\n${this.tail(program)}\n`);
      }
    });
    this.children.push(child);
  }

  /** The end of a program's log. */
  tail(program: string): string {
    const path = join(this.directory, `${program}.log`);
    return existsSync(path) ? spawnSync('tail', ['-n', '15', path], { encoding: 'utf8' }).stdout : '';
  }

  private async until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (await condition().catch(() => false)) return;
      const dead = this.children.find((child) => child.exitCode !== null);
      if (dead || Date.now() > deadline) {
        throw new Error(`${what} did not start:\n${this.tail('etcd')}\n${this.tail('kube-apiserver')}`);
      }
      await sleep(200);
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
