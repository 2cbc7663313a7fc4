import { isIP } from 'node:net';
import { z } from 'zod';
import { type ArchiveLimits, archiveLimitsFromEnv } from '../../archive';
import { objectStoreConfigFromEnv, type ObjectStoreConfig } from '../../object-store/from-env';
import { egressTarget, type EgressTarget } from './egress';

export interface KubernetesConnection {
  /** Path of a kubeconfig; null for the service account of the pod that this process runs in. */
  kubeconfig: string | null;
  /** Seconds that one call to the API may take, its retries included. */
  timeoutSeconds: number;
}

/** How an agent's code gets into its pod. */
export type ImageSource =
  /** An image per submission, pushed to this registry (`host[:port][/path]`) by the image builder. */
  | { kind: 'registry'; registry: string; login: { username: string; password: string } | null }
  /** The owner's runtime image, into which an init container unpacks the archive from object storage. */
  | { kind: 'archive'; store: ObjectStoreConfig; endpoint: string; urlTtlSeconds: number };

export interface KubernetesRuntimeConfig {
  connection: KubernetesConnection;
  namespace: string;
  /** Also apply the namespace itself and its default-deny policy, which needs more rights than the role gives. */
  manageNamespace: boolean;
  /** Namespaces whose pods may call agents. */
  callerNamespaces: string[];
  /** Addresses outside the cluster that may call agents, as CIDR blocks. */
  callerCidrs: string[];
  serviceDomain: string;
  poolLabel: { key: string; value: string };
  classLabel: { key: string; value: string };
  /** Image with Python and the miner SDK, for submissions that are not built into an image. */
  runtimeImage: string;
  imagePullSecret: string | null;
  source: ImageSource;
  /** Where agents may connect to, beside DNS. */
  egress: EgressTarget[];
  probePeriodSeconds: number;
  /** Seconds that scheduling and pulling an image may take before the start itself is timed. */
  scheduleTimeoutSeconds: number;
  /** User and group id of agents and of the init container. */
  uid: number;
  /** Bytes of the unpacked source and of /tmp, each. */
  diskBytes: number;
  /** Lines of a stopped agent's log that are kept. */
  keptLogLines: number;
  headroom: { cpuMillis: number; memoryBytes: number; pods: number };
  archiveLimits: ArchiveLimits;
}

const MIB = 1024 * 1024;
const blank = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value;
const count = (fallback: number) => z.preprocess(blank, z.coerce.number().int().positive().default(fallback));
const whole = (fallback: number) =>
  z.preprocess(blank, z.coerce.number().int().nonnegative().default(fallback));
const text = (fallback: string) => z.preprocess(blank, z.string().trim().default(fallback));
const dnsLabel = (fallback: string) =>
  z.preprocess(
    blank,
    z
      .string()
      .trim()
      .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
      .default(fallback),
  );
const flag = z.preprocess(
  (value) => (typeof value === 'string' ? value.trim().toLowerCase() || 'false' : (value ?? 'false')),
  z
    .enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'])
    .transform((word) => /^(true|1|yes|on)$/.test(word)),
);
const cidrs = z.preprocess(
  (value) =>
    String(value ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  z.array(z.string().refine(isCidr)),
);

const environment = z.object({
  EIREL_KUBECONFIG: text(''),
  EIREL_OWNER_KUBECONFIG_PATH: text(''),
  EIREL_KUBERNETES_TIMEOUT_SECONDS: count(30),
  EIREL_OWNER_RUNTIME_NAMESPACE: dnsLabel('eirel-miners'),
  EIREL_OWNER_RUNTIME_MANAGE_NAMESPACE: flag,
  EIREL_OWNER_RUNTIME_SYSTEM_NAMESPACE: dnsLabel('eirel-system'),
  EIREL_OWNER_RUNTIME_CONTROL_PLANE_NAMESPACE: dnsLabel('eirel-control-plane'),
  EIREL_OWNER_RUNTIME_CALLER_CIDRS: cidrs,
  EIREL_OWNER_RUNTIME_SERVICE_DOMAIN: text('svc.cluster.local'),
  OWNER_RUNTIME_POOL_LABEL_KEY: text('eirel.dev/runtime-pool'),
  OWNER_RUNTIME_POOL_LABEL_VALUE: text('true'),
  OWNER_RUNTIME_CLASS_LABEL_KEY: text('eirel.dev/runtime-class'),
  OWNER_RUNTIME_CLASS_LABEL_VALUE: text('miner'),
  EIREL_OWNER_RUNTIME_IMAGE: text('registry.eirel.internal/eirel-miner-runtime:latest'),
  EIREL_OWNER_RUNTIME_IMAGE_PULL_SECRET: text(''),
  EIREL_OWNER_RUNTIME_REGISTRY: text(''),
  EIREL_OWNER_RUNTIME_REGISTRY_USERNAME: text(''),
  EIREL_OWNER_RUNTIME_REGISTRY_PASSWORD: text(''),
  EIREL_OWNER_RUNTIME_STORAGE_URL: text(''),
  EIREL_OWNER_RUNTIME_STORAGE_CIDRS: cidrs,
  EIREL_OWNER_RUNTIME_SOURCE_URL_TTL_SECONDS: count(3600),
  EIREL_OWNER_RUNTIME_PROBE_PERIOD_SECONDS: count(5),
  EIREL_OWNER_RUNTIME_SCHEDULE_TIMEOUT_SECONDS: count(180),
  EIREL_OWNER_RUNTIME_UID: count(65_532),
  EIREL_OWNER_RUNTIME_DISK_MB: count(1024),
  OWNER_RUNTIME_CAPACITY_CPU_HEADROOM_MILLIS: whole(500),
  OWNER_RUNTIME_CAPACITY_MEMORY_HEADROOM_MB: whole(512),
  OWNER_RUNTIME_CAPACITY_POD_HEADROOM: whole(1),
  SERVER_A_HOST_IP: text('').refine((value) => value === '' || isIP(value) !== 0),
  EIREL_PROVIDER_PROXY_URL: text(''),
  EIREL_WEB_SEARCH_TOOL_URL: text(''),
  EIREL_SANDBOX_TOOL_URL: text(''),
  EIREL_SANDBOX_TOOL_SERVICE_URL: text(''),
  EIREL_URL_FETCH_TOOL_URL: text(''),
  EIREL_RAG_TOOL_URL: text(''),
});

/** Ports that the services are published on, on the owner's host (runtime-and-tools.md, default ports). */
const PUBLISHED = {
  'provider-proxy': 18_092,
  'web-search': 18_085,
  'url-fetch': 18_087,
  rag: 18_088,
  sandbox: 18_091,
} as const;

/**
 * Reads the settings of the Kubernetes backend: where the cluster is, where agents run in it, how their code gets
 * there, and what they may connect to.
 * @throws Error naming the variable with a bad value, and what to set instead
 */
export function kubernetesConfigFromEnv(env: NodeJS.ProcessEnv): KubernetesRuntimeConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    throw new Error(`${name} has a bad value: ${JSON.stringify(env[name])}`);
  }
  const e = parsed.data;
  const source = imageSource(e, env);
  const services: [string, string, string][] = [
    ['provider-proxy', 'EIREL_PROVIDER_PROXY_URL', e.EIREL_PROVIDER_PROXY_URL],
    ['web-search', 'EIREL_WEB_SEARCH_TOOL_URL', e.EIREL_WEB_SEARCH_TOOL_URL],
    ['url-fetch', 'EIREL_URL_FETCH_TOOL_URL', e.EIREL_URL_FETCH_TOOL_URL],
    ['rag', 'EIREL_RAG_TOOL_URL', e.EIREL_RAG_TOOL_URL],
    ['sandbox', 'EIREL_SANDBOX_TOOL_URL', e.EIREL_SANDBOX_TOOL_URL || e.EIREL_SANDBOX_TOOL_SERVICE_URL],
  ];
  const egress = services.flatMap(([name, variable, url]) => {
    if (url !== '') return [egressTarget(name, variable, url, e.SERVER_A_HOST_IP)];
    if (e.SERVER_A_HOST_IP === '') return [];
    return [{ name, to: hostBlock(e.SERVER_A_HOST_IP), port: PUBLISHED[name as keyof typeof PUBLISHED] }];
  });
  if (source.kind === 'archive') {
    const blocks = e.EIREL_OWNER_RUNTIME_STORAGE_CIDRS;
    const { protocol, port } = new URL(source.endpoint);
    egress.push(
      ...(blocks.length > 0
        ? blocks.map((cidr) => ({
            name: 'object-storage',
            to: { ipBlock: { cidr } },
            port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
          }))
        : [egressTarget('object-storage', 'EIREL_OWNER_RUNTIME_STORAGE_CIDRS', source.endpoint, '')]),
    );
  }
  const kubeconfig = e.EIREL_KUBECONFIG || e.EIREL_OWNER_KUBECONFIG_PATH;
  return {
    connection: {
      kubeconfig: kubeconfig === '' ? null : kubeconfig,
      timeoutSeconds: e.EIREL_KUBERNETES_TIMEOUT_SECONDS,
    },
    namespace: e.EIREL_OWNER_RUNTIME_NAMESPACE,
    manageNamespace: e.EIREL_OWNER_RUNTIME_MANAGE_NAMESPACE,
    callerNamespaces: [
      ...new Set([e.EIREL_OWNER_RUNTIME_SYSTEM_NAMESPACE, e.EIREL_OWNER_RUNTIME_CONTROL_PLANE_NAMESPACE]),
    ],
    callerCidrs: e.EIREL_OWNER_RUNTIME_CALLER_CIDRS,
    serviceDomain: e.EIREL_OWNER_RUNTIME_SERVICE_DOMAIN,
    poolLabel: { key: e.OWNER_RUNTIME_POOL_LABEL_KEY, value: e.OWNER_RUNTIME_POOL_LABEL_VALUE },
    classLabel: { key: e.OWNER_RUNTIME_CLASS_LABEL_KEY, value: e.OWNER_RUNTIME_CLASS_LABEL_VALUE },
    runtimeImage: e.EIREL_OWNER_RUNTIME_IMAGE,
    imagePullSecret: e.EIREL_OWNER_RUNTIME_IMAGE_PULL_SECRET || null,
    source,
    egress,
    probePeriodSeconds: e.EIREL_OWNER_RUNTIME_PROBE_PERIOD_SECONDS,
    scheduleTimeoutSeconds: e.EIREL_OWNER_RUNTIME_SCHEDULE_TIMEOUT_SECONDS,
    uid: e.EIREL_OWNER_RUNTIME_UID,
    diskBytes: e.EIREL_OWNER_RUNTIME_DISK_MB * MIB,
    keptLogLines: 200,
    headroom: {
      cpuMillis: e.OWNER_RUNTIME_CAPACITY_CPU_HEADROOM_MILLIS,
      memoryBytes: e.OWNER_RUNTIME_CAPACITY_MEMORY_HEADROOM_MB * MIB,
      pods: e.OWNER_RUNTIME_CAPACITY_POD_HEADROOM,
    },
    archiveLimits: archiveLimitsFromEnv(env),
  };
}

function imageSource(e: z.output<typeof environment>, env: NodeJS.ProcessEnv): ImageSource {
  if (e.EIREL_OWNER_RUNTIME_REGISTRY !== '') return registrySource(e);
  const store = objectStoreConfigFromEnv(env);
  if (store.OBJECT_STORAGE_BACKEND !== 's3' || store.OBJECT_STORAGE_ACCESS_KEY_ID === undefined) {
    throw new Error(
      'the kubernetes backend needs a way to bring code into pods: set EIREL_OWNER_RUNTIME_REGISTRY, or ' +
        'OBJECT_STORAGE_BACKEND=s3 with OBJECT_STORAGE_ACCESS_KEY_ID and OBJECT_STORAGE_SECRET_ACCESS_KEY, ' +
        'with which download links are signed',
    );
  }
  const region = store.OBJECT_STORAGE_REGION ?? 'us-east-1';
  const scheme = store.OBJECT_STORAGE_USE_SSL ? 'https' : 'http';
  const given = e.EIREL_OWNER_RUNTIME_STORAGE_URL || store.OBJECT_STORAGE_ENDPOINT_URL;
  const endpoint =
    given === undefined
      ? `https://s3.${region}.amazonaws.com`
      : given.includes('://')
        ? given
        : `${scheme}://${given}`;
  if (!URL.canParse(endpoint)) {
    throw new Error(`EIREL_OWNER_RUNTIME_STORAGE_URL has a bad value: ${JSON.stringify(endpoint)}`);
  }
  const urlTtlSeconds = e.EIREL_OWNER_RUNTIME_SOURCE_URL_TTL_SECONDS;
  // The signature's own bound: seven days.
  if (urlTtlSeconds > 604_800) {
    throw new Error('EIREL_OWNER_RUNTIME_SOURCE_URL_TTL_SECONDS may be at most 604800');
  }
  return { kind: 'archive', store, endpoint: endpoint.replace(/\/+$/, ''), urlTtlSeconds };
}

function registrySource(e: z.output<typeof environment>): ImageSource {
  const registry = e.EIREL_OWNER_RUNTIME_REGISTRY.replace(/\/+$/, '');
  if (!/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/.test(registry)) {
    throw new Error(
      `EIREL_OWNER_RUNTIME_REGISTRY must be host[:port][/path] in lower case, without a scheme, not ${JSON.stringify(registry)}`,
    );
  }
  const username = e.EIREL_OWNER_RUNTIME_REGISTRY_USERNAME;
  const password = e.EIREL_OWNER_RUNTIME_REGISTRY_PASSWORD;
  if ((username === '') !== (password === '')) {
    throw new Error(
      'EIREL_OWNER_RUNTIME_REGISTRY_USERNAME and EIREL_OWNER_RUNTIME_REGISTRY_PASSWORD must be set together',
    );
  }
  return { kind: 'registry', registry, login: username === '' ? null : { username, password } };
}

export function hostBlock(address: string): { ipBlock: { cidr: string } } {
  return { ipBlock: { cidr: `${address}/${isIP(address) === 6 ? 128 : 32}` } };
}

function isCidr(value: string): boolean {
  const [address = '', bits = '', ...rest] = value.split('/');
  const family = isIP(address);
  return (
    family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32)
  );
}
