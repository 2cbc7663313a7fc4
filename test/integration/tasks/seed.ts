/** Rows of a run, as its workflow would have seeded them. */
import { randomUUID } from 'node:crypto';
import type { Db } from '../../../adapters/postgres';

export interface SeedOptions {
  tasks: number;
  miners: number;
  quorum?: number;
  scoringVersion?: number;
  payload?: (index: number) => Record<string, unknown>;
  mustNotClaim?: string[];
  sequence?: number;
}

export interface SeededRun {
  runId: string;
  miners: { hotkey: string; deploymentId: string; submissionId: string }[];
  tasks: { id: string; taskId: string }[];
}

export const FAMILY = 'general_chat';

/** Empties every table, and leaves the fencing sequence where it is, as a restart would. */
export async function clear(db: Db): Promise<void> {
  await db.$executeRawUnsafe(
    'TRUNCATE evaluation_runs, task_evaluations, managed_miner_submissions, submission_artifacts, attempt_jobs, ' +
      'managed_deployments, epoch_target_snapshots, orchestrator_tool_call_log, provider_calls, kept_feedback, ' +
      'task_claims, miner_evaluation_tasks, task_miner_results, validators CASCADE',
  );
}

export async function seedRun(db: Db, options: SeedOptions): Promise<SeededRun> {
  const sequence = options.sequence ?? 1;
  const runId = `run-${sequence}`;
  const versions = {
    benchmarkVersion: 'family_benchmark_v2',
    rubricVersion: 'family_rubric_v2',
    judgeModel: 'judge',
  };
  await db.evaluationRun.create({
    data: {
      id: runId,
      sequence,
      status: 'open',
      phase: 'running',
      ...versions,
      scoringVersion: options.scoringVersion ?? 2,
      taskQuorum: options.quorum ?? 1,
      startedAt: new Date(),
      endsAt: new Date(Date.now() + 3 * 86_400_000),
    },
  });
  const miners: SeededRun['miners'] = [];
  for (let index = 0; index < options.miners; index += 1) {
    miners.push(await seedMiner(db, index, versions));
  }
  await db.epochTargetSnapshot.create({
    data: {
      runId,
      familyId: FAMILY,
      ...versions,
      status: 'open',
      membersJson: miners.map((miner) => ({
        hotkey: miner.hotkey,
        family_id: FAMILY,
        metadata: { deployment_id: miner.deploymentId, submission_id: miner.submissionId },
      })),
    },
  });
  const tasks: SeededRun['tasks'] = [];
  for (let index = 0; index < options.tasks; index += 1) {
    const payload = {
      task_id: `task-${index}`,
      family_id: FAMILY,
      prompt: `Question ${index}?`,
      mode: 'instant',
      category: 'no_tool',
      expected_output: { answer: 'forty-two', required_tool: '' },
      metadata: { capability: 'c', visibility: 'hidden', seed_id: 's', topic: 't', hidden_fixture: 1 },
      oracle_source: 'deterministic',
      ...options.payload?.(index),
    };
    const task = await db.taskEvaluation.create({
      data: {
        runId,
        familyId: FAMILY,
        taskId: `task-${index}`,
        taskIndex: index,
        mode: String(payload.mode),
        payloadJson: payload as object,
        oracleStatus: payload.oracle_source === 'three_oracle' ? null : 'deterministic',
        mustNotClaimJson: options.mustNotClaim ?? [],
        rows: {
          create: miners.map((miner) => ({
            runId,
            familyId: FAMILY,
            taskId: `task-${index}`,
            taskIndex: index,
            minerHotkey: miner.hotkey,
            deploymentId: miner.deploymentId,
            submissionId: miner.submissionId,
            requiredJudgments: options.quorum ?? 1,
          })),
        },
      },
    });
    tasks.push({ id: task.id, taskId: task.taskId });
  }
  return { runId, miners, tasks };
}

async function seedMiner(
  db: Db,
  index: number,
  versions: { benchmarkVersion: string; rubricVersion: string; judgeModel: string },
): Promise<SeededRun['miners'][number]> {
  const hotkey = `5Miner${String(index).padStart(3, '0')}${randomUUID().slice(0, 8)}`;
  const artifact = await db.submissionArtifact.create({
    data: { storageKey: randomUUID(), sha256: 'a'.repeat(64), sizeBytes: 1n, manifestJson: {} },
  });
  const submission = await db.managedMinerSubmission.create({
    data: {
      minerHotkey: hotkey,
      submissionSeq: 1,
      familyId: FAMILY,
      status: 'deployed_for_eval',
      artifactId: artifact.id,
      manifestJson: { runtime: { kind: 'base_agent' } },
      archiveSha256: 'a'.repeat(64),
      submissionBlock: 1n,
    },
  });
  const deployment = await db.managedDeployment.create({
    data: {
      submissionId: submission.id,
      minerHotkey: hotkey,
      familyId: FAMILY,
      deploymentRevision: randomUUID(),
      imageRef: 'local',
      endpoint: '',
      status: 'deployed_for_eval',
      healthStatus: 'healthy',
      placementStatus: 'running',
      createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, index)),
      ...versions,
    },
  });
  return { hotkey, deploymentId: deployment.id, submissionId: submission.id };
}

/** A judged entry as a validator sends it. */
export function entry(
  minerHotkey: string,
  extra: Record<string, unknown> = {},
  judged: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    miner_hotkey: minerHotkey,
    verdict: 'matches',
    agreement_score: 1,
    miner_response: { output: { answer: 'forty-two' } },
    miner_citations: [],
    judge_output: {
      verdict: 'matches',
      metadata: {
        eval_outcome: 'correct',
        eval_guidance: 'Name the page.',
        eval_prompt_excerpt: 'Question',
        eval_response_excerpt: 'forty-two',
        ...judged,
      },
    },
    miner_latency_seconds: 3.2,
    pairwise_preference_score: 0.5,
    grounded_correctness: 0.9,
    instruction_safety: 1,
    ...extra,
  };
}

/** Gives a job a model call, so that the cost attestation passes. */
export async function payFor(db: Db, jobId: string, microUsd = 2100): Promise<void> {
  await db.providerCall.create({
    data: {
      jobId,
      kind: 'llm',
      provider: 'openai',
      model: 'm',
      status: 'ok',
      costMicroUsd: BigInt(microUsd),
    },
  });
}
