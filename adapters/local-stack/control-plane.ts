import { join } from 'node:path';
import { TASK_QUEUES } from '../../domain/messages';
import { projectRoot } from '../project-root';
import { connectTemporal, temporalConfigFromEnv } from '../temporal';
import { sandboxPossible } from './sandbox';
import { keptSecrets } from './secrets';
import type { ProcessSpec } from './supervised-process';

/** Ports of 127.0.0.1 that the product's own processes listen on when the environment names no others. */
export const CONTROL_PLANE_PORTS = {
  ownerApi: 18020,
  providerProxy: 18092,
  webSearch: 18085,
  urlFetch: 18087,
  rag: 18088,
  sandbox: 18091,
  metagraphListener: 18011,
} as const;

/** The variables by which a tool service is told its port and agents its address, and where its program is. */
const TOOLS = [
  {
    name: 'web-search',
    port: 'EIREL_WEB_SEARCH_TOOL_PORT',
    url: 'EIREL_WEB_SEARCH_TOOL_URL',
    usual: 'webSearch',
  },
  { name: 'url-fetch', port: 'EIREL_URL_FETCH_PORT', url: 'EIREL_URL_FETCH_TOOL_URL', usual: 'urlFetch' },
  { name: 'rag-tool', port: 'EIREL_RAG_TOOL_PORT', url: 'EIREL_RAG_TOOL_URL', usual: 'rag' },
  { name: 'sandbox', port: 'EIREL_SANDBOX_TOOL_PORT', url: 'EIREL_SANDBOX_TOOL_URL', usual: 'sandbox' },
] as const;

/** Names of the variables that hold the ports of the control plane, with the usual port of each. */
export const CONTROL_PLANE_PORT_VARIABLES: Readonly<Record<string, number>> = {
  OWNER_API_PORT: CONTROL_PLANE_PORTS.ownerApi,
  EIREL_PROVIDER_PROXY_PORT: CONTROL_PLANE_PORTS.providerProxy,
  EIREL_METAGRAPH_LISTENER_PORT: CONTROL_PLANE_PORTS.metagraphListener,
  ...Object.fromEntries(TOOLS.map(({ port, usual }) => [port, CONTROL_PLANE_PORTS[usual]])),
};

/** Time for a worker to finish its activities before it is killed, in seconds; its own grace is 20. */
const WORKER_STOP_SECONDS = 25;

const SECRET_NAMES = [
  'EIREL_INTERNAL_SERVICE_TOKEN',
  'EIREL_JOB_TOKEN_SECRET',
  'EIREL_PROVIDER_PROXY_MASTER_TOKEN',
  'EIREL_OWNER_SECRET',
  'EIREL_WEB_SEARCH_TOOL_API_TOKEN',
  'EIREL_URL_FETCH_API_TOKEN',
  'EIREL_RAG_TOOL_API_TOKEN',
  'EIREL_SANDBOX_TOOL_API_TOKEN',
] as const;

/** Environment variables that decide how the control plane is run, each with a value. */
export type ControlPlaneEnv = Record<string, string | undefined> & {
  OWNER_API_PORT: string;
  EIREL_PROVIDER_PROXY_PORT: string;
};

/**
 * Completes an environment to one that the control plane runs with: ports, the addresses by which its processes
 * reach one another, directories below the data directory, and secrets, which are made once and kept in
 * `<dataDir>/secrets.json`. What the environment sets already is left as it is.
 * @param base the environment, with the addresses of the parts (`Parts.env`) in it
 * @param dataDir the data directory, absolute
 */
export function controlPlaneEnv(base: NodeJS.ProcessEnv, dataDir: string): ControlPlaneEnv {
  const secrets = keptSecrets(join(dataDir, 'secrets.json'), SECRET_NAMES);
  const set = Object.fromEntries(
    Object.entries(base).filter(([, value]) => value !== undefined && value !== ''),
  );
  const apiPort = set.OWNER_API_PORT ?? String(CONTROL_PLANE_PORTS.ownerApi);
  const proxyPort = set.EIREL_PROVIDER_PROXY_PORT ?? String(CONTROL_PLANE_PORTS.providerProxy);
  const ownerApiUrl = `http://127.0.0.1:${apiPort}`;
  const toolPorts = Object.fromEntries(
    TOOLS.map(({ port, usual }) => [port, set[port] ?? String(CONTROL_PLANE_PORTS[usual])]),
  );
  const toolUrls = Object.fromEntries(
    TOOLS.map(({ port, url }) => [url, `http://127.0.0.1:${toolPorts[port]}`]),
  );
  const merged = {
    ...secrets,
    EIREL_DATA_DIR: dataDir,
    ARTIFACT_STORAGE_ROOT: join(dataDir, 'artifacts'),
    OWNER_RUNTIME_WORK_ROOT: join(dataDir, 'runtime'),
    EIREL_OWNER_API_URL: ownerApiUrl,
    OWNER_API_URL: ownerApiUrl,
    EIREL_PUBLIC_URL: ownerApiUrl,
    EIREL_PROVIDER_PROXY_URL: `http://127.0.0.1:${proxyPort}`,
    // Without a vendor's embeddings, retrieval works by a local one that says so.
    EIREL_RAG_EMBEDDING_MODEL:
      set.EIREL_RAG_EMBEDDING_API_KEY || set.OPENAI_API_KEY || set.EIREL_PROVIDER_OPENAI_API_KEY
        ? undefined
        : 'local-hash-v1',
    ...toolUrls,
    ...set,
    ...toolPorts,
    OWNER_API_PORT: apiPort,
    EIREL_PROVIDER_PROXY_PORT: proxyPort,
    EIREL_METAGRAPH_LISTENER_PORT:
      set.EIREL_METAGRAPH_LISTENER_PORT ?? String(CONTROL_PLANE_PORTS.metagraphListener),
  };
  // The owner's own services present the master token to the proxy.
  return {
    ...merged,
    EIREL_PROVIDER_PROXY_TOKEN: set.EIREL_PROVIDER_PROXY_TOKEN ?? merged.EIREL_PROVIDER_PROXY_MASTER_TOKEN,
  };
}

/**
 * The processes of the control plane, in the order of their dependencies: provider-proxy, worker, owner-api. Where a subnet is
 * named (BITTENSOR_NETUID), metagraph-listener is one of them.
 * @param env made by `controlPlaneEnv`
 * @param parts names of processes of the same supervisor that must be ready first (`Parts.started`)
 */
export function controlPlaneProcesses(env: ControlPlaneEnv, parts: readonly string[] = []): ProcessSpec[] {
  const build = join(projectRoot(), 'build');
  const node = (entry: string) => ({
    command: process.execPath,
    args: ['--enable-source-maps', join(build, ...entry.split('/'))],
    env,
    cwd: projectRoot(),
    startAfter: parts,
  });
  return [
    ...TOOLS.filter(({ name }) => name !== 'sandbox' || sandboxPossible(env)).map(
      ({ name, port }): ProcessSpec => ({
        name,
        ...node(`services/${name}/main.js`),
        ready: { kind: 'http', url: `http://127.0.0.1:${env[port]}/healthz` },
        stopGraceSeconds: WORKER_STOP_SECONDS,
      }),
    ),
    {
      name: 'provider-proxy',
      ...node('services/provider-proxy/main.js'),
      ready: { kind: 'http', url: `http://127.0.0.1:${env.EIREL_PROVIDER_PROXY_PORT}/healthz` },
      stopGraceSeconds: WORKER_STOP_SECONDS,
    },
    {
      name: 'worker',
      ...node('workers/main.js'),
      ready: { kind: 'check', check: (pid) => checkWorkerPolls(env, pid) },
      startAfter: [...parts, 'provider-proxy'],
      stopGraceSeconds: WORKER_STOP_SECONDS,
    },
    {
      name: 'owner-api',
      ...node('api/main.js'),
      ready: { kind: 'http', url: `http://127.0.0.1:${env.OWNER_API_PORT}/healthz` },
      stopGraceSeconds: WORKER_STOP_SECONDS,
    },
    ...(env.BITTENSOR_NETUID
      ? [
          {
            name: 'metagraph-listener',
            ...node('services/metagraph-listener/main.js'),
            ready: {
              kind: 'http' as const,
              url: `http://127.0.0.1:${env.EIREL_METAGRAPH_LISTENER_PORT}/healthz`,
            },
            stopGraceSeconds: WORKER_STOP_SECONDS,
          },
        ]
      : []),
  ];
}

/** The queue that the worker of this environment serves first, by EIREL_WORKER_QUEUES. */
function firstQueue(env: ControlPlaneEnv): string {
  const first = (env.EIREL_WORKER_QUEUES ?? 'control').split(',')[0]?.trim() as keyof typeof TASK_QUEUES;
  return TASK_QUEUES[first] ?? TASK_QUEUES.control;
}

const ACTIVITY_QUEUE = 2;

/**
 * Asks Temporal whether the worker of this process polls. Temporal remembers pollers for minutes, those of a
 * killed worker too, so that the process id, with which an SDK worker's identity begins, decides.
 * @throws Error when it does not poll yet
 */
async function checkWorkerPolls(env: ControlPlaneEnv, pid: number): Promise<void> {
  const client = await connectTemporal(temporalConfigFromEnv(env));
  try {
    const { pollers } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: firstQueue(env) },
      taskQueueType: ACTIVITY_QUEUE,
    });
    if (!pollers?.some(({ identity }) => identity?.startsWith(`${pid}@`))) {
      throw new Error(`it does not poll the task queue ${firstQueue(env)}`);
    }
  } finally {
    await client.connection.close();
  }
}
