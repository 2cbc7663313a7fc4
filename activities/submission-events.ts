import type { Db, DbTx, Prisma } from '../adapters/postgres';

/** Adds a line to what a submission's miner reads of its journey; a step with the same outcome is said once, as it is last. */
export async function recordEvent(
  db: Db | DbTx,
  submissionId: string,
  step: string,
  outcome: string,
  reason: string,
  details: Prisma.InputJsonObject = {},
): Promise<void> {
  await db.submissionEvent.upsert({
    where: { submissionId_step_outcome: { submissionId, step, outcome } },
    create: { submissionId, step, outcome, reason, detailsJson: details },
    update: { reason, detailsJson: details },
  });
}
