import { DEPLOYMENT_MESSAGES, workflowIds } from '../../../domain/messages';
import { verifyJobToken } from '../../../domain/job-token';
import { begin, FakeAgent, stream } from './agent';
import { admit, INTERNAL_TOKEN, startOwner, TOKEN_SECRET, type Answer, type Owner } from './owner';
import { clear, payFor, seedRun, type SeededRun } from './seed';

jest.setTimeout(120_000);

interface Item {
  task_id: string;
  task_evaluation_id: string;
  fencing: number;
  miners: { hotkey: string; endpoint: string; auth_headers: Record<string, string> }[];
}

let owner: Owner;
let agent: FakeAgent;
let run: SeededRun;

beforeAll(async () => {
  owner = await startOwner({
    EIREL_PROXY_RECOVERY_SECONDS: '5.5',
    EIREL_PROXY_AGENT_TIMEOUT_SECONDS: '7',
    EIREL_PROXY_MAX_LINE_BYTES: '65536',
    EIREL_PROXY_MAX_RESPONSE_BYTES: '1048576',
  });
});
afterAll(() => owner?.stop());
beforeEach(async () => {
  await clear(owner.database.db);
  await admit(owner);
  run = await seedRun(owner.database.db, { tasks: 2, miners: 1 });
  agent = new FakeAgent();
  await place(await agent.start(), 'instance-1');
});
afterEach(() => agent.die());

const deploymentId = () => run.miners[0]?.deploymentId ?? '';

/** What the deployment's workflow writes when the agent is healthy. */
async function place(url: string, instance: string): Promise<void> {
  await owner.database.db.managedDeployment.update({
    where: { id: deploymentId() },
    data: { runtimeEndpointUrl: url, runtimeInstanceId: instance, healthStatus: 'healthy' },
  });
}

async function restartSoon(instance: string, delayMs = 300): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  await place(await agent.start(), instance);
}

async function claim(): Promise<Item> {
  const [validator] = owner.validators;
  if (!validator) throw new Error('a validator expected');
  const { status, json } = await owner.call(validator, 'POST', '/v1/tasks/claim', { batch_size: 1 });
  expect(status).toBe(200);
  const [item] = json.tasks as Item[];
  if (!item) throw new Error('nothing to claim');
  return item;
}

function ask(
  item: Item,
  body: object = {},
  tail = '/v1/agent/infer/stream',
  headers?: Record<string, string>,
): Promise<Answer> {
  const miner = item.miners[0];
  if (!miner) throw new Error('a miner expected');
  const path = `${new URL(miner.endpoint).pathname}${tail}`;
  return owner.call(headers ?? miner.auth_headers, 'POST', path, {
    turn_id: item.task_id,
    prompt: 'hello',
    ...body,
  });
}

const lastOf = (answer: Answer) =>
  answer.events.at(-1) as { status: string; error?: string; metadata: Record<string, unknown> };

async function crashes(item: Item): Promise<number> {
  const row = await owner.database.db.minerEvaluationTask.findFirstOrThrow({
    where: { taskEvaluationId: item.task_evaluation_id },
  });
  return row.crashCount;
}

async function jobOf(item: Item): Promise<string> {
  const job = await owner.database.db.attemptJob.findFirstOrThrow({
    where: { fencing: BigInt(item.fencing) },
  });
  return job.jobId;
}

describe('streaming', () => {
  it('forwards events, swallows traces, and completes the end with what the owner attests', async () => {
    const item = await claim();
    const jobId = await jobOf(item);
    await payFor(owner.database.db, jobId, 2100);
    await owner.database.db.providerCall.create({
      data: {
        jobId,
        kind: 'tool:web_search',
        provider: 'tool',
        model: '',
        status: 'ok',
        costMicroUsd: 1000n,
      },
    });
    await owner.database.db.orchestratorToolCallLog.create({
      data: { jobId, toolName: 'web_search', argsJson: { q: 1 } },
    });
    const forged = {
      job_id: 'job-other',
      proxy_cost_usd: 9,
      proxy_cost_by_span: {},
      executed_tool_calls: ['x'],
      failure_class: 'owner',
      mine: 1,
    };
    agent.behave = (_received, res) =>
      stream(res, [
        '',
        'not json',
        '{"event":"done","x":NaN,"metadata":{"job_id":"forged"}}',
        { event: 'trace', secret: 1 },
        {
          event: 'done',
          status: 'completed',
          output: { answer: '42' },
          citations: ['https://a.example'],
          metadata: forged,
        },
        { event: 'delta', text: '4', metadata: { job_id: 'forged', kept: true } },
        { event: 'tool_call', tool_call: { name: 'web_search' } },
      ]);
    const answer = await ask(item);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-accel-buffering')).toBe('no');
    expect(answer.events.slice(0, -1)).toEqual([
      { text: 'not json' },
      { event: 'delta', text: '4', metadata: { kept: true } },
      { event: 'tool_call', tool_call: { name: 'web_search' } },
    ]);
    expect(lastOf(answer)).toEqual({
      event: 'done',
      status: 'completed',
      output: { answer: '42' },
      citations: ['https://a.example'],
      metadata: {
        runtime_kind: 'base_agent',
        mine: 1,
        job_id: jobId,
        proxy_cost_tag: jobId,
        proxy_cost_usd: 0.0021,
        proxy_tool_cost_usd: 0.001,
        proxy_cost_absent: false,
        executed_tool_calls: [
          { tool: 'web_search', args: { q: 1 }, status: 'ok', latency_ms: 0, cost_usd: 0 },
        ],
      },
    });
    expect(answer.text).not.toContain('NaN');
  });

  it("gives the agent the attempt's credentials and none of the validator's, and no future turns", async () => {
    const item = await claim();
    const turns = [{ user: 'a', assistant: 'b' }, { user: 'c' }, { user: 'd' }];
    await ask(item, { turn_id: `${item.task_id}-t1`, turns, expected_output: { answer: 'gold' } });
    const [received] = agent.received;
    expect(received?.path).toBe('/v1/agent/infer/stream');
    expect(received?.body).toEqual({
      turn_id: `${item.task_id}-t1`,
      prompt: 'hello',
      turns: turns.slice(0, 1),
    });
    expect(received?.headers.authorization).toBeUndefined();
    expect(received?.headers['x-hotkey']).toBeUndefined();
    expect(received?.headers['x-eirel-job-id']).toBe(await jobOf(item));
    const token = verifyJobToken(String(received?.headers['x-eirel-job-token']), TOKEN_SECRET, new Date());
    expect(token).toMatchObject({
      ok: true,
      claims: { jobId: await jobOf(item), deploymentId: deploymentId(), runId: run.runId },
    });
  });

  it('calls a stream without done failed, and shows pod errors under 200', async () => {
    const item = await claim();
    agent.behave = (_received, res) => stream(res, [{ event: 'delta', text: 'x' }]);
    expect(lastOf(await ask(item))).toMatchObject({
      status: 'failed',
      error: 'the agent ended its stream without a done event',
      metadata: { failure_class: 'miner', proxy_cost_absent: true, proxy_cost_usd: 0 },
    });
    agent.behave = (_received, res) => void res.writeHead(503).end('busy');
    expect(lastOf(await ask(item))).toMatchObject({
      status: 'failed',
      error: 'pod returned 503',
      metadata: { failure_class: 'miner' },
    });
    expect(await crashes(item)).toBe(0);
  });

  it('refuses huge lines and answers, and ends one that takes too long', async () => {
    const item = await claim();
    agent.behave = (_received, res) => stream(res, [{ event: 'delta', text: 'x'.repeat(70_000) }]);
    expect(lastOf(await ask(item))).toMatchObject({
      status: 'failed',
      error: 'a line of the answer is longer than 65536 bytes',
    });
    const delta = { event: 'delta', text: 'x'.repeat(60_000) };
    agent.behave = (_received, res) =>
      stream(
        res,
        Array.from({ length: 20 }, () => delta),
      );
    expect(lastOf(await ask(item))).toMatchObject({
      status: 'failed',
      error: 'the answer is larger than 1048576 bytes',
    });
    agent.behave = (_received, res) => begin(res, [{ event: 'delta', text: 'slow' }]);
    const slow = await ask(item);
    expect(slow.events[0]).toEqual({ event: 'delta', text: 'slow' });
    expect(lastOf(slow)).toMatchObject({
      error: 'the agent did not finish within 7 s',
      metadata: { failure_class: 'miner' },
    });
  });

  it('stops the agent when the caller hangs up, and counts no death', async () => {
    const item = await claim();
    let ended: () => void = () => undefined;
    const hungUp = new Promise<void>((resolve) => (ended = resolve));
    agent.behave = (_received, res) => {
      res.once('close', ended);
      begin(res, [{ event: 'delta', text: 'x' }]);
    };
    const miner = item.miners[0];
    const abort = new AbortController();
    const response = await fetch(`${miner?.endpoint}/v1/agent/infer/stream`, {
      method: 'POST',
      headers: { ...miner?.auth_headers, 'content-type': 'application/json' },
      body: JSON.stringify({ turn_id: item.task_id, prompt: 'hello' }),
      signal: abort.signal,
    });
    await response.body?.getReader().read();
    abort.abort();
    await hungUp;
    expect(await crashes(item)).toBe(0);
  });
});

describe('a dying agent', () => {
  it('is asked again once it is back, when nothing was forwarded', async () => {
    const item = await claim();
    let calls = 0;
    agent.behave = async (_received, res) => {
      calls += 1;
      if (calls > 1) return stream(res, [{ event: 'done', status: 'completed', output: { answer: 'ok' } }]);
      begin(res, [{ event: 'trace' }]);
      await agent.die();
      void restartSoon('instance-2');
    };
    expect(lastOf(await ask(item))).toMatchObject({ status: 'completed', output: { answer: 'ok' } });
    expect(calls).toBe(2);
    expect(await crashes(item)).toBe(1);
    const metric = await owner.metrics.getSingleMetricAsString('eirel_owner_agent_crashes_total');
    expect(metric).toContain('eirel_owner_agent_crashes_total 1');
  });

  it('fails through the owner when it dies in the middle, and through the miner the second time', async () => {
    const item = await claim();
    agent.behave = async (_received, res) => {
      begin(res, [{ event: 'delta', text: 'half' }]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await agent.die();
      void restartSoon('instance-2');
    };
    const first = await ask(item);
    expect(first.events[0]).toEqual({ event: 'delta', text: 'half' });
    expect(lastOf(first)).toMatchObject({
      status: 'failed',
      metadata: { failure_class: 'owner', job_id: await jobOf(item) },
    });
    agent.behave = async () => agent.die();
    const second = await ask(item);
    expect(lastOf(second)).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('died 2 times under this task'),
      metadata: { failure_class: 'miner' },
    });
    expect(await crashes(item)).toBe(2);
  });

  it('fails through the owner when it stays away, and its workflow is told which instance died', async () => {
    const handle = await owner.temporal.workflow.start('neverRun', {
      taskQueue: `nobody-${deploymentId()}`,
      workflowId: workflowIds.deployment(deploymentId()),
    });
    const item = await claim();
    await agent.die();
    expect(lastOf(await ask(item))).toMatchObject({ status: 'failed', metadata: { failure_class: 'owner' } });
    const { events } = await handle.fetchHistory();
    const signalled = events?.find((event) => event.workflowExecutionSignaledEventAttributes);
    const details = signalled?.workflowExecutionSignaledEventAttributes;
    expect(details?.signalName).toBe(DEPLOYMENT_MESSAGES.invocationFailed);
    const payload = Buffer.from(details?.input?.payloads?.[0]?.data ?? []).toString();
    expect(JSON.parse(payload)).toEqual({
      instanceId: 'instance-1',
      reason: 'the agent refused the connection',
    });
    await handle.terminate();
  });
});

describe('unary', () => {
  it('completes the answer, and refuses a request without a prompt as the original does', async () => {
    const item = await claim();
    agent.behave = (_received, res) =>
      void res.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          status: 'completed',
          output: { answer: '42' },
          latency_ms: 7,
          metadata: { job_id: 'x' },
        }),
      );
    for (const tail of ['/v1/agent/infer', '/infer']) {
      const { status, json } = await ask(item, {}, tail);
      expect(status).toBe(200);
      expect(json).toMatchObject({
        output: { answer: '42' },
        latency_ms: 0,
        metadata: {
          managed_execution: true,
          deployment_id: deploymentId(),
          run_id: run.runId,
          validator_pinned: true,
          job_id: await jobOf(item),
        },
      });
    }
    const refused = await ask(item, { prompt: '' }, '/v1/agent/infer');
    expect(refused.status).toBe(422);
    expect(refused.json.detail).toEqual([
      {
        type: 'value_error',
        loc: ['body'],
        msg: 'Value error, AgentInvocationRequest requires `prompt`',
        input: { turn_id: item.task_id, prompt: '' },
        ctx: { error: {} },
      },
    ]);
  });

  it('answers 502 with the class of the failure', async () => {
    const item = await claim();
    agent.behave = (_received, res) => void res.writeHead(200).end('[1]');
    expect(await ask(item, {}, '/v1/agent/infer')).toMatchObject({
      status: 502,
      json: { detail: 'runtime invocation failed', failure_class: 'miner' },
    });
    await agent.die();
    expect(await ask(item, {}, '/v1/agent/infer')).toMatchObject({
      status: 502,
      json: { detail: 'runtime invocation failed', failure_class: 'owner' },
    });
  });
});

describe('who may ask', () => {
  const path = (tail: string, caller = 'validator', kind = 'runs') =>
    `/v1/${caller}/${kind}/${run.runId}/deployments/${deploymentId()}${tail}`;

  it('accepts a signature for a task that the signer holds, and finds its job', async () => {
    const [holder, other] = owner.validators;
    if (!holder || !other) throw new Error('two validators expected');
    const item = await claim();
    const body = { turn_id: `${item.task_id}-t3`, prompt: 'hello' };
    const answer = await owner.call(
      holder,
      'POST',
      path('/v1/agent/infer/stream', 'validator', 'epochs'),
      body,
    );
    expect(lastOf(answer).metadata.job_id).toBe(await jobOf(item));
    const refused = await owner.call(other, 'POST', path('/v1/agent/infer/stream'), body);
    expect(refused).toMatchObject({
      status: 409,
      json: { detail: expect.stringMatching(/^rejected_not_claimed/) },
    });
  });

  it('refuses tokens that are forged, for another deployment, or of a lease that is over', async () => {
    const item = await claim();
    const token = item.miners[0]?.auth_headers.Authorization ?? '';
    const forged = { Authorization: `${token.slice(0, -2)}xx` };
    expect((await ask(item, {}, '/v1/agent/infer/stream', forged)).status).toBe(401);
    const elsewhere = await owner.call(
      { Authorization: token },
      'POST',
      `/v1/validator/runs/${run.runId}/deployments/other/infer`,
      { prompt: 'x' },
    );
    expect(elsewhere.status).toBe(403);
    const [validator] = owner.validators;
    if (!validator) throw new Error('a validator expected');
    const released = await owner.call(
      validator,
      'POST',
      `/v1/families/general_chat/task-evaluations/${item.task_evaluation_id}/baseline-failed`,
      {},
    );
    expect(released).toMatchObject({ status: 200, json: { status: 'released' } });
    expect(await ask(item)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining('released') },
    });
    expect(agent.received).toEqual([]);
  });

  it('takes the internal token, and refuses what is not there to be asked', async () => {
    const internal = { Authorization: `Bearer ${INTERNAL_TOKEN}` };
    const { db } = owner.database;
    const answer = await owner.call(internal, 'POST', path('/v1/agent/infer/stream', 'internal'), {
      prompt: 'x',
    });
    expect(lastOf(answer).metadata.job_id).toBe(`miner-${deploymentId()}`);
    expect(await owner.call(internal, 'GET', path('/healthz', 'internal'))).toMatchObject({
      status: 200,
      json: {
        status: 'healthy',
        snapshot_status: 'open',
        runtime_endpoint_url: agent.url,
        run_id: run.runId,
      },
    });
    const infer = path('/v1/agent/infer/stream', 'internal');
    const ask = () => owner.call(internal, 'POST', infer, { prompt: 'x' });
    await db.managedDeployment.update({ where: { id: deploymentId() }, data: { runtimeEndpointUrl: null } });
    expect(await ask()).toMatchObject({
      status: 503,
      json: { detail: 'runtime not ready', failure_class: 'owner' },
    });
    await db.managedDeployment.update({ where: { id: deploymentId() }, data: { status: 'retired' } });
    expect(await ask()).toMatchObject({ status: 409, json: { detail: 'deployment retired' } });
    await db.epochTargetSnapshot.updateMany({ data: { status: 'scored' } });
    expect(await ask()).toMatchObject({ status: 409, json: { detail: 'run snapshot is closed' } });
    await db.epochTargetSnapshot.updateMany({ data: { membersJson: [] } });
    expect(await ask()).toMatchObject({ status: 404, json: { detail: 'run deployment not found' } });
    const unknown = await owner.call(
      internal,
      'GET',
      `/v1/internal/runs/${run.runId}/deployments/none/healthz`,
    );
    expect(unknown).toMatchObject({ status: 404, json: { detail: 'deployment not found' } });
    expect((await owner.call({}, 'POST', infer, { prompt: 'x' })).status).toBe(401);
  });
});
