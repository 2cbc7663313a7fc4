/**
 * The `kubernetes` backend: each agent is a Deployment of one pod with its Service, its Secret and its network policy,
 * all found by label and owned by the Deployment. The cluster is the only state; any worker finds what another left.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Deployment, V1Node } from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import pLimit from 'p-limit';
import { bestFit } from '../../../domain/placement';
import type { Logger } from '../../logging';
import { projectRoot } from '../../project-root';
import {
  type BuildSpec,
  type BuiltImage,
  type ContainerRuntime,
  type ImageBuilder,
  type NodeCapacity,
  OwnerFault,
  type PlacementSpec,
  type RuntimePlacement,
  type RuntimeStatus,
} from '../types';
import { CONFIG_MAPS, DEPLOYMENTS, messageOf, NETWORK_POLICIES, NODES, PODS, SECRETS, SERVICES } from './api';
import { capacityOf, nodeProblem } from './capacity';
import { Cluster, identityFrom, type Snapshot } from './cluster';
import type { KubernetesRuntimeConfig } from './config';
import { AgentLogs } from './logs';
import { ANNOTATIONS, type DeploymentNames, namesOf } from './names';
import { identityOf, limitNotes } from './objects';
import { faultOf, isMinerFault, owned } from './outcome';
import { sourceDigest, Sources } from './sources';
import { currentPod, observe, type Observation, type Phase, runtimeStatus } from './status';

const POLL_MS = 300;
const HEARTBEAT_MS = 2000;
/** Seconds that a pod may take beyond its grace until it is given up. */
const STOP_SLACK_SECONDS = 30;
const STOPS_AT_ONCE = 8;
/** Phases that end only with the pod. */
const BROKEN = new Set<Phase>(['crashloop', 'container_refused', 'source_failed', 'evicted', 'image_pull']);

export class KubernetesRuntime implements ContainerRuntime {
  readonly backend = 'kubernetes';
  private readonly cluster: Cluster;
  private readonly logsOf: AgentLogs;
  private readonly sources: Sources | null;
  private problems = '';

  constructor(
    private readonly config: KubernetesRuntimeConfig,
    private readonly logger: Logger,
    private readonly builder: ImageBuilder | null,
  ) {
    const script = join(projectRoot(), 'adapters', 'container-runtime', 'kubernetes', 'unpack.py');
    this.cluster = new Cluster(config, logger, readFileSync(script, 'utf8'));
    this.logsOf = new AgentLogs(this.cluster, config, logger);
    this.sources = config.source.kind === 'archive' ? new Sources(config.source, config.archiveLimits) : null;
  }

  async buildImage(spec: BuildSpec): Promise<BuiltImage> {
    return owned('build the image', spec.signal, async () => {
      if (this.sources !== null) return this.sources.prepare(spec);
      if (this.builder !== null) return this.builder.buildImage(spec);
      throw new OwnerFault(
        'no_image_builder',
        'EIREL_OWNER_RUNTIME_REGISTRY is set, but this process has no engine that builds and pushes images',
      );
    });
  }

  async place(spec: PlacementSpec): Promise<RuntimePlacement> {
    let doing = 'asking the cluster';
    const beat = setInterval(() => spec.heartbeat?.(doing), HEARTBEAT_MS);
    try {
      return await owned('place the deployment', spec.signal, () =>
        this.placeAndWait(spec, (now) => (doing = now)),
      );
    } finally {
      clearInterval(beat);
    }
  }

  async status(deploymentId: string): Promise<RuntimeStatus> {
    return owned('read the status', undefined, async () => {
      const names = namesOf(deploymentId);
      const snapshot = await this.cluster.snapshot();
      const found = snapshot.deployments.get(names.id);
      if (found !== undefined) return this.statusOf(found, snapshot, true);
      const kept = await this.logsOf.kept(names);
      const gone = { deploymentId, ready: false };
      if (kept === null) {
        return { ...gone, state: 'missing', reason: 'not in the cluster: never placed, or removed' };
      }
      return kept.end === null
        ? { ...gone, state: 'missing', reason: 'stopped on request' }
        : { ...gone, state: 'exited', reason: kept.end };
    });
  }

  async logs(deploymentId: string, options: { tailLines: number }): Promise<string[]> {
    return owned('read the log', undefined, () => this.logsOf.tail(namesOf(deploymentId), options.tailLines));
  }

  async stop(deploymentId: string, options: { graceSeconds: number }): Promise<void> {
    await owned('stop the deployment', undefined, () =>
      this.end(namesOf(deploymentId), options.graceSeconds, { keep: true, reason: null }),
    );
  }

  async remove(deploymentId: string): Promise<void> {
    await owned('remove the deployment', undefined, async () => {
      const names = namesOf(deploymentId);
      await this.end(names, 0, { keep: false, reason: null });
      await this.cluster.api.delete(CONFIG_MAPS, names.log);
    });
  }

  async list(): Promise<RuntimeStatus[]> {
    return owned('list the deployments', undefined, async () => {
      const snapshot = await this.cluster.snapshot();
      return Promise.all(
        [...snapshot.deployments.values()].map((found) => this.statusOf(found, snapshot, false)),
      );
    });
  }

  async capacity(): Promise<NodeCapacity[]> {
    return owned('read the capacity', undefined, async () => {
      const [nodes, pods] = await Promise.all([this.cluster.nodes(), this.cluster.allPods()]);
      this.reportProblems(nodes);
      return capacityOf(nodes, pods, this.config);
    });
  }

  async stopAll(graceSeconds: number): Promise<void> {
    const limit = pLimit(STOPS_AT_ONCE);
    const all = await this.list();
    const results = await Promise.allSettled(
      all.map(({ deploymentId }) => limit(() => this.stop(deploymentId, { graceSeconds }))),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  private async placeAndWait(spec: PlacementSpec, doing: (what: string) => void): Promise<RuntimePlacement> {
    const names = namesOf(spec.deploymentId);
    const identity = identityOf(spec, names);
    await this.cluster.ensureNamespace();
    let known = await this.cluster.deployment(names, spec.signal);
    if (known?.metadata?.deletionTimestamp !== undefined) {
      doing('waiting for the end of the one before');
      await this.untilGone(names, 1, spec.signal);
      known = null;
    }
    const { before, present, restarts } = await this.findRunning(spec, names, known);
    const digest = sourceDigest(spec.imageRef);
    const sourceUrl = digest === null ? null : await this.linkTo(digest);
    const annotations = known?.metadata?.annotations;
    const applied = await this.cluster.apply(spec, identity, known, {
      // Kept while the revision is: another choice would start a running agent anew.
      chosenNode: present ? (annotations?.[ANNOTATIONS.node] ?? null) : await this.chooseNode(spec),
      restarts,
      sourceUrl,
    });
    await this.cluster.api.delete(CONFIG_MAPS, names.log);
    const seen = await this.untilReady(spec, names, applied, doing);
    if (before === null || before !== seen.instanceId) {
      this.logger.info('placed an agent', {
        deploymentId: spec.deploymentId,
        instanceId: seen.instanceId,
        node: seen.pod?.spec?.nodeName,
      });
    }
    return {
      deploymentId: spec.deploymentId,
      endpointUrl: this.endpoint(names, identity.port),
      nodeName: seen.pod?.spec?.nodeName ?? '',
      startedAt: seen.startedAt ?? new Date(),
      instanceId: seen.instanceId ?? '',
      adopted: before !== null && before === seen.instanceId,
      limits: limitNotes(spec, this.config),
    };
  }

  /** `before`: the instance that may be kept. A pod that failed is taken away, so that the next starts without backoff. */
  private async findRunning(
    spec: PlacementSpec,
    names: DeploymentNames,
    known: V1Deployment | null,
  ): Promise<{ before: string | null; present: boolean; restarts: number }> {
    const annotations = known?.metadata?.annotations;
    const present =
      known !== null &&
      annotations?.[ANNOTATIONS.revision] === spec.revision &&
      annotations[ANNOTATIONS.image] === spec.imageRef;
    if (!present) return { before: null, present, restarts: 0 };
    const restarts = Number(annotations[ANNOTATIONS.restarts]) || 0;
    const seen = observe(currentPod(known, await this.cluster.pods(names, spec.signal)));
    if (!BROKEN.has(seen.phase)) return { before: seen.instanceId, present, restarts };
    await this.cluster.api.delete(PODS, seen.pod?.metadata?.name ?? '', { gracePeriodSeconds: 1 });
    return { before: null, present, restarts: restarts + seen.restarts + 1 };
  }

  private linkTo(digest: string): Promise<string> {
    if (this.sources !== null) return this.sources.link(digest);
    throw new OwnerFault(
      'image_unknown',
      'the submission was prepared for a cluster without a registry, and now there is one: build it again',
    );
  }

  private async chooseNode(spec: PlacementSpec): Promise<string | null> {
    return spec.nodeName ?? bestFit(await this.capacity(), spec, this.config.headroom);
  }

  private async untilReady(
    spec: PlacementSpec,
    names: DeploymentNames,
    applied: V1Deployment,
    doing: (what: string) => void,
  ): Promise<Observation> {
    const began = Date.now();
    let runningSince: number | null = null;
    for (;;) {
      spec.signal?.throwIfAborted();
      const found = await this.cluster.deployment(names, spec.signal);
      if (
        found === null ||
        found.metadata?.deletionTimestamp !== undefined ||
        found.metadata?.uid !== applied.metadata?.uid ||
        found.metadata?.annotations?.[ANNOTATIONS.revision] !== spec.revision
      ) {
        throw new OwnerFault(
          'superseded',
          `deployment ${spec.deploymentId} was stopped or replaced while it started`,
        );
      }
      const rolled = hasRolled(found);
      const pods = rolled ? await this.cluster.pods(names, spec.signal) : [];
      const seen = observe(currentPod(found, pods));
      if (seen.phase === 'ready') return seen;
      runningSince = seen.phase === 'running' ? (runningSince ?? Date.now()) : null;
      doing(`${seen.phase}: ${seen.reason}`);
      const fault = await faultOf(seen, found, spec, this.config, {
        waitedMs: Date.now() - began,
        runningMs: runningSince === null ? 0 : Date.now() - runningSince,
        logs: () => this.logsOf.forFault(seen),
        lastProbe: () => this.cluster.lastProbe(seen.pod),
      });
      if (fault !== null) {
        // Left in place it would be started again for ever, or hold the room that others wait for.
        if (isMinerFault(fault) || fault.code === 'insufficient_runtime_capacity') {
          // What does not end in time is being deleted all the same, and must not hide why.
          await this.end(names, 1, { keep: isMinerFault(fault), reason: fault.message }).catch(
            (error: unknown) =>
              this.logger.warn('an agent that failed to start is not gone yet', {
                deploymentId: spec.deploymentId,
                reason: messageOf(error),
              }),
          );
        }
        throw fault;
      }
      await sleep(POLL_MS, undefined, { signal: spec.signal }).catch(() => undefined);
    }
  }

  private async statusOf(found: V1Deployment, snapshot: Snapshot, repair: boolean): Promise<RuntimeStatus> {
    const identity = identityFrom(found);
    const repaired = repair ? await this.cluster.repair(identity, found, snapshot) : [];
    const seen = observe(currentPod(found, snapshot.pods.get(identity.names.id) ?? []));
    const status = runtimeStatus(
      identity.deploymentId,
      found,
      seen,
      this.endpoint(identity.names, identity.port),
    );
    return repaired.length === 0 ? status : { ...status, reason: `put back: ${repaired.join(', ')}` };
  }

  /**
   * Deletes the Deployment, waits until no pod of it is left, and only then takes the policy away.
   * @param log whether to keep the end of its log, and why it is ended when nobody asked for it
   */
  private async end(
    names: DeploymentNames,
    graceSeconds: number,
    log: { keep: boolean; reason: string | null },
  ): Promise<void> {
    const { api } = this.cluster;
    const found = await this.cluster.deployment(names);
    const keeper =
      found !== null && log.keep ? this.logsOf.keeper(names, identityFrom(found), log.reason) : null;
    // Written first: if this worker dies in between, the end is known to have been wanted.
    await keeper?.save();
    try {
      if (keeper !== null) await Promise.all((await this.cluster.pods(names)).map(keeper.follow));
      if (found !== null) {
        await api.delete(DEPLOYMENTS, names.deployment, { propagationPolicy: 'Foreground' });
      }
      await this.untilGone(names, Math.max(1, Math.ceil(graceSeconds)));
      await keeper?.finish();
      await Promise.all([
        api.delete(SERVICES, names.service),
        api.delete(SECRETS, names.env),
        api.delete(SECRETS, names.source),
      ]);
      await api.delete(NETWORK_POLICIES, names.policy);
    } finally {
      keeper?.close();
      this.cluster.forget();
    }
  }

  private async untilGone(names: DeploymentNames, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const { api } = this.cluster;
    const deadline = Date.now() + (graceSeconds + STOP_SLACK_SECONDS) * 1000;
    const asked = new Set<string>();
    for (let wait = 50; ; wait = Math.min(1000, wait * 2)) {
      signal?.throwIfAborted();
      const pods = await this.cluster.pods(names, signal);
      if (pods.length === 0 && (await this.cluster.deployment(names, signal)) === null) return;
      for (const pod of pods) {
        const uid = pod.metadata?.uid ?? '';
        if (asked.has(uid)) continue;
        asked.add(uid);
        await api.delete(PODS, pod.metadata?.name ?? '', { gracePeriodSeconds: graceSeconds });
      }
      if (Date.now() > deadline) {
        const [stuck] = pods;
        const node = stuck?.spec?.nodeName ?? '';
        if (stuck !== undefined && !(await this.isNodeReady(node))) {
          this.logger.warn('forgot a pod on a node that does not answer', {
            node,
            pod: stuck.metadata?.name,
          });
          await api.delete(PODS, stuck.metadata?.name ?? '', { gracePeriodSeconds: 0 });
          continue;
        }
        throw new OwnerFault(
          'stop_timeout',
          stuck === undefined
            ? `${names.deployment} is not collected: does the cluster's controller manager run?`
            : `pod ${stuck.metadata?.name ?? ''} still ends on node ${node} after ${graceSeconds + STOP_SLACK_SECONDS} s`,
        );
      }
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  private async isNodeReady(name: string): Promise<boolean> {
    if (name === '') return false;
    const node = await this.cluster.api.get<V1Node>(NODES, name);
    return node?.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
  }

  private endpoint(names: DeploymentNames, port: number): string {
    return `http://${names.service}.${this.config.namespace}.${this.config.serviceDomain}:${port}`;
  }

  private reportProblems(nodes: V1Node[]): void {
    const found = nodes.flatMap((node) => {
      const problem = nodeProblem(node, this.config);
      return problem === null ? [] : [`${node.metadata?.name ?? ''}: ${problem}`];
    });
    const text = found.sort().join('; ');
    if (text !== this.problems && text !== '')
      this.logger.warn('nodes that take no agents', { nodes: found });
    this.problems = text;
  }
}

/** False while the cluster still turns pods of an earlier template into ones of this. */
function hasRolled(found: V1Deployment): boolean {
  const { status = {} } = found;
  if ((status.observedGeneration ?? 0) < (found.metadata?.generation ?? 0)) return false;
  return (status.updatedReplicas ?? 0) >= 1 && status.replicas === status.updatedReplicas;
}

/**
 * The Kubernetes backend. Nothing is contacted before the first call.
 * @param builder builds and pushes images where `config.source` names a registry
 */
export function createKubernetesRuntime(
  config: KubernetesRuntimeConfig,
  logger: Logger,
  builder: ImageBuilder | null = null,
): ContainerRuntime {
  return new KubernetesRuntime(config, logger, builder);
}
