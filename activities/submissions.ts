import type { Db } from '../adapters/postgres';
import { mergeHealthDetails } from '../adapters/postgres/runs';
import { DEPLOYMENT_MESSAGES, type ActivateRequest } from '../domain/messages';
import { badState } from './failures';
import { recordEvent } from './submission-events';
import type { WorkflowSignaller } from './signaller';

export interface SubmissionActivities {
  recordBuilt(input: {
    submissionId: string;
    deploymentId: string;
    imageRef: string;
  }): Promise<{ activated: boolean }>;
  recordOwnerFault(input: { submissionId: string; step: string; reason: string }): Promise<void>;
  endSubmission(input: {
    submissionId: string;
    deploymentId: string;
    status: string;
    reason: string;
    countsForCap: boolean;
    logLines?: string[];
  }): Promise<void>;
}

/** Rows of a submission, written only for its own workflow. */
export function createSubmissionActivities(deps: {
  db: Db;
  signaller: WorkflowSignaller;
}): SubmissionActivities {
  const { db, signaller } = deps;
  return {
    /**
     * Records the built image; when the submission's run is open already, its deployment is activated at once.
     * The run does the same the other way round when it opens (`activateDeployments`), so that either order works.
     */
    async recordBuilt({ submissionId, deploymentId, imageRef }) {
      const deployment = await db.managedDeployment.findUnique({ where: { id: deploymentId } });
      if (!deployment) throw badState(`deployment ${deploymentId} does not exist`);
      await mergeHealthDetails(db, deploymentId, { build: 'built', image: imageRef });
      await recordEvent(db, submissionId, 'build', 'passed', 'image built');
      // Whatever the owner's side cost it before, it is evaluated now and counts again.
      await db.managedMinerSubmission.updateMany({
        where: { id: submissionId, countsForCap: false, status: { in: ['received', 'building'] } },
        data: { countsForCap: true },
      });
      const now = await db.managedDeployment.findUniqueOrThrow({ where: { id: deploymentId } });
      const activated = now.status === 'received';
      if (activated) {
        const request: ActivateRequest = { imageRef };
        await signaller.signalDeployment(now, DEPLOYMENT_MESSAGES.activate, request);
      } else {
        await db.managedMinerSubmission.updateMany({
          where: { id: submissionId, status: 'building' },
          data: { status: 'received', statusReason: 'built; deployed when its run opens' },
        });
      }
      return { activated };
    },

    async recordOwnerFault({ submissionId, step, reason }) {
      await recordEvent(db, submissionId, step, 'waiting', reason);
      await db.managedMinerSubmission.update({
        where: { id: submissionId },
        data: { statusReason: reason, countsForCap: false },
      });
    },

    async endSubmission({ submissionId, status, reason, countsForCap, logLines }) {
      await db.managedMinerSubmission.update({
        where: { id: submissionId },
        data: { status, statusReason: reason, countsForCap },
      });
      await recordEvent(
        db,
        submissionId,
        'end',
        status,
        reason,
        logLines && logLines.length > 0 ? { log_lines: logLines } : {},
      );
    },
  };
}
