/** `eirel-ai validator ...` as a validator's operator runs it, with a Temporal server of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, TestJudge } from './harness';
import { answer, TestOwner } from './owner';

jest.setTimeout(180_000);

const ROOT = join(__dirname, '..', '..', '..');
const BIN = join(ROOT, 'bin', 'eirel-ai.js');
const SECRET = 'sk-never-printed-0123456789';
let owner: TestOwner;
let judge: TestJudge;
let dataDir: string;
let seed: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  owner = new TestOwner();
  judge = new TestJudge();
  await Promise.all([owner.start(), judge.start()]);
  dataDir = mkdtempSync(join(tmpdir(), 'eirel-validator-'));
  seed = `0x${randomBytes(32).toString('hex')}`;
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
  await Promise.all([owner.kill(), judge.close()]);
  rmSync(dataDir, { recursive: true, force: true });
});

const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: dataDir,
  EIREL_TOOLS_DIR: process.env.EIREL_TOOLS_DIR ?? join(ROOT, '.eirel', 'tools'),
  EIREL_VALIDATOR_DATA_DIR: dataDir,
  EIREL_VALIDATOR_MNEMONIC: seed,
  OWNER_API_URL: owner.url,
  EIREL_JUDGE_SERVICE_URL: judge.url,
  EIREL_VALIDATOR_POLL_INTERVAL_SECONDS: '0.2',
  EIREL_VALIDATOR_SHUTDOWN_GRACE_SECONDS: '2',
  EIREL_VALIDATOR_PUBLISH_WEIGHTS: 'off',
  BITTENSOR_NETWORK: 'ws://127.0.0.1:9',
  BITTENSOR_NETUID: '7',
  ...more,
});

function run(args: string[], more: NodeJS.ProcessEnv = {}) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], { env: env(more), cwd: dataDir });
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

async function start(): Promise<{ child: ChildProcess; said: () => string }> {
  const child = spawn(process.execPath, [BIN, 'validator', 'start'], { env: env(), cwd: dataDir });
  children.push(child);
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  await eventually(
    'the validator to be up',
    () => {
      if (child.exitCode !== null) throw new Error(said);
      return said.includes('is up.');
    },
    120_000,
  );
  return { child, said: () => said };
}

it('starts everything with one command, goes on after being killed with all its processes, and stops well', async () => {
  let mayAnswer = false;
  owner.leaseMs = 120_000;
  owner.miners.set('m', (invocation, res) => {
    if (mayAnswer) return answer('The tower is 330 metres tall.')(invocation, res);
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.flushHeaders();
  });
  owner.addTask('t1', {
    prompt: 'How tall is the tower?',
    mode: 'instant',
    category: 'abstention_probe',
    expected_output: { answer: 'The tower is 330 metres tall' },
  });
  const first = await start();
  expect(first.said()).toContain('Temporal UI');
  await eventually('the invocation', () => owner.invocations.length === 1, 60_000);
  const status = await run(['validator', 'status', '-o', 'json']);
  expect(status.code).toBe(0);
  expect(JSON.parse(status.out)).toMatchObject({
    phase: 'working',
    activeTasks: [{ taskId: 'task-t1', step: 'evaluating' }],
  });
  const paused = await run(['validator', 'pause', '--reason', 'a test', '-o', 'json']);
  expect(JSON.parse(paused.out)).toMatchObject({ paused: { reason: 'paused: a test' } });

  // A second one on the same data is refused.
  const second = await run(['validator', 'start']);
  expect([second.code, second.err]).toEqual([3, expect.stringContaining('already running')]);

  // As by a power cut: the command and all that it runs, Temporal included.
  const killed = once(first.child, 'exit');
  const tree = spawnSync('pgrep', ['-P', String(first.child.pid)], { encoding: 'utf8' }).stdout.split('\n');
  for (const pid of tree.filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  first.child.kill('SIGKILL');
  await killed;
  mayAnswer = true;
  const again = await start();
  await eventually('the result', () => owner.results.length === 1, 60_000);
  expect(owner.tasks[0]).toMatchObject({ status: 'evaluated', claims: 1 });
  // The engine may not know yet that its result was taken.
  await eventually(
    'the engine to have submitted it',
    async () => {
      const { out } = await run(['validator', 'status', '-o', 'json']);
      return (JSON.parse(out) as { ended: { submitted: number } }).ended.submitted === 1;
    },
    30_000,
  );
  // The pause outlived it.
  const after = await run(['validator', 'resume', '-o', 'json']);
  expect(JSON.parse(after.out)).toMatchObject({ paused: null, ended: { submitted: 1 } });

  const ended = once(again.child, 'exit');
  again.child.kill('SIGTERM');
  // As shells have it for a command that ended by SIGTERM.
  expect((await ended)[0]).toBe(143);
  expect(again.said()).toContain('stopped');
});

describe('the doctor', () => {
  const results = (out: string) =>
    Object.fromEntries(
      (
        JSON.parse(out) as { checks: { check: string; status: string; found: string; fix: string }[] }
      ).checks.map((check) => [check.check, check]),
    );

  it('says what is wrong and what to do, with the exit code of the first failure, and prints no key', async () => {
    owner.strangers = true;
    const model = {
      EIREL_EVAL_JUDGE_BASE_URL: `${owner.url}/v1`,
      EIREL_EVAL_JUDGE_API_KEY: SECRET,
      EIREL_EVAL_JUDGE_MODEL: 'm',
    };
    const { code, out, err } = await run(['validator', 'doctor', '-o', 'json'], model);
    const checks = results(out);
    expect(code).toBe(3);
    expect(checks.wallet).toMatchObject({ status: 'ok' });
    expect(checks['owner api']).toMatchObject({ status: 'ok' });
    expect(checks.clock).toMatchObject({ status: 'ok' });
    expect(checks.signature).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('admin validators add') as string,
    });
    expect(checks.chain).toMatchObject({
      status: 'failed',
      fix: expect.stringContaining('EIREL_CHAIN_ENDPOINTS') as string,
    });
    expect(checks.permit).toMatchObject({ status: 'skipped' });
    expect(checks.judge).toMatchObject({ status: 'ok' });
    // The small owner answers 401 to whatever is not signed, as a vendor does to a bad key.
    expect(checks['key of judge']).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('refuses the key') as string,
    });
    expect(out + err).not.toContain(SECRET);
    expect(out + err).not.toContain(seed);
  });

  it('exits with 2 without a wallet and with 6 without an owner', async () => {
    expect((await run(['validator', 'doctor', '-o', 'json'], { EIREL_VALIDATOR_MNEMONIC: '' })).code).toBe(2);
    await owner.kill();
    const { code, out } = await run(['validator', 'doctor', '-o', 'json']);
    expect(code).toBe(6);
    expect(results(out)['owner api']?.found).toContain('ECONNREFUSED');
  });
});
