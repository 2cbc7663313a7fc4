/** The promises of room: one writer at a time, so that two agents are never promised the same. */
import {
  admit,
  type Admission,
  type Asking,
  type Headroom,
  type Hold,
  type NodeCapacity,
} from '../../domain/placement';
import type { Db, DbTx } from './index';

/** Placements whose room is promised (runtime-and-tools.md section 2.5). */
const HOLDING = ['assigned', 'running', 'draining'];

/**
 * Promises room to a deployment, or puts it into the queue. A promise stands until the deployment is released, also
 * over crashes of its agent; one on a node that is gone is given anew.
 */
export async function reserveRoom(
  db: Db,
  deploymentId: string,
  nodes: readonly NodeCapacity[],
  headroom: Headroom,
): Promise<Admission> {
  return db.$transaction(async (tx) => {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('runtime-capacity', 0))`;
    const admission = await decide(tx, deploymentId, nodes, headroom);
    const row = await tx.managedDeployment.findUniqueOrThrow({ where: { id: deploymentId } });
    if (row.status === 'retired') return admission;
    await tx.managedDeployment.update({
      where: { id: deploymentId },
      data: admission.admitted
        ? {
            placementStatus: 'assigned',
            assignedNodeName: admission.nodeName,
            assignedCpuMillis: row.requestedCpuMillis,
            assignedMemoryBytes: row.requestedMemoryBytes,
            placementErrorText: null,
          }
        : {
            placementStatus: 'pending_capacity',
            assignedNodeName: null,
            assignedCpuMillis: 0,
            assignedMemoryBytes: 0n,
            placementErrorText: admission.reason,
          },
    });
    return admission;
  });
}

/** Gives a promise back that could not be kept. */
export async function releaseRoom(db: Db, deploymentId: string, reason: string): Promise<void> {
  await db.managedDeployment.updateMany({
    where: { id: deploymentId, placementStatus: { in: HOLDING } },
    data: {
      placementStatus: 'pending_capacity',
      assignedNodeName: null,
      assignedCpuMillis: 0,
      assignedMemoryBytes: 0n,
      placementErrorText: reason,
    },
  });
}

/** What `reserveRoom` would decide now; nothing is written. */
export async function decide(
  tx: DbTx,
  deploymentId: string,
  nodes: readonly NodeCapacity[],
  headroom: Headroom,
): Promise<Admission> {
  const rows = await tx.managedDeployment.findMany({
    where: {
      OR: [
        { id: deploymentId },
        { placementStatus: { in: HOLDING }, assignedCpuMillis: { gt: 0 } },
        // Those that have asked; others of that placement wait for a turn that their run gives them.
        { placementStatus: 'pending_capacity', status: 'pending_capacity' },
      ],
    },
  });
  const holds: Hold[] = [];
  const asking: Asking[] = [];
  for (const row of rows) {
    const holding = HOLDING.includes(row.placementStatus) && row.assignedCpuMillis > 0;
    const known = nodes.some(({ nodeName }) => nodeName === row.assignedNodeName);
    if (holding && known) {
      if (row.id === deploymentId) return { admitted: true, nodeName: row.assignedNodeName ?? '' };
      holds.push({
        deploymentId: row.id,
        nodeName: row.assignedNodeName ?? '',
        cpuMillis: row.assignedCpuMillis,
        memoryBytes: Number(row.assignedMemoryBytes),
      });
    } else if (!holding || row.id === deploymentId) {
      asking.push({
        deploymentId: row.id,
        rank: row.activeSetRank,
        createdAt: row.createdAt.getTime(),
        cpuMillis: row.requestedCpuMillis,
        memoryBytes: Number(row.requestedMemoryBytes),
      });
    }
  }
  return admit(nodes, holds, asking, deploymentId, headroom);
}
