/** The objects of one deployment, as applied: a function of what was asked for and the settings, and of nothing else. */
import type {
  V1Container,
  V1Deployment,
  V1EnvVar,
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicySpec,
  V1OwnerReference,
  V1Secret,
  V1SecurityContext,
  V1Service,
} from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import { MinerFault, type PlacementSpec } from '../types';
import type { KubernetesRuntimeConfig } from './config';
import {
  ANNOTATIONS,
  type DeploymentNames,
  FAMILY_LABEL,
  ID_LABEL,
  labelValue,
  MANAGED_BY,
  REVISION_LABEL,
  SUBMISSION_LABEL,
} from './names';
import { sourceDigest } from './sources';

export const AGENT_CONTAINER = 'agent';
export const SOURCE_CONTAINER = 'source';
export const DEFAULT_DENY = 'eirel-default-deny';
/** Seconds that a pod has for what is in flight, unless a stop says otherwise. */
const GRACE_SECONDS = 15;
const LOG_ALLOWANCE_BYTES = 128 * 1024 * 1024;

/** What stays the same over the life of a deployment, read from its spec or back from its Deployment. */
export interface Identity {
  names: DeploymentNames;
  deploymentId: string;
  revision: string;
  port: number;
  labels: Record<string, string>;
}

/** @throws MinerFault for a port that no container can listen on */
export function identityOf(spec: PlacementSpec, names: DeploymentNames): Identity {
  const { port } = spec.manifest.runtime;
  if (port < 1 || port > 65_535) {
    throw new MinerFault('bad_port', `runtime.port ${port} is not a port: choose one within 1024..65535`);
  }
  return {
    names,
    deploymentId: spec.deploymentId,
    revision: spec.revision,
    port,
    labels: {
      ...MANAGED_BY,
      'app.kubernetes.io/name': 'eirel-miner',
      [ID_LABEL]: names.id,
      [REVISION_LABEL]: labelValue(spec.revision),
      [SUBMISSION_LABEL]: labelValue(spec.submissionId),
      [FAMILY_LABEL]: labelValue(spec.manifest.family_id),
    },
  };
}

/** The limits that are in force, one sentence each. */
export function limitNotes(spec: PlacementSpec, config: KubernetesRuntimeConfig): string[] {
  const mib = (bytes: number): number => Math.round(bytes / 1024 / 1024);
  return [
    `cpu limited to ${spec.cpuMillis} mCPU, memory to ${mib(spec.memoryBytes)} MiB, by requests equal to limits`,
    `runs as user ${config.uid} without capabilities, on a read-only root file system, under the runtime's seccomp profile`,
    `source and /tmp limited to ${mib(config.diskBytes)} MiB each`,
    `no service account token; connections out only to DNS, ${config.egress.map((target) => target.name).join(', ') || 'nothing else'}`,
    'number of processes limited by the kubelet (podPidsLimit) only',
  ];
}

export function namespaceObject(config: KubernetesRuntimeConfig): V1Namespace {
  return {
    metadata: {
      name: config.namespace,
      labels: {
        ...MANAGED_BY,
        name: config.namespace,
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/audit': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
      },
    },
  };
}

/** Holds for every pod of the namespace, so that none is ever without a policy, however short its life. */
export function defaultDeny(config: KubernetesRuntimeConfig): V1NetworkPolicy {
  return {
    metadata: { name: DEFAULT_DENY, namespace: config.namespace, labels: { ...MANAGED_BY } },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  };
}

/** Every field is written out, so that what the server gives back can be compared as it is. */
export function policySpec(identity: Identity, config: KubernetesRuntimeConfig): V1NetworkPolicySpec {
  return {
    podSelector: { matchLabels: { [ID_LABEL]: identity.names.id } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      {
        _from: [
          ...config.callerNamespaces.map((name) => ({
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
          })),
          ...config.callerCidrs.map((cidr) => ({ ipBlock: { cidr } })),
        ],
        ports: [{ port: identity.port, protocol: 'TCP' }],
      },
    ],
    egress: [
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 53, protocol: 'TCP' },
        ],
      },
      ...config.egress.map((target) => ({
        to: [target.to],
        ports: [{ port: target.port, protocol: 'TCP' }],
      })),
    ],
  };
}

export function networkPolicy(
  identity: Identity,
  config: KubernetesRuntimeConfig,
  owner: V1OwnerReference | null,
): V1NetworkPolicy {
  const named = config.egress.map((target) => `${target.name}=${target.port}`).join(',');
  return {
    metadata: {
      ...meta(identity.names.policy, identity, config, owner),
      annotations: { [ANNOTATIONS.id]: identity.deploymentId, 'eirel.dev/egress': `dns=53,${named}` },
    },
    spec: wire(policySpec(identity, config)),
  };
}

export function service(
  identity: Identity,
  config: KubernetesRuntimeConfig,
  owner: V1OwnerReference | null,
): V1Service {
  return {
    metadata: meta(identity.names.service, identity, config, owner),
    spec: {
      type: 'ClusterIP',
      selector: { [ID_LABEL]: identity.names.id },
      ports: [{ name: 'http', port: identity.port, targetPort: identity.port, protocol: 'TCP' }],
    },
  };
}

export function secret(
  name: string,
  values: Record<string, string>,
  identity: Identity,
  config: KubernetesRuntimeConfig,
  owner: V1OwnerReference | null,
): V1Secret {
  const encoded = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return {
    metadata: meta(name, identity, config, owner),
    type: 'Opaque',
    data: Object.fromEntries(encoded) as Record<string, string>,
  };
}

/** @param chosenNode name of the node that the pod should run on if it still fits when it is scheduled */
export function deployment(
  spec: PlacementSpec,
  identity: Identity,
  config: KubernetesRuntimeConfig,
  parts: { chosenNode: string | null; restarts: number; unpackScript: string },
): V1Deployment {
  const { names, labels } = identity;
  const digest = sourceDigest(spec.imageRef);
  const annotations = {
    [ANNOTATIONS.id]: spec.deploymentId,
    [ANNOTATIONS.revision]: spec.revision,
    [ANNOTATIONS.image]: spec.imageRef,
    [ANNOTATIONS.port]: String(identity.port),
    [ANNOTATIONS.restarts]: String(parts.restarts),
    [ANNOTATIONS.limits]: JSON.stringify(limitNotes(spec, config)),
    ...(parts.chosenNode === null ? {} : { [ANNOTATIONS.node]: parts.chosenNode }),
  };
  return {
    metadata: { ...meta(names.deployment, identity, config, null), annotations },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 0,
      // Two of one agent at a time would count twice against the node and against the provider's budget.
      strategy: { type: 'Recreate' },
      selector: { matchLabels: { [ID_LABEL]: names.id } },
      template: {
        metadata: {
          labels,
          annotations: { [ANNOTATIONS.id]: spec.deploymentId, [ANNOTATIONS.revision]: spec.revision },
        },
        spec: {
          automountServiceAccountToken: false,
          // The names of other miners' services are nobody's business.
          enableServiceLinks: false,
          restartPolicy: 'Always',
          terminationGracePeriodSeconds: GRACE_SECONDS,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: config.uid,
            runAsGroup: config.uid,
            fsGroup: config.uid,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          nodeSelector: {
            [config.poolLabel.key]: config.poolLabel.value,
            [config.classLabel.key]: config.classLabel.value,
          },
          ...(parts.chosenNode === null ? {} : { affinity: preferNode(parts.chosenNode) }),
          ...(config.imagePullSecret === null
            ? {}
            : { imagePullSecrets: [{ name: config.imagePullSecret }] }),
          ...(digest === null
            ? {}
            : { initContainers: [sourceContainer(spec, names, config, digest, parts.unpackScript)] }),
          containers: [agentContainer(spec, names, config, digest)],
          volumes: [
            { name: 'tmp', emptyDir: { sizeLimit: String(config.diskBytes) } },
            ...(digest === null
              ? []
              : [{ name: 'submission', emptyDir: { sizeLimit: String(config.diskBytes) } }]),
          ],
        },
      },
    },
  };
}

function agentContainer(
  spec: PlacementSpec,
  names: DeploymentNames,
  config: KubernetesRuntimeConfig,
  digest: string | null,
): V1Container {
  const { port, health_path: path } = spec.manifest.runtime;
  const image = digest === null ? spec.imageRef : config.runtimeImage;
  const httpGet = { path, port, scheme: 'HTTP' };
  const period = config.probePeriodSeconds;
  return {
    name: AGENT_CONTAINER,
    image,
    imagePullPolicy: pullPolicy(image),
    ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
    env: [
      ...plain({
        MINER_RUNTIME_HOST: '0.0.0.0',
        MINER_RUNTIME_PORT: String(port),
        PORT: String(port),
        HOME: '/tmp',
        TMPDIR: '/tmp',
        PYTHONDONTWRITEBYTECODE: '1',
      }),
    ],
    envFrom: [{ secretRef: { name: names.env } }],
    resources: resources(spec, config),
    securityContext: CONFINED,
    startupProbe: {
      httpGet,
      periodSeconds: 1,
      timeoutSeconds: 5,
      // Later than the control plane's own limit, so that it is the one that reports it.
      failureThreshold: Math.ceil(spec.startTimeoutSeconds) + 15,
    },
    readinessProbe: { httpGet, periodSeconds: period, timeoutSeconds: 5, failureThreshold: 2 },
    livenessProbe: { httpGet, periodSeconds: period, timeoutSeconds: 5, failureThreshold: 6 },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      ...(digest === null ? [] : [{ name: 'submission', mountPath: '/submission' }]),
    ],
  };
}

function sourceContainer(
  spec: PlacementSpec,
  names: DeploymentNames,
  config: KubernetesRuntimeConfig,
  digest: string,
  script: string,
): V1Container {
  return {
    name: SOURCE_CONTAINER,
    image: config.runtimeImage,
    imagePullPolicy: pullPolicy(config.runtimeImage),
    command: ['python3', '-I', '-c', script],
    env: [
      ...plain({ EIREL_SOURCE_SHA256: digest, TMPDIR: '/tmp' }),
      {
        name: 'EIREL_SOURCE_URL',
        valueFrom: { secretKeyRef: { name: names.source, key: 'EIREL_SOURCE_URL' } },
      },
    ],
    resources: resources(spec, config),
    securityContext: CONFINED,
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'submission', mountPath: '/submission' },
    ],
  };
}

const CONFINED: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  privileged: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
};

function resources(spec: PlacementSpec, config: KubernetesRuntimeConfig): V1Container['resources'] {
  const amounts = {
    cpu: `${spec.cpuMillis}m`,
    memory: String(spec.memoryBytes),
    'ephemeral-storage': String(2 * config.diskBytes + LOG_ALLOWANCE_BYTES),
  };
  return { requests: amounts, limits: { ...amounts } };
}

/** Tags that move are asked for again at each start; what is named by its content is not. */
function pullPolicy(image: string): string {
  return image.endsWith(':latest') || !/[:@][^/]*$/.test(image) ? 'Always' : 'IfNotPresent';
}

function plain(values: Record<string, string>): V1EnvVar[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function preferNode(name: string): object {
  return {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        {
          weight: 100,
          preference: {
            matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }],
          },
        },
      ],
    },
  };
}

function meta(
  name: string,
  identity: Identity,
  config: KubernetesRuntimeConfig,
  owner: V1OwnerReference | null,
): { name: string; namespace: string; labels: Record<string, string>; ownerReferences?: V1OwnerReference[] } {
  return {
    name,
    namespace: config.namespace,
    labels: identity.labels,
    ...(owner === null ? {} : { ownerReferences: [owner] }),
  };
}

/** The client's type calls the field `_from`, since `from` is a word of JavaScript; the wire does not. */
export function wire(spec: V1NetworkPolicySpec): V1NetworkPolicySpec {
  const ingress = (spec.ingress ?? []).map(({ _from, ...rest }) => ({ from: _from, ...rest }));
  return { ...spec, ingress } as V1NetworkPolicySpec;
}
