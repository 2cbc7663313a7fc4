/** What miners are told, against PostgreSQL: made of judgments when it is read. */
import { claimTasks } from '../../../adapters/postgres/claims';
import { readFeedback } from '../../../adapters/postgres/feedback';
import { submitResult } from '../../../adapters/postgres/results';
import { createLogger } from '../../../adapters/logging';
import { resultRequestSchema } from '../../../domain/contracts/tasks';
import { startDatabase, type TaskDatabase } from './database';
import { clear, entry, FAMILY, seedRun, type SeededRun } from './seed';

jest.setTimeout(120_000);

let database: TaskDatabase;
const logger = createLogger('test', 'error');

beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database?.stop());
beforeEach(() => clear(database.db));

/** A validator judges the next task's miners at a time, each by its own entry. */
async function judge(
  validator: string,
  at: Date,
  entries: (hotkey: string) => Record<string, unknown>,
): Promise<void> {
  const { tasks } = await claimTasks(database.db, {
    familyId: FAMILY,
    validatorHotkey: validator,
    batchSize: 1,
    leaseSeconds: 900,
    maxAttempts: 3,
    now: at,
  });
  const [task] = tasks;
  if (!task) throw new Error('nothing to claim');
  await submitResult(database.db, {
    taskEvaluationId: task.taskEvaluationId,
    validatorHotkey: validator,
    body: resultRequestSchema.parse({ miner_results: task.miners.map(({ hotkey }) => entries(hotkey)) }),
    settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: 0 },
    logger,
    now: at,
  });
}

const minute = (count: number): Date => new Date(Date.UTC(2026, 10, 23, 12, count));

function reader(run: SeededRun) {
  const [miner] = run.miners;
  if (!miner) throw new Error('a miner expected');
  return {
    hotkey: miner.hotkey,
    read: (extra: { limit?: number; cursor?: string } = {}) =>
      readFeedback(database.db, { runId: run.runId, minerHotkey: miner.hotkey, ...extra }),
  };
}

test('pages go through judgments in their order, and leave failures out', async () => {
  const run = await seedRun(database.db, { tasks: 5, miners: 2 });
  const { read } = reader(run);
  for (let index = 0; index < 5; index += 1) {
    await judge('5One', minute(index < 2 ? 0 : index), (hotkey) =>
      index === 3 ? entry(hotkey, { verdict: 'error', judge_output: null }) : entry(hotkey),
    );
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await read({ limit: 2, ...(cursor ? { cursor } : {}) });
    expect(page.items.length).toBeLessThanOrEqual(2);
    seen.push(...page.items.map((item) => item.task_id));
    cursor = page.nextCursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(['task-0', 'task-1', 'task-2', 'task-4']);
  expect((await read()).items.map((item) => item.created_at)).toEqual([
    '2026-11-23T12:00:00',
    '2026-11-23T12:00:00',
    '2026-11-23T12:02:00',
    '2026-11-23T12:04:00',
  ]);
});

test('of several judgments the one at the lower middle speaks, at the time of the first', async () => {
  const run = await seedRun(database.db, { tasks: 1, miners: 1, quorum: 3 });
  const { read, hotkey } = reader(run);
  const told: unknown[] = [];
  for (const [index, outcome] of ['correct', 'wrong', 'partial'].entries()) {
    await judge(`5Validator${index}`, minute(index), (miner) => entry(miner, {}, { eval_outcome: outcome }));
    const { items } = await read();
    told.push(items.map((item) => [item.miner_hotkey, item.outcome, item.composite_score, item.created_at]));
  }
  const at = '2026-11-23T12:00:00';
  expect(told).toEqual([
    [[hotkey, 'correct', 1, at]],
    [[hotkey, 'wrong', 0, at]],
    [[hotkey, 'partial', 0.5, at]],
  ]);
});

test("a judge's words are cut by characters, and anything else in their place is no word", async () => {
  const run = await seedRun(database.db, { tasks: 1, miners: 1 });
  const { read } = reader(run);
  const smile = '\ud83d\ude00';
  await judge('5One', minute(0), (hotkey) =>
    entry(
      hotkey,
      {},
      {
        eval_response_excerpt: smile.repeat(600),
        eval_prompt_excerpt: smile.repeat(600),
        eval_guidance: smile.repeat(600),
        eval_failure_mode: 7,
        eval_missing_claims: [2, 2, 'x', 0],
      },
    ),
  );
  const { items } = await read();
  expect(items).toMatchObject([
    {
      response_excerpt: smile.repeat(500),
      prompt_excerpt: smile.repeat(200),
      guidance: smile.repeat(400),
      failure_mode: null,
      missing_claim_count: 1,
      oracle_status: 'deterministic',
      explanation: expect.stringContaining('One expected claim was not found') as string,
    },
  ]);
});

test('a row that was written before judgments told themselves stands for its judgment', async () => {
  const run = await seedRun(database.db, { tasks: 2, miners: 1 });
  const { read, hotkey } = reader(run);
  await judge('5One', minute(0), (miner) => entry(miner));
  await judge('5One', minute(1), (miner) => entry(miner));
  const kept = {
    runId: run.runId,
    minerHotkey: hotkey,
    outcome: 'partial',
    explanation: 'As it was put then.',
  };
  await database.db.evalFeedback.create({ data: { ...kept, taskId: 'task-0', createdAt: minute(5) } });
  await database.db.evalFeedback.create({ data: { ...kept, taskId: 'task-of-old', createdAt: minute(-5) } });
  const { items } = await read();
  expect(items.map((item) => [item.task_id, item.outcome])).toEqual([
    ['task-of-old', 'partial'],
    ['task-1', 'correct'],
    ['task-0', 'partial'],
  ]);
  expect(items[2]?.explanation).toBe('As it was put then.');
});
