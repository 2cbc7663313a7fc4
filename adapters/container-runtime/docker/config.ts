import { z } from 'zod';
import { type ImageBuildConfig, imageBuildConfigFromEnv } from '../image-build';

export interface DockerRuntimeConfig {
  /** Where the engine's API answers. */
  engine: EngineAddress;
  /** Tells the objects of this control plane from those of another one on the same engine. */
  scope: string;
  nodeName: string;
  /** Agents on this engine at most, as reported by `capacity`. */
  maxPods: number;
  /** Processes and threads of one agent. */
  maxProcesses: number;
  /** Bytes of `/tmp` and of each volume that an image declares; they count as the agent's memory. */
  tmpBytes: number;
  /** Bytes of output kept per agent, in two files. */
  logMaxBytes: number;
  /** User and group of agents whose image names no numeric user of its own. */
  user: string;
  /** Image with Python 3 in which relays run. */
  relayImage: string;
  /** Network by which relays reach the owner's services and are reached; the engine's own `bridge` by default. */
  edgeNetwork: string;
  /**
   * `published`: agents are reached on loopback ports of the engine's machine; `network`: by the relay's name on the
   * edge network, for a control plane that runs in containers on it.
   */
  endpoints: 'published' | 'network';
  /** Loopback ports for relays, both ends included. */
  ports: { from: number; to: number };
  /** IPv4 range, for example `10.213.0.0/16`, from which each deployment's network gets sixteen addresses. */
  subnetPool: string;
  /** Names of environment variables whose addresses agents may reach. */
  egressVariables: string[];
  build: ImageBuildConfig;
}

export type EngineAddress =
  { socketPath: string } | { protocol: 'http' | 'https'; host: string; port: number; certificates?: string };

const MIB = 1024 * 1024;
const blankIsAbsent = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value;
const count = (fallback: number) =>
  z.preprocess(blankIsAbsent, z.coerce.number().int().positive().default(fallback));
const word = (fallback: string, pattern = /./) =>
  z.preprocess(blankIsAbsent, z.string().trim().regex(pattern).default(fallback));

const EGRESS_VARIABLES = [
  'EIREL_PROVIDER_PROXY_URL',
  'EIREL_WEB_SEARCH_URL',
  'EIREL_SANDBOX_URL',
  'EIREL_URL_FETCH_URL',
  'EIREL_RAG_URL',
  'EIREL_CHECKPOINT_BACKEND_URL',
];

const environment = z.object({
  EIREL_DOCKER_HOST: z.preprocess(blankIsAbsent, z.string().trim().optional()),
  DOCKER_HOST: z.preprocess(blankIsAbsent, z.string().trim().optional()),
  DOCKER_CERT_PATH: z.preprocess(blankIsAbsent, z.string().trim().optional()),
  EIREL_DOCKER_SCOPE: word('default', /^[a-z0-9][a-z0-9-]{0,31}$/),
  EIREL_DOCKER_NODE_NAME: word('docker-local'),
  EIREL_DOCKER_MAX_PODS: count(256),
  EIREL_DOCKER_MAX_PROCESSES: count(512),
  EIREL_DOCKER_TMP_MB: count(64),
  EIREL_DOCKER_LOG_MAX_BYTES: count(8 * MIB),
  EIREL_DOCKER_USER: word('65532:65532', /^[1-9]\d*:[1-9]\d*$/),
  EIREL_DOCKER_RELAY_IMAGE: z.preprocess(blankIsAbsent, z.string().trim().optional()),
  OWNER_RUNTIME_DOCKER_NETWORK: word('bridge', /^[A-Za-z0-9][A-Za-z0-9_.-]*$/),
  EIREL_DOCKER_ENDPOINTS: z.preprocess(blankIsAbsent, z.enum(['published', 'network']).optional()),
  EIREL_DOCKER_PORT_FROM: count(20_000),
  EIREL_DOCKER_PORT_TO: count(29_999),
  EIREL_DOCKER_SUBNET_POOL: word('10.213.0.0/16', /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/),
});

/**
 * Reads `EIREL_DOCKER_*`, `DOCKER_HOST`, `DOCKER_CERT_PATH`, `OWNER_RUNTIME_DOCKER_NETWORK` and what builds need.
 * @throws Error naming the variable with a bad value
 */
export function dockerRuntimeConfigFromEnv(env: NodeJS.ProcessEnv): DockerRuntimeConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    throw new Error(`${name} has a bad value: ${JSON.stringify(env[name])}`);
  }
  const { data } = parsed;
  const build = imageBuildConfigFromEnv(env);
  const edgeNetwork = data.OWNER_RUNTIME_DOCKER_NETWORK;
  if (['host', 'none'].includes(edgeNetwork)) {
    throw new Error(`OWNER_RUNTIME_DOCKER_NETWORK must be a bridge network, not ${edgeNetwork}`);
  }
  const endpoints = data.EIREL_DOCKER_ENDPOINTS ?? (edgeNetwork === 'bridge' ? 'published' : 'network');
  if (endpoints === 'network' && edgeNetwork === 'bridge') {
    throw new Error(
      'EIREL_DOCKER_ENDPOINTS=network needs a named network in OWNER_RUNTIME_DOCKER_NETWORK: the default bridge has no names',
    );
  }
  const ports = { from: data.EIREL_DOCKER_PORT_FROM, to: data.EIREL_DOCKER_PORT_TO };
  if (ports.from < 1024 || ports.to > 65_535 || ports.from > ports.to) {
    throw new Error('EIREL_DOCKER_PORT_FROM and _TO must be a range within 1024..65535');
  }
  checkPool(data.EIREL_DOCKER_SUBNET_POOL);
  return {
    engine: engineAddress(data.EIREL_DOCKER_HOST ?? data.DOCKER_HOST, data.DOCKER_CERT_PATH),
    scope: data.EIREL_DOCKER_SCOPE,
    nodeName: data.EIREL_DOCKER_NODE_NAME,
    maxPods: data.EIREL_DOCKER_MAX_PODS,
    maxProcesses: data.EIREL_DOCKER_MAX_PROCESSES,
    tmpBytes: data.EIREL_DOCKER_TMP_MB * MIB,
    logMaxBytes: data.EIREL_DOCKER_LOG_MAX_BYTES,
    user: data.EIREL_DOCKER_USER,
    relayImage: data.EIREL_DOCKER_RELAY_IMAGE ?? build.runtimeImage,
    edgeNetwork,
    endpoints,
    ports,
    subnetPool: data.EIREL_DOCKER_SUBNET_POOL,
    egressVariables: EGRESS_VARIABLES,
    build,
  };
}

function checkPool(pool: string): void {
  const [address = '', length = ''] = pool.split('/');
  const bad =
    address.split('.').some((part) => Number(part) > 255) || Number(length) < 8 || Number(length) > 28;
  if (bad) throw new Error(`EIREL_DOCKER_SUBNET_POOL must be an IPv4 range between /8 and /28, not ${pool}`);
}

/**
 * Where an engine listens, from the value of `DOCKER_HOST` and of `DOCKER_CERT_PATH`.
 * @throws Error when the address is none
 */
export function engineAddress(text: string | undefined, certificates: string | undefined): EngineAddress {
  if (text === undefined) return { socketPath: '/var/run/docker.sock' };
  if (text.startsWith('unix://')) return { socketPath: text.slice('unix://'.length) };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new Error(`DOCKER_HOST must be unix:///path or tcp://host:port, not ${JSON.stringify(text)}`);
  }
  const secure = url.protocol === 'https:' || (url.protocol === 'tcp:' && certificates !== undefined);
  return {
    protocol: secure ? 'https' : 'http',
    host: url.hostname,
    port: Number(url.port || (secure ? 2376 : 2375)),
    ...(secure && certificates !== undefined ? { certificates } : {}),
  };
}
