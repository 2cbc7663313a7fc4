/** One internal network per deployment: the agent and its relay are alone on it, and no route leads out. */
import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { OwnerFault } from '../types';
import type { DockerRuntimeConfig } from './config';
import { engineMessage, gone, isConflict, orNull } from './engine';
import { identity, type ObjectNames } from './names';

/** Addresses per deployment: network, broadcast, relay, agent, and an agent that is being replaced. */
const BLOCK_SIZE = 16;
const OVERLAP = /overlap|already (in use|used|allocated)|address space/i;

/**
 * The deployment's network, made if it is missing or not as it should be.
 * @param isolatedFromHost false for engines that do not know the option by which the host takes no address on it
 * @throws OwnerFault `no_free_subnet`
 */
export async function ensureNetwork(
  docker: Docker,
  config: DockerRuntimeConfig,
  names: ObjectNames,
  deploymentId: string,
  isolatedFromHost: boolean,
): Promise<void> {
  const present = await orNull(docker.getNetwork(names.network).inspect());
  if (present !== null) {
    if (present.Internal === true && present.Labels?.['eirel.dev/scope'] === config.scope) return;
    await removeNetwork(docker, names);
  }
  for (const subnet of await freeSubnets(docker, config.subnetPool, names.network)) {
    try {
      await docker.createNetwork({
        Name: names.network,
        CheckDuplicate: true,
        Internal: true,
        Driver: 'bridge',
        EnableIPv6: false,
        IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] },
        // Without an address of the host on it, agents cannot reach what listens on the host.
        Options: isolatedFromHost ? { 'com.docker.network.bridge.inhibit_ipv4': 'true' } : {},
        Labels: identity(config.scope, 'network', deploymentId),
      });
      return;
    } catch (error) {
      // Another worker made it in the same moment.
      if (isConflict(error) && (await orNull(docker.getNetwork(names.network).inspect())) !== null) return;
      if (!OVERLAP.test(engineMessage(error))) throw error;
    }
  }
  throw new OwnerFault(
    'no_free_subnet',
    `no free range of ${BLOCK_SIZE} addresses in EIREL_DOCKER_SUBNET_POOL=${config.subnetPool}: name a larger one`,
  );
}

/** Removes the network with whatever is still connected to it. Idempotent. */
export async function removeNetwork(docker: Docker, names: ObjectNames): Promise<void> {
  const network = docker.getNetwork(names.network);
  const present = await orNull(network.inspect());
  if (present === null) return;
  for (const container of Object.keys(present.Containers ?? {})) {
    await gone(network.disconnect({ Container: container, Force: true }));
  }
  await gone(network.remove());
}

/** Candidate ranges that no network of the engine uses, in an order of this deployment's own, at most 32. */
async function freeSubnets(docker: Docker, pool: string, seed: string): Promise<string[]> {
  const used = (await docker.listNetworks())
    .flatMap((network) => network.IPAM?.Config ?? [])
    .map((range) => parseRange(range.Subnet ?? ''))
    .filter((range) => range !== null);
  const { first, size } = parseRange(pool) ?? { first: 0, size: 0 };
  const blocks = Math.floor(size / BLOCK_SIZE);
  const start = createHash('sha256').update(seed).digest().readUInt32BE(0) % Math.max(1, blocks);
  const found: string[] = [];
  for (let step = 0; step < blocks && found.length < 32; step += 1) {
    const from = first + ((start + step) % blocks) * BLOCK_SIZE;
    const free = used.every((range) => from + BLOCK_SIZE <= range.first || from >= range.first + range.size);
    if (free) found.push(`${formatAddress(from)}/28`);
  }
  return found;
}

function parseRange(text: string): { first: number; size: number } | null {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (match === null) return null;
  const [a = 0, b = 0, c = 0, d = 0, length = 32] = match.slice(1).map(Number);
  const size = 2 ** (32 - length);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { first: Math.floor(address / size) * size, size };
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
