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

/** A bundle's rows are written in slices of this many, to bound the size of one statement. */
const SEED_SLICE = 2000;

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
  const rows = tasks.flatMap((task) =>
    deployments.map((deployment) => ({
      id: stableId(`${task.id}/${deployment.minerHotkey}`),
      runId,
      familyId,
      taskEvaluationId: task.id,
      taskId: task.taskId,
      taskIndex: task.taskIndex,
      minerHotkey: deployment.minerHotkey,
      deploymentId: deployment.id,
      submissionId: deployment.submissionId,
      requiredJudgments: quorum,
    })),
  );
  for (let from = 0; from < rows.length; from += SEED_SLICE) {
    await tx.minerEvaluationTask.createMany({
      data: rows.slice(from, from + SEED_SLICE),
      skipDuplicates: true,
    });
  }
  await tx.minerEvaluationSummary.createMany({
    data: deployments.map((d) => ({ runId, familyId, minerHotkey: d.minerHotkey, totalTasks: tasks.length })),
    skipDuplicates: true,
  });
}

/** A UUID that is the same for the same text, so that seeding twice is seeding once. */
function stableId(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
