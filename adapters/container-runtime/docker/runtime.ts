/**
 * The `docker` backend: each agent is a container without rights on a network of its own, beside a relay of the
 * owner's that lets requests in and the owner's services out. Everything is found again by names and labels on the
 * engine; nothing is remembered elsewhere, so that any worker, started at any time, carries on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Logger } from '../../logging';
import { earlyEndFault } from '../early-end';
import {
  type BuildSpec,
  type BuiltImage,
  type ContainerRuntime,
  FAULT_LOG_LINES,
  MinerFault,
  type NodeCapacity,
  OwnerFault,
  type PlacementSpec,
  type RuntimePlacement,
  type RuntimeStatus,
} from '../types';
import { agentContainer, driftOf, instanceIdOf, labelsOf, limitNotes } from './agent';
import { buildDockerImage } from './build';
import type { DockerRuntimeConfig } from './config';
import { planEgress } from './egress';
import { connectEngine, gone, isAmbiguous, isConflict, isNotFound, orNull, owned } from './engine';
import { identity, isBeingStarted, LABEL, labelFilter, objectNames, type ObjectNames } from './names';
import { ensureNetwork, hasNetwork, removeNetwork } from './network';
import { containerLines, describeOutcome, type Outcome, outcomeOf } from './outcome';
import { probeEndpoint } from './probe';
import { ensureRelay, relayEndpoint } from './relay';

const POLL_MS = 150;
const HEARTBEAT_MS = 2000;
/** Grace for an instance that is replaced, in seconds. */
const REPLACE_GRACE_SECONDS = 5;
const CONFLICT_ATTEMPTS = 60;
const CONFLICT_WAIT_MS = 250;

type Inspected = Docker.ContainerInspectInfo;

export class DockerRuntime implements ContainerRuntime {
  readonly backend = 'docker';
  private readonly docker: Docker;
  /** Instances that answered once: from then on they are running, not starting. */
  private readonly everReady = new Set<string>();
  /** Keeps operations on one deployment within this process in order; between processes the names do. */
  private readonly queues = new Map<string, Promise<unknown>>();
  private podman: Promise<boolean> | undefined;

  /** @throws OwnerFault when the engine's client certificates cannot be read */
  constructor(
    private readonly config: DockerRuntimeConfig,
    private readonly logger: Logger,
  ) {
    this.docker = connectEngine(config.engine);
  }

  async buildImage(spec: BuildSpec): Promise<BuiltImage> {
    return owned('build the image', spec.signal, () => buildDockerImage(this.docker, this.config, spec));
  }

  async place(spec: PlacementSpec): Promise<RuntimePlacement> {
    return owned('place the deployment', spec.signal, async () => {
      const names = this.names(spec.deploymentId);
      const { agent, adopted } = await this.inOrder(spec.deploymentId, () => this.startOrAdopt(names, spec));
      const endpointUrl = await this.untilReady(names, agent, spec);
      return {
        deploymentId: spec.deploymentId,
        endpointUrl,
        nodeName: this.config.nodeName,
        startedAt: new Date(agent.State.StartedAt),
        instanceId: instanceIdOf(agent),
        adopted,
        limits: limitNotes(this.config, agent),
      };
    });
  }

  async status(deploymentId: string): Promise<RuntimeStatus> {
    return owned('read the status', undefined, () => this.statusOf(deploymentId));
  }

  async logs(deploymentId: string, options: { tailLines: number }): Promise<string[]> {
    return owned('read the log', undefined, async () => {
      const names = this.names(deploymentId);
      const current = (await this.inspect(names.agent)) ?? (await this.inspect(names.stopped));
      return current === null ? [] : containerLines(this.docker, current.Id, options.tailLines);
    });
  }

  async stop(deploymentId: string, options: { graceSeconds: number }): Promise<void> {
    await owned('stop the deployment', undefined, () =>
      this.inOrder(deploymentId, () => this.stopNow(this.names(deploymentId), options.graceSeconds)),
    );
  }

  async remove(deploymentId: string): Promise<void> {
    await owned('remove the deployment', undefined, () =>
      this.inOrder(deploymentId, async () => {
        const names = this.names(deploymentId);
        for (const name of [names.agent, names.stopped, names.relay]) await this.discard(name);
        await removeNetwork(this.docker, names);
      }),
    );
  }

  async list(): Promise<RuntimeStatus[]> {
    return owned('list the deployments', undefined, async () => {
      const ids = await this.knownDeployments();
      const all = await Promise.all(ids.map((id) => this.statusOf(id)));
      return all.filter((status) => status.state !== 'missing');
    });
  }

  async capacity(): Promise<NodeCapacity[]> {
    return owned('read the capacity', undefined, async () => {
      const [info, running] = await Promise.all([
        this.docker.info() as Promise<{ NCPU: number; MemTotal: number }>,
        this.docker.listContainers({
          filters: { ...labelFilter(identity(this.config.scope, 'agent')), status: ['running'] },
        }),
      ]);
      const sum = (label: string): number =>
        running.reduce((total, { Labels }) => total + Number(Labels[label] ?? 0), 0);
      return [
        {
          nodeName: this.config.nodeName,
          totalCpuMillis: info.NCPU * 1000,
          totalMemoryBytes: info.MemTotal,
          usedCpuMillis: sum(LABEL.cpuMillis),
          usedMemoryBytes: sum(LABEL.memoryBytes),
          maxPods: this.config.maxPods,
          runningPods: running.length,
          deploymentIds: running.flatMap(({ Labels }) => Labels[LABEL.deploymentId] ?? []),
        },
      ];
    });
  }

  async stopAll(graceSeconds: number): Promise<void> {
    const ids = await owned('list the deployments', undefined, () => this.knownDeployments());
    const results = await Promise.allSettled(ids.map((id) => this.stop(id, { graceSeconds })));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  private names(deploymentId: string): ObjectNames {
    return objectNames(this.config.scope, deploymentId);
  }

  private inspect(container: string): Promise<Inspected | null> {
    return orNull(this.docker.getContainer(container).inspect());
  }

  private discard(container: string): Promise<void> {
    return gone(this.docker.getContainer(container).remove({ force: true, v: true }));
  }

  /** Deployments with any object on the engine but a stopped agent. */
  private async knownDeployments(): Promise<string[]> {
    const filters = labelFilter({ [LABEL.scope]: this.config.scope });
    const containers = await this.docker.listContainers({ all: true, filters });
    const networks = await this.docker.listNetworks({ filters });
    const ids = [
      ...containers
        .filter(({ Names }) => !Names.some((name) => name.startsWith('/eirel-stopped-')))
        .map(({ Labels }) => Labels[LABEL.deploymentId]),
      ...networks.map(({ Labels }) => Labels?.[LABEL.deploymentId]),
    ];
    return [...new Set(ids.filter((id) => id !== undefined))].sort();
  }

  private async inOrder<T>(deploymentId: string, work: () => Promise<T>): Promise<T> {
    const before = this.queues.get(deploymentId) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.catch(() => undefined);
    this.queues.set(deploymentId, settled);
    try {
      return await mine;
    } finally {
      if (this.queues.get(deploymentId) === settled) this.queues.delete(deploymentId);
    }
  }

  /** Another worker in the same step is waited for; whoever made an object first, both find it. */
  private async startOrAdopt(
    names: ObjectNames,
    spec: PlacementSpec,
  ): Promise<{ agent: Inspected; adopted: boolean }> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.tryStartOrAdopt(names, spec);
      } catch (error) {
        const busy =
          isConflict(error) ||
          isNotFound(error) ||
          isAmbiguous(error) ||
          (error instanceof OwnerFault && error.code === 'busy');
        if (!busy || attempt >= CONFLICT_ATTEMPTS) throw error;
        spec.signal?.throwIfAborted();
        await sleep(CONFLICT_WAIT_MS);
      }
    }
  }

  private async tryStartOrAdopt(
    names: ObjectNames,
    spec: PlacementSpec,
  ): Promise<{ agent: Inspected; adopted: boolean }> {
    const egress = planEgress(spec.env, this.config.egressVariables);
    const relay = { deploymentId: spec.deploymentId, agentPort: spec.manifest.runtime.port, egress };
    const { deploymentId } = spec;
    const networkId = await ensureNetwork(this.docker, this.config, names, deploymentId, await this.hides());
    const present = await this.inspect(names.agent);
    if (present !== null && isBeingStarted(present)) {
      throw new OwnerFault('busy', `another worker is starting deployment ${deploymentId}`);
    }
    let restarts = 0;
    if (present !== null) {
      const labels = labelsOf(present);
      const same = labels[LABEL.revision] === spec.revision && labels[LABEL.imageRef] === spec.imageRef;
      // Made by a worker that died before it was started.
      const unstarted = present.State.Status === 'created';
      const drift = same && !unstarted ? driftOf(present, networkId, spec) : null;
      if (same && drift === null && present.State.Running) {
        await ensureRelay(this.docker, this.config, names, networkId, relay);
        return { agent: present, adopted: true };
      }
      if (drift !== null && present.State.Running) {
        this.logger.warn('an agent is not as it was placed and is replaced', {
          deploymentId: spec.deploymentId,
          drift,
        });
      }
      restarts = same ? Number(labels[LABEL.restarts] ?? 0) + (unstarted ? 0 : 1) : 0;
      if (present.State.Running) {
        await gone(this.docker.getContainer(present.Id).stop({ t: REPLACE_GRACE_SECONDS }));
      }
      await this.discard(present.Id);
    }
    await this.discard(names.stopped);
    const image = await orNull(this.docker.getImage(spec.imageRef).inspect());
    if (image === null) {
      throw new OwnerFault('image_missing', `image ${spec.imageRef} is not on this engine: build it again`);
    }
    await ensureRelay(this.docker, this.config, names, networkId, relay);
    const body = agentContainer(this.config, names, networkId, spec, image, egress.env, restarts);
    const container = await this.docker.createContainer(body);
    const agent = await this.startAgent(container, spec);
    this.logger.info('started an agent', {
      deploymentId: spec.deploymentId,
      container: container.id.slice(0, 12),
      restarts,
    });
    return { agent, adopted: false };
  }

  private async startAgent(container: Docker.Container, spec: PlacementSpec): Promise<Inspected> {
    try {
      await container.start();
    } catch (error) {
      const lines = await containerLines(this.docker, container.id, FAULT_LOG_LINES);
      await gone(container.remove({ force: true, v: true }));
      // The engine starts the first program itself: one that is not there, or not executable, is the image's.
      const message = (error as Error).message;
      if (
        /executable file not found|no such file or directory|permission denied|exec format/i.test(message)
      ) {
        throw new MinerFault('start_command_failed', `the start command could not be run: ${message}`, lines);
      }
      throw error;
    }
    const agent = await this.inspect(container.id);
    if (agent === null) throw this.superseded(spec.deploymentId);
    return agent;
  }

  /** Whether the engine knows how to keep the host's address off a network. */
  private async hides(): Promise<boolean> {
    this.podman ??= this.docker
      .version()
      .then((version) =>
        ((version as { Components?: { Name: string }[] }).Components ?? []).some(({ Name }) =>
          /podman/i.test(Name),
        ),
      );
    // A failed question is asked again by the next placement.
    this.podman.catch(() => (this.podman = undefined));
    return !(await this.podman);
  }

  /** @returns where the ready agent is reached */
  private async untilReady(names: ObjectNames, started: Inspected, spec: PlacementSpec): Promise<string> {
    const deadline = Date.now() + spec.startTimeoutSeconds * 1000;
    const path = spec.manifest.runtime.health_path;
    const instance = instanceIdOf(started);
    let lastBeat = 0;
    let last = 'not asked yet';
    for (;;) {
      spec.signal?.throwIfAborted();
      const agent = await this.inspect(names.agent);
      if (agent === null || instanceIdOf(agent) !== instance) throw this.superseded(spec.deploymentId);
      if (!agent.State.Running) throw await this.earlyEnd(agent, spec);
      const relay = await this.inspect(names.relay);
      const endpointUrl = relayEndpoint(this.config, names, relay);
      const problem =
        endpointUrl === undefined ? 'its relay is down' : await probeEndpoint(endpointUrl, path);
      if (problem === null && endpointUrl !== undefined) {
        this.everReady.add(instance);
        return endpointUrl;
      }
      last = problem ?? last;
      if (Date.now() > deadline) {
        if (endpointUrl === undefined) {
          throw new OwnerFault('relay_down', `the relay of deployment ${spec.deploymentId} does not run`);
        }
        const lines = await containerLines(this.docker, agent.Id, FAULT_LOG_LINES);
        await gone(this.docker.getContainer(agent.Id).stop({ t: 1 }));
        throw new MinerFault(
          'health_timeout',
          `GET ${path} did not answer 200..399 within ${spec.startTimeoutSeconds} s (last: ${last}); the agent ` +
            `must listen on port ${spec.manifest.runtime.port} of every interface`,
          lines,
        );
      }
      if (Date.now() - lastBeat > HEARTBEAT_MS) {
        spec.heartbeat?.(`waiting for ${path}: ${last}`);
        lastBeat = Date.now();
      }
      await sleep(POLL_MS);
    }
  }

  private superseded(deploymentId: string): OwnerFault {
    return new OwnerFault(
      'superseded',
      `deployment ${deploymentId} was stopped or replaced while it started`,
    );
  }

  private async earlyEnd(agent: Inspected, spec: PlacementSpec): Promise<MinerFault> {
    const outcome = await outcomeOf(this.docker, agent);
    return earlyEndFault({
      oomKilled: outcome.oomKilled,
      exitCode: outcome.exitCode,
      words: `ended ${describeOutcome(outcome)}`,
      memoryBytes: spec.memoryBytes,
      healthPath: spec.manifest.runtime.health_path,
      lines: await containerLines(this.docker, agent.Id, FAULT_LOG_LINES),
    });
  }

  private async stopNow(names: ObjectNames, graceSeconds: number): Promise<void> {
    const agent = await this.inspect(names.agent);
    if (agent !== null) {
      await this.discard(names.stopped);
      const container = this.docker.getContainer(agent.Id);
      // Named first: if this worker dies in between, the end is known to have been wanted.
      await gone(container.rename({ name: names.stopped }));
      this.everReady.delete(instanceIdOf(agent));
    }
    // Also what an earlier attempt had named, but not yet stopped.
    const stopped = await this.inspect(names.stopped);
    if (stopped?.State.Running) {
      await gone(this.docker.getContainer(stopped.Id).stop({ t: Math.max(0, Math.ceil(graceSeconds)) }));
    }
    await this.discard(names.relay);
    await removeNetwork(this.docker, names);
  }

  private async statusOf(deploymentId: string): Promise<RuntimeStatus> {
    const names = this.names(deploymentId);
    const agent = await this.inspect(names.agent);
    if (agent === null) return this.absent(deploymentId, names);
    const labels = labelsOf(agent);
    const known = {
      deploymentId,
      revision: labels[LABEL.revision] ?? '',
      instanceId: instanceIdOf(agent),
      restarts: Number(labels[LABEL.restarts] ?? 0),
    };
    if (agent.State.Status === 'created') {
      return { ...known, state: 'starting', ready: false, reason: 'created, not started yet' };
    }
    if (!agent.State.Running) return { ...known, ...this.ended(await outcomeOf(this.docker, agent)) };
    const relay = await this.inspect(names.relay);
    const endpointUrl = relayEndpoint(this.config, names, relay);
    if (endpointUrl === undefined) {
      return { ...known, state: 'running', ready: false, reason: 'its relay is down: place it again' };
    }
    const path = labels[LABEL.healthPath] ?? '/healthz';
    const problem = await probeEndpoint(endpointUrl, path);
    const after = problem === null ? agent : await this.inspect(names.agent);
    if (after === null) return this.absent(deploymentId, names);
    if (!after.State.Running) return { ...known, ...this.ended(await outcomeOf(this.docker, after)) };
    if (problem === null) this.everReady.add(known.instanceId);
    return {
      ...known,
      state: this.hasBeenReady(known.instanceId, agent, labels) ? 'running' : 'starting',
      ready: problem === null,
      endpointUrl,
      ...(problem === null ? {} : { reason: `GET ${path}: ${problem}` }),
    };
  }

  /** A worker that was started later has not seen it answer; past its start timeout an agent is no longer starting. */
  private hasBeenReady(instanceId: string, agent: Inspected, labels: Record<string, string>): boolean {
    const age = Date.now() - Date.parse(agent.State.StartedAt);
    return this.everReady.has(instanceId) || age > Number(labels[LABEL.startTimeout] ?? 0) * 1000;
  }

  private ended(outcome: Outcome): Pick<RuntimeStatus, 'state' | 'ready' | 'reason'> & Outcome {
    return { state: 'exited', ready: false, ...outcome, reason: `ended ${describeOutcome(outcome)}` };
  }

  private async absent(deploymentId: string, names: ObjectNames): Promise<RuntimeStatus> {
    if ((await this.inspect(names.stopped)) !== null) {
      return { deploymentId, state: 'missing', ready: false, reason: 'stopped on request' };
    }
    if ((await this.inspect(names.relay)) !== null || (await hasNetwork(this.docker, names))) {
      const reason = 'its container was removed from the engine by somebody else';
      return { deploymentId, state: 'exited', ready: false, reason };
    }
    const reason = 'never placed on this engine, or removed';
    return { deploymentId, state: 'missing', ready: false, reason };
  }
}
