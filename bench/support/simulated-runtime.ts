/** A container runtime without containers: agents are addresses of one server (`agents.ts`), and always fit. */
import type {
  BuildSpec,
  BuiltImage,
  ContainerRuntime,
  NodeCapacity,
  PlacementSpec,
  RuntimePlacement,
  RuntimeStatus,
} from '../../adapters/container-runtime';

interface Placed {
  placement: RuntimePlacement;
  spec: PlacementSpec;
}

export class SimulatedRuntime implements ContainerRuntime {
  readonly backend = 'process';
  private readonly placed = new Map<string, Placed>();
  private instances = 0;

  /** @param agentsUrl base address of the agents' server; @param slots agents that fit at the same time */
  constructor(
    private readonly agentsUrl: string,
    private readonly slots: number,
  ) {}

  /** Reads the archive to its end, as a build would. */
  async buildImage(spec: BuildSpec): Promise<BuiltImage> {
    let size = 0;
    for await (const chunk of await spec.archive()) size += (chunk as Buffer).length;
    spec.onLog(`simulated build of ${size} bytes`);
    return { imageRef: `simulated/${spec.archiveSha256}`, cached: false };
  }

  place(spec: PlacementSpec): Promise<RuntimePlacement> {
    const present = this.placed.get(spec.deploymentId);
    if (present && present.spec.revision === spec.revision) {
      return Promise.resolve({ ...present.placement, adopted: true });
    }
    this.instances += 1;
    const placement: RuntimePlacement = {
      deploymentId: spec.deploymentId,
      endpointUrl: `${this.agentsUrl}/${spec.deploymentId}`,
      nodeName: 'simulated',
      startedAt: new Date(),
      instanceId: `simulated-${this.instances}`,
      adopted: false,
      limits: [],
    };
    this.placed.set(spec.deploymentId, { placement, spec });
    return Promise.resolve(placement);
  }

  status(deploymentId: string): Promise<RuntimeStatus> {
    return Promise.resolve(this.statusOf(deploymentId));
  }

  logs(): Promise<string[]> {
    return Promise.resolve([]);
  }

  stop(deploymentId: string): Promise<void> {
    this.placed.delete(deploymentId);
    return Promise.resolve();
  }

  remove(deploymentId: string): Promise<void> {
    return this.stop(deploymentId);
  }

  list(): Promise<RuntimeStatus[]> {
    return Promise.resolve([...this.placed.keys()].map((id) => this.statusOf(id)));
  }

  capacity(): Promise<NodeCapacity[]> {
    const specs = [...this.placed.values()].map(({ spec }) => spec);
    return Promise.resolve([
      {
        nodeName: 'simulated',
        totalCpuMillis: 1_000_000,
        totalMemoryBytes: 2 ** 50,
        usedCpuMillis: specs.reduce((sum, spec) => sum + spec.cpuMillis, 0),
        usedMemoryBytes: specs.reduce((sum, spec) => sum + spec.memoryBytes, 0),
        maxPods: this.slots,
        runningPods: specs.length,
        deploymentIds: specs.map((spec) => spec.deploymentId),
      },
    ]);
  }

  stopAll(): Promise<void> {
    this.placed.clear();
    return Promise.resolve();
  }

  private statusOf(deploymentId: string): RuntimeStatus {
    const found = this.placed.get(deploymentId);
    if (!found) return { deploymentId, state: 'missing', ready: false };
    const { endpointUrl, instanceId } = found.placement;
    return {
      deploymentId,
      state: 'running',
      ready: true,
      revision: found.spec.revision,
      endpointUrl,
      instanceId,
    };
  }
}
