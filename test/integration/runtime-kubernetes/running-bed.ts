/** Everything that agents need to run on Kubernetes: a control plane, a node with a kubelet, a registry, a build engine. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerRuntime, containerRuntimeFromEnv } from '../../../adapters/container-runtime';
import { connectEngine } from '../../../adapters/container-runtime/docker/engine';
import { CACHE, kubernetesMissing, WORKER_TOKEN } from '../../harness/kubernetes';
import { nodeMissing, nodeNetwork } from '../../harness/kubernetes-node';
import { registryMissing, TestRegistry } from '../../harness/registry';
import { type Engine, startEngine, stopEngine } from '../runtime/conformance/docker-bed';
import { ensureSampleImages, RUNTIME_IMAGE } from '../runtime/conformance/images';
import type { Bed } from '../runtime/conformance/suite';
import { silent } from '../runtime/harness';
import { APPS, CORE, KubernetesBed, NAMESPACE, NETWORKING } from './bed';

/** Null when agents can be run here, else the first thing that is missing. */
export function runningBedMissing(): string | null {
  return kubernetesMissing() ?? nodeMissing(CACHE) ?? registryMissing();
}

export class RunningBed implements Bed {
  readonly searchRoots = ['/'];

  private constructor(
    readonly kubernetes: KubernetesBed,
    readonly registry: TestRegistry,
    readonly engine: Engine,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async start(env: NodeJS.ProcessEnv = {}): Promise<RunningBed> {
    const engine = startEngine();
    if ('problem' in engine) throw new Error(`no engine that builds images: ${engine.problem}`);
    const network = nodeNetwork();
    const kubernetes = await KubernetesBed.bare(network);
    const registry = await TestRegistry.start({ host: network.host });
    await kubernetes.cluster.startNode(registry.address);
    return new RunningBed(kubernetes, registry, engine, {
      OWNER_RUNTIME_BACKEND: 'kubernetes',
      EIREL_KUBECONFIG: kubernetes.cluster.kubeconfig(WORKER_TOKEN),
      EIREL_OWNER_RUNTIME_REGISTRY: `${registry.address}/agents`,
      EIREL_DOCKER_HOST: engine.host,
      OWNER_RUNTIME_CLASS_LABEL_VALUE: 'runs',
      OWNER_MINER_RUNTIME_IMAGE: RUNTIME_IMAGE,
      EIREL_OWNER_RUNTIME_PROBE_PERIOD_SECONDS: '1',
      ...env,
    });
  }

  runtime(env: NodeJS.ProcessEnv = {}): ContainerRuntime {
    return containerRuntimeFromEnv({ ...this.env, ...env }, silent);
  }

  objects(): Promise<string[]> {
    return this.kubernetes.objects();
  }

  /** As somebody would who clears a namespace up by hand. */
  async sabotage(deploymentId: string): Promise<void> {
    const { cluster } = this.kubernetes;
    const label = `labelSelector=eirel.dev/deployment-id=${deploymentId}`;
    for (const path of [
      `${APPS}/deployments`,
      `${NETWORKING}/networkpolicies`,
      `${CORE}/secrets`,
      `${CORE}/pods`,
    ]) {
      await cluster.must('DELETE', `${path}?${label}`, { gracePeriodSeconds: 0 });
    }
    const { items } = await this.kubernetes.get(`${CORE}/services?${label}`);
    for (const { metadata } of items as { metadata: { name: string } }[]) {
      await cluster.must('DELETE', `${CORE}/services/${metadata.name}`);
    }
  }

  async prepareSamples(): Promise<NodeJS.ProcessEnv> {
    await ensureSampleImages(connectEngine({ socketPath: this.engine.host.slice('unix://'.length) }));
    return {};
  }

  /** This machine's end of the node's wire. */
  serviceHost(): Promise<string> {
    return Promise.resolve(this.registry.address.split(':')[0] ?? '');
  }

  /**
   * By the address of the Service, which is what the name of it leads to inside the cluster. The node's proxy learns of a
   * Service after its pod is ready, on a busy machine by half a minute; until then nothing answers there. It gets twice that.
   */
  async reach(endpointUrl: string): Promise<string> {
    const url = new URL(endpointUrl);
    const [name, namespace] = url.hostname.split('.');
    if (namespace !== NAMESPACE) throw new Error(`${endpointUrl} is not a Service of ${NAMESPACE}`);
    const service = await this.kubernetes.get(`${CORE}/services/${name ?? ''}`);
    url.hostname = service.spec.clusterIP as string;
    const deadline = Date.now() + 60_000;
    while (!(await accepts(url)) && Date.now() < deadline) await sleep(250);
    return url.origin;
  }

  async dispose(): Promise<void> {
    await this.kubernetes.stop();
    await this.registry.stop();
    stopEngine(this.engine);
  }
}

/** Whether a connection to the address is taken within a second. */
function accepts({ hostname, port }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 1000 });
    const end = (taken: boolean) => (): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}
