import { eventually, JUDGE_MODEL, startValidator, TestJudge, type TestValidator } from './harness';
import { answer, failing, send, TestOwner } from './owner';

jest.setTimeout(60_000);

let owner: TestOwner;
let judge: TestJudge;
let validator: TestValidator | null = null;

beforeEach(async () => {
  owner = new TestOwner();
  judge = new TestJudge();
  await Promise.all([owner.start(), judge.start()]);
});
afterEach(async () => {
  await validator?.end();
  validator = null;
  await Promise.all([owner.kill(), judge.close()]);
});

const question = (over: Record<string, unknown> = {}) => ({
  prompt: 'How tall is the tower?',
  mode: 'instant',
  category: 'abstention_probe',
  oracle_source: 'deterministic',
  expected_output: { answer: 'The tower is 330 metres tall' },
  metadata: { capability: 'SECRET-META' },
  ...over,
});
const engine = () => (validator as TestValidator).status();
const start = async (env: NodeJS.ProcessEnv = {}) =>
  (validator = await startValidator(owner.url, judge.url, env));

interface Entry {
  miner_hotkey: string;
  verdict: string;
  final_task_score?: number;
  failure_reason?: string;
  judge_output: { metadata: Record<string, unknown> } | null;
  [field: string]: unknown;
}
const entriesOf = (index = 0) => owner.results[index]?.body.miner_results as Entry[];
const entryOf = (hotkey: string, index = 0) =>
  entriesOf(index).find(({ miner_hotkey: miner }) => miner === hotkey) as Entry;

describe('a task from claim to result', () => {
  it('asks every miner, judges, and submits one batch that ranks the right answer first', async () => {
    owner.miners.set('good', answer('The tower is 330 metres tall.'));
    owner.miners.set('bad', answer('Nobody has measured a bridge.'));
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);

    expect(owner.refusals).toEqual([]);
    const body = owner.results[0]?.body;
    expect(body).toMatchObject({
      fencing: 1,
      validator_hotkey: validator?.hotkey.ss58,
      judge_model: JUDGE_MODEL,
      oracle_cost_usd: 0,
      released_miners: [],
      baseline_response: { response_text: 'The tower is 330 metres tall', source_vendor: 'deterministic' },
    });
    const [good, bad] = [entryOf('good'), entryOf('bad')];
    expect(good).toMatchObject({
      judge_output: {
        metadata: { eval_outcome: 'correct', miner_position: 'both', composite_score: good.final_task_score },
      },
      proxy_cost_usd: 0.002,
      miner_response: { output: { answer: 'The tower is 330 metres tall.' } },
    });
    expect(good.final_task_score).toBeGreaterThan(0.9);
    expect(bad.final_task_score).toBe(0);
    expect(good.judge_output?.metadata.pairwise_calls).toHaveLength(2);
    const sent = JSON.stringify(owner.invocations.map(({ body: invocation }) => invocation));
    expect(sent).not.toContain('330');
    expect(sent).not.toContain('SECRET');
  });

  it('plays a script turn by turn, with past turns only, and sums the costs of one job once', async () => {
    const asked: Record<string, unknown>[] = [];
    let turn = 0;
    owner.miners.set('m', (invocation, res) => {
      asked.push(invocation.body);
      turn += 1;
      // The owner's cost is that of the job so far.
      return answer(turn === 1 ? 'You said tower.' : 'The tower is 330 metres tall.', {
        job_id: 'job-1',
        proxy_cost_usd: 0.001 * turn,
      })(invocation, res);
    });
    const turns = [
      { user: 'I mean the tower.', assistant: 'Noted.' },
      { user: 'What did I mean?' },
      { user: 'How tall is it?' },
    ];
    owner.addTask('t1', question({ prompt: 'How tall is it?', turns }));
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);
    expect(asked.map((body) => [body.turn_id, body.prompt])).toEqual([
      ['task-t1-t1', 'What did I mean?'],
      ['task-t1-t2', 'How tall is it?'],
    ]);
    expect(JSON.stringify(asked[0])).not.toContain('How tall');
    expect(asked[1]?.history).toEqual([
      { role: 'user', content: 'I mean the tower.' },
      { role: 'assistant', content: 'Noted.' },
      { role: 'user', content: 'What did I mean?' },
      { role: 'assistant', content: 'You said tower.' },
    ]);
    const entry = entryOf('m');
    expect(entry.proxy_cost_usd).toBe(0.002);
    expect(entry.miner_latency_seconds as number).toBeGreaterThan(entry.max_turn_latency_seconds as number);
    expect(entry.judge_output?.metadata.eval_outcome).toBe('correct');
  });

  it('falls back to the unary route on 404 only', async () => {
    owner.miners.set('unary', ({ route }, res) =>
      route === 'stream'
        ? send(res, 404, { detail: 'Not Found' })
        : send(res, 200, {
            status: 'completed',
            output: { content: [{ type: 'text', text: 'The tower is 330 metres tall.' }] },
            metadata: { job_id: 'j', proxy_cost_usd: null },
          }),
    );
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);
    expect(owner.invocations.map(({ route }) => route)).toEqual(['stream', 'unary']);
    // An unknown cost is not held against the miner.
    expect(entryOf('unary')).toMatchObject({ proxy_cost_usd: null, eval_outcome: 'correct' });
    expect(entryOf('unary').final_task_score).toBeGreaterThan(0.9);
  });

  it('attests a required tool from what the owner recorded, successful calls only', async () => {
    const calls = (status: string) => ({ executed_tool_calls: [{ tool: 'sandbox', status }] });
    owner.miners.set('used', answer('The tower is 330 metres tall.', calls('ok')));
    owner.miners.set('failed', answer('The tower is 330 metres tall.', calls('error')));
    const expected = { answer: 'The tower is 330 metres tall', required_tool: 'sandbox_python' };
    owner.addTask('t1', question({ expected_output: expected }));
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);
    expect(entryOf('used').final_task_score).toBeGreaterThan(0.9);
    expect(entryOf('failed')).toMatchObject({
      final_task_score: 0,
      judge_output: {
        metadata: { composite_knockout_reason: "missing_required_tool: 'sandbox_python' not in ledger" },
      },
    });
  });

  it('keeps its lease by heartbeats while a miner takes its time', async () => {
    owner.leaseMs = 9_000;
    owner.miners.set('slow', async (invocation, res) => {
      // One comes every third of a lease: the first lease would be over by the fourth.
      await eventually('heartbeats', () => owner.heartbeats >= 4, 30_000);
      return answer('The tower is 330 metres tall.')(invocation, res);
    });
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1, 40_000);
    expect(owner.heartbeats).toBeGreaterThanOrEqual(4);
    expect(owner.tasks[0]?.claims).toBe(1);
  });
});

describe('whose fault it was', () => {
  it('scores a miner failure zero with its reason, and leaves an owner failure out', async () => {
    owner.miners.set('good', answer('The tower is 330 metres tall.'));
    owner.miners.set('broken', failing('miner', 'the agent died twice'));
    owner.miners.set('silent', answer(''));
    owner.miners.set('stranded', failing('owner', 'the agent is being started again'));
    owner.miners.set('unplaced', (_invocation, res) => send(res, 409, { detail: 'run snapshot is closed' }));
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);
    expect(
      entriesOf()
        .map(({ miner_hotkey: miner }) => miner)
        .sort(),
    ).toEqual(['broken', 'good', 'silent']);
    expect(entryOf('broken')).toMatchObject({ verdict: 'error', judge_output: null, agreement_score: 0 });
    expect(entryOf('broken').failure_reason).toContain('the agent died twice');
    expect(entryOf('silent').failure_reason).toContain('without an answer');
    const released = owner.results[0]?.body.released_miners as { miner_hotkey: string; reason: string }[];
    expect(released.map(({ miner_hotkey: miner }) => miner)).toEqual(['stranded', 'unplaced']);
    expect(released[0]?.reason).toContain('being started again');
    expect(released[1]?.reason).toContain('run snapshot is closed');
  });

  it('asks again when the owner dies in the middle of an answer, and does not charge the miner for it', async () => {
    let tries = 0;
    owner.miners.set('m', async (invocation, res) => {
      tries += 1;
      if (tries > 1) return answer('The tower is 330 metres tall.')(invocation, res);
      res.writeHead(200, { 'content-type': 'application/x-ndjson' });
      res.write('{"event":"delta","text":"The tow"}\n');
      await owner.kill();
      setTimeout(() => void owner.start(), 6_000);
    });
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1, 40_000);
    expect(tries).toBe(2);
    expect(entryOf('m')).toMatchObject({
      eval_outcome: 'correct',
      miner_response: { output: { answer: 'The tower is 330 metres tall.' } },
    });
    // The owner was away for six.
    expect(entryOf('m').max_turn_latency_seconds).toBeLessThan(6);
  });

  it('gives a task without miners back at once', async () => {
    owner.addTask('t1', question());
    owner.leaseMs = 60_000;
    await start({ EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '30' });
    await eventually('a release', () => owner.releases.length === 1);
    expect(owner.releases[0]?.body).toMatchObject({
      fencing: 1,
      reason: 'the claim came without a miner to ask',
    });
    expect(owner.results).toEqual([]);
  });
});

describe('a judge that is away', () => {
  it('keeps the engine from claiming until it is back', async () => {
    const { port, url } = judge;
    await judge.stop();
    owner.miners.set('m', answer('The tower is 330 metres tall.'));
    owner.addTask('t1', question());
    validator = await startValidator(owner.url, url);
    await eventually('the engine to notice', async () =>
      (await engine()).reason.includes('because of the judge'),
    );
    expect(owner.tasks[0]?.claims).toBe(0);
    await judge.start(port);
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);
  });

  it('is asked again until it answers, and no gate is passed without it', async () => {
    let failures = 0;
    judge.script = () => ((failures += 1) <= 8 ? { status: 500 } : undefined);
    owner.miners.set('m', answer('The tower is 330 metres tall.'));
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1, 30_000);
    expect(failures).toBeGreaterThan(8);
    const entry = entryOf('m');
    expect(entry).toMatchObject({ eval_outcome: 'correct' });
    expect(entry.grounded_correctness).toBeGreaterThanOrEqual(0.6);
    expect(entry.instruction_safety).toBeGreaterThanOrEqual(0.8);
    expect(owner.releases).toEqual([]);
  });

  it('that stays away sends the whole task back, and claiming pauses', async () => {
    judge.script = () => ({ status: 500 });
    owner.miners.set('m', answer('The tower is 330 metres tall.'));
    owner.addTask('t1', question());
    await start({ EIREL_VALIDATOR_TASK_CAP_SECONDS: '8', EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '20' });
    await eventually('a release', () => owner.releases.length === 1, 30_000);
    expect(owner.releases[0]?.body.reason).toMatch(/no judgement after \d+ attempts: the judge answered/);
    expect(owner.results).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(owner.tasks[0]?.claims).toBe(1);
  });
});

describe('a lease', () => {
  it('that is lost ends the work: nothing is submitted, nothing is released', async () => {
    owner.leaseMs = 12_000;
    owner.onHeartbeat = (res) => (send(res, 409, { detail: 'rejected_not_claimed: reclaimed' }), true);
    const gone = new Promise<void>((resolve) =>
      owner.miners.set('slow', (_invocation, res) => {
        res.writeHead(200, { 'content-type': 'application/x-ndjson' });
        res.flushHeaders();
        res.on('close', resolve);
      }),
    );
    owner.addTask('t1', question());
    await start({ EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '30' });
    await eventually('the loss', async () => (await engine()).ended?.lost === 1, 30_000);
    await gone;
    expect(owner.results).toEqual([]);
    expect(owner.releases).toEqual([]);
    expect((await engine()).active_tasks).toEqual([]);
  });

  it('whose result was taken while the answer got lost is submitted once in effect', async () => {
    owner.miners.set('m', answer('The tower is 330 metres tall.'));
    owner.onResult = (res, count) => {
      if (count > 1) return false;
      res.destroy();
      return true;
    };
    owner.addTask('t1', question());
    await start();
    await eventually('a result', async () => (await engine()).ended?.submitted === 1);
    expect(owner.results).toHaveLength(2);
    expect(owner.results[1]?.body).toEqual(owner.results[0]?.body);
    expect(owner.refusals).toEqual([]);
  });

  it('is kept on a stop when its task cannot be finished within the grace, and the next start goes on', async () => {
    let asked = 0;
    owner.miners.set('quick', (invocation, res) => {
      asked += 1;
      return answer('The tower is 330 metres tall.')(invocation, res);
    });
    owner.miners.set('slow', (invocation, res) => {
      if (slowMayAnswer) return answer('The tower is 330 metres tall.')(invocation, res);
      res.writeHead(200, { 'content-type': 'application/x-ndjson' });
      res.flushHeaders();
    });
    let slowMayAnswer = false;
    owner.addTask('t1', question());
    const first = await start({ EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '1.5' });
    await eventually('one answer', async () => (await engine()).active_tasks[0]?.judged === 1);
    const begun = Date.now();
    await first.stop();
    // Not the lease, nor the miner, which never answers.
    expect(Date.now() - begun).toBeLessThan(25_000);
    expect(owner.releases).toEqual([]);
    expect(owner.tasks[0]).toMatchObject({ status: 'claimed', claims: 1 });

    slowMayAnswer = true;
    validator = await startValidator(owner.url, judge.url, {}, first);
    await eventually('a result', () => owner.results.length === 1);
    expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1 });
    expect(entriesOf()).toHaveLength(2);
    expect(asked).toBe(1);
  });

  it('is finished on a stop when there is time', async () => {
    owner.miners.set('m', async (invocation, res) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      return answer('The tower is 330 metres tall.')(invocation, res);
    });
    owner.addTask('t1', question());
    owner.addTask('t2', question());
    await start({ EIREL_VALIDATOR_MAX_PARALLEL: '1', EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '10' });
    await eventually('the invocation', () => owner.invocations.length === 1);
    await validator?.stop();
    expect(owner.results).toHaveLength(1);
    expect(owner.tasks.map(({ claims }) => claims)).toEqual([1, 0]);
  });
});

it('gives a task that it cannot read back, and works on with the others', async () => {
  owner.miners.set('m', answer('The tower is 330 metres tall.'));
  owner.addTask('odd', question(), { miners: [{ hotkey: 'm', endpoint: 'file:///etc/passwd' }] });
  owner.addTask('t1', question());
  await start({ EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '30' });
  await eventually('a result', async () => (await engine()).ended?.submitted === 1);
  expect(owner.releases[0]?.body.reason).toMatch(/cannot be read: miners\.0\.endpoint/);
});

it('never works on more tasks at once than it may', async () => {
  let now = 0;
  let most = 0;
  let begun = 0;
  let meet = (): void => undefined;
  const together = new Promise<void>((resolve) => (meet = resolve));
  owner.miners.set('m', async (invocation, res) => {
    most = Math.max(most, (now += 1));
    if ((begun += 1) === 2) meet();
    // The first waits for the second: one alone may be over before the next is begun.
    await together;
    await new Promise((resolve) => setTimeout(resolve, 150));
    now -= 1;
    return answer('The tower is 330 metres tall.')(invocation, res);
  });
  for (let index = 0; index < 7; index += 1) owner.addTask(`t${index}`, question());
  await start({ EIREL_VALIDATOR_MAX_PARALLEL: '2' });
  await eventually('all results', async () => (await engine()).ended?.submitted === 7, 30_000);
  expect(most).toBe(2);
});
