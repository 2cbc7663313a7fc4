/** What this backend reads from and writes to the cluster, in terms of deployments. */
import { isDeepStrictEqual } from 'node:util';
import type {
  CoreV1Event,
  V1Deployment,
  V1NetworkPolicy,
  V1Node,
  V1OwnerReference,
  V1Pod,
  V1Service,
} from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import type { Logger } from '../../logging';
import type { PlacementSpec } from '../types';
import {
  type ApiObject,
  ApiRefusal,
  DEPLOYMENTS,
  EVENTS,
  FIELD_MANAGER,
  KubernetesApi,
  NAMESPACES,
  NETWORK_POLICIES,
  NODES,
  PODS,
  type Resource,
  SECRETS,
  SERVICES,
} from './api';
import type { KubernetesRuntimeConfig } from './config';
import { ANNOTATIONS, type DeploymentNames, ID_LABEL, MANAGED_BY, namesOf, selectorOf } from './names';
import {
  defaultDeny,
  deployment,
  type Identity,
  namespaceObject,
  networkPolicy,
  policySpec,
  secret,
  service,
  wire,
} from './objects';

/** Everything of ours in the namespace, read at about one moment, by the value of `ID_LABEL`. */
export interface Snapshot {
  deployments: Map<string, V1Deployment>;
  pods: Map<string, V1Pod[]>;
  services: Map<string, V1Service>;
  policies: Map<string, V1NetworkPolicy>;
}

const OURS = Object.entries(MANAGED_BY)
  .map(([key, value]) => `${key}=${value}`)
  .join(',');

/** Milliseconds for which many callers share one reading, so that watching a hundred agents costs four lists a second. */
const SNAPSHOT_MAX_AGE_MS = 500;

export class Cluster {
  readonly api: KubernetesApi;
  private shared: { at: number; reading: Promise<Snapshot> } | null = null;
  private namespaceReady: Promise<void> | null = null;

  constructor(
    private readonly config: KubernetesRuntimeConfig,
    private readonly logger: Logger,
    private readonly unpackScript: string,
  ) {
    this.api = new KubernetesApi(config.connection, config.namespace);
  }

  /** Applies the namespace and its default-deny policy, once, where the settings say that it is ours to manage. */
  async ensureNamespace(): Promise<void> {
    if (!this.config.manageNamespace) return;
    this.namespaceReady ??= (async () => {
      await this.api.apply(NAMESPACES, namespaceObject(this.config));
      await this.api.apply(NETWORK_POLICIES, defaultDeny(this.config));
    })();
    // A failed attempt is made again by the next placement.
    this.namespaceReady.catch(() => (this.namespaceReady = null));
    await this.namespaceReady;
  }

  /**
   * Makes the cluster hold what was asked for. The policy comes first and the Deployment last: no pod runs before what
   * confines it. What belongs to the Deployment is then owned by it, so that the cluster collects it with it.
   * @param known the Deployment as it is now, or null
   */
  async apply(
    spec: PlacementSpec,
    identity: Identity,
    known: V1Deployment | null,
    parts: { chosenNode: string | null; restarts: number; sourceUrl: string | null },
  ): Promise<V1Deployment> {
    const { signal } = spec;
    await this.applyParts(spec, identity, known === null ? null : ownerOf(known), parts.sourceUrl);
    const wanted = deployment(spec, identity, this.config, {
      chosenNode: parts.chosenNode,
      restarts: parts.restarts,
      unpackScript: this.unpackScript,
    });
    const applied = await this.applyExactly(DEPLOYMENTS, wanted as ApiObject, signal);
    if (known === null) await this.applyParts(spec, identity, ownerOf(applied), parts.sourceUrl);
    this.forget();
    return applied as V1Deployment;
  }

  /** Puts back a policy or a Service that somebody changed or deleted. @returns what was put back */
  async repair(identity: Identity, owner: V1Deployment, snapshot: Snapshot): Promise<string[]> {
    const { id } = identity.names;
    const repaired: string[] = [];
    const policy = snapshot.policies.get(id);
    if (!isDeepStrictEqual(plainCopy(policy?.spec), plainCopy(wire(policySpec(identity, this.config))))) {
      await this.applyExactly(
        NETWORK_POLICIES,
        networkPolicy(identity, this.config, ownerOf(owner)) as ApiObject,
      );
      repaired.push('NetworkPolicy');
    }
    const spec = snapshot.services.get(id)?.spec;
    const [port, ...more] = spec?.ports ?? [];
    if (
      more.length > 0 ||
      port?.port !== identity.port ||
      port.targetPort !== identity.port ||
      spec?.type !== 'ClusterIP' ||
      !isDeepStrictEqual(plainCopy(spec.selector), { [ID_LABEL]: id })
    ) {
      await this.applyExactly(SERVICES, service(identity, this.config, ownerOf(owner)) as ApiObject);
      repaired.push('Service');
    }
    if (repaired.length > 0) {
      this.logger.warn('put back what somebody changed in the cluster', {
        deploymentId: identity.deploymentId,
        repaired,
      });
      this.forget();
    }
    return repaired;
  }

  /** The node's newest word on a probe of this pod that failed; null when there is none, or it may not be read. */
  async lastProbe(pod: V1Pod | null): Promise<string | null> {
    const uid = pod?.metadata?.uid;
    if (uid === undefined) return null;
    const fieldSelector = `involvedObject.uid=${uid},reason=Unhealthy`;
    // It only makes a message clearer: a role of an earlier release, which lacks the right, must not change the outcome.
    const events = await this.api.list<CoreV1Event>(EVENTS, { fieldSelector }).catch(() => []);
    const time = (event: CoreV1Event): number => new Date(event.lastTimestamp ?? 0).getTime();
    return events.sort((a, b) => time(b) - time(a))[0]?.message ?? null;
  }

  async pods(names: DeploymentNames, signal?: AbortSignal): Promise<V1Pod[]> {
    return this.api.list<V1Pod>(PODS, { labelSelector: selectorOf(names) }, signal);
  }

  async allPods(): Promise<V1Pod[]> {
    return this.api.list<V1Pod>(PODS, {});
  }

  async nodes(): Promise<V1Node[]> {
    const { poolLabel, classLabel } = this.config;
    return this.api.list<V1Node>(NODES, {
      labelSelector: `${poolLabel.key}=${poolLabel.value},${classLabel.key}=${classLabel.value}`,
    });
  }

  async deployment(names: DeploymentNames, signal?: AbortSignal): Promise<V1Deployment | null> {
    return this.api.get<V1Deployment>(DEPLOYMENTS, names.deployment, signal);
  }

  /** A reading that is at most half a second old and never older than our own last change. */
  snapshot(): Promise<Snapshot> {
    if (this.shared !== null && Date.now() - this.shared.at < SNAPSHOT_MAX_AGE_MS) return this.shared.reading;
    const reading = this.read();
    const shared = { at: Date.now(), reading };
    this.shared = shared;
    reading.then(
      () => (shared.at = Math.max(shared.at, Date.now() - SNAPSHOT_MAX_AGE_MS / 2)),
      () => {
        if (this.shared === shared) this.shared = null;
      },
    );
    return reading;
  }

  /** Called after each change, so that the next reading shows it. */
  forget(): void {
    this.shared = null;
  }

  private async applyParts(
    spec: PlacementSpec,
    identity: Identity,
    owner: V1OwnerReference | null,
    sourceUrl: string | null,
  ): Promise<void> {
    const { config } = this;
    const { names } = identity;
    await this.applyExactly(
      NETWORK_POLICIES,
      networkPolicy(identity, config, owner) as ApiObject,
      spec.signal,
    );
    await Promise.all([
      this.applyExactly(SECRETS, secret(names.env, spec.env, identity, config, owner), spec.signal),
      ...(sourceUrl === null
        ? []
        : [
            this.applyExactly(
              SECRETS,
              secret(names.source, { EIREL_SOURCE_URL: sourceUrl }, identity, config, owner),
              spec.signal,
            ),
          ]),
      this.applyExactly(SERVICES, service(identity, config, owner) as ApiObject, spec.signal),
    ]);
  }

  /** Applying leaves alone what others added beside our fields, such as a second container; that is taken out here. */
  private async applyExactly<T extends ApiObject>(
    resource: Resource,
    object: T,
    signal?: AbortSignal,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const live = await this.api.apply(resource, object, signal);
      const others = strangers(live);
      if (others.length === 0) return live;
      this.logger.warn('took out what somebody added to an object', {
        object: `${resource.plural}/${object.metadata?.name ?? ''}`,
        managers: others,
      });
      const { resourceVersion = '' } = live.metadata ?? {};
      try {
        return await this.api.replace(
          resource,
          { ...object, metadata: { ...object.metadata, resourceVersion } },
          signal,
        );
      } catch (error) {
        if (!(error instanceof ApiRefusal && error.status === 409) || attempt >= 3) throw error;
      }
    }
  }

  private async read(): Promise<Snapshot> {
    const query = { labelSelector: OURS };
    const [deployments, pods, services, policies] = await Promise.all([
      this.api.list<V1Deployment>(DEPLOYMENTS, query),
      this.api.list<V1Pod>(PODS, query),
      this.api.list<V1Service>(SERVICES, query),
      this.api.list<V1NetworkPolicy>(NETWORK_POLICIES, query),
    ]);
    const grouped = new Map<string, V1Pod[]>();
    for (const pod of pods) {
      const id = idOf(pod);
      grouped.set(id, [...(grouped.get(id) ?? []), pod]);
    }
    return {
      deployments: byId(deployments),
      pods: grouped,
      services: byId(services),
      policies: byId(policies),
    };
  }
}

/** Reads back from a Deployment of ours what its Service and its policy are made of. */
export function identityFrom(found: V1Deployment): Identity {
  const { annotations = {}, labels = {} } = found.metadata ?? {};
  const deploymentId = annotations[ANNOTATIONS.id] ?? labels[ID_LABEL] ?? '';
  return {
    names: namesOf(deploymentId),
    deploymentId,
    revision: annotations[ANNOTATIONS.revision] ?? '',
    port: Number(annotations[ANNOTATIONS.port]),
    labels,
  };
}

function ownerOf(owner: V1Deployment): V1OwnerReference {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
  };
}

/** Those who own fields of the object's content that we did not take over by applying. */
function strangers(live: ApiObject): string[] {
  return (live.metadata?.managedFields ?? [])
    .filter(
      (entry) =>
        entry.manager !== FIELD_MANAGER &&
        !entry.subresource &&
        ['f:spec', 'f:data'].some((part) => part in (entry.fieldsV1 ?? {})),
    )
    .map((entry) => entry.manager ?? 'unknown');
}

function byId<T extends { metadata?: { labels?: Record<string, string>; deletionTimestamp?: unknown } }>(
  objects: T[],
): Map<string, T> {
  return new Map(
    objects
      .filter((object) => object.metadata?.deletionTimestamp === undefined)
      .map((object) => [idOf(object), object]),
  );
}

function idOf(object: { metadata?: { labels?: Record<string, string> } }): string {
  return object.metadata?.labels?.[ID_LABEL] ?? '';
}

/** Without keys that are undefined, as the wire has it. */
function plainCopy(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
