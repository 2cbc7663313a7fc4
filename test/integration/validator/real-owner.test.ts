/** The engine against the owner API itself: what it submits is what the owner computes, and is taken. */
import { FakeAgent, stream, type Received } from '../tasks/agent';
import { admit, startOwner, type Owner } from '../tasks/owner';
import { clear, payFor, seedRun, type SeededRun } from '../tasks/seed';
import { eventually, startValidator, TestJudge, type TestValidator } from './harness';

jest.setTimeout(120_000);

let owner: Owner;
let judge: TestJudge;
let validator: TestValidator | null = null;
let agents: FakeAgent[] = [];

beforeAll(async () => {
  [owner, judge] = [await startOwner({ EIREL_PROXY_RECOVERY_SECONDS: '1' }), new TestJudge()];
  await judge.start();
});
afterAll(async () => {
  await judge.close();
  await owner?.stop();
});
beforeEach(async () => {
  await clear(owner.database.db);
  await admit(owner);
  agents = [new FakeAgent(), new FakeAgent()];
});
afterEach(async () => {
  await validator?.end();
  validator = null;
  await Promise.all(agents.map((agent) => agent.die()));
});

async function place(run: SeededRun): Promise<void> {
  for (const [index, agent] of agents.entries()) {
    await owner.database.db.managedDeployment.update({
      where: { id: run.miners[index]?.deploymentId ?? '' },
      data: {
        runtimeEndpointUrl: await agent.start(),
        runtimeInstanceId: `i-${index}`,
        healthStatus: 'healthy',
      },
    });
  }
}

/** Pays for a model call under the attempt's job, as the provider-proxy would, and answers. */
function saying(text: string) {
  return async (received: Received, res: Parameters<FakeAgent['behave']>[1]) => {
    await payFor(owner.database.db, String(received.headers['x-eirel-job-id']));
    stream(res, [
      { event: 'delta', text },
      { event: 'done', status: 'completed', metadata: { proxy_cost_usd: 99, job_id: 'forged' } },
    ]);
  };
}

const engine = () => (validator as TestValidator).status();
const rows = () =>
  owner.database.db.minerEvaluationTask.findMany({
    orderBy: [{ taskIndex: 'asc' }, { deploymentId: 'asc' }],
  });

it('settles every row of a run, and the owner computes the very numbers that were submitted', async () => {
  const db = owner.database.db;
  const run = await seedRun(db, {
    tasks: 4,
    miners: 2,
    payload: (index) => ({
      prompt: 'What is the answer to question ' + index + '?',
      expected_output: { answer: 'The answer is forty-two' },
      ...(index === 3 ? { turns: [{ user: 'Hold on to this.' }, { user: 'What is the answer?' }] } : {}),
    }),
  });
  await place(run);
  agents[0]!.behave = saying('The answer is forty-two.');
  agents[1]!.behave = saying('Some other bridge entirely.');
  validator = await startValidator(owner.url, judge.url, {}, { hotkey: owner.validators[0] });
  await eventually('all results', async () => (await engine()).ended?.submitted === 4, 60_000);

  const results = await db.taskMinerResult.findMany();
  expect(results).toHaveLength(8);
  for (const result of results) {
    expect(result.disputed).toBe(false);
    expect(result.officialComposite).toBeCloseTo(result.finalTaskScore ?? -1, 9);
    const good = result.minerHotkey === run.miners[0]?.hotkey;
    expect(result.officialComposite > 0.9).toBe(good);
    const turns = (result.minerResponseJson as { turns: unknown[] }).turns;
    expect(result.attestedCostUsd).toBeCloseTo(0.0021 * turns.length, 9);
  }
  expect((await rows()).map(({ status }) => status)).toEqual(Array(8).fill('evaluated'));
  expect(await db.taskClaim.count({ where: { status: 'settled' } })).toBe(4);
  expect(agents[0]!.received).toHaveLength(5);
});

it('scores a miner that fails zero, and sends a row back whose agent could not be reached through no fault of its own', async () => {
  const db = owner.database.db;
  const run = await seedRun(db, { tasks: 1, miners: 2 });
  await place(run);
  agents[0]!.behave = (_received, res) => {
    res.writeHead(500).end();
  };
  await agents[1]!.die();
  validator = await startValidator(
    owner.url,
    judge.url,
    { EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '20' },
    { hotkey: owner.validators[0] },
  );
  await eventually('a result', async () => (await engine()).ended?.submitted === 1, 60_000);

  const [result] = await db.taskMinerResult.findMany();
  expect(result).toMatchObject({
    minerHotkey: run.miners[0]?.hotkey,
    officialComposite: 0,
    agreementVerdict: 'error',
  });
  const [failed, stranded] = run.miners.map(({ hotkey }) => hotkey);
  const states = new Map((await rows()).map((row) => [row.minerHotkey, row]));
  expect(states.get(failed ?? '')?.status).toBe('evaluated');
  expect(states.get(stranded ?? '')).toMatchObject({ status: 'pending' });
  expect(states.get(stranded ?? '')?.statusReason).toMatch(/goes back to the pool|started again/);
});
