import type { Db, DbTx, Prisma } from '../adapters/postgres';
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

/**
 * Moves members that never had room on a node to the next run, where they keep their place in the queue: nobody was ever
 * offered their rows, and what they could not answer would void those tasks for everybody (decision 7).
 * @returns how many were put off; a second call finds none
 */
export async function putOffUnserved(db: Db, runId: string, policy: RunPolicy): Promise<number> {
  const { familyId } = policy;
  return db.$transaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM evaluation_runs WHERE id = ${runId} FOR UPDATE`;
    const snapshot = await tx.epochTargetSnapshot.findUnique({
      where: { runId_familyId: { runId, familyId } },
    });
    const members = (snapshot?.membersJson ?? []) as unknown as MemberIds[];
    const unserved = await tx.managedDeployment.findMany({
      where: {
        id: { in: members.map(({ metadata }) => metadata.deployment_id) },
        placementStatus: 'pending_capacity',
      },
    });
    const tried = await tx.minerEvaluationTask.findMany({
      where: { runId, OR: [{ attemptCount: { gt: 0 } }, { status: { not: 'pending' } }] },
      select: { deploymentId: true },
      distinct: ['deploymentId'],
    });
    const left = unserved.filter((row) => !tried.some(({ deploymentId }) => deploymentId === row.id));
    if (snapshot === null || left.length === 0) return 0;
    const ids = left.map(({ id }) => id);
    await tx.minerEvaluationTask.deleteMany({ where: { runId, deploymentId: { in: ids } } });
    await tx.minerEvaluationSummary.deleteMany({
      where: { runId, familyId, minerHotkey: { in: left.map(({ minerHotkey }) => minerHotkey) } },
    });
    await tx.epochTargetSnapshot.update({
      where: { runId_familyId: { runId, familyId } },
      data: {
        membersJson: members.filter(
          ({ metadata }) => !ids.includes(metadata.deployment_id),
        ) as unknown as Prisma.InputJsonValue,
      },
    });
    const next = await ensureTargetRun(tx, { ...policy, firstStart: policy.firstRunStart }, new Date());
    for (const row of left) {
      const why = row.placementErrorText ?? 'no room on any node';
      const reason = `put off from ${runId} to ${next.id}, where it keeps its place: ${why}`;
      await tx.managedMinerSubmission.update({
        where: { id: row.submissionId },
        data: { introducedRunId: next.id, statusReason: reason },
      });
      await recordEvent(tx, row.submissionId, 'run', `put_off_${runId}`.slice(0, 32), reason);
    }
    return left.length;
  });
}

interface MemberIds {
  metadata: { deployment_id: string };
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
