/** The agent's own container: what it may do, whether it still is what it should be, and how it ended. */
import type Docker from 'dockerode';
import { OwnerFault, type PlacementSpec } from '../types';
import type { DockerRuntimeConfig } from './config';
import { AGENT_ALIAS } from './relay';
import { identity, LABEL, type ObjectNames } from './names';

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TMP_OPTIONS = 'rw,nosuid,nodev';
/** A resolver that does not answer: names outside the deployment's network stay unknown, also to the engine's DNS. */
const NO_RESOLVER = '127.0.0.1';

/**
 * The body that creates an agent's container.
 * @param env the agent's environment after egress was planned
 * @throws OwnerFault `bad_env`
 */
export function agentContainer(
  config: DockerRuntimeConfig,
  names: ObjectNames,
  networkId: string,
  spec: PlacementSpec,
  image: Docker.ImageInspectInfo,
  env: Readonly<Record<string, string>>,
  restarts: number,
): Docker.ContainerCreateOptions {
  const port = String(spec.manifest.runtime.port);
  const tmp = `${TMP_OPTIONS},size=${config.tmpBytes},mode=1777`;
  // A declared volume would be a place on the engine's disk without a limit; in memory it counts.
  const volumes = Object.keys((image.Config.Volumes as Record<string, unknown> | null) ?? {});
  const logFileBytes = Math.max(1024, Math.floor(config.logMaxBytes / 2));
  return {
    name: names.agent,
    Image: image.Id,
    User: userOf(image.Config.User, config.user),
    Env: environment({
      ...env,
      HOME: '/tmp',
      TMPDIR: '/tmp',
      LANG: 'C.UTF-8',
      MINER_RUNTIME_HOST: '0.0.0.0',
      MINER_RUNTIME_PORT: port,
      PORT: port,
    }),
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGTERM',
    Labels: {
      ...identity(config.scope, 'agent', spec.deploymentId),
      [LABEL.submissionId]: spec.submissionId,
      [LABEL.revision]: spec.revision,
      [LABEL.imageRef]: spec.imageRef,
      [LABEL.restarts]: String(restarts),
      [LABEL.cpuMillis]: String(spec.cpuMillis),
      [LABEL.memoryBytes]: String(spec.memoryBytes),
      [LABEL.healthPath]: spec.manifest.runtime.health_path,
      [LABEL.startTimeout]: String(spec.startTimeoutSeconds),
    },
    HostConfig: {
      NetworkMode: networkId,
      Dns: [NO_RESOLVER],
      DnsOptions: ['timeout:1', 'attempts:1'],
      PortBindings: {},
      RestartPolicy: { Name: 'no' },
      ReadonlyRootfs: true,
      Tmpfs: Object.fromEntries(['/tmp', ...volumes].map((path) => [path, tmp])),
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: config.maxProcesses,
      Memory: spec.memoryBytes,
      // Equal to the memory: no swap.
      MemorySwap: spec.memoryBytes,
      NanoCpus: spec.cpuMillis * 1_000_000,
      Ulimits: [
        { Name: 'nofile', Soft: 1024, Hard: 1024 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      LogConfig: { Type: 'json-file', Config: { 'max-size': String(logFileBytes), 'max-file': '2' } },
    },
    NetworkingConfig: { EndpointsConfig: { [networkId]: { Aliases: [AGENT_ALIAS] } } },
  };
}

/** One sentence per limit, for `RuntimePlacement.limits`. */
export function limitNotes(config: DockerRuntimeConfig, agent: Docker.ContainerInspectInfo): string[] {
  const host = agent.HostConfig;
  const mib = Math.round((host.Memory ?? 0) / 1024 / 1024);
  return [
    `memory limited to ${mib} MiB without swap`,
    `cpu limited to ${(host.NanoCpus ?? 0) / 1e9} cores`,
    `at most ${host.PidsLimit} processes`,
    `runs as user ${agent.Config.User} without capabilities, with no-new-privileges and the engine's seccomp profile`,
    `root file system read-only, /tmp in memory with ${Math.round(config.tmpBytes / 1024 / 1024)} MiB`,
    "network of its own without a route out; the owner's proxy and tools by a relay",
    `output kept up to ${config.logMaxBytes} bytes`,
  ];
}

/**
 * How a running container differs from what was placed, or null. Catches what an operator or another tool changed by
 * hand: limits, privileges, networks.
 */
export function driftOf(
  agent: Docker.ContainerInspectInfo,
  networkId: string,
  spec: PlacementSpec,
): string | null {
  const host = agent.HostConfig;
  const networks = Object.entries(agent.NetworkSettings.Networks);
  if (networks.length !== 1 || networks[0]?.[1].NetworkID !== networkId) {
    return `it is connected to ${networks.map(([name]) => name).join(', ') || 'no network'}`;
  }
  if (host.Memory !== spec.memoryBytes) return `its memory limit is ${host.Memory} bytes`;
  if (host.NanoCpus !== spec.cpuMillis * 1_000_000)
    return `its cpu limit is ${(host.NanoCpus ?? 0) / 1e9} cores`;
  if (host.Privileged || !host.ReadonlyRootfs) return 'it is privileged or may write to its root file system';
  if (agent.State.Paused) return 'it is paused';
  return null;
}

export const labelsOf = (agent: Docker.ContainerInspectInfo): Record<string, string> =>
  agent.Config.Labels ?? {};

/** Changes on each start, also when the engine starts the same container again. */
export function instanceIdOf(agent: Docker.ContainerInspectInfo): string {
  return `${agent.Id.slice(0, 12)}-${Date.parse(agent.State.StartedAt)}`;
}

/** A numeric user of the image that is not root is kept; a name proves nothing, as any name may be user 0. */
function userOf(declared: string | undefined, fallback: string): string {
  const match = /^([1-9]\d*)(?::([1-9]\d*))?$/.exec(declared ?? '');
  return match === null ? fallback : `${match[1]}:${match[2] ?? match[1]}`;
}

function environment(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => {
    if (!ENV_NAME.test(name)) {
      throw new OwnerFault('bad_env', `${JSON.stringify(name)} is not a variable name`);
    }
    if (value.includes('\0')) throw new OwnerFault('bad_env', `the value of ${name} holds a NUL character`);
    return `${name}=${value}`;
  });
}
