import { Context } from '@temporalio/activity';
import type { ContainerRuntime } from '../adapters/container-runtime/types';
import type { Db } from '../adapters/postgres';
import { DEPLOYMENT_MESSAGES, type ActivateRequest, type PoolDrain } from '../domain/messages';
import type { Headroom, Need, NodeCapacity } from '../domain/placement';
import { planPool, slotsOf, type PoolMember } from '../domain/pool';
import type { DeploymentStatus } from '../domain/status';
import { classifyRuntime } from './failures';
import { membersOf } from './run-members';
import type { RunPolicy } from './run-policy';
import type { WorkflowSignaller } from './signaller';
import { pause } from './waiting';

export interface RunPoolActivities {
  tendPool(runId: string): Promise<void>;
}

export interface RunPoolDeps {
  db: Db;
  runtime: ContainerRuntime;
  signaller: WorkflowSignaller;
  policy: RunPolicy;
  headroom: Headroom;
  /** How long an agent that is done stays up when its slot is not needed. */
  graceSeconds: number;
  /** Restarts after which an agent that is not healthy lets others go first. */
  restartBudget: number;
  stopping: AbortSignal;
}

const TICK_MS = 1_000;
const CAPACITY_MS = 10_000;
/** A deployment that was told something is told again only when it has not followed for this long. */
const REPEAT_MS = 30_000;

const POOLS: PoolDrain = { by: 'pool' };

/** Phases of a run in which agents take turns. */
const OPEN_PHASES = ['opening', 'deploying', 'running', 'paused'];

type Deployment = Awaited<ReturnType<typeof membersOf>>[number] & { submission?: { createdAt: Date } };

/**
 * Gives the agents of an open run their turn (evaluation.md section 1.10): on the queue of the runtime, which knows what
 * fits. Runs until it is cancelled; a worker that takes over only repeats what was not followed.
 */
export function createRunPoolActivities(deps: RunPoolDeps): RunPoolActivities {
  const { db, runtime, signaller, policy } = deps;

  /** Those that were frozen into the run; before that, those that would be. */
  async function memberRows(runId: string): Promise<Deployment[]> {
    const snapshot = await db.epochTargetSnapshot.findUnique({
      where: { runId_familyId: { runId, familyId: policy.familyId } },
    });
    if (!snapshot) return membersOf(db, runId, policy);
    const members = snapshot.membersJson as unknown as Array<{ metadata: { deployment_id: string } }>;
    return db.managedDeployment.findMany({
      where: { id: { in: members.map((member) => member.metadata.deployment_id) } },
    });
  }

  async function poolMembers(runId: string, rows: Deployment[], now: number): Promise<PoolMember[]> {
    const [counts, submissions] = await Promise.all([
      db.$queryRaw<Array<{ deployment_id: string; open: number; settled_at: Date | null }>>`
        SELECT deployment_id, count(*) FILTER (WHERE status IN ('pending', 'claimed'))::int AS open,
          max(updated_at) AS settled_at
        FROM miner_evaluation_tasks WHERE epoch_id = ${runId} GROUP BY deployment_id`,
      db.managedMinerSubmission.findMany({
        where: { id: { in: rows.map((row) => row.submissionId) } },
        select: { id: true, createdAt: true },
      }),
    ]);
    const byDeployment = new Map(counts.map((count) => [count.deployment_id, count]));
    const submitted = new Map(submissions.map((row) => [row.id, row.createdAt.getTime()]));
    return rows.map((row) => {
      const count = byDeployment.get(row.id);
      const details = row.healthDetailsJson as {
        image?: string;
        operator_drain?: boolean;
        restart_attempts?: number;
      };
      const healthy = row.healthStatus === 'healthy';
      return {
        deploymentId: row.id,
        status: row.status as DeploymentStatus,
        healthy,
        built: details.image !== undefined,
        submittedAt: submitted.get(row.submissionId) ?? 0,
        openRows: count?.open ?? null,
        idleMs: count?.open === 0 && count.settled_at ? now - count.settled_at.getTime() : null,
        failing: !healthy && (details.restart_attempts ?? 0) > deps.restartBudget,
        held: details.operator_drain === true,
      };
    });
  }

  async function activate(row: Deployment): Promise<void> {
    const { image } = row.healthDetailsJson as { image?: string };
    const request: ActivateRequest = { imageRef: image ?? '' };
    await db.managedDeployment.updateMany({
      where: { id: row.id, status: { in: ['queued', 'received'] } },
      data: {
        status: 'received',
        healthStatus: 'starting',
        placementStatus: 'pending',
        placementErrorText: null,
      },
    });
    await signaller.signalDeployment(row, DEPLOYMENT_MESSAGES.activate, request);
  }

  /** A member that waits says so, to its miner as well. */
  async function sayWaiting(ids: string[], slots: number): Promise<void> {
    await db.managedDeployment.updateMany({
      where: {
        id: { in: ids },
        status: { in: ['queued', 'received', 'standby_cold'] },
        NOT: { placementStatus: 'pending_capacity' },
      },
      data: {
        placementStatus: 'pending_capacity',
        placementErrorText: `waits for its turn: ${slots} agents fit at a time, and newer submissions go first`,
      },
    });
  }

  return {
    async tendPool(runId) {
      const context = Context.current();
      const told = new Map<string, { what: string; at: number }>();
      const tell = async (id: string, what: string, act: () => Promise<void>): Promise<void> => {
        const before = told.get(id);
        if (before?.what === what && Date.now() - before.at < REPEAT_MS) return;
        await act();
        told.set(id, { what, at: Date.now() });
      };
      let nodes: NodeCapacity[] = [];
      let measuredAt = 0;
      for (;;) {
        const now = Date.now();
        // A cancellation is learnt of by heartbeat, which may take a while; the row says it at once.
        const run = await db.evaluationRun.findUnique({ where: { id: runId }, select: { phase: true } });
        if (!run || !OPEN_PHASES.includes(run.phase)) return;
        const rows = await memberRows(runId);
        const need = needOf(rows);
        if (now - measuredAt >= CAPACITY_MS) {
          nodes = await classifyRuntime(() => runtime.capacity());
          measuredAt = now;
          await recordNodes(db, nodes, need, deps.headroom);
        }
        const total = nodes.reduce((sum, node) => sum + slotsOf(node, need, deps.headroom), 0);
        const active = await db.managedDeployment.count({ where: { status: 'active' } });
        const slots = Math.max(0, total - active);
        const members = await poolMembers(runId, rows, now);
        const plan = planPool(members, slots, deps.graceSeconds * 1000);
        const byId = new Map(rows.map((row) => [row.id, row]));
        for (const id of plan.activate) {
          const row = byId.get(id);
          if (row) await tell(id, 'activate', () => activate(row));
        }
        for (const id of plan.drain) {
          const row = byId.get(id);
          if (!row) continue;
          await tell(id, 'drain', () => signaller.signalDeployment(row, DEPLOYMENT_MESSAGES.drain, POOLS));
        }
        await sayWaiting(plan.waiting, slots);
        context.heartbeat({ slots, active, kept: plan.keep.length, waiting: plan.waiting.length });
        await pause(TICK_MS, deps.stopping);
      }
    },
  };
}

/** The largest need among the members; all are given the same as a rule. */
function needOf(rows: readonly Deployment[]): Need {
  return {
    cpuMillis: Math.max(1, ...rows.map((row) => row.requestedCpuMillis)),
    memoryBytes: Math.max(1, ...rows.map((row) => Number(row.requestedMemoryBytes))),
  };
}

/** Keeps what the nodes hold where the API shows it; nodes that are gone hold nothing. */
async function recordNodes(
  db: Db,
  nodes: readonly NodeCapacity[],
  need: Need,
  headroom: Headroom,
): Promise<void> {
  const now = new Date();
  await db.runtimeNodeSnapshot.updateMany({
    where: { nodeName: { notIn: nodes.map((node) => node.nodeName) } },
    data: {
      ready: false,
      schedulable: false,
      verified: false,
      derivedPodCapacity: 0,
      verificationErrorText: 'node_gone',
    },
  });
  for (const node of nodes) {
    const facts = {
      ready: true,
      schedulable: true,
      verified: true,
      allocatableCpuMillis: node.totalCpuMillis,
      allocatableMemoryBytes: BigInt(Math.floor(node.totalMemoryBytes)),
      allocatablePodCount: node.maxPods,
      derivedPodCapacity: slotsOf(node, need, headroom),
      verificationErrorText: null,
      metadataJson: {
        used_cpu_millis: node.usedCpuMillis,
        used_memory_bytes: node.usedMemoryBytes,
        running_pods: node.runningPods,
      },
      lastVerifiedAt: now,
    };
    await db.runtimeNodeSnapshot.upsert({
      where: { nodeName: node.nodeName },
      create: { nodeName: node.nodeName, ...facts },
      update: facts,
    });
  }
}
