/** The owner's container beside each agent: the only way in to it and the only way out of it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { projectRoot } from '../../project-root';
import { OwnerFault } from '../types';
import type { DockerRuntimeConfig } from './config';
import { type EgressPlan, HOST_ALIAS, RELAY_ALIAS } from './egress';
import { engineMessage, gone, isConflict, isNotFound, orNull } from './engine';
import { identity, isBeingStarted, LABEL, type ObjectNames } from './names';

/** The agent's name on its network. */
export const AGENT_ALIAS = 'agent';
const INGRESS_PORT = 8080;
const MEMORY_BYTES = 64 * 1024 * 1024;
const PORT_ATTEMPTS = 50;
const PORT_TAKEN = /port is already allocated|address already in use|ports are not available/i;

export interface RelaySpec {
  deploymentId: string;
  /** Port that the agent listens on. */
  agentPort: number;
  egress: EgressPlan;
}

/** The relay of a deployment, started unless the right one runs already. @throws OwnerFault `no_free_port` */
export async function ensureRelay(
  docker: Docker,
  config: DockerRuntimeConfig,
  names: ObjectNames,
  networkId: string,
  spec: RelaySpec,
): Promise<void> {
  const source = readFileSync(
    join(projectRoot(), 'adapters', 'container-runtime', 'docker', 'relay.py'),
    'utf8',
  );
  const routes = [
    [INGRESS_PORT, AGENT_ALIAS, spec.agentPort],
    ...spec.egress.routes.map(({ listen, host, port }) => [listen, host, port]),
  ];
  const command = ['python3', '-I', '-c', source, JSON.stringify(routes)];
  const { relayImage, edgeNetwork, endpoints } = config;
  const digest = createHash('sha256')
    .update(JSON.stringify([command, relayImage, edgeNetwork, endpoints, spec.egress.aliases]))
    .digest('hex');
  const present = await orNull(docker.getContainer(names.relay).inspect());
  if (present !== null) {
    const whole =
      present.State.Running &&
      present.Config.Labels[LABEL.relay] === digest &&
      Object.values(present.NetworkSettings.Networks).some((one) => one.NetworkID === networkId);
    if (whole) return;
    if (isBeingStarted(present)) {
      throw new OwnerFault('busy', `another worker is starting the relay of ${spec.deploymentId}`);
    }
    await gone(docker.getContainer(names.relay).remove({ force: true, v: true }));
  }
  const start = createHash('sha256').update(names.relay).digest().readUInt32BE(0);
  const span = config.ports.to - config.ports.from + 1;
  for (let attempt = 0; attempt < Math.min(PORT_ATTEMPTS, span); attempt += 1) {
    // The same port again for the same deployment where it is free: a new relay then keeps its address.
    const port = config.ports.from + ((start + attempt * 7) % span);
    if (await startRelay(docker, config, names, networkId, spec, command, digest, port)) return;
  }
  throw new OwnerFault(
    'no_free_port',
    `no free port among ${PORT_ATTEMPTS} tried from ${config.ports.from} to ${config.ports.to}`,
  );
}

/** @returns false when the port is taken */
async function startRelay(
  docker: Docker,
  config: DockerRuntimeConfig,
  names: ObjectNames,
  networkId: string,
  spec: RelaySpec,
  command: string[],
  digest: string,
  port: number,
): Promise<boolean> {
  const published = config.endpoints === 'published';
  let container;
  try {
    container = await docker.createContainer({
      name: names.relay,
      Image: config.relayImage,
      Entrypoint: [],
      Cmd: command,
      User: config.user,
      WorkingDir: '/',
      Healthcheck: { Test: ['NONE'] },
      ExposedPorts: { [`${INGRESS_PORT}/tcp`]: {} },
      Labels: { ...identity(config.scope, 'relay', spec.deploymentId), [LABEL.relay]: digest },
      HostConfig: {
        NetworkMode: config.edgeNetwork,
        ExtraHosts: [`${HOST_ALIAS}:host-gateway`],
        PortBindings: published
          ? { [`${INGRESS_PORT}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] }
          : {},
        RestartPolicy: { Name: 'always' },
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        PidsLimit: 64,
        Memory: MEMORY_BYTES,
        MemorySwap: MEMORY_BYTES,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } },
      },
    });
  } catch (error) {
    if (isNotFound(error)) {
      throw new OwnerFault(
        'relay_image_missing',
        `image ${config.relayImage} is not on the engine: build or pull it, or name another with Python 3 in EIREL_DOCKER_RELAY_IMAGE`,
        { cause: error },
      );
    }
    if (isConflict(error)) {
      throw new OwnerFault('busy', `another worker is starting the relay of ${spec.deploymentId}`, {
        cause: error,
      });
    }
    throw error;
  }
  try {
    await docker.getNetwork(networkId).connect({
      Container: container.id,
      EndpointConfig: { Aliases: [RELAY_ALIAS, ...spec.egress.aliases] },
    });
    await container.start();
    return true;
  } catch (error) {
    await gone(container.remove({ force: true, v: true }));
    if (published && PORT_TAKEN.test(engineMessage(error))) return false;
    throw error;
  }
}

/** Where the agent is reached now; undefined when its relay does not run. */
export function relayEndpoint(
  config: DockerRuntimeConfig,
  names: ObjectNames,
  relay: Docker.ContainerInspectInfo | null,
): string | undefined {
  if (relay === null || !relay.State.Running) return undefined;
  if (config.endpoints === 'network') return `http://${names.relay}:${INGRESS_PORT}`;
  const port = relay.NetworkSettings.Ports[`${INGRESS_PORT}/tcp`]?.[0]?.HostPort;
  return port === undefined ? undefined : `http://127.0.0.1:${port}`;
}
