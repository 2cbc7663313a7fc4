/** Which agents run when not all fit: the continuous pool of evaluation.md section 1.10. */
import type { Headroom, Need, NodeCapacity } from './placement';
import type { DeploymentStatus } from './status';

/** A member of an open run. */
export interface PoolMember {
  deploymentId: string;
  status: DeploymentStatus;
  healthy: boolean;
  /** Its image is there, so that it can be started. */
  built: boolean;
  /** Epoch milliseconds of its submission. */
  submittedAt: number;
  /** Rows that nobody has judged yet; null before the run is seeded. */
  openRows: number | null;
  /** Milliseconds since its last row was settled; null while rows are open. */
  idleMs: number | null;
  /** It keeps crashing beyond its budget of restarts. */
  failing: boolean;
  /** An operator drained it: it stays down until the operator says otherwise. */
  held: boolean;
}

export interface PoolPlan {
  /** Agents that may run now. */
  keep: string[];
  /** Of those, the ones that have to be started. */
  activate: string[];
  /** Running agents that are not kept: they finish their leases and stop. */
  drain: string[];
  /** Members that wait for others to finish. */
  waiting: string[];
}

/** Not up, and startable. One that drains has to come to its end first. */
const STARTABLE: readonly DeploymentStatus[] = ['queued', 'received', 'standby_cold'];
const DOWN: readonly DeploymentStatus[] = [...STARTABLE, 'draining'];
const ENDED: readonly DeploymentStatus[] = ['retired', 'build_failed'];

/**
 * Chooses who runs. Active agents always do. Of the members with rows still to be judged the newest go first, those that
 * keep crashing last, until the slots are taken; what is left over keeps members warm that are done, the latest first, for
 * as long as the grace lasts. Everybody else stops; members that are not done wait for their turn.
 * @param slots agents that fit beside the active ones; @param graceMs how long a member that is done may stay up
 */
export function planPool(members: readonly PoolMember[], slots: number, graceMs: number): PoolPlan {
  const living = members.filter((member) => !ENDED.includes(member.status));
  const free = living.filter((member) => !member.held);
  const active = free.filter((member) => member.status === 'active');
  const rest = free.filter((member) => member.status !== 'active');
  const eligible = rest.filter((member) => member.openRows !== 0).sort(byTurn);
  const chosen = eligible.slice(0, Math.max(0, slots));
  const warm = rest
    .filter((member) => member.openRows === 0 && (member.idleMs ?? 0) < graceMs)
    .sort((a, b) => (a.idleMs ?? 0) - (b.idleMs ?? 0) || compareIds(a, b))
    // Nobody is started to be kept warm.
    .filter((member) => !DOWN.includes(member.status))
    .slice(0, Math.max(0, slots - chosen.length));
  const keep = new Set([...active, ...chosen, ...warm].map((member) => member.deploymentId));
  const kept = living.filter((member) => keep.has(member.deploymentId));
  const others = living.filter((member) => !keep.has(member.deploymentId));
  return {
    keep: kept.map((member) => member.deploymentId),
    activate: kept
      .filter((member) => member.built && STARTABLE.includes(member.status))
      .map((member) => member.deploymentId),
    drain: others.filter((member) => !DOWN.includes(member.status)).map((member) => member.deploymentId),
    waiting: eligible.slice(chosen.length).map((member) => member.deploymentId),
  };
}

function byTurn(a: PoolMember, b: PoolMember): number {
  if (a.failing !== b.failing) return a.failing ? 1 : -1;
  return b.submittedAt - a.submittedAt || compareIds(a, b);
}

function compareIds(a: PoolMember, b: PoolMember): number {
  return a.deploymentId < b.deploymentId ? -1 : a.deploymentId > b.deploymentId ? 1 : 0;
}

/** How many agents a node holds at the most: whichever of processor, memory and pods runs out first. */
export function slotsOf(
  node: Pick<NodeCapacity, 'totalCpuMillis' | 'totalMemoryBytes' | 'maxPods'>,
  need: Need,
  headroom: Headroom,
): number {
  const fits = (room: number, one: number): number =>
    one <= 0 ? Infinity : Math.floor(Math.max(0, room) / one);
  const slots = Math.min(
    fits(node.totalCpuMillis - headroom.cpuMillis, need.cpuMillis),
    fits(node.totalMemoryBytes - headroom.memoryBytes, need.memoryBytes),
    Math.max(0, node.maxPods - headroom.pods),
  );
  return Number.isFinite(slots) ? slots : 0;
}
