import {
  heartbeatClaim,
  claimTasks,
  releaseClaim,
  type ClaimRequest,
} from '../../../adapters/postgres/claims';
import { readFeedback } from '../../../adapters/postgres/feedback';
import { expireRunRows, reapExpired } from '../../../adapters/postgres/reaper';
import { submitResult, type SubmitOutcome } from '../../../adapters/postgres/results';
import { taskProgress } from '../../../adapters/postgres/task-progress';
import { createLogger } from '../../../adapters/logging';
import { HttpError } from '../../../domain/http-errors';
import { resultRequestSchema } from '../../../domain/contracts/tasks';
import { compositeScore } from '../../../domain/scoring/composite';
import { fullInput, type StoredInput } from '../../../domain/tasks/settle';
import type { ClaimedTask } from '../../../domain/tasks/claim-item';
import { startDatabase, type TaskDatabase } from './database';
import { clear, entry, FAMILY, payFor, seedRun } from './seed';

jest.setTimeout(120_000);

let database: TaskDatabase;
const logger = createLogger('test', 'error');
const LEASE = 900;
const V1 = '5ValidatorOne';
const V2 = '5ValidatorTwo';

beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database?.stop());
beforeEach(() => clear(database.db));

function claim(validatorHotkey: string, extra: Partial<ClaimRequest> = {}) {
  return claimTasks(database.db, {
    familyId: FAMILY,
    validatorHotkey,
    batchSize: 1,
    leaseSeconds: LEASE,
    maxAttempts: 3,
    ...extra,
  });
}

async function claimOne(validatorHotkey: string, extra: Partial<ClaimRequest> = {}): Promise<ClaimedTask> {
  const { tasks } = await claim(validatorHotkey, extra);
  if (!tasks[0]) throw new Error('nothing to claim');
  return tasks[0];
}

function submit(
  taskEvaluationId: string,
  validatorHotkey: string,
  body: object,
  extra: { now?: Date } = {},
): Promise<SubmitOutcome> {
  return submitResult(database.db, {
    taskEvaluationId,
    validatorHotkey,
    body: resultRequestSchema.parse(body),
    settings: {
      budgets: { instant: 120, thinking: 600 },
      costFloorUsd: null,
    },
    logger,
    now: extra.now,
  });
}

async function refusal(call: Promise<unknown>): Promise<{ status: number; detail: string }> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HttpError)) throw new Error(`expected a refusal, got ${String(error)}`);
  return { status: error.status, detail: String(error.detail) };
}

/** Everything that a refused call must leave as it was. */
async function everything() {
  const { db } = database;
  return {
    rows: await db.minerEvaluationTask.findMany({ orderBy: { id: 'asc' } }),
    claims: await db.taskClaim.findMany({ orderBy: { fencing: 'asc' } }),
    results: await db.taskMinerResult.findMany({ orderBy: { id: 'asc' } }),
    tasks: await db.taskEvaluation.findMany({ orderBy: { id: 'asc' } }),
    feedback: await db.evalFeedback.findMany(),
  };
}

const later = (task: ClaimedTask, seconds: number) => new Date(task.claimedAt.getTime() + seconds * 1000);

describe('claim', () => {
  it('leases all miner rows of the lowest tasks under one fencing number each', async () => {
    const run = await seedRun(database.db, { tasks: 3, miners: 2 });
    const { tasks, remainingTaskCount } = await claim(V1, { batchSize: 2 });
    expect(tasks.map((task) => task.taskIndex)).toEqual([0, 1]);
    expect(remainingTaskCount).toBe(3);
    for (const task of tasks) {
      expect(task.miners.map((miner) => miner.hotkey)).toEqual(run.miners.map((miner) => miner.hotkey));
      expect(task.expiresAt.getTime() - task.claimedAt.getTime()).toBe(LEASE * 1000);
    }
    expect(tasks[0]?.fencing).not.toEqual(tasks[1]?.fencing);
    const jobs = await database.db.attemptJob.findMany();
    expect(jobs.map((job) => job.jobId).sort()).toEqual(
      tasks.flatMap((task) => task.miners.map((miner) => miner.jobId)).sort(),
    );
    expect(new Set(jobs.map((job) => job.jobId)).size).toBe(4);
    expect(await taskProgress(database.db, run.runId, FAMILY)).toMatchObject({
      total: 3,
      claimed: 2,
      pending: 1,
    });
  });

  it('hands out nothing that is not claimable', async () => {
    const { db } = database;
    const run = await seedRun(db, { tasks: 4, miners: 2 });
    const [sick, well] = run.miners;
    await db.managedDeployment.update({
      where: { id: sick?.deploymentId },
      data: { healthStatus: 'unhealthy' },
    });
    await db.taskEvaluation.update({
      where: { id: run.tasks[0]?.id },
      data: { enrichmentStatus: 'pending' },
    });
    await db.minerEvaluationTask.updateMany({
      where: { taskEvaluationId: run.tasks[1]?.id },
      data: { attemptCount: 3 },
    });
    await db.minerEvaluationTask.updateMany({
      where: { taskEvaluationId: run.tasks[2]?.id },
      data: { status: 'evaluated' },
    });
    const { tasks } = await claim(V1, { batchSize: 40 });
    expect(tasks.map((task) => task.taskId)).toEqual(['task-3']);
    expect(tasks[0]?.miners.map((miner) => miner.hotkey)).toEqual([well?.hotkey]);
    expect(await claim(V2)).toEqual({ tasks: [], remainingTaskCount: 0 });
  });

  it.each(['paused', 'draining', 'opening'])('hands out nothing while the run is %s', async (phase) => {
    const run = await seedRun(database.db, { tasks: 1, miners: 1 });
    await database.db.evaluationRun.update({ where: { id: run.runId }, data: { phase } });
    expect((await claim(V1)).tasks).toEqual([]);
  });

  it('never gives one row to two of 16 concurrent claimers, and leaves none behind', async () => {
    const run = await seedRun(database.db, { tasks: 40, miners: 3 });
    const taken: string[] = [];
    const fencings: bigint[] = [];
    await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        for (;;) {
          const { tasks } = await claim(`5Validator${index}`, { batchSize: (index % 3) + 1 });
          if (tasks.length === 0) return;
          fencings.push(...tasks.map((task) => task.fencing));
          taken.push(...tasks.flatMap((task) => task.miners.map((miner) => miner.rowId)));
        }
      }),
    );
    expect(taken).toHaveLength(40 * run.miners.length);
    expect(new Set(taken).size).toBe(taken.length);
    expect(new Set(fencings).size).toBe(fencings.length);
  });

  it('takes over a lease that ran out, with a higher number, and ends the old claim', async () => {
    await seedRun(database.db, { tasks: 1, miners: 2 });
    const first = await claimOne(V1);
    expect((await claim(V2)).tasks).toEqual([]);
    const second = await claimOne(V2, { now: later(first, LEASE) });
    expect(second.fencing).toBeGreaterThan(first.fencing);
    expect(second.miners.map((miner) => miner.attempt)).toEqual([2, 2]);
    const old = await database.db.taskClaim.findUniqueOrThrow({ where: { fencing: first.fencing } });
    expect(old.status).toBe('expired');
    expect(old.endedAt).toEqual(later(first, LEASE));
  });
});

describe('heartbeat', () => {
  const beat = (task: ClaimedTask, seconds: number, fencing?: bigint) =>
    heartbeatClaim(database.db, {
      taskEvaluationId: task.taskEvaluationId,
      validatorHotkey: V1,
      fencing: fencing ?? null,
      leaseSeconds: LEASE,
      workCapSeconds: 1500,
      now: later(task, seconds),
    });

  it('extends every row up to the work cap and keeps others away', async () => {
    await seedRun(database.db, { tasks: 1, miners: 2 });
    const task = await claimOne(V1);
    expect((await beat(task, 300)).expiresAt).toEqual(later(task, 1200));
    expect((await beat(task, 1100)).expiresAt).toEqual(later(task, 1500));
    const rows = await database.db.minerEvaluationTask.findMany();
    expect(rows.map((row) => row.claimExpiresAt)).toEqual([later(task, 1500), later(task, 1500)]);
    expect((await claim(V2, { now: later(task, 1499) })).tasks).toEqual([]);
    expect((await claim(V2, { now: later(task, 1500) })).tasks).toHaveLength(1);
  });

  it('is refused with the reason once the lease is over or was never had', async () => {
    await seedRun(database.db, { tasks: 1, miners: 1 });
    const task = await claimOne(V1);
    const expired = await refusal(beat(task, LEASE));
    expect(expired.status).toBe(409);
    expect(expired.detail).toMatch(/^rejected_not_claimed: .*expired at .*Claim again/);
    await claimOne(V2, { now: later(task, LEASE + 1) });
    expect((await refusal(beat(task, LEASE + 2))).status).toBe(409);
    const stranger = heartbeatClaim(database.db, {
      taskEvaluationId: task.taskEvaluationId,
      validatorHotkey: '5Nobody',
      leaseSeconds: LEASE,
      workCapSeconds: 1500,
    });
    expect(await refusal(stranger)).toEqual({ status: 403, detail: 'rejected_wrong_validator' });
  });
});

describe('release', () => {
  it('returns the rows, keeps the attempt, and is idempotent', async () => {
    await seedRun(database.db, { tasks: 1, miners: 2 });
    const task = await claimOne(V1);
    const key = { taskEvaluationId: task.taskEvaluationId, validatorHotkey: V1, reason: 'baseline failed' };
    await releaseClaim(database.db, key);
    await releaseClaim(database.db, key);
    const rows = await database.db.minerEvaluationTask.findMany();
    expect(rows.map((row) => [row.status, row.attemptCount, row.statusReason])).toEqual([
      ['pending', 1, 'baseline failed'],
      ['pending', 1, 'baseline failed'],
    ]);
    expect((await claimOne(V2)).miners).toHaveLength(2);
    expect((await refusal(submit(task.taskEvaluationId, V1, {}))).detail).toMatch(
      /^rejected_not_claimed: .*released/,
    );
  });
});

describe('result', () => {
  it("scores by the owner's formula from the stored inputs and settles the rows", async () => {
    const { db } = database;
    const run = await seedRun(db, {
      tasks: 1,
      miners: 2,
      mustNotClaim: ['forty-three'],
      payload: () => ({
        mode: 'thinking',
        expected_output: { answer: 'forty-two', required_tool: 'sandbox' },
      }),
    });
    const task = await claimOne(V1);
    const [a, b] = task.miners;
    if (!a || !b) throw new Error('two miners expected');
    await payFor(db, a.jobId);
    await payFor(db, b.jobId);
    await db.orchestratorToolCallLog.create({ data: { jobId: a.jobId, toolName: 'sandbox_python' } });
    // The second miner names the first one's job: only the owner's binding counts.
    const { response, disputed } = await submit(task.taskEvaluationId, V1, {
      miner_results: [
        entry(a.hotkey, { miner_latency_seconds: 480, pairwise_preference_score: 1, final_task_score: 0.77 }),
        entry(b.hotkey, {
          miner_response: { output: { answer: 'forty-two' }, metadata: { job_id: a.jobId } },
          final_task_score: 0,
        }),
      ],
    });
    expect(response).toEqual({
      task_evaluation_id: task.taskEvaluationId,
      status: 'accepted',
      family_evaluation_complete: true,
      remaining_task_count: 0,
    });
    const results = await db.taskMinerResult.findMany({ orderBy: { minerHotkey: 'asc' } });
    const [ra, rb] = results;
    expect(ra?.officialComposite).toBe(0.77);
    expect(ra?.attestedCostUsd).toBe(0.0021);
    expect(rb?.officialComposite).toBe(0);
    expect(disputed).toEqual([]);
    for (const result of results) {
      expect(result.compositeInputJson).not.toHaveProperty('candidate_response');
      const input = fullInput(result.compositeInputJson as unknown as StoredInput, result.minerResponseJson);
      const again = compositeScore(input, 2);
      expect(again.composite).toBe(result.officialComposite);
      expect(again).toEqual(result.factorsJson);
    }
    const rows = await db.minerEvaluationTask.findMany({ orderBy: { minerHotkey: 'asc' } });
    expect(rows.map((row) => [row.status, row.officialComposite, row.judgmentCount])).toEqual([
      ['evaluated', 0.77, 1],
      ['evaluated', 0, 1],
    ]);
    const { items } = await readFeedback(db, { runId: run.runId, minerHotkey: b.hotkey });
    expect(items).toMatchObject([
      {
        explanation: expect.stringContaining('sandbox_python') as string,
        knockout_reasons: ["missing_required_tool: 'sandbox_python' not in ledger"],
      },
    ]);
  });

  it("marks a validator's number that differs as disputed and keeps both", async () => {
    await seedRun(database.db, { tasks: 1, miners: 1 });
    const task = await claimOne(V1);
    const miner = task.miners[0];
    if (!miner) throw new Error('a miner expected');
    await payFor(database.db, miner.jobId);
    const { disputed } = await submit(task.taskEvaluationId, V1, {
      miner_results: [entry(miner.hotkey, { final_task_score: 0.82 })],
    });
    expect(disputed).toEqual([miner.hotkey]);
    const result = await database.db.taskMinerResult.findFirstOrThrow();
    expect([result.finalTaskScore, result.officialComposite, result.disputed]).toEqual([0.82, 1, true]);
  });

  it('scores a failed answer 0 with its reason, returns one that the owner broke', async () => {
    await seedRun(database.db, { tasks: 1, miners: 3 });
    const task = await claimOne(V1);
    const [failed, broken, gateless] = task.miners.map((miner) => miner.hotkey);
    const error = { verdict: 'error', judge_output: null, final_task_score: null };
    const { returned } = await submit(task.taskEvaluationId, V1, {
      miner_results: [
        entry(failed ?? '', { ...error, miner_response: { error: 'pod returned 500' } }),
        entry(broken ?? '', {
          ...error,
          miner_response: { error: 'agent restarting', metadata: { failure_class: 'owner' } },
        }),
        entry(
          gateless ?? '',
          { grounded_correctness: null, instruction_safety: null },
          { multi_judge_response: null },
        ),
      ],
    });
    expect(returned.map((item) => item.minerHotkey)).toEqual(expect.arrayContaining([broken, gateless]));
    const rows = new Map(
      (await database.db.minerEvaluationTask.findMany()).map((row) => [row.minerHotkey, row]),
    );
    expect(rows.get(failed ?? '')).toMatchObject({
      status: 'evaluated',
      officialComposite: 0,
      statusReason: 'the miner did not answer: pod returned 500',
    });
    expect(rows.get(broken ?? '')?.status).toBe('pending');
    expect(rows.get(gateless ?? '')?.status).toBe('pending');
    expect(await database.db.evalFeedback.count()).toBe(0);
  });

  it('gives the same answer to the same lease, even for another body', async () => {
    await seedRun(database.db, { tasks: 2, miners: 1 });
    const task = await claimOne(V1);
    const hotkey = task.miners[0]?.hotkey ?? '';
    const first = await submit(task.taskEvaluationId, V1, { miner_results: [entry(hotkey)] });
    const before = await everything();
    const second = await submit(task.taskEvaluationId, V1, {
      miner_results: [entry(hotkey, { verdict: 'error' })],
    });
    expect(second).toMatchObject({ response: first.response, replayed: true });
    expect(await everything()).toEqual(before);
  });

  it('settles once when the same result arrives many times at once', async () => {
    await seedRun(database.db, { tasks: 1, miners: 2 });
    const task = await claimOne(V1);
    const body = {
      fencing: Number(task.fencing),
      miner_results: task.miners.map((miner) => entry(miner.hotkey)),
    };
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () => submit(task.taskEvaluationId, V1, body)),
    );
    expect(outcomes.filter((outcome) => !outcome.replayed)).toHaveLength(1);
    expect(new Set(outcomes.map((outcome) => JSON.stringify(sorted(outcome.response)))).size).toBe(1);
    expect(await database.db.taskMinerResult.count()).toBe(2);
  });

  it('refuses a late result after the same validator claimed again, by job ids and by fencing', async () => {
    await seedRun(database.db, { tasks: 1, miners: 1 });
    const first = await claimOne(V1);
    const second = await claimOne(V1, { now: later(first, LEASE + 1) });
    const before = await everything();
    const miner = first.miners[0];
    const late = entry(miner?.hotkey ?? '', {
      miner_response: { output: { answer: 'x' }, metadata: { job_id: miner?.jobId } },
    });
    const now = later(first, LEASE + 2);
    for (const body of [
      { miner_results: [late] },
      { fencing: Number(first.fencing), miner_results: [entry(miner?.hotkey ?? '')] },
    ]) {
      const { status, detail } = await refusal(submit(first.taskEvaluationId, V1, body, { now }));
      expect(status).toBe(409);
      expect(detail).toMatch(
        new RegExp(`^rejected_not_claimed: the lease with fencing ${first.fencing} expired at`),
      );
    }
    expect(await everything()).toEqual(before);
    const fresh = second.miners[0];
    const good = entry(fresh?.hotkey ?? '', {
      miner_response: { output: { answer: 'x' }, metadata: { job_id: fresh?.jobId } },
    });
    expect((await submit(first.taskEvaluationId, V1, { miner_results: [good] }, { now })).replayed).toBe(
      false,
    );
  });

  it('refuses a result after the lease ran out though nobody swept it', async () => {
    await seedRun(database.db, { tasks: 1, miners: 1 });
    const task = await claimOne(V1);
    const before = await everything();
    const body = {
      baseline_response: { response_text: 'b' },
      miner_results: [entry(task.miners[0]?.hotkey ?? '')],
    };
    const { status, detail } = await refusal(
      submit(task.taskEvaluationId, V1, body, { now: later(task, LEASE) }),
    );
    expect(status).toBe(409);
    expect(detail).toMatch(/^rejected_not_claimed: .*expired/);
    expect(await everything()).toEqual(before);
  });

  it('refuses unknown tasks, strangers, doubles, and validators without a claim', async () => {
    await seedRun(database.db, { tasks: 2, miners: 1 });
    const task = await claimOne(V1);
    const hotkey = task.miners[0]?.hotkey ?? '';
    const before = await everything();
    const id = task.taskEvaluationId;
    expect(await refusal(submit('00000000-0000-0000-0000-000000000000', V1, {}))).toEqual({
      status: 403,
      detail: 'rejected_not_found',
    });
    expect(await refusal(submit(id, V2, {}))).toEqual({ status: 403, detail: 'rejected_wrong_validator' });
    const other = await refusal(submit(id, V2, { fencing: Number(task.fencing) }));
    expect(other).toEqual({ status: 403, detail: 'rejected_wrong_validator' });
    const stranger = await refusal(submit(id, V1, { miner_results: [entry(hotkey), entry('5Stranger')] }));
    expect(stranger.status).toBe(400);
    expect(stranger.detail).toContain('5Stranger');
    const double = await refusal(submit(id, V1, { miner_results: [entry(hotkey), entry(hotkey)] }));
    expect(double).toMatchObject({ status: 400, detail: expect.stringContaining(hotkey) });
    expect(await everything()).toEqual(before);
    const blank = await submit(id, V1, { miner_results: [entry('  '), entry(hotkey)] });
    expect(blank.replayed).toBe(false);
  });

  it('returns left-out miners to the pool with the reason that was given', async () => {
    await seedRun(database.db, { tasks: 1, miners: 3 });
    const task = await claimOne(V1);
    const [kept, named, forgotten] = task.miners.map((miner) => miner.hotkey);
    const { response } = await submit(task.taskEvaluationId, V1, {
      miner_results: [entry(kept ?? '')],
      released_miners: [{ miner_hotkey: named, reason: 'the judge was down' }],
    });
    expect(response).toMatchObject({ family_evaluation_complete: false, remaining_task_count: 1 });
    const rows = new Map(
      (await database.db.minerEvaluationTask.findMany()).map((row) => [row.minerHotkey, row]),
    );
    expect(rows.get(named ?? '')).toMatchObject({ status: 'pending', statusReason: 'the judge was down' });
    expect(rows.get(forgotten ?? '')).toMatchObject({
      status: 'pending',
      statusReason: 'left out of the result',
    });
    const again = await claimOne(V2);
    expect(again.miners.map((miner) => miner.hotkey)).toEqual([named, forgotten]);
  });

  it('stores text that PostgreSQL would refuse, made fit', async () => {
    await seedRun(database.db, { tasks: 1, miners: 1 });
    const task = await claimOne(V1);
    const nasty = 'a\u0000b\ud800c';
    await submit(task.taskEvaluationId, V1, {
      miner_results: [
        entry(
          task.miners[0]?.hotkey ?? '',
          { miner_response: { output: { answer: nasty, [nasty]: 1 } } },
          { eval_guidance: nasty },
        ),
      ],
    });
    const stored = await database.db.taskMinerResult.findFirstOrThrow();
    expect(JSON.stringify(stored.minerResponseJson)).toContain('a\ufffdb\ufffdc');
    expect((await database.db.evalFeedback.findFirstOrThrow()).guidance).toBe('a\ufffdb\ufffdc');
  });

  it('keeps the first baseline for 12 hours and gives it to later claims', async () => {
    await seedRun(database.db, { tasks: 1, miners: 2, payload: () => ({ oracle_source: 'three_oracle' }) });
    const first = await claimOne(V1);
    expect(first.cachedBaseline).toBeNull();
    const found = { oracle_status: 'majority', expected_claims: ['x'], must_not_claim: ['forty-two'] };
    await submit(first.taskEvaluationId, V1, {
      baseline_response: { response_text: 'one', _reconciled: found },
      oracle_cost_usd: 0.031,
      miner_results: [entry(first.miners[0]?.hotkey ?? '')],
    });
    const second = await claimOne(V2);
    expect(second.cachedBaseline).toEqual({ response_text: 'one', _reconciled: found });
    expect([second.oracleStatus, second.expectedClaims, second.mustNotClaim]).toEqual([
      'majority',
      ['x'],
      ['forty-two'],
    ]);
    await submit(second.taskEvaluationId, V2, {
      baseline_response: { response_text: 'two', _reconciled: { ...found, must_not_claim: ['other'] } },
      miner_results: [],
    });
    const task = await database.db.taskEvaluation.findFirstOrThrow();
    expect(task).toMatchObject({
      baselineResponseJson: { response_text: 'one' },
      oracleCostUsd: 0.031,
      mustNotClaimJson: ['forty-two'],
    });
    const result = await database.db.taskMinerResult.findFirstOrThrow();
    expect(result.officialComposite).toBe(0);
    const fresh = await claimOne(V1, { now: new Date(Date.now() + 13 * 3_600_000) });
    expect(fresh.cachedBaseline).toBeNull();
  });
});

describe('quorum', () => {
  it('asks different validators and settles by the median', async () => {
    const { db } = database;
    await seedRun(db, { tasks: 1, miners: 1, quorum: 2 });
    const first = await claimOne(V1);
    await payFor(db, first.miners[0]?.jobId ?? '');
    const hotkey = first.miners[0]?.hotkey ?? '';
    await submit(first.taskEvaluationId, V1, { miner_results: [entry(hotkey)] });
    expect(await db.minerEvaluationTask.findFirstOrThrow()).toMatchObject({
      status: 'pending',
      judgmentCount: 1,
      officialComposite: null,
      statusReason: 'judged by 1 of 2 validators',
    });
    expect((await claim(V1)).tasks).toEqual([]);
    const second = await claimOne(V2);
    await payFor(db, second.miners[0]?.jobId ?? '');
    await submit(second.taskEvaluationId, V2, {
      miner_results: [entry(hotkey, {}, { eval_outcome: 'partial' })],
    });
    expect(await db.minerEvaluationTask.findFirstOrThrow()).toMatchObject({
      status: 'evaluated',
      judgmentCount: 2,
      officialComposite: 0.75,
    });
    expect((await db.evalFeedback.findFirstOrThrow()).outcome).toBe('partial');
  });
});

describe('reaper and close', () => {
  it('returns expired rows, and unscores those whose attempts are used up', async () => {
    const { db } = database;
    await seedRun(db, { tasks: 2, miners: 1 });
    const one = await claimOne(V1, { maxAttempts: 2 });
    const now = later(one, LEASE);
    expect(await reapExpired(db, { now: later(one, LEASE - 1), maxAttempts: 2 })).toEqual({
      expiredClaims: 0,
      returnedRows: 0,
      unscoredRows: 0,
    });
    expect(await reapExpired(db, { now, maxAttempts: 2 })).toEqual({
      expiredClaims: 1,
      returnedRows: 1,
      unscoredRows: 0,
    });
    expect(await reapExpired(db, { now, maxAttempts: 2 })).toEqual({
      expiredClaims: 0,
      returnedRows: 0,
      unscoredRows: 0,
    });
    const two = await claimOne(V1, { maxAttempts: 2, now });
    expect(two.taskId).toBe(one.taskId);
    const end = later(two, LEASE);
    expect(await reapExpired(db, { now: end, maxAttempts: 2 })).toEqual({
      expiredClaims: 1,
      returnedRows: 0,
      unscoredRows: 1,
    });
    const row = await db.minerEvaluationTask.findFirstOrThrow({ where: { taskId: one.taskId } });
    expect(row).toMatchObject({
      status: 'unscored',
      statusReason: 'no result after 2 attempts; last: the lease ran out',
    });
    const next = await claimOne(V1, { maxAttempts: 2, now: end });
    expect(next.taskId).not.toBe(one.taskId);
    const refused = await refusal(
      submit(one.taskEvaluationId, V1, { fencing: Number(two.fencing) }, { now: end }),
    );
    expect(refused.status).toBe(409);
  });

  it('settles rows that came back to the pool for the last time', async () => {
    await seedRun(database.db, { tasks: 1, miners: 1 });
    const task = await claimOne(V1, { maxAttempts: 1 });
    await submit(task.taskEvaluationId, V1, { miner_results: [] });
    expect((await claim(V2, { maxAttempts: 1 })).tasks).toEqual([]);
    expect(await reapExpired(database.db, { maxAttempts: 1 })).toMatchObject({ unscoredRows: 1 });
  });

  it('closes: live leases wait in a drain, absent agents miss, the rest is unscored, nothing is scored after', async () => {
    const { db } = database;
    const run = await seedRun(db, { tasks: 2, miners: 2 });
    const dead = run.miners[1];
    await db.managedDeployment.update({
      where: { id: dead?.deploymentId },
      data: { healthStatus: 'unhealthy' },
    });
    const task = await claimOne(V1);
    expect(await expireRunRows(db, run.runId, { mode: 'drain' })).toEqual({
      expiredClaims: 0,
      expiredRows: 2,
      unscoredRows: 1,
      liveRows: 1,
    });
    expect(await expireRunRows(db, run.runId, { mode: 'now' })).toEqual({
      expiredClaims: 1,
      expiredRows: 0,
      unscoredRows: 1,
      liveRows: 0,
    });
    expect(await expireRunRows(db, run.runId, { mode: 'now' })).toEqual({
      expiredClaims: 0,
      expiredRows: 0,
      unscoredRows: 0,
      liveRows: 0,
    });
    const before = await everything();
    const late = await refusal(
      submit(task.taskEvaluationId, V1, { miner_results: [entry(task.miners[0]?.hotkey ?? '')] }),
    );
    expect(late.status).toBe(409);
    expect(late.detail).toContain('run closed');
    expect(await everything()).toEqual(before);
    const rows = await db.minerEvaluationTask.findMany({ where: { minerHotkey: dead?.hotkey } });
    expect(rows.map((row) => row.status)).toEqual(['expired', 'expired']);
  });
});

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
