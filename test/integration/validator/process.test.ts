import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLlmStandin } from '../../../demo/standins/llm';
import { temporalAddress } from '../../harness/stack';
import { eventually, oracleKeys, TestJudge, validatorEnv } from './harness';
import { answer, TestOwner } from './owner';

jest.setTimeout(90_000);

const ROOT = join(__dirname, '..', '..', '..');
const question = {
  prompt: 'How tall is the tower?',
  mode: 'instant',
  category: 'abstention_probe',
  expected_output: { answer: 'The tower is 330 metres tall' },
};
const children: ChildProcess[] = [];
let owner: TestOwner;
let judge: TestJudge;
let seed: string;
let dataDir: string;

beforeEach(async () => {
  owner = new TestOwner();
  judge = new TestJudge();
  await Promise.all([owner.start(), judge.start()]);
  owner.addTask('t1', question);
  seed = `0x${randomBytes(32).toString('hex')}`;
  dataDir = mkdtempSync(join(tmpdir(), 'eirel-validator-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all([owner.kill(), judge.close()]);
  rmSync(dataDir, { recursive: true, force: true });
});

interface Engine {
  child: ChildProcess;
  url: string;
  log: () => string;
}

/** An engine as a process of its own, from the build; the hotkey's loop and the data directory are the test's. */
async function engine(env: NodeJS.ProcessEnv = {}): Promise<Engine> {
  const main = join(ROOT, 'build', 'services', 'validator-engine', 'main.js');
  const child = spawn(process.execPath, ['--enable-source-maps', main], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      TEMPORAL_ADDRESS: await temporalAddress(),
      EIREL_VALIDATOR_MNEMONIC: seed,
      EIREL_VALIDATOR_PORT: '0',
      EIREL_VALIDATOR_DATA_DIR: dataDir,
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

async function kill({ child }: Engine): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** How many oracles' answers are on the engine's disk. */
const keptAnswers = (): number =>
  (readdirSync(dataDir, { recursive: true }) as string[]).filter((path) =>
    /\/(openai|gemini|grok)\.json$/.test(path),
  ).length;

const endless = () =>
  owner.miners.set('m', (_invocation, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.flushHeaders();
  });

it('answers HTTP, names its work, and ends with 0 on SIGTERM; the next start finishes what it had begun', async () => {
  endless();
  const { child, url, log } = await engine({ EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '1' });
  await eventually('the invocation', () => owner.invocations.length === 1, 30_000);
  const get = async (path: string) => (await fetch(url + path)).text();
  expect(JSON.parse(await get('/healthz'))).toEqual({ status: 'ok' });
  expect(JSON.parse(await get('/readyz'))).toEqual({
    status: 'ready',
    checks: { owner_api: 'ok', judge: 'ok', temporal: 'ok' },
  });
  expect(JSON.parse(await get('/v1/status'))).toMatchObject({
    phase: 'working',
    reason: 'one task under way',
    active_tasks: [{ task_evaluation_id: 't1', answered: 0, miners: 1, fencing: 1 }],
    publication: { enabled: false, last: null },
  });
  const metrics = await get('/metrics');
  expect(metrics).toMatch(/^eirel_validator_engine_up\{[^}]*\} 1$/m);
  expect(metrics).toMatch(/^eirel_validator_benchmark_runs_started_total\{family="general_chat"[^}]*\} 1$/m);

  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(owner.releases).toEqual([]);
  expect(log()).not.toContain(seed);
  owner.miners.set('m', answer('The tower is 330 metres tall.'));
  await engine();
  await eventually('the result', () => owner.results.length === 1, 30_000);
  expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1 });
});

it('asks no miner again that had answered, and judges nothing twice, when it is killed in the middle of a task', async () => {
  let mayAnswer = false;
  owner.miners.set('quick', answer('The tower is 330 metres tall.'));
  owner.miners.set('slow', (invocation, res) => {
    // Other words, since the judge remembers what it judged.
    if (mayAnswer) return answer('Indeed, the tower is 330 metres tall.')(invocation, res);
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.flushHeaders();
  });
  let judged = 0;
  judge.script = () => ((judged += 1), undefined);
  const first = await engine();
  await eventually(
    'one answer to be judged, and the other miner to be asked',
    async () => {
      const status = (await (await fetch(`${first.url}/v1/status`)).json()) as {
        active_tasks: { judged: number }[];
      };
      return status.active_tasks[0]?.judged === 1 && owner.invocations.length === 2;
    },
    30_000,
  );
  const judgedBefore = judged;
  await kill(first);
  mayAnswer = true;
  await engine();
  await eventually('the result', () => owner.results.length === 1, 30_000);
  // The lease of thirty seconds never ran out: what was begun is taken up when the process is back.
  expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1 });
  expect(owner.invocations.map(({ deployment }) => deployment).sort()).toEqual(['quick', 'slow', 'slow']);
  // Pairwise twice, multi and eval, once for each of the two answers.
  expect(judgedBefore).toBe(4);
  expect(judged).toBe(8);
  const entries = owner.results[0]?.body.miner_results as { miner_hotkey: string; eval_outcome: string }[];
  expect(entries.map((entry) => [entry.miner_hotkey, entry.eval_outcome])).toEqual([
    ['quick', 'correct'],
    ['slow', 'correct'],
  ]);
});

it('goes on with its oracles where it was when it is killed in the middle of them: who has answered is not paid again', async () => {
  const calls: Record<string, number> = {};
  let away = true;
  const vendors = await startLlmStandin({
    script: ({ model }) => {
      calls[model] = (calls[model] ?? 0) + 1;
      if (away && model.startsWith('gemini')) return { delayMs: 60_000 };
      return /^(gpt|gemini|grok)/.test(model) ? { content: '{"answer":"Blue."}' } : undefined;
    },
  });
  try {
    const asking = {
      ...question,
      category: 'live_lookup',
      oracle_source: 'three_oracle',
      expected_output: {},
    };
    owner.tasks.splice(0);
    owner.addTask('t2', asking, { oracle_status: null });
    owner.miners.set('m', answer('It is blue.'));
    const first = await engine(oracleKeys(vendors));
    await eventually(
      'two of the three oracles to be kept, and the third to be asked',
      () => keptAnswers() === 2 && calls['gemini-3.1-pro-preview'] === 1,
      30_000,
    );
    await kill(first);
    away = false;
    await engine(oracleKeys(vendors));
    await eventually('the result', () => owner.results.length === 1, 60_000);
    expect(owner.results[0]?.body).toMatchObject({
      baseline_response: {
        _reconciled: {
          oracle_status: 'consensus',
          vendor_status: { openai: 'ok', gemini: 'ok', grok: 'ok' },
        },
      },
    });
    expect(calls).toMatchObject({ 'gpt-5.4': 1, 'gemini-3.1-pro-preview': 2, 'grok-4.3': 1 });
    expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1 });
  } finally {
    await vendors.close();
  }
});

it('finds a claim again whose answer it never got', async () => {
  owner.miners.set('m', answer('The tower is 330 metres tall.'));
  owner.leaseMs = 600_000;
  let claims = 0;
  let first: Engine | null = null;
  owner.onClaim = (res) => {
    // Claims that find nothing are answered.
    if (first === null || owner.tasks[0]?.status !== 'claimed' || (claims += 1) > 1) return false;
    // Killed between the owner's commit and its answer.
    first.child.kill('SIGKILL');
    res.destroy();
    return true;
  };
  owner.tasks.splice(0);
  first = await engine();
  owner.addTask('t1', question);
  await eventually('the kill', () => first?.child.signalCode === 'SIGKILL', 30_000);
  expect(owner.tasks[0]).toMatchObject({ status: 'claimed', claims: 1 });
  await engine();
  await eventually('the result', () => owner.results.length === 1, 30_000);
  expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1, fencing: 1 });
});

it('finds its task again when its journal is gone', async () => {
  endless();
  owner.leaseMs = 600_000;
  const first = await engine();
  await eventually('the invocation', () => owner.invocations.length === 1, 30_000);
  await kill(first);
  rmSync(join(dataDir, 'journal'), { recursive: true });
  owner.miners.set('m', answer('The tower is 330 metres tall.'));
  await engine();
  await eventually('the result', () => owner.results.length === 1, 30_000);
  expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1 });
});

it('loses nothing when it stays away: the lease runs out, and the task is claimed and judged anew', async () => {
  endless();
  owner.leaseMs = 12_000;
  const first = await engine();
  await eventually('the invocation', () => owner.invocations.length === 1, 30_000);
  await kill(first);
  owner.tasks[0]!.expiresAt = 0;
  // Only the first lease is to run out, on a slow machine too.
  owner.leaseMs = 600_000;
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
