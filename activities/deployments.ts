import { Context } from '@temporalio/activity';
import type { Db, Prisma } from '../adapters/postgres';
import {
  deploymentMayMove,
  deploymentMayReachByStart,
  type DeploymentStatus,
  type HealthStatus,
  type PlacementStatus,
} from '../domain/status';
import { badState } from './failures';
import { recordEvent } from './submission-events';
import { pause } from './waiting';

export interface DeploymentActivities {
  markHealthy(input: {
    deploymentId: string;
    endpointUrl: string;
    instanceId: string;
    nodeName: string;
    limits: string[];
    rank: number | null;
  }): Promise<void>;
  markUnhealthy(input: {
    deploymentId: string;
    reason: string;
    restarts: number;
    nextAttemptMs: number;
  }): Promise<void>;
  markPendingCapacity(input: { deploymentId: string; reason: string }): Promise<void>;
  markBuildFailed(input: { deploymentId: string; reason: string; logLines?: string[] }): Promise<void>;
  markActive(input: { deploymentId: string; rank: number }): Promise<void>;
  markDraining(input: { deploymentId: string }): Promise<void>;
  markStandby(input: { deploymentId: string }): Promise<void>;
  markRetired(input: { deploymentId: string; reason: string }): Promise<void>;
  awaitNoLeases(input: { deploymentId: string }): Promise<void>;
}

interface Move {
  status: DeploymentStatus;
  health: HealthStatus;
  placement: PlacementStatus;
  reason: string;
  details?: Prisma.InputJsonObject;
  fields?: Prisma.ManagedDeploymentUpdateInput;
  /** The submission mirrors its deployment where it has a status of the same name. */
  submissionStatus?: string;
  /** What its miner is told besides. */
  eventDetails?: Prisma.InputJsonObject;
}

/** Rows of a deployment, written only for its own workflow; every move is checked against the state machine. */
export function createDeploymentActivities(deps: {
  db: Db;
  drainGraceSeconds: number;
  stopping: AbortSignal;
}): DeploymentActivities {
  const { db, drainGraceSeconds, stopping } = deps;

  async function move(deploymentId: string, to: Move): Promise<void> {
    await db.$transaction(async (tx) => {
      const [row] = await tx.$queryRaw<Array<{ id: string }>>`
        SELECT id FROM managed_deployments WHERE id = ${deploymentId} FOR UPDATE`;
      if (!row) throw badState(`deployment ${deploymentId} does not exist`);
      const current = await tx.managedDeployment.findUniqueOrThrow({ where: { id: deploymentId } });
      const from = current.status as DeploymentStatus;
      if (from === 'retired' && to.status === 'retired') return;
      const legal = deploymentMayMove(from, to.status) || deploymentMayReachByStart(from, to.status);
      if (!legal) throw badState(`deployment ${deploymentId} cannot go from ${from} to ${to.status}`);
      await tx.managedDeployment.update({
        where: { id: deploymentId },
        data: {
          status: to.status,
          healthStatus: to.health,
          placementStatus: to.placement,
          healthDetailsJson: {
            ...(current.healthDetailsJson as Prisma.JsonObject),
            reason: to.reason,
            ...to.details,
          },
          ...to.fields,
        },
      });
      if (from !== to.status || current.healthStatus !== to.health) {
        await tx.deploymentHealthEvent.create({
          data: {
            deploymentId,
            familyId: current.familyId,
            status: to.health,
            reason: to.reason,
            detailsJson: to.details ?? {},
          },
        });
      }
      if (to.submissionStatus) {
        await tx.managedMinerSubmission.updateMany({
          where: { id: current.submissionId, status: { notIn: ['retired', 'withdrawn', 'rejected'] } },
          data: { status: to.submissionStatus, statusReason: to.reason },
        });
        await recordEvent(
          tx,
          current.submissionId,
          'deploy',
          to.submissionStatus,
          to.reason,
          to.eventDetails,
        );
      }
    });
  }

  return {
    async markHealthy({ deploymentId, endpointUrl, instanceId, nodeName, limits, rank }) {
      const row = await db.managedDeployment.findUnique({ where: { id: deploymentId } });
      await move(deploymentId, {
        status: rank === null ? 'deployed_for_eval' : 'active',
        health: 'healthy',
        placement: 'running',
        reason: 'healthy',
        details: { deploy: 'ready', assigned_node_name: nodeName, limits },
        fields: {
          runtimeEndpointUrl: endpointUrl,
          runtimeInstanceId: instanceId,
          assignedNodeName: nodeName,
          assignedCpuMillis: row?.requestedCpuMillis ?? 0,
          assignedMemoryBytes: row?.requestedMemoryBytes ?? 0n,
          placementErrorText: null,
          isActive: rank !== null,
          activeSetRank: rank,
        },
        submissionStatus: 'deployed_for_eval',
      });
    },

    async markUnhealthy({ deploymentId, reason, restarts, nextAttemptMs }) {
      await move(deploymentId, {
        status: 'unhealthy',
        health: 'unhealthy',
        placement: 'assigned',
        reason,
        details: {
          restart_attempts: restarts,
          last_restart_reason: reason,
          next_attempt_in_ms: nextAttemptMs,
        },
      });
    },

    async markPendingCapacity({ deploymentId, reason }) {
      await move(deploymentId, {
        status: 'pending_capacity',
        health: 'pending_capacity',
        placement: 'pending_capacity',
        reason,
        details: { placement_error: reason },
        fields: {
          placementErrorText: reason,
          runtimeEndpointUrl: null,
          runtimeInstanceId: null,
          assignedNodeName: null,
          assignedCpuMillis: 0,
          assignedMemoryBytes: 0n,
        },
        submissionStatus: 'pending_capacity',
      });
    },

    async markBuildFailed({ deploymentId, reason, logLines }) {
      await move(deploymentId, {
        status: 'build_failed',
        health: 'unhealthy',
        placement: 'released',
        reason,
        details: { deploy: 'failed' },
        fields: { assignedCpuMillis: 0, assignedMemoryBytes: 0n },
        submissionStatus: 'build_failed',
        eventDetails: logLines && logLines.length > 0 ? { log_lines: logLines } : {},
      });
    },

    async markActive({ deploymentId, rank }) {
      await db.managedDeployment.updateMany({
        where: {
          id: deploymentId,
          status: { in: ['deployed_for_eval', 'eligible', 'active', 'standby_cold'] },
        },
        data: { status: 'active', isActive: true, activeSetRank: rank },
      });
    },

    async markDraining({ deploymentId }) {
      await move(deploymentId, {
        status: 'draining',
        health: 'healthy',
        placement: 'draining',
        reason: 'draining: no new tasks',
        details: { drain_requested_at: new Date().toISOString() },
        fields: { isActive: false, activeSetRank: null },
      });
    },

    async markStandby({ deploymentId }) {
      await move(deploymentId, {
        status: 'standby_cold',
        health: 'unhealthy',
        placement: 'released',
        reason: 'stopped; kept cold',
        fields: {
          runtimeEndpointUrl: null,
          runtimeInstanceId: null,
          assignedCpuMillis: 0,
          assignedMemoryBytes: 0n,
        },
      });
    },

    async markRetired({ deploymentId, reason }) {
      await move(deploymentId, {
        status: 'retired',
        health: 'retired',
        placement: 'released',
        reason,
        details: { stop_reason: reason },
        fields: {
          retiredAt: new Date(),
          isActive: false,
          activeSetRank: null,
          pendingRuntimeStop: false,
          runtimeEndpointUrl: null,
          runtimeInstanceId: null,
          assignedCpuMillis: 0,
          assignedMemoryBytes: 0n,
        },
      });
    },

    /** Waits until no validator holds a task of this deployment, or the grace is over. */
    async awaitNoLeases({ deploymentId }) {
      const context = Context.current();
      const until = Date.now() + drainGraceSeconds * 1000;
      while (Date.now() < until) {
        const open = await db.minerEvaluationTask.count({
          where: { deploymentId, status: 'claimed', claimExpiresAt: { gt: new Date() } },
        });
        if (open === 0) return;
        context.heartbeat({ openLeases: open });
        await pause(1000, stopping);
      }
    },
  };
}
