import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually, TestJudge, validatorEnv } from './harness';
import { answer, TestOwner } from './owner';

jest.setTimeout(90_000);

const ROOT = join(__dirname, '..', '..', '..');
const SEED = `0x${'5e'.repeat(32)}`;
const children: ChildProcess[] = [];
let owner: TestOwner;
let judge: TestJudge;

beforeEach(async () => {
  owner = new TestOwner();
  judge = new TestJudge();
  await Promise.all([owner.start(), judge.start()]);
  owner.addTask('t1', {
    prompt: 'How tall is the tower?',
    mode: 'instant',
    expected_output: { answer: 'The tower is 330 metres tall' },
  });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all([owner.kill(), judge.close()]);
});

interface Engine {
  child: ChildProcess;
  url: string;
  log: () => string;
}

async function engine(env: NodeJS.ProcessEnv = {}): Promise<Engine> {
  const main = join(ROOT, 'services', 'validator-engine', 'main.ts');
  const child = spawn(process.execPath, ['-r', join(__dirname, 'register-typescript.cjs'), main], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      EIREL_VALIDATOR_MNEMONIC: SEED,
      EIREL_VALIDATOR_PORT: '0',
      ...validatorEnv(owner.url, judge.url, env),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr?.on('data', (data: Buffer) => (log += data.toString()));
  const listening = (): string => /validator-engine listens on (http:\S+?)"/.exec(log)?.[1] ?? '';
  await eventually(
    `the engine to listen; it said: ${log}`,
    () => listening() !== '' || child.exitCode !== null,
    30_000,
  );
  return { child, url: listening(), log: () => log };
}

const endless = () =>
  owner.miners.set('m', (_invocation, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.flushHeaders();
  });

it('answers HTTP, names its work, and ends with 0 on SIGTERM after giving its task back', async () => {
  endless();
  const { child, url, log } = await engine({ EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '2' });
  await eventually('the invocation', () => owner.invocations.length === 1);
  const get = async (path: string) => (await fetch(url + path)).text();
  expect(JSON.parse(await get('/healthz'))).toEqual({ status: 'ok' });
  expect(JSON.parse(await get('/readyz'))).toEqual({
    status: 'ready',
    checks: { owner_api: 'ok', judge: 'ok' },
  });
  expect(JSON.parse(await get('/v1/status'))).toMatchObject({
    phase: 'claiming',
    active_tasks: [{ task_evaluation_id: 't1', phase: 'evaluating', miners: 1, fencing: 1 }],
    publication: { enabled: false, reason: expect.stringContaining('TEMPORAL_ADDRESS') as string },
  });
  const metrics = await get('/metrics');
  expect(metrics).toMatch(/^eirel_validator_engine_up\{[^}]*\} 1$/m);
  expect(metrics).toMatch(/^eirel_validator_benchmark_runs_started_total\{family="general_chat"[^}]*\} 1$/m);

  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(owner.releases[0]?.body.reason).toContain('shutting down');
  expect(log()).not.toContain(SEED);
  expect(log()).toContain('TEMPORAL_ADDRESS is not set');
});

it('loses nothing by SIGKILL: the lease runs out, and the next engine judges the task', async () => {
  endless();
  owner.leaseMs = 2000;
  const first = await engine();
  await eventually('the invocation', () => owner.invocations.length === 1);
  const killed = once(first.child, 'exit');
  first.child.kill('SIGKILL');
  await killed;
  owner.miners.set('m', answer('The tower is 330 metres tall.'));
  await engine();
  await eventually('the result', () => owner.results.length === 1, 30_000);
  expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 2 });
  expect(owner.results[0]?.body.fencing).toBe(2);
});

it('refuses to start without a key or with bad settings, and says which', async () => {
  const { child, log } = await engine({ EIREL_VALIDATOR_MNEMONIC: '', EIREL_VALIDATOR_BATCH_SIZE: '3' });
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(1);
  expect(log()).toContain('EIREL_VALIDATOR_MNEMONIC');
  const bad = await engine({ EIREL_VALIDATOR_BATCH_SIZE: '41' });
  if (bad.child.exitCode === null) await once(bad.child, 'exit');
  expect(bad.child.exitCode).toBe(1);
  expect(bad.log()).toContain('EIREL_VALIDATOR_BATCH_SIZE');
});
