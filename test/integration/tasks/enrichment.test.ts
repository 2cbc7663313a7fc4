/** The owner's enrichments in PostgreSQL: what is handed out, what is kept, and what an exhausted layer does (decisions 4, 7). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresEnrichmentStore, type EnrichmentStore } from '../../../adapters/enrichment-store';
import { createLogger } from '../../../adapters/logging';
import { FilesystemObjectStore } from '../../../adapters/object-store';
import { claimTasks } from '../../../adapters/postgres/claims';
import {
  listEnrichments,
  pendingEnrichments,
  reopenEnrichments,
} from '../../../adapters/postgres/enrichments';
import { readFeedback } from '../../../adapters/postgres/feedback';
import { submitResult } from '../../../adapters/postgres/results';
import { resultRequestSchema } from '../../../domain/contracts/tasks';
import type { Grounding, OracleVendor } from '../../../domain/oracle/record';
import { settleFindings } from '../../../domain/oracle/settle';
import { startDatabase, type TaskDatabase } from './database';
import { clear, entry, FAMILY, payFor, seedRun, type SeededRun } from './seed';

jest.setTimeout(120_000);

let database: TaskDatabase;
let store: EnrichmentStore;
let run: SeededRun;
const root = mkdtempSync(join(tmpdir(), 'enrichments-'));
beforeAll(async () => {
  database = await startDatabase();
  store = postgresEnrichmentStore(database.db, new FilesystemObjectStore({ root, bucket: 'test' }));
});
afterAll(async () => {
  await database?.stop();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(async () => {
  await clear(database.db);
  run = await seedRun(database.db, {
    tasks: 2,
    miners: 2,
    payload: (index) =>
      index === 0 ? { oracle_source: 'three_oracle', expected_output: { must_not_claim: ['the moon'] } } : {},
  });
});

const key = () => ({ runId: run.runId, familyId: FAMILY, taskId: 'task-0' });
const pend = () =>
  database.db.taskEvaluation.updateMany({
    where: { taskId: 'task-0' },
    data: { enrichmentStatus: 'pending' },
  });
const claim = async (hotkey = '5V') =>
  (
    await claimTasks(database.db, {
      familyId: FAMILY,
      validatorHotkey: hotkey,
      batchSize: 10,
      leaseSeconds: 900,
      maxAttempts: 3,
    })
  ).tasks;

const answer = (vendor: OracleVendor, text: string): Grounding => ({
  vendor,
  model: 'm',
  status: text ? 'ok' : 'error',
  answer: text,
  citations: [],
  finish_reason: null,
  error_msg: text ? null : 'provider_error: HTTP 503',
  latency_ms: 5,
  cost_micro_usd: 1000,
  prompt_version: 'oracle_answer_v1#00000000',
});

const found = () =>
  settleFindings({
    side: 'owner',
    validatorHotkey: null,
    floor: ['the moon'],
    vendors: [answer('openai', 'forty-two'), answer('grok', 'forty-two')],
    reconciliation: {
      model: 'm',
      consensus_claims: ['forty-two'],
      majority_claims: [],
      minority_claims: [],
      must_not_claim_extras: ['forty-one', 'two'],
      oracle_status: 'consensus',
      disagreement_note: null,
      error: null,
      latency_ms: 7,
      cost_micro_usd: 500,
      prompt_version: 'reconciler_v1#00000000',
    },
    layerConfigured: true,
    referenceVendor: 'openai',
    latencyMs: 12,
  });

function submit(taskEvaluationId: string, body: object) {
  return submitResult(database.db, {
    taskEvaluationId,
    validatorHotkey: '5V',
    body: resultRequestSchema.parse(body),
    settings: { budgets: { instant: 120, thinking: 600 }, costFloorUsd: null },
    logger: createLogger('test', 'error'),
  });
}

describe('enrichment of the owner', () => {
  it('keeps a task from claims until it is settled, then hands its truth out with it', async () => {
    await pend();
    expect((await claim()).map((task) => task.taskId)).toEqual(['task-1']);
    expect(await pendingEnrichments(database.db, run.runId)).toEqual([
      { taskId: 'task-0', familyId: FAMILY },
    ]);
    expect((await store.begin(key())).state).toBe('wanted');
    await store.settle(key(), found());
    const [task] = await claim();
    expect(task).toMatchObject({
      taskId: 'task-0',
      oracleStatus: 'consensus',
      expectedClaims: ['forty-two'],
      // What stands in an expected claim would knock every right answer out.
      mustNotClaim: ['the moon', 'forty-one'],
      cachedBaseline: {
        response_text: 'forty-two',
        source_vendor: 'openai',
        _reconciled: { oracle_status: 'consensus', vendor_status: { openai: 'ok', grok: 'ok' } },
      },
    });
    expect((await store.begin(key())).state).toBe('settled');
    const row = await database.db.taskEnrichment.findFirstOrThrow();
    expect(row).toMatchObject({ side: 'owner', status: 'settled', costMicroUsd: 2500n });
    expect(row.payloadSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is settled once: a second finding changes nothing', async () => {
    await pend();
    await store.begin(key());
    await store.settle(key(), found());
    const other = { ...found(), expected_claims: ['something else'] };
    expect((await store.settle(key(), other)).expected_claims).toEqual(['forty-two']);
    expect((await claim())[0]?.expectedClaims).toEqual(['forty-two']);
  });

  it('keeps an answer that was paid for, the first one', async () => {
    await pend();
    await store.begin(key());
    await store.saveAnswer(key(), answer('openai', 'one'), '{"answer":"one"}');
    await store.saveAnswer(key(), answer('openai', 'two'), '{"answer":"two"}');
    expect((await store.answers(key())).map((item) => item.answer)).toEqual(['one']);
  });

  it('holds its baseline for the whole run, also against a validator that sends another', async () => {
    await pend();
    await store.begin(key());
    await store.settle(key(), found());
    await database.db.taskEvaluation.updateMany({
      data: { baselineCachedAt: new Date(Date.now() - 13 * 3_600_000) },
    });
    const task = (await claim()).find((item) => item.taskId === 'task-0');
    expect(task?.cachedBaseline).not.toBeNull();
    await submit(task?.taskEvaluationId ?? '', {
      fencing: Number(task?.fencing),
      baseline_response: {
        response_text: 'other',
        _reconciled: {
          oracle_status: 'majority',
          expected_claims: ['other'],
          vendor_status: { openai: 'ok' },
        },
      },
      miner_results: [entry(run.miners[0]!.hotkey)],
    });
    const again = (await claim('5W')).find((item) => item.taskId === 'task-0');
    expect(again).toMatchObject({
      expectedClaims: ['forty-two'],
      cachedBaseline: { response_text: 'forty-two' },
    });
  });

  it('that fails leaves the task unscored for all miners, and comes back when an operator asks again', async () => {
    await pend();
    await store.begin(key());
    await store.saveAnswer(key(), answer('openai', 'kept'), null);
    await store.saveAnswer(key(), answer('grok', ''), null);
    await store.fail(key(), 'no answer after 9 rounds: grok');
    const rows = await database.db.minerEvaluationTask.findMany({ where: { taskId: 'task-0' } });
    expect(rows.map((row) => row.status)).toEqual(['unscored', 'unscored']);
    expect(rows[0]?.statusReason).toBe('the oracle layer failed: no answer after 9 rounds: grok');
    expect(await listEnrichments(database.db, run.runId, 'failed')).toMatchObject([
      { taskId: 'task-0', status: 'failed', reason: 'no answer after 9 rounds: grok' },
    ]);
    expect((await claim()).map((task) => task.taskId)).toEqual(['task-1']);
    await expect(reopenEnrichments(database.db, run.runId, 'task-1')).rejects.toMatchObject({ status: 409 });
    await expect(reopenEnrichments(database.db, run.runId, 'nope')).rejects.toMatchObject({ status: 404 });
    expect(await reopenEnrichments(database.db, run.runId)).toEqual([{ taskId: 'task-0', familyId: FAMILY }]);
    // What was usable is not paid for again.
    expect((await store.answers(key())).map((item) => item.vendor)).toEqual(['openai']);
    expect((await store.begin(key())).state).toBe('wanted');
    await store.settle(key(), found());
    expect((await claim())[0]?.miners).toHaveLength(2);
  });

  it('is not asked for a task with a fixed answer, nor for a run that is closed', async () => {
    expect((await store.begin({ ...key(), taskId: 'task-1' })).state).toBe('deterministic');
    await pend();
    await database.db.evaluationRun.updateMany({ data: { closedAt: new Date() } });
    expect((await store.begin(key())).state).toBe('closed');
    await expect(reopenEnrichments(database.db, run.runId)).rejects.toMatchObject({ status: 409 });
    // A finding that comes after the close changes nothing that scores were made of.
    await store.settle(key(), found());
    expect(await database.db.taskEvaluation.findFirst({ where: { taskId: 'task-0' } })).toMatchObject({
      enrichmentStatus: 'pending',
      oracleStatus: null,
    });
  });
});

describe('enrichment of a validator', () => {
  it('is taken from the first valid result, kept as a record, and given to later claims', async () => {
    const task = (await claim()).find((item) => item.taskId === 'task-0')!;
    await submit(task.taskEvaluationId, {
      fencing: Number(task.fencing),
      baseline_response: {
        response_text: 'forty-two',
        source_vendor: 'openai',
        _reconciled: {
          oracle_status: 'majority',
          expected_claims: ['forty-two'],
          consensus_claims: [],
          majority_claims: [{ claim: 'forty-two', supporting_oracles: ['openai', 'gemini'] }],
          must_not_claim: ['the moon', 'forty-one'],
          disagreement_note: 'grok says forty-one',
          vendor_status: { openai: 'ok', gemini: 'ok', grok: 'ok' },
        },
      },
      miner_results: [entry(run.miners[0]!.hotkey)],
    });
    expect(await database.db.taskEnrichment.findFirstOrThrow()).toMatchObject({
      side: 'validator',
      validatorHotkey: '5V',
      oracleStatus: 'majority',
    });
    expect((await claim('5W')).find((item) => item.taskId === 'task-0')).toMatchObject({
      oracleStatus: 'majority',
      expectedClaims: ['forty-two'],
      mustNotClaim: ['the moon', 'forty-one'],
      cachedBaseline: { _reconciled: { disagreement_note: 'grok says forty-one' } },
    });
  });
});

describe('feedback', () => {
  it('comes in pages, withholds claims while the run is open, and names them afterwards', async () => {
    const miner = run.miners[0]!.hotkey;
    await pend();
    await store.begin(key());
    await store.settle(key(), found());
    for (const task of await claim()) {
      const mine = task.miners.find((item) => item.hotkey === miner)!;
      await payFor(database.db, mine.jobId);
      await submit(task.taskEvaluationId, {
        fencing: Number(task.fencing),
        miner_results: [
          entry(
            miner,
            {
              miner_response: {
                output: { answer: 'it is forty-one on the moon' },
                metadata: { job_id: mine.jobId },
              },
            },
            { eval_outcome: 'wrong', eval_missing_claims: [1], eval_guidance: 'Not forty-one.' },
          ),
        ],
      });
    }
    const read = (extra: object = {}) =>
      readFeedback(database.db, { runId: run.runId, minerHotkey: miner, ...extra });
    const first = await read({ limit: 1 });
    expect(first.items).toHaveLength(1);
    const second = await read({ limit: 1, cursor: first.nextCursor ?? '' });
    expect(second.nextCursor).toBeNull();
    const pages = [...first.items, ...second.items];
    expect(pages).toEqual((await read()).items);
    const open = pages.find((item) => item.task_id === 'task-0')!;
    expect(open).toMatchObject({ redacted: true, missing_claim_count: 1, expected_claims: null });
    const { response_excerpt: _own, ...others } = open;
    expect(JSON.stringify(others)).not.toMatch(/forty|moon/);
    expect(open.explanation).toContain('The oracles agreed');
    expect(open.explanation).toContain('0.002100 USD');
    await expect(read({ cursor: 'bm9uc2Vuc2U' })).rejects.toMatchObject({ status: 400 });
    await database.db.evaluationRun.updateMany({ data: { status: 'completed' } });
    const closed = (await read()).items.find((item) => item.task_id === 'task-0')!;
    expect(closed).toMatchObject({
      redacted: false,
      expected_claims: ['forty-two'],
      missing_claims: ['forty-two'],
      knockout_reasons: ["hallucinated must_not_claim: 'the moon'"],
    });
  });
});
