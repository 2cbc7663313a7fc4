import { Context } from '@temporalio/activity';
import type { Db, Prisma } from '../adapters/postgres';
import { expireRunRows } from '../adapters/postgres/reaper';
import { createScheduledRun, runIdOf } from '../adapters/postgres/runs';
import { deriveSeed } from '../domain/sampling/seed';
import { nextRunWindow } from '../domain/schedule';
import { TERMINAL_SUBMISSION_STATUSES } from '../domain/status';
import { badState } from './failures';
import { putOffUnserved } from './run-members';
import type { RunPolicy } from './run-policy';
import { settleDeployments, type Settled } from './run-settling';
import type { WorkflowSignaller } from './signaller';
import { pause } from './waiting';

export interface RunClosingActivities {
  awaitDrain(input: {
    runId: string;
    mode: 'now' | 'drain';
  }): Promise<{ expiredRows: number; unscoredRows: number }>;
  completeRun(runId: string): Promise<void>;
  abandonRun(input: { runId: string; reason: string }): Promise<{ seeded: boolean }>;
  settleDeployments(runId: string): Promise<Settled>;
  startNextRun(runId: string): Promise<{ runId: string }>;
}

/** The steps of a run from its last claim to the run after it; each may be repeated and then changes nothing. */
export function createRunClosingActivities(deps: {
  db: Db;
  signaller: WorkflowSignaller;
  policy: RunPolicy;
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}): RunClosingActivities {
  const { db, signaller, policy } = deps;
  const familyId = policy.familyId;

  async function theRun(runId: string) {
    const run = await db.evaluationRun.findUnique({ where: { id: runId } });
    if (!run) throw badState(`run ${runId} does not exist`);
    return run;
  }

  return {
    /** Lets live leases finish (or not, when closed `now`), then settles every row that is still open. */
    async awaitDrain({ runId, mode }) {
      const context = Context.current();
      const until = context.info.scheduledTimestampMs + policy.workCapSeconds * 1000;
      while (mode === 'drain' && Date.now() < until) {
        const live = await db.minerEvaluationTask.count({
          where: { runId, status: 'claimed', claimExpiresAt: { gt: new Date() } },
        });
        if (live === 0) break;
        context.heartbeat({ liveLeases: live });
        await pause(500, deps.stopping);
      }
      await putOffUnserved(db, runId, policy);
      // Whoever still works by now has had the longest time that any lease can have.
      const settled = await expireRunRows(db, runId, { mode: 'now' });
      // Nothing is scored after this moment.
      await db.evaluationRun.updateMany({
        where: { id: runId, closedAt: null },
        data: { closedAt: new Date() },
      });
      return { expiredRows: settled.expiredRows, unscoredRows: settled.unscoredRows };
    },

    /** From here on the run is public: archives, evidence, the sampler's seed (decisions 16, 25). */
    async completeRun(runId) {
      const run = await theRun(runId);
      if (run.status === 'completed') return;
      const now = new Date();
      await db.$transaction([
        db.epochTargetSnapshot.updateMany({
          where: { runId },
          data: { status: 'scored', scoredAt: now, closedAt: now },
        }),
        db.evaluationRun.update({
          where: { id: runId },
          data: {
            status: 'completed',
            phase: 'completed',
            pausedAt: null,
            samplerSeed: deriveSeed(familyId, run.sequence, policy.ownerSecret),
          },
        }),
      ]);
    },

    /**
     * Ends a run that was closed before it had frozen anybody: it is completed without scores, the seed of its draw is
     * revealed like any other, and its submissions take part in the next run.
     * @returns seeded true when it had frozen its members after all, and nothing was done
     */
    async abandonRun({ runId, reason }) {
      const run = await theRun(runId);
      const sequence = run.sequence + 1;
      const window = nextRunWindow(run.endsAt, policy.durationSeconds * 1000, new Date());
      return db.$transaction(async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM evaluation_runs WHERE id = ${runId} FOR UPDATE`;
        if ((await tx.epochTargetSnapshot.count({ where: { runId } })) > 0) return { seeded: true };
        await createScheduledRun(tx, { sequence, ...window, ...policy });
        await tx.managedMinerSubmission.updateMany({
          where: { introducedRunId: runId, status: { notIn: [...TERMINAL_SUBMISSION_STATUSES] } },
          data: { introducedRunId: runIdOf(sequence) },
        });
        await tx.evaluationRun.updateMany({
          where: { id: runId, status: { not: 'completed' } },
          data: {
            status: 'completed',
            phase: 'completed',
            pausedAt: null,
            closedAt: new Date(),
            ...(run.samplerCommitment
              ? { samplerSeed: deriveSeed(familyId, run.sequence, policy.ownerSecret) }
              : {}),
            metadataJson: { ...(run.metadataJson as Prisma.JsonObject), abandoned: reason },
          },
        });
        return { seeded: false };
      });
    },

    settleDeployments: (runId) => settleDeployments(deps, runId),

    async startNextRun(runId) {
      const run = await theRun(runId);
      const sequence = run.sequence + 1;
      const window = nextRunWindow(run.endsAt, policy.durationSeconds * 1000, new Date());
      await createScheduledRun(db, { sequence, ...window, ...policy });
      // A submission may have created it earlier, with the boundary as it was planned then.
      await db.evaluationRun.updateMany({
        where: { id: runIdOf(sequence), status: 'scheduled' },
        data: { startedAt: window.startsAt, endsAt: window.endsAt },
      });
      await signaller.startRun({ runId: runIdOf(sequence), sequence, familyId });
      return { runId: runIdOf(sequence) };
    },
  };
}
