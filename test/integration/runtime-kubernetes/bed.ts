/** The manifests under deploy/k8s on a control plane of the tests' own, and the backend on it with the role they give. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import type { ContainerRuntime, PlacementSpec } from '../../../adapters/container-runtime';
import { kubernetesConfigFromEnv } from '../../../adapters/container-runtime/kubernetes/config';
import { createKubernetesRuntime } from '../../../adapters/container-runtime/kubernetes/runtime';
import type { Logger } from '../../../adapters/logging';
import { parseManifest } from '../../../domain/contracts/manifest';
import { projectRoot } from '../../../adapters/project-root';
import type { NodeNetwork } from '../../harness/kubernetes-node';
import { ADMIN_TOKEN, TestCluster, WORKER_TOKEN } from '../../harness/kubernetes';

export const NAMESPACE = 'eirel-miners';
export const IMAGE = 'registry.test:5000/agents/one@sha256:' + 'a'.repeat(64);
export const CORE = `/api/v1/namespaces/${NAMESPACE}`;
export const APPS = `/apis/apps/v1/namespaces/${NAMESPACE}`;
export const NETWORKING = `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}`;
export const MERGE = 'application/merge-patch+json';

/** What the API gives back, as far as the tests look into it. */
export type Json = Record<string, unknown> & {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- trees of the cluster's own making
  [key: string]: any;
};

const SERVICES = {
  EIREL_PROVIDER_PROXY_URL: 'http://provider-proxy.eirel-system.svc.cluster.local:8092',
  EIREL_WEB_SEARCH_TOOL_URL: 'http://10.9.0.1:18085',
  EIREL_URL_FETCH_TOOL_URL: 'http://10.9.0.1:18087',
  EIREL_RAG_TOOL_URL: 'http://10.9.0.1:18088',
  EIREL_SANDBOX_TOOL_URL: 'http://10.9.0.1:18091',
};

export class KubernetesBed {
  readonly warnings: string[] = [];
  private kubelet: Server | undefined;
  /** What the node `by-hand` says of its containers' output. */
  log = '';

  private constructor(readonly cluster: TestCluster) {}

  /** The manifests on a cluster without nodes. @param network of a node that is to be started on it */
  static async bare(network: NodeNetwork | null = null): Promise<KubernetesBed> {
    const bed = new KubernetesBed(await TestCluster.start(network));
    await bed.applyManifests();
    return bed;
  }

  static async start(): Promise<KubernetesBed> {
    const bed = await KubernetesBed.bare();
    const pool = { 'eirel.dev/runtime-pool': 'true' };
    await bed.cluster.addNode('big', { labels: { ...pool, 'eirel.dev/runtime-class': 'miner' }, kwok: true });
    const port = await bed.startKubelet();
    await bed.cluster.addNode('by-hand', {
      labels: { ...pool, 'eirel.dev/runtime-class': 'by-hand' },
      kwok: false,
      kubeletPort: port,
    });
    return bed;
  }

  /** A runtime as a worker makes it, with nothing but the rights of the manifests. */
  runtime(env: NodeJS.ProcessEnv = {}, token = WORKER_TOKEN): ContainerRuntime {
    const logger: Logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (message) => void this.warnings.push(message),
      error: () => undefined,
    };
    const config = kubernetesConfigFromEnv({
      EIREL_KUBECONFIG: this.cluster.kubeconfig(token),
      EIREL_OWNER_RUNTIME_REGISTRY: 'registry.test:5000/agents',
      EIREL_OWNER_RUNTIME_SCHEDULE_TIMEOUT_SECONDS: '30',
      ...SERVICES,
      ...env,
    });
    return createKubernetesRuntime(config, logger);
  }

  /** Agents of this runtime land on a node whose kubelet is the test. */
  byHand(env: NodeJS.ProcessEnv = {}): ContainerRuntime {
    return this.runtime({ OWNER_RUNTIME_CLASS_LABEL_VALUE: 'by-hand', ...env });
  }

  spec(more: Partial<PlacementSpec> = {}): PlacementSpec {
    const parsed = parseManifest('agent: {name: test}\nfamily_id: general_chat\n');
    if (!parsed.ok) throw new Error(parsed.message);
    return {
      deploymentId: 'd1',
      submissionId: 's1',
      revision: 'f'.repeat(64),
      imageRef: IMAGE,
      manifest: parsed.manifest,
      env: { EIREL_PROVIDER_PROXY_TOKEN: 'edt1.scoped' },
      cpuMillis: 500,
      memoryBytes: 256 * 1024 * 1024,
      startTimeoutSeconds: 5,
      ...more,
    };
  }

  async get(path: string): Promise<Json> {
    return this.cluster.must<Json>('GET', path);
  }

  async items(path: string): Promise<Json[]> {
    const separator = path.includes('?') ? '&' : '?';
    const list = await this.get(`${path}${separator}labelSelector=eirel.dev/deployment-id`);
    return list.items as Json[];
  }

  /** Every object that carries a deployment's label, as `kind/name`. */
  async objects(): Promise<string[]> {
    const kinds = ['deployments', 'replicasets'].map((kind) => [kind, `${APPS}/${kind}`]);
    const more = ['pods', 'services', 'secrets', 'configmaps', 'endpoints'].map((kind) => [
      kind,
      `${CORE}/${kind}`,
    ]);
    const all = [
      ...kinds,
      ...more,
      ['networkpolicies', `${NETWORKING}/networkpolicies`],
      ['endpointslices', `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`],
    ];
    const found = await Promise.all(
      all.map(async ([kind, path]) =>
        (await this.items(path ?? '')).map((item) => `${kind}/${item.metadata.name as string}`),
      ),
    );
    return found.flat().sort();
  }

  /** The one pod that is there and not on its way out. */
  async pod(id: string): Promise<Json> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const pods = await this.get(`${CORE}/pods?labelSelector=eirel.dev/deployment-id=${id}`);
      const [pod] = (pods.items as Json[]).filter((one) => !one.metadata.deletionTimestamp);
      if (pod?.spec.nodeName) return pod;
      await sleep(100);
    }
    throw new Error(`no pod of ${id} was ever scheduled`);
  }

  /** Says of a pod what its kubelet would. */
  async report(pod: Json, status: Json): Promise<void> {
    await this.cluster.must('PATCH', `${CORE}/pods/${pod.metadata.name as string}/status`, { status }, MERGE);
  }

  async reportReady(pod: Json): Promise<void> {
    await this.report(pod, {
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: 'True' },
      ],
      containerStatuses: [
        containerStatus(
          pod,
          { running: { startedAt: new Date().toISOString() } },
          { ready: true, started: true },
        ),
      ],
    });
  }

  /** Ends terminating pods of the node `by-hand`, as its kubelet would, until stopped. */
  endPods(): () => Promise<void> {
    let going = true;
    const loop = (async () => {
      while (going) {
        const { items } = await this.get(`${CORE}/pods?fieldSelector=spec.nodeName=by-hand`);
        for (const pod of (items as Json[]).filter((one) => one.metadata.deletionTimestamp)) {
          await this.cluster.call('DELETE', `${CORE}/pods/${pod.metadata.name as string}`, {
            gracePeriodSeconds: 0,
          });
        }
        await sleep(100);
      }
    })();
    return async () => {
      going = false;
      await loop;
    };
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    this.kubelet?.closeAllConnections();
    await new Promise((resolve) => (this.kubelet ? this.kubelet.close(resolve) : resolve(undefined)));
  }

  private async applyManifests(): Promise<void> {
    const directory = join(projectRoot(), 'deploy', 'k8s', 'base');
    const names = readdirSync(directory).filter(
      (name) => name.endsWith('.yaml') && name !== 'kustomization.yaml',
    );
    const documents = names.flatMap((name) =>
      parseAllDocuments(readFileSync(join(directory, name), 'utf8')).map((one) => one.toJS() as Json),
    );
    // Namespaces first, as kubectl orders them.
    documents.sort((a, b) => Number(b.kind === 'Namespace') - Number(a.kind === 'Namespace'));
    for (const document of documents) {
      const { name, namespace } = document.metadata as { name: string; namespace?: string };
      const version = document.apiVersion as string;
      const root = version.includes('/') ? `/apis/${version}` : `/api/${version}`;
      const kind = document.kind as string;
      const plural = kind === 'NetworkPolicy' ? 'networkpolicies' : `${kind.toLowerCase()}s`;
      const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
      await this.cluster.must(
        'PATCH',
        `${root}${scope}/${plural}/${name}?fieldManager=kubectl&fieldValidation=Strict`,
        document,
        'application/apply-patch+yaml',
      );
    }
  }

  /** Answers for logs only, on the API server's own certificate. */
  private async startKubelet(): Promise<number> {
    this.kubelet = createServer(this.cluster.certificate, (request, response) => {
      const lines = Number(new URL(request.url ?? '', 'https://k').searchParams.get('tailLines'));
      response.end(`${this.log.split('\n').slice(-lines).join('\n')}\n`);
    });
    await new Promise<void>((resolve) => this.kubelet?.listen(0, '127.0.0.1', resolve));
    return (this.kubelet.address() as AddressInfo).port;
  }
}

export function containerStatus(pod: Json, state: Json, more: Json = {}): Json {
  const { name, image } = pod.spec.containers[0] as { name: string; image: string };
  return { name, image, imageID: image, ready: false, restartCount: 0, state, ...more };
}

export { ADMIN_TOKEN, WORKER_TOKEN };
