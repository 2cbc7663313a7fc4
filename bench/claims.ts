/**
 * Claims a second: validators claim from one run until it is empty, then settle what they hold.
 *
 *   DATABASE_URL=postgresql://... node build/bench/claims.js [validators=16] [tasks=2000] [miners=3]
 *
 * The database must be migrated and holds the bench's run afterwards: give it one of its own.
 */
import { randomUUID } from 'node:crypto';
import { claimTasks } from '../adapters/postgres/claims';
import { submitResult } from '../adapters/postgres/results';
import { createLogger } from '../adapters/logging';
import { createPrisma, type Db } from '../adapters/postgres';
import { resultRequestSchema } from '../domain/contracts/tasks';
import type { ClaimedTask } from '../domain/tasks/claim-item';

const FAMILY = 'general_chat';
const VERSIONS = { benchmarkVersion: 'bench', rubricVersion: 'bench', judgeModel: 'bench' };

async function main(): Promise<void> {
  const [validators = 16, tasks = 2000, miners = 3] = process.argv.slice(2).map(Number);
  const url = process.env.DATABASE_URL;
  if (!url) throw new Error('set DATABASE_URL to a migrated database that may be written to');
  const db = createPrisma(url, { poolSize: validators });
  try {
    await seed(db, tasks, miners);
    const held: { by: string; task: ClaimedTask }[] = [];
    const claims = await timed(validators, async (validator) => {
      const got = await claimTasks(db, {
        familyId: FAMILY,
        validatorHotkey: validator,
        batchSize: 1,
        leaseSeconds: 900,
        maxAttempts: 3,
      });
      held.push(...got.tasks.map((task) => ({ by: validator, task })));
      return got.tasks.length > 0;
    });
    const rows = new Set(held.flatMap(({ task }) => task.miners.map((miner) => miner.rowId)));
    if (rows.size !== tasks * miners) throw new Error(`${rows.size} of ${tasks * miners} rows were leased`);
    print('claims', held.length, claims);

    const logger = createLogger('bench', 'error');
    const settled = held.length;
    const results = await timed(validators, async () => {
      const next = held.pop();
      if (!next) return false;
      await submitResult(db, {
        taskEvaluationId: next.task.taskEvaluationId,
        validatorHotkey: next.by,
        body: resultRequestSchema.parse({
          fencing: Number(next.task.fencing),
          miner_results: next.task.miners.map((miner) => judged(miner.hotkey)),
        }),
        settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
        logger,
      });
      return true;
    });
    print('results', settled, results);
  } finally {
    await db.$disconnect();
  }
}

/** Lets all validators work until there is nothing left; seconds it took. */
async function timed(validators: number, step: (validator: string) => Promise<boolean>): Promise<number> {
  const start = process.hrtime.bigint();
  const worker = async (name: string): Promise<void> => {
    while (await step(name));
  };
  await Promise.all(Array.from({ length: validators }, (_, index) => worker(`5BenchValidator${index}`)));
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function print(what: string, count: number, seconds: number): void {
  const rate = (count / seconds).toFixed(0);
  process.stdout.write(`${what}: ${count} in ${seconds.toFixed(2)} s, ${rate} a second\n`);
}

function judged(minerHotkey: string): Record<string, unknown> {
  return {
    miner_hotkey: minerHotkey,
    verdict: 'matches',
    miner_response: { output: { answer: 'forty-two '.repeat(50) } },
    judge_output: { metadata: { eval_outcome: 'correct', eval_guidance: 'name the source' } },
    grounded_correctness: 0.9,
    instruction_safety: 1,
    pairwise_preference_score: 0.5,
    miner_latency_seconds: 3,
  };
}

async function seed(db: Db, tasks: number, miners: number): Promise<void> {
  const runId = `run-bench-${randomUUID().slice(0, 8)}`;
  await db.evaluationRun.create({
    data: {
      id: runId,
      sequence: Math.floor(Math.random() * 1e9),
      status: 'open',
      phase: 'running',
      ...VERSIONS,
      startedAt: new Date(),
      endsAt: new Date(Date.now() + 3_600_000),
    },
  });
  const deployments: { id: string; submissionId: string; hotkey: string }[] = [];
  for (let index = 0; index < miners; index += 1) deployments.push(await seedMiner(db, index));
  const ids = Array.from({ length: tasks }, () => randomUUID());
  await db.taskEvaluation.createMany({
    data: ids.map((id, index) => ({
      id,
      runId,
      familyId: FAMILY,
      taskId: `task-${index}`,
      taskIndex: index,
      payloadJson: { prompt: 'Question? '.repeat(40), expected_output: { answer: 'forty-two' } },
      oracleStatus: 'deterministic',
    })),
  });
  await db.minerEvaluationTask.createMany({
    data: ids.flatMap((taskEvaluationId, index) =>
      deployments.map((deployment) => ({
        runId,
        familyId: FAMILY,
        taskEvaluationId,
        taskId: `task-${index}`,
        taskIndex: index,
        minerHotkey: deployment.hotkey,
        deploymentId: deployment.id,
        submissionId: deployment.submissionId,
      })),
    ),
  });
  // What autovacuum would have done by the time that validators arrive.
  await db.$executeRawUnsafe('ANALYZE');
}

async function seedMiner(
  db: Db,
  index: number,
): Promise<{ id: string; submissionId: string; hotkey: string }> {
  const hotkey = `5BenchMiner${index}${randomUUID().slice(0, 8)}`;
  const submission = await db.managedMinerSubmission.create({
    data: {
      minerHotkey: hotkey,
      submissionSeq: 1,
      familyId: FAMILY,
      status: 'deployed_for_eval',
      manifestJson: {},
      archiveSha256: 'a'.repeat(64),
      submissionBlock: 1n,
      artifact: {
        create: { storageKey: randomUUID(), sha256: 'a'.repeat(64), sizeBytes: 1n, manifestJson: {} },
      },
    },
  });
  const deployment = await db.managedDeployment.create({
    data: {
      submissionId: submission.id,
      minerHotkey: hotkey,
      familyId: FAMILY,
      deploymentRevision: randomUUID(),
      imageRef: 'bench',
      endpoint: '',
      status: 'deployed_for_eval',
      healthStatus: 'healthy',
      ...VERSIONS,
    },
  });
  return { id: deployment.id, submissionId: submission.id, hotkey };
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
