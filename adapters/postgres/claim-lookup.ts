/** Which lease a validator speaks of, found under the task's lock. */
import { rejectedNotFound, rejectedWrongValidator } from '../../domain/tasks/rejections';
import { Prisma, type Db, type DbTx } from './index';
import { present } from './sql';

/** Names a lease: by its fencing number, else by job ids that were given out with it, else the signer's latest. */
export interface ClaimKey {
  taskEvaluationId: string;
  validatorHotkey: string;
  fencing?: bigint | null;
  jobIds?: readonly string[];
}

export interface ClaimRecord {
  fencing: bigint;
  taskEvaluationId: string;
  runId: string;
  familyId: string;
  taskId: string;
  validatorHotkey: string;
  /** Hotkeys offered, in the order of the claim. */
  offered: string[];
  status: string;
  releaseReason: string | null;
  claimedAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
  responseJson: unknown;
}

/**
 * Locks a task for the rest of the transaction; the first lock of every change to its claims and rows.
 * @returns the present, read after the lock was had, so that waiting for it cannot stretch a lease
 * @throws HttpError 403 `rejected_not_found`
 */
export async function lockTask(tx: DbTx, taskEvaluationId: string, now?: Date): Promise<Date> {
  const locked = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM task_evaluations WHERE id = ${taskEvaluationId} FOR UPDATE`;
  if (locked.length === 0) throw rejectedNotFound();
  return present(tx, now);
}

/**
 * Finds the lease that is meant.
 *
 * Job ids stand for the lease they were given out with, so that an answer obtained under a lease that was lost cannot
 * settle the one that followed it. Ids of two leases mean the older one: part of that result is stale. Ids that are not
 * the signer's for this task say nothing.
 * @throws HttpError 403 for an unknown task, and for one that the signer never held (under that number)
 */
export async function locateClaim(tx: Db | DbTx, key: ClaimKey): Promise<ClaimRecord> {
  const fencing = key.fencing ?? (await fencingOfJobs(tx, key));
  const claim = await tx.taskClaim.findFirst({
    where: {
      taskEvaluationId: key.taskEvaluationId,
      validatorHotkey: key.validatorHotkey,
      ...(fencing === null ? {} : { fencing }),
    },
    orderBy: { fencing: 'desc' },
  });
  if (claim) {
    const { minerHotkeysJson, ...rest } = claim;
    return { ...rest, offered: Array.isArray(minerHotkeysJson) ? minerHotkeysJson.map(String) : [] };
  }
  const task = await tx.taskEvaluation.findUnique({
    where: { id: key.taskEvaluationId },
    select: { id: true },
  });
  throw task ? rejectedWrongValidator() : rejectedNotFound();
}

async function fencingOfJobs(tx: Db | DbTx, key: ClaimKey): Promise<bigint | null> {
  const jobIds = (key.jobIds ?? []).filter((id) => id !== '');
  if (jobIds.length === 0) return null;
  const found = await tx.$queryRaw<{ fencing: bigint | null }[]>`
    SELECT min(j.fencing) AS fencing
    FROM attempt_jobs j JOIN task_claims c ON c.fencing = j.fencing
    WHERE j.job_id IN (${Prisma.join(jobIds)}) AND j.validator_hotkey = ${key.validatorHotkey}
      AND c.task_evaluation_id = ${key.taskEvaluationId}`;
  return found[0]?.fencing ?? null;
}
