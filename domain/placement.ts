/** Who runs where, and who waits: pure decisions over what nodes hold (runtime-and-tools.md section 2.5). */

/** What one node can hold and holds. */
export interface NodeCapacity {
  nodeName: string;
  totalCpuMillis: number;
  totalMemoryBytes: number;
  usedCpuMillis: number;
  usedMemoryBytes: number;
  maxPods: number;
  runningPods: number;
  /** Deployments of ours that are part of what is used. */
  deploymentIds: string[];
}

export interface Need {
  cpuMillis: number;
  memoryBytes: number;
}

/** Kept free on every node. */
export interface Headroom extends Need {
  pods: number;
}

/** Room that was promised to a deployment, whether or not it runs already. */
export interface Hold extends Need {
  deploymentId: string;
  nodeName: string;
}

/** A deployment that asks for room. */
export interface Asking extends Need {
  deploymentId: string;
  /** Rank among the best of the last run, which come first; null for all others. */
  rank: number | null;
  /** Milliseconds since 1970; the older comes first. */
  createdAt: number;
}

export type Admission =
  | { admitted: true; nodeName: string }
  /** `position` counts from 1 among the `of` that wait. */
  | { admitted: false; position: number; of: number; reason: string };

/**
 * The node on which least is left afterwards, by cpu, then memory, then name: large holes stay for large agents.
 * @returns null when it fits on none
 */
export function bestFit(nodes: readonly NodeCapacity[], need: Need, headroom: Headroom): string | null {
  const left = nodes
    .map((node) => ({
      name: node.nodeName,
      cpu: node.totalCpuMillis - headroom.cpuMillis - node.usedCpuMillis - need.cpuMillis,
      memory: node.totalMemoryBytes - headroom.memoryBytes - node.usedMemoryBytes - need.memoryBytes,
      pods: node.maxPods - headroom.pods - node.runningPods - 1,
    }))
    .filter((node) => node.cpu >= 0 && node.memory >= 0 && node.pods >= 0);
  left.sort((a, b) => a.cpu - b.cpu || a.memory - b.memory || (a.name < b.name ? -1 : 1));
  return left[0]?.name ?? null;
}

/** The nodes as they will be once every promise is kept. Holds on nodes that are gone count nowhere. */
export function withHolds(nodes: readonly NodeCapacity[], holds: readonly Hold[]): NodeCapacity[] {
  return nodes.map((node) => {
    const promised = holds.filter(
      (hold) => hold.nodeName === node.nodeName && !node.deploymentIds.includes(hold.deploymentId),
    );
    return promised.reduce(taken, node);
  });
}

/**
 * Decides for one of those that ask, as if all of them were served in order: the best of the last run by rank, then by
 * age. The first that has to wait makes everybody behind it wait, so that a large agent is not passed for ever by small
 * ones; one that fits on no node even when that is empty holds up nobody.
 * @param asking those that wait already and the one that `deploymentId` names
 */
export function admit(
  nodes: readonly NodeCapacity[],
  holds: readonly Hold[],
  asking: readonly Asking[],
  deploymentId: string,
  headroom: Headroom,
): Admission {
  const order = [...asking].sort(inOrder);
  const position = order.findIndex((one) => one.deploymentId === deploymentId) + 1;
  const place = `position ${position} of ${order.length}`;
  const refuse = (reason: string): Admission => ({
    admitted: false,
    position,
    of: order.length,
    reason: `${reason}; ${place} in the queue`,
  });
  if (nodes.length === 0) return refuse('no_verified_runtime_nodes: no node takes agents');
  const empty = nodes.map((node) => ({ ...node, usedCpuMillis: 0, usedMemoryBytes: 0, runningPods: 0 }));
  let state = withHolds(nodes, holds);
  let blocked = false;
  for (const one of order) {
    const mine = one.deploymentId === deploymentId;
    if (bestFit(empty, one, headroom) === null) {
      if (mine) return refuse(`insufficient_runtime_capacity: ${wanted(one)} fit on no node, however empty`);
      continue;
    }
    const nodeName = blocked ? null : bestFit(state, one, headroom);
    if (mine) {
      return nodeName === null
        ? refuse(
            `insufficient_runtime_capacity: ${wanted(one)} are not free on any of ${nodes.length} node(s)`,
          )
        : { admitted: true, nodeName };
    }
    if (nodeName === null) blocked = true;
    state = state.map((node) => (node.nodeName === nodeName ? taken(node, one) : node));
  }
  throw new Error(`deployment ${deploymentId} is not among those that ask`);
}

function taken(node: NodeCapacity, need: Need): NodeCapacity {
  return {
    ...node,
    usedCpuMillis: node.usedCpuMillis + need.cpuMillis,
    usedMemoryBytes: node.usedMemoryBytes + need.memoryBytes,
    runningPods: node.runningPods + 1,
  };
}

function inOrder(a: Asking, b: Asking): number {
  const rank = (a.rank ?? Infinity) - (b.rank ?? Infinity);
  if (a.rank !== b.rank) return rank;
  return a.createdAt - b.createdAt || (a.deploymentId < b.deploymentId ? -1 : 1);
}

function wanted(need: Need): string {
  return `${need.cpuMillis} mCPU and ${Math.round(need.memoryBytes / 1024 / 1024)} MiB`;
}
