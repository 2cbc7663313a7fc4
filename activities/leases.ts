import type { Db } from '../adapters/postgres';
import { reapExpired } from '../adapters/postgres/reaper';
import { startEnrichments } from './enrichment-start';
import type { RunPolicy } from './run-policy';
import type { WorkflowSignaller } from './signaller';

export interface LeaseActivities {
  reapLeases(): Promise<{ returned: number; unscored: number }>;
  startMissingWorkflows(): Promise<{ count: number }>;
}

/** A row this old without a workflow was left behind by a crash between commit and start. */
const ORPHAN_AGE_MS = 5000;

/** Enrichments looked after in one sweep: the first ones wait the longest. */
const ENRICHMENTS_A_SWEEP = 50;

/** The sweep behind the `lease-reaper` schedule. */
export function createLeaseActivities(deps: {
  db: Db;
  policy: RunPolicy;
  signaller: WorkflowSignaller;
}): LeaseActivities {
  const { db, policy, signaller } = deps;
  return {
    async reapLeases() {
      const swept = await reapExpired(db, { now: new Date(), maxAttempts: policy.maxTaskAttempts });
      return { returned: swept.returnedRows, unscored: swept.unscoredRows };
    },

    /** Starts the workflow of every submission, run and enrichment that has none: nothing accepted is lost. */
    async startMissingWorkflows() {
      let count = 0;
      const submissions = await db.managedMinerSubmission.findMany({
        // Its workflow gives every submission a reason in its first step.
        where: {
          status: 'received',
          statusReason: null,
          createdAt: { lt: new Date(Date.now() - ORPHAN_AGE_MS) },
        },
        include: { deployments: true },
      });
      for (const submission of submissions) {
        const deployment = submission.deployments[0];
        if (!deployment) continue;
        const started = await signaller.startSubmission({
          submissionId: submission.id,
          deploymentId: deployment.id,
          minerHotkey: submission.minerHotkey,
          familyId: submission.familyId,
          introducedRunId: submission.introducedRunId ?? '',
        });
        if (started) count += 1;
      }
      const run = await db.evaluationRun.findFirst({
        where: { status: { in: ['open', 'scheduled'] } },
        orderBy: { sequence: 'asc' },
      });
      if (
        run &&
        (await signaller.startRun({ runId: run.id, sequence: run.sequence, familyId: policy.familyId }))
      ) {
        count += 1;
      }
      if (run) count += await startEnrichments({ db, signaller }, run.id, ENRICHMENTS_A_SWEEP);
      return { count };
    },
  };
}
