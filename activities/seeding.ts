import { createHash } from 'node:crypto';
import type { DbTx, Prisma } from '../adapters/postgres';
import {
  forbiddenClaims,
  goldAnswer,
  matrixTags,
  needsOracles,
  taskMode,
  type EvaluationBundle,
} from '../domain/contracts/dataset';
import type { EnrichmentSide } from '../domain/oracle/record';
import type { Member } from './run-members';

/** Writes the tasks of a run and one row per (miner, task) (decisions 21, 26). Writing twice is writing once. */
export async function seedTasks(
  tx: DbTx,
  runId: string,
  familyId: string,
  quorum: number,
  bundle: EvaluationBundle,
  deployments: Member[],
  enrichment: EnrichmentSide,
): Promise<void> {
  const tasks = bundle.tasks.map((task, taskIndex) => {
    const gold = goldAnswer(task);
    const tags = matrixTags(task);
    const oracles = needsOracles(task);
    return {
      id: stableId(`${runId}/${familyId}/${task.task_id}`),
      runId,
      familyId,
      taskId: task.task_id,
      taskIndex,
      mode: taskMode(task),
      category: task.category,
      capability: tags.capability,
      domain: tags.domain,
      payloadJson: task as unknown as Prisma.InputJsonObject,
      // Validators ask the oracles themselves where the owner does not (decision 4): the task is ready as it is.
      enrichmentStatus: !oracles ? 'deterministic' : enrichment === 'owner' ? 'pending' : 'ready',
      oracleStatus: oracles ? null : 'deterministic',
      expectedClaimsJson: gold === null ? [] : [gold],
      mustNotClaimJson: forbiddenClaims(task),
    };
  });
  await tx.taskEvaluation.createMany({ data: tasks, skipDuplicates: true });
  // The database multiplies them itself: 256 miners x 200 tasks are 51,200 rows, and a transaction that is waited for.
  await tx.$executeRaw`
    INSERT INTO miner_evaluation_tasks (id, epoch_id, family_id, task_evaluation_id, task_id, task_index, miner_hotkey,
      deployment_id, submission_id, required_judgments, created_at, updated_at)
    SELECT substr(digest, 1, 8) || '-' || substr(digest, 9, 4) || '-5' || substr(digest, 14, 3) || '-8' ||
      substr(digest, 18, 3) || '-' || substr(digest, 21, 12), ${runId}, ${familyId}, task.id, task.task_id, task.task_index, member.hotkey,
      member.deployment_id, member.submission_id, ${quorum}::int, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
    FROM task_evaluations task
    CROSS JOIN jsonb_to_recordset(${JSON.stringify(
      deployments.map((deployment) => ({
        hotkey: deployment.minerHotkey,
        deployment_id: deployment.id,
        submission_id: deployment.submissionId,
      })),
    )}::jsonb) AS member(hotkey text, deployment_id text, submission_id text)
    CROSS JOIN LATERAL (
      SELECT encode(sha256(convert_to(task.id || '/' || member.hotkey, 'UTF8')), 'hex') AS digest) key
    WHERE task.epoch_id = ${runId} AND task.family_id = ${familyId}
    ORDER BY task.task_index, member.deployment_id
    ON CONFLICT DO NOTHING`;
  await tx.minerEvaluationSummary.createMany({
    data: deployments.map((d) => ({ runId, familyId, minerHotkey: d.minerHotkey, totalTasks: tasks.length })),
    skipDuplicates: true,
  });
}

/** A UUID that is the same for the same text, so that seeding twice is seeding once; the statement above makes the same. */
function stableId(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
