import { verifyJobToken } from '../../../domain/job-token';
import { admit, INTERNAL_TOKEN, startOwner, TOKEN_SECRET, type Owner } from './owner';
import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import { clear, entry, seedRun, type SeededRun } from './seed';

jest.setTimeout(120_000);

let owner: Owner;
let run: SeededRun;
const FAMILY_PATH = '/v1/families/general_chat';

beforeAll(async () => {
  owner = await startOwner({ EIREL_PUBLIC_URL: 'https://owner.example/' });
});
afterAll(() => owner?.stop());
beforeEach(async () => {
  await clear(owner.database.db);
  await admit(owner);
  run = await seedRun(owner.database.db, { tasks: 3, miners: 2, mustNotClaim: ['never'] });
});

const validator = (index = 0) => {
  const hotkey = owner.validators[index];
  if (!hotkey) throw new Error('a validator expected');
  return hotkey;
};
const claim = (path = `${FAMILY_PATH}/tasks/claim`, body: unknown = { batch_size: 1 }, by = 0) =>
  owner.call(validator(by), 'POST', path, body);

describe('claim', () => {
  it.each([`${FAMILY_PATH}/tasks/claim`, '/v1/tasks/claim'])(
    '%s hands out items as the wire has them',
    async (path) => {
      const { status, json } = await claim(path);
      expect(status).toBe(200);
      expect(json.remaining_task_count).toBe(3);
      const [item] = json.tasks as Record<string, unknown>[];
      const id = run.tasks[0]?.id;
      expect(item).toEqual({
        task_evaluation_id: id,
        run_id: run.runId,
        family_id: 'general_chat',
        task_id: 'task-0',
        task_index: 0,
        task_payload: {
          task_id: 'task-0',
          family_id: 'general_chat',
          prompt: 'Question 0?',
          mode: 'instant',
          category: 'no_tool',
          expected_output: { answer: 'forty-two', required_tool: '' },
          metadata: { capability: 'c' },
          oracle_source: 'deterministic',
        },
        miners: run.miners.map((miner) => ({
          hotkey: miner.hotkey,
          endpoint: `https://owner.example/v1/validator/runs/${run.runId}/deployments/${miner.deploymentId}`,
          auth_headers: { Authorization: expect.stringMatching(/^Bearer ejt1\./) },
        })),
        claim_expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/),
        rubric_version: 'family_rubric_v2',
        benchmark_version: 'family_benchmark_v2',
        cached_baseline: null,
        expected_claims: [],
        must_not_claim: ['never'],
        oracle_status: 'deterministic',
        scoring_version: 2,
        fencing: expect.any(Number),
        claim_heartbeat_url: `https://owner.example${FAMILY_PATH}/task-evaluations/${id}/heartbeat`,
      });
      const bearer =
        (item?.miners as { auth_headers: Record<string, string> }[])[0]?.auth_headers.Authorization ?? '';
      const token = verifyJobToken(bearer.slice(7), TOKEN_SECRET, new Date());
      expect(token).toMatchObject({
        ok: true,
        claims: { deploymentId: run.miners[0]?.deploymentId, runId: run.runId },
      });
    },
  );

  it('refuses unknown families, runs, sizes and callers', async () => {
    expect(await claim('/v1/families/nope/tasks/claim')).toMatchObject({
      status: 400,
      json: { detail: "unsupported family_id 'nope'; expected one of general_chat" },
    });
    expect((await claim(undefined, { run_id: 'run-999' })).status).toBe(404);
    expect(await claim(undefined, { batch_size: 41 })).toMatchObject({
      status: 422,
      json: {
        detail: [
          {
            type: 'less_than_equal',
            loc: ['body', 'batch_size'],
            msg: 'Input should be less than or equal to 40',
            input: 41,
            ctx: { le: 40 },
          },
        ],
      },
    });
    const stranger = hotkeyFromSeed(new Uint8Array(32).fill(7));
    const refused = await owner.call(stranger, 'POST', '/v1/tasks/claim', {});
    expect(refused).toMatchObject({ status: 403, json: { detail: 'validator access denied' } });
    expect(await owner.database.db.taskClaim.count()).toBe(0);
  });

  it('answers 0 remaining when nothing is handed out', async () => {
    await claim(undefined, { batch_size: 40 });
    expect((await claim(undefined, { run_id: run.runId }, 1)).json).toEqual({
      tasks: [],
      remaining_task_count: 0,
    });
  });
});

describe('result, heartbeat, release and status', () => {
  it('settles, answers again, and counts', async () => {
    const item = (
      (await claim()).json.tasks as {
        task_evaluation_id: string;
        fencing: number;
        claim_expires_at: string;
      }[]
    )[0];
    const path = `${FAMILY_PATH}/task-evaluations/${item?.task_evaluation_id}`;
    const beat = await owner.call(validator(), 'POST', `/v1/tasks/${item?.task_evaluation_id}/heartbeat`);
    expect(beat).toMatchObject({
      status: 200,
      json: { task_evaluation_id: item?.task_evaluation_id, fencing: item?.fencing },
    });
    expect(String(beat.json.claim_expires_at) >= String(item?.claim_expires_at)).toBe(true);
    const body = {
      miner_results: run.miners.map((miner) => entry(miner.hotkey, { final_task_score: 0.5 })),
      validator_hotkey: 'ignored',
    };
    const first = await owner.call(validator(), 'POST', `${path}/result`, body);
    expect(first).toMatchObject({
      status: 200,
      json: {
        task_evaluation_id: item?.task_evaluation_id,
        status: 'accepted',
        family_evaluation_complete: false,
        remaining_task_count: 2,
      },
    });
    const second = await owner.call(validator(), 'POST', `${path}/result`, body);
    expect(second.json).toEqual(first.json);
    expect(await owner.metrics.getSingleMetricAsString('eirel_owner_results_disputed_total')).toContain(
      '_total 2',
    );
    const status = await owner.call(validator(1), 'GET', `${FAMILY_PATH}/tasks/status`);
    expect(status.json).toEqual({
      run_id: run.runId,
      family_id: 'general_chat',
      total_tasks: 3,
      pending_tasks: 2,
      claimed_tasks: 0,
      evaluated_tasks: 1,
      miners: run.miners.map((miner) => ({ miner_hotkey: miner.hotkey, judgments_received: 1 })),
    });
    const after = await owner.call(validator(), 'POST', `${path}/heartbeat`, { fencing: item?.fencing });
    expect(after).toMatchObject({ status: 409, json: { detail: expect.stringContaining('settled') } });
    const released = await owner.call(validator(), 'POST', `${path}/baseline-failed`, {});
    expect(released.status).toBe(409);
  });

  it('refuses with the words of the original', async () => {
    const unknown = `${FAMILY_PATH}/task-evaluations/00000000-0000-0000-0000-000000000000`;
    for (const tail of ['result', 'heartbeat', 'baseline-failed']) {
      expect(await owner.call(validator(), 'POST', `${unknown}/${tail}`, {})).toMatchObject({
        status: 403,
        json: { detail: 'rejected_not_found' },
      });
      const other = `${FAMILY_PATH}/task-evaluations/${run.tasks[0]?.id}/${tail}`;
      expect(await owner.call(validator(), 'POST', other, {})).toMatchObject({
        status: 403,
        json: { detail: 'rejected_wrong_validator' },
      });
    }
    expect((await owner.call(validator(), 'GET', `${FAMILY_PATH}/tasks/status?run_id=run-9`)).status).toBe(
      404,
    );
  });
});

describe('ledger and feedback', () => {
  const internal = { Authorization: `Bearer ${INTERNAL_TOKEN}` };
  const record = (job_id: string, tool_name: string) =>
    owner.call(internal, 'POST', '/v1/internal/eval/tool_calls', { job_id, tool_name });
  const ledger = (by: number, job: string) =>
    owner.call(validator(by), 'GET', `/v1/internal/eval/job_ledger?job_id=${job}`);

  it('records calls under their one name, and shows a job to whose claim it is', async () => {
    const written = await record('miner-sample', 'sandbox');
    expect(written).toMatchObject({
      status: 201,
      json: {
        job_id: 'miner-sample',
        tool_name: 'sandbox_python',
        args_hash: '',
        args_json: {},
        result_digest: '',
        latency_ms: 0,
        cost_usd: 0,
        status: 'ok',
        error: null,
      },
    });
    expect((await ledger(0, 'miner-sample')).json).toEqual({
      job_id: 'miner-sample',
      n_calls: 1,
      tool_calls: [written.json],
    });
    await claim();
    const job = await owner.database.db.attemptJob.findFirstOrThrow();
    await record(job.jobId, 'web_search');
    expect((await ledger(0, job.jobId)).json.n_calls).toBe(1);
    expect((await ledger(1, job.jobId)).json).toEqual({ job_id: job.jobId, n_calls: 0, tool_calls: [] });
    await owner.database.db.evaluationRun.updateMany({ data: { status: 'completed' } });
    expect((await ledger(1, job.jobId)).json.n_calls).toBe(1);
    expect(
      (await owner.call({}, 'POST', '/v1/internal/eval/tool_calls', { job_id: 'a', tool_name: 'b' })).status,
    ).toBe(401);
  });

  it('gives a miner its own feedback with the official factors', async () => {
    const miner = hotkeyFromSeed(new Uint8Array(32).fill(9));
    await owner.database.db.minerEvaluationTask.updateMany({
      where: { minerHotkey: run.miners[0]?.hotkey },
      data: { minerHotkey: miner.ss58 },
    });
    const item = ((await claim()).json.tasks as { task_evaluation_id: string }[])[0];
    await owner.call(
      validator(),
      'POST',
      `${FAMILY_PATH}/task-evaluations/${item?.task_evaluation_id}/result`,
      {
        miner_results: [entry(miner.ss58, {}, { eval_guidance: 'x'.repeat(500), composite_score: 0.82 })],
      },
    );
    const { status, json } = await owner.call(miner, 'GET', `/v1/eval/feedback?run_id=${run.runId}`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ run_id: run.runId, miner_hotkey: miner.ss58, n_items: 1 });
    expect((json.items as unknown[])[0]).toMatchObject({
      task_id: 'task-0',
      outcome: 'correct',
      guidance: 'x'.repeat(400),
      composite_score: 0,
      knockout_reasons: ['suspicious_zero_cost: 0.000000 < 0.000050'],
      oracle_status: 'deterministic',
      factors: expect.objectContaining({ cost_attestation_knockout: 0, outcome_score: 1 }),
      explanation: expect.stringContaining('Cost attestation failed'),
    });
    expect((await owner.call(validator(), 'GET', `/v1/eval/feedback?run_id=${run.runId}`)).json.n_items).toBe(
      0,
    );
    const missing = await owner.call(miner, 'GET', '/v1/eval/feedback');
    expect(missing).toMatchObject({
      status: 422,
      json: { detail: [{ type: 'missing', loc: ['query', 'run_id'] }] },
    });
  });
});

describe('with feedback switched off', () => {
  it('stores none and answers 503', async () => {
    const other = await startOwner({ EIREL_EVAL_FEEDBACK_ENABLED: '0' });
    try {
      const miner = other.validators[0];
      if (!miner) throw new Error('a hotkey expected');
      expect(await other.call(miner, 'GET', '/v1/eval/feedback?run_id=run-1')).toMatchObject({
        status: 503,
        json: { detail: 'eval feedback is temporarily disabled' },
      });
    } finally {
      await other.stop();
    }
  });
});
