import { createHash } from 'node:crypto';
import { OwnerFault } from '../types';

/** Labels on everything that this backend makes. */
export const LABEL = {
  scope: 'eirel.dev/scope',
  role: 'eirel.dev/role',
  deploymentId: 'eirel.dev/deployment-id',
  submissionId: 'eirel.dev/submission-id',
  revision: 'eirel.dev/revision',
  imageRef: 'eirel.dev/image-ref',
  restarts: 'eirel.dev/restarts',
  cpuMillis: 'eirel.dev/cpu-millis',
  memoryBytes: 'eirel.dev/memory-bytes',
  healthPath: 'eirel.dev/health-path',
  startTimeout: 'eirel.dev/start-timeout-seconds',
  /** Digest of what a relay was made from. */
  relay: 'eirel.dev/relay-digest',
  archive: 'eirel.dev/archive-sha256',
} as const;

/** `agent`: the miner's container; `relay`: the owner's, its only neighbour; `network`: theirs; `image`: built here. */
export type Role = 'agent' | 'relay' | 'network' | 'image';

/** Names of the objects of one deployment. They follow from its id, so that any worker finds and no two make them. */
export interface ObjectNames {
  agent: string;
  /** What an agent's container is called once a stop was asked for: its end is wanted, and its log stays. */
  stopped: string;
  relay: string;
  network: string;
}

/** @throws OwnerFault `bad_deployment_id` */
export function objectNames(scope: string, deploymentId: string): ObjectNames {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(deploymentId)) {
    throw new OwnerFault(
      'bad_deployment_id',
      `deployment id ${JSON.stringify(deploymentId)} cannot be put on a container`,
    );
  }
  // Hashed since a host name has 63 characters at most, and an id may be longer.
  const key = createHash('sha256').update(`${scope}/${deploymentId}`).digest('hex').slice(0, 20);
  return {
    agent: `eirel-agent-${key}`,
    stopped: `eirel-stopped-${key}`,
    relay: `eirel-relay-${key}`,
    network: `eirel-net-${key}`,
  };
}

/** Labels that identify an object; more may be added. */
export function identity(scope: string, role: Role, deploymentId?: string): Record<string, string> {
  return {
    [LABEL.scope]: scope,
    [LABEL.role]: role,
    ...(deploymentId === undefined ? {} : { [LABEL.deploymentId]: deploymentId }),
  };
}

/** The engine's filter for objects with these labels. */
export function labelFilter(labels: Record<string, string>): { label: string[] } {
  return { label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) };
}

/** How long a worker may take between making a container and starting it, in milliseconds. */
const START_MS = 10_000;

/** True for a container that another worker made just now and is about to start; later it counts as left behind. */
export function isBeingStarted(container: { Created: string; State: { Status: string } }): boolean {
  return (
    container.State.Status === 'created' && Math.abs(Date.now() - Date.parse(container.Created)) < START_MS
  );
}
