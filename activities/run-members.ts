import type { DbTx, Prisma } from '../adapters/postgres';
import { ensureTargetRun } from '../adapters/postgres/target-run';
import type { RunPolicy } from './run-policy';
import { recordEvent } from './submission-events';

/** A deployment that a run evaluates. */
export type Member = Awaited<ReturnType<typeof membersOf>>[number];

/** Deployments of a run: those introduced for it, and the best of the run before; the older first. */
export async function membersOf(db: DbTx, runId: string, policy: RunPolicy) {
  const run = await db.evaluationRun.findUniqueOrThrow({ where: { id: runId } });
  // The latest run that was scored: one that was given up before it had any member carries nobody over.
  const previous = await db.runFamilyResult.findFirst({
    where: { familyId: policy.familyId, run: { sequence: { lt: run.sequence } } },
    orderBy: { run: { sequence: 'desc' } },
  });
  const carried = ((previous?.topDeploymentIdsJson ?? []) as string[]).slice(0, policy.topCarryover);
  return db.managedDeployment.findMany({
    where: {
      familyId: policy.familyId,
      status: { notIn: ['retired', 'build_failed'] },
      OR: [{ submission: { introducedRunId: runId } }, { id: { in: carried } }],
      submission: { status: { notIn: ['rejected', 'build_failed', 'withdrawn', 'retired'] } },
    },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
  });
}

/** Whether the owner has no room for it: in a snapshot, what it never got to answer would void its tasks for everybody. */
export function isPutOff(member: Member): boolean {
  return member.placementStatus === 'pending_capacity';
}

/**
 * Moves those that wait for room to the next run, where they keep their place in the queue. Meanwhile they start as room
 * comes free.
 */
export async function putOff(tx: DbTx, members: Member[], runId: string, policy: RunPolicy): Promise<void> {
  if (members.length === 0) return;
  const next = await ensureTargetRun(tx, { ...policy, firstStart: policy.firstRunStart }, new Date());
  for (const member of members) {
    const why = member.placementErrorText ?? 'no room on any node';
    const reason = `put off from ${runId} to ${next.id}, where it keeps its place: ${why}`;
    await tx.managedMinerSubmission.update({
      where: { id: member.submissionId },
      data: { introducedRunId: next.id, statusReason: reason },
    });
    await recordEvent(tx, member.submissionId, 'run', `put_off_${runId}`.slice(0, 32), reason);
  }
}

/** One member as the wire shows it (evaluation.md section 1.6), without any credential. */
export function memberEntry(deployment: Member): Prisma.InputJsonObject {
  const p50 = deployment.latencyMsP50;
  return {
    hotkey: deployment.minerHotkey,
    uid: null,
    family_id: deployment.familyId,
    endpoint: deployment.endpoint,
    stake: 0,
    latency_score: p50 <= 0 ? 0.5 : Math.max(0.1, 1 - p50 / 10_000),
    quality_score: 0,
    is_active: true,
    metadata: {
      deployment_id: deployment.id,
      submission_id: deployment.submissionId,
      deployment_revision: deployment.deploymentRevision,
      health_status: deployment.healthStatus,
    },
  };
}
