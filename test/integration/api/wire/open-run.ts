/** The run of the recording before anybody claimed: three tasks, two healthy members, nothing judged. */
import type { PrismaClient } from '../../../../adapters/postgres';
import { AGENT0, AGENT1, FAMILY, MINER0 } from '../seed';
import { sample } from './replay';

const VERSIONS = {
  benchmarkVersion: 'family_benchmark_v2',
  rubricVersion: 'family_rubric_v2',
  judgeModel: 'local-rubric-judge',
};
const MEMBERS = [AGENT0, AGENT1];

interface Claimed {
  tasks: { task_evaluation_id: string; task_index: number; task_id: string; task_payload: object }[];
}

/** Tasks with the ids and payloads of the recording. */
function recordedTasks(): Claimed['tasks'] {
  const claims = ['claim-run-id', 'claim-last', 'claim-after-rearm'].map(
    (name) => sample(name).response.body as Claimed,
  );
  const byId = new Map(claims.flatMap(({ tasks }) => tasks).map((task) => [task.task_id, task]));
  return [...byId.values()].sort((a, b) => a.task_index - b.task_index);
}

export async function seedOpenTasks(db: PrismaClient): Promise<void> {
  await db.evaluationRun.create({
    data: {
      id: 'run-1',
      sequence: 1,
      status: 'open',
      phase: 'running',
      ...VERSIONS,
      startedAt: new Date('2026-11-23T11:13:19.350Z'),
      endsAt: new Date('2026-12-23T11:13:19.350Z'),
    },
  });
  await db.epochTargetSnapshot.create({
    data: {
      runId: 'run-1',
      familyId: FAMILY,
      ...VERSIONS,
      status: 'open',
      membersJson: MEMBERS.map((agent) => ({
        hotkey: agent.hotkey,
        family_id: FAMILY,
        metadata: { deployment_id: agent.deploymentId, submission_id: agent.submissionId },
      })),
    },
  });
  for (const {
    task_evaluation_id: id,
    task_id: taskId,
    task_index: taskIndex,
    task_payload,
  } of recordedTasks()) {
    const common = { runId: 'run-1', familyId: FAMILY, taskId, taskIndex };
    await db.taskEvaluation.create({
      data: { id, ...common, payloadJson: task_payload, oracleStatus: null },
    });
    for (const agent of MEMBERS) {
      await db.minerEvaluationTask.create({
        data: {
          ...common,
          taskEvaluationId: id,
          minerHotkey: agent.hotkey,
          deploymentId: agent.deploymentId,
          submissionId: agent.submissionId,
        },
      });
    }
  }
}

/** The two rows of feedback that the recording began with. */
export async function seedFeedback(db: PrismaClient): Promise<void> {
  for (const [index, taskId] of ['seed-fb-0000', 'seed-fb-0001'].entries()) {
    await db.evalFeedback.create({
      data: {
        runId: 'run-1',
        minerHotkey: MINER0,
        taskId,
        outcome: 'partial',
        failureMode: 'missing_citation',
        guidance: 'State the primary source.',
        compositeScore: 0.5,
        oracleStatus: 'consensus',
        createdAt: new Date(Date.UTC(2026, 10, 23, 12, 13, 19 + index)),
      },
    });
  }
}
