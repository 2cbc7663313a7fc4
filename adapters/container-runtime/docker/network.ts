/** One internal network per deployment: the agent and its relay are alone on it, and no route leads out. */
import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { OwnerFault } from '../types';
import type { DockerRuntimeConfig } from './config';
import { engineMessage, gone, isConflict, orNull } from './engine';
import { identity, LABEL, type ObjectNames } from './names';

/** Addresses per deployment: network, broadcast, relay, agent, and an agent that is being replaced. */
const BLOCK_SIZE = 16;
const OVERLAP = /overlap|already (in use|used|allocated)|address space/i;

/**
 * The deployment's network, made if it is missing or not as it should be.
 * @param isolatedFromHost false for engines that do not know the option by which the host takes no address on it
 * @returns its id: engines let two networks have one name when they are made in the same moment
 * @throws OwnerFault `no_free_subnet`
 */
export async function ensureNetwork(
  docker: Docker,
  config: DockerRuntimeConfig,
  names: ObjectNames,
  deploymentId: string,
  isolatedFromHost: boolean,
): Promise<string> {
  const present = await settle(docker, config, names);
  if (present !== null) return present;
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
    } catch (error) {
      // Another worker made one of this name, or on this range, in the same moment.
      if (!isConflict(error) && !OVERLAP.test(engineMessage(error))) throw error;
    }
    const made = await settle(docker, config, names);
    if (made !== null) return made;
  }
  throw new OwnerFault(
    'no_free_subnet',
    `no free range of ${BLOCK_SIZE} addresses in EIREL_DOCKER_SUBNET_POOL=${config.subnetPool}: name a larger one`,
  );
}

/** The deployment's network if it is there and closed; the oldest of several stays, and the others go. */
async function settle(
  docker: Docker,
  config: DockerRuntimeConfig,
  names: ObjectNames,
): Promise<string | null> {
  const found = await namedNetworks(docker, names);
  const good = found
    .filter((network) => network.Internal && network.Labels?.[LABEL.scope] === config.scope)
    .sort((a, b) => Date.parse(a.Created) - Date.parse(b.Created) || (a.Id < b.Id ? -1 : 1));
  const kept = good[0]?.Id ?? null;
  for (const { Id } of found) if (Id !== kept) await removeById(docker, Id);
  return kept;
}

/** Removes the network with whatever is still connected to it. Idempotent. */
export async function removeNetwork(docker: Docker, names: ObjectNames): Promise<void> {
  for (const { Id } of await namedNetworks(docker, names)) await removeById(docker, Id);
}

/** True when there is a network of the deployment's name. */
export async function hasNetwork(docker: Docker, names: ObjectNames): Promise<boolean> {
  return (await namedNetworks(docker, names)).length > 0;
}

async function namedNetworks(docker: Docker, names: ObjectNames): Promise<Docker.NetworkInspectInfo[]> {
  const found = await docker.listNetworks({ filters: { name: [names.network] } });
  // The filter takes parts of names.
  return found.filter(({ Name }) => Name === names.network);
}

async function removeById(docker: Docker, id: string): Promise<void> {
  const network = docker.getNetwork(id);
  const present = await orNull(network.inspect());
  for (const container of Object.keys((present?.Containers as object | undefined) ?? {})) {
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
