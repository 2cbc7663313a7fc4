/** The command line against the owner API itself: contracts, signatures and refusals are those of the product. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { buildLogKey } from '../../../domain/build-log';
import { canonicalJson } from '../../../domain/evidence';
import { MANIFEST, register, startApi, type ApiUnderTest } from '../api/harness';
import { exampleEvidence, exampleWeights } from '../../unit/cli/evidence-fixture';
import { cli, ensureBuilt, type Result } from './run-cli';

const owner = hotkeyFromUri('//Owner');
const miner = hotkeyFromUri('//Miner');
const validator = hotkeyFromUri('//Validator').ss58;
const folder = mkdtempSync(join(tmpdir(), 'eirel-cli-api-'));

let api: ApiUnderTest;
beforeAll(async () => {
  ensureBuilt();
  api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58 } });
  await register(api, miner);
}, 300_000);
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const run = (...args: string[]): Promise<Result> =>
  cli(args, {
    env: {
      OWNER_API_PUBLIC_URL: api.url,
      EIREL_OWNER_MNEMONIC: '//Owner',
      EIREL_MINER_MNEMONIC: '//Miner',
    },
  });
const jsonOf = (result: Result): unknown => {
  expect(result).toMatchObject({ code: 0 });
  return JSON.parse(result.stdout);
};

test('before anything happened: no run is 5, no submission is null, no weights are said so', async () => {
  const [current, status, weights, watch] = await Promise.all([
    run('runs', 'current'),
    run('miner', 'status'),
    run('weights', 'show', '-o', 'table'),
    run('run', 'watch'),
  ]);
  expect(current).toMatchObject({ code: 5, stderr: expect.stringContaining('no run exists yet') });
  expect(jsonOf(status)).toBeNull();
  expect(weights).toMatchObject({ code: 0, stdout: expect.stringContaining('no weights yet') });
  expect(watch.code).toBe(5);
});

test('the owner manages validators; someone else may not', async () => {
  expect(jsonOf(await run('admin', 'whoami'))).toMatchObject({
    role: 'owner',
    hotkey: owner.ss58,
    network: 'test',
    netuid: 144,
  });
  jsonOf(await run('admin', 'validators', 'add', validator, '--uid', '5', '--stake', '70'));
  jsonOf(await run('admin', 'validators', 'disable', validator));
  expect(jsonOf(await run('admin', 'validators', 'list'))).toEqual([
    { hotkey: validator, uid: 5, stake: 70, is_active: false, last_synced_at: expect.any(String) as string },
  ]);
  jsonOf(await run('admin', 'validators', 'remove', validator));
  expect(await run('admin', 'validators', 'enable', validator)).toMatchObject({ code: 5 });
  const stranger = await cli(['admin', 'whoami'], {
    env: { OWNER_API_PUBLIC_URL: api.url, EIREL_OWNER_MNEMONIC: '//Miner' },
  });
  expect(stranger).toMatchObject({ code: 4, stderr: expect.stringContaining('owner access denied') });
});

test('a miner submits a folder; both see its story; steering without workers is temporary', async () => {
  const agent = join(folder, 'agent');
  mkdirSync(agent);
  writeFileSync(join(agent, 'submission.yaml'), MANIFEST);
  writeFileSync(join(agent, 'app.py'), 'print(1)\n');
  const { id } = jsonOf(await run('miner', 'submit', agent, '--yes')) as { id: string };
  const [mine, owners, list, deployments, current] = await Promise.all([
    run('miner', 'status'),
    run('submission', 'show', id),
    run('submissions', 'list'),
    run('deployments', 'list'),
    run('runs', 'current'),
  ]);
  for (const story of [mine, owners]) {
    expect(jsonOf(story)).toMatchObject({
      submission: { id, miner_hotkey: miner.ss58 },
      deployment: { status: 'queued' },
      journey: { submission_id: id, status: 'received' },
    });
  }
  expect(jsonOf(list)).toMatchObject([{ id, submission_seq: 1 }]);
  expect(jsonOf(deployments)).toMatchObject([{ submission_id: id, is_active: false }]);
  const { run_id } = jsonOf(current) as { run_id: string };

  const dry = jsonOf(await run('run', 'open', 'current', '--dry-run'));
  expect(dry).toMatchObject({ run_id, dry_run: true, changed: false, status: 'scheduled' });
  const [paused, unknown, withdrawn] = await Promise.all([
    run('run', 'pause', run_id, '--yes'),
    run('run', 'close', 'run-99', '--yes'),
    run('submission', 'withdraw', id, '--dry-run'),
  ]);
  expect(paused).toMatchObject({ code: 3, stderr: expect.stringContaining('only a run that is open') });
  expect(unknown).toMatchObject({ code: 5, stderr: expect.stringContaining('run run-99 not found') });
  expect(jsonOf(withdrawn)).toMatchObject({ dry_run: true, submission_id: id, status: 'received' });
});

test('logs, deployments and feedback are read by who may read them', async () => {
  const [row] = await api.db.managedMinerSubmission.findMany({ include: { deployments: true } });
  const id = row?.id as string;
  const deployment = row?.deployments[0]?.id as string;
  expect(await run('submission', 'logs', id)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('its build has printed nothing yet'),
  });
  await api.deps.objectStore.put(buildLogKey(id), Buffer.from('step 1\nstep 2\n'));
  await api.db.deploymentHealthEvent.create({
    data: {
      deploymentId: deployment,
      familyId: 'general_chat',
      status: 'unhealthy',
      reason: 'it died',
      detailsJson: { log_lines: ['Traceback', 'boom\u001b[2J'] },
    },
  });
  await api.db.evalFeedback.create({
    data: {
      runId: 'run-1',
      minerHotkey: miner.ss58,
      taskId: 'task-1',
      outcome: 'partial',
      guidance: 'Name the page.',
      compositeScore: 0.5,
      knockoutReasonsJson: ['tool_attestation'],
    },
  });
  const [log, mine, shown, failures, screen, feedback, none] = await Promise.all([
    run('submission', 'logs', id),
    run('submission', 'logs', id, '--as', 'miner', '-o', 'table'),
    run('deployment', 'show', deployment, '--as', 'miner'),
    run('deployment', 'logs', deployment),
    run('deployment', 'logs', deployment, '-o', 'table'),
    run('miner', 'feedback', 'run-1', '-o', 'table'),
    run('deployment', 'show', 'no-such'),
  ]);
  expect(jsonOf(log)).toEqual({ submission_id: id, lines: ['step 1', 'step 2'] });
  expect(mine).toMatchObject({ code: 0, stdout: 'step 1\nstep 2\n' });
  expect(jsonOf(shown)).toMatchObject({ deployment: { id: deployment }, events: [{ reason: 'it died' }] });
  expect(jsonOf(failures)).toMatchObject([{ status: 'unhealthy', lines: ['Traceback', 'boom\u001b[2J'] }]);
  expect(screen.stdout).toContain('boom\\u001b[2J');
  expect(feedback.stdout).toContain('task-1  partial  0.5000');
  expect(feedback.stdout).toContain('Name the page.');
  expect(feedback.stdout).toContain('gates: tool_attestation');
  expect(none.code).toBe(5);
});

test('--watch ends by itself when nothing more can happen, and --wait tells how it ended', async () => {
  const [row] = await api.db.managedMinerSubmission.findMany();
  const id = row?.id as string;
  const watching = run('submission', 'show', id, '--watch', '-o', 'jsonl');
  const agent = join(folder, 'second');
  mkdirSync(agent);
  writeFileSync(join(agent, 'submission.yaml'), MANIFEST);
  writeFileSync(join(agent, 'app.py'), 'print(2)\n');
  await expect(watchUntil(() => api.db.managedMinerSubmission.count(), 1)).resolves.toBeUndefined();
  const waiting = run('miner', 'submit', agent, '--yes', '--wait', '--timeout', '60');
  await watchUntil(() => api.db.managedMinerSubmission.count(), 2);
  await api.db.managedMinerSubmission.updateMany({
    data: { status: 'build_failed', statusReason: 'no Dockerfile' },
  });
  const [watched, waited] = await Promise.all([watching, waiting]);
  expect(watched.code).toBe(0);
  expect(
    watched.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Story).journey.status)
      .at(-1),
  ).toMatch(/build_failed|retired/);
  expect(waited).toMatchObject({ code: 1, stderr: expect.stringContaining('no Dockerfile') });
  expect((JSON.parse(waited.stdout) as { id: string }).id).toBeTruthy();
});

interface Story {
  journey: { status: string };
}

async function watchUntil(count: () => Promise<number>, wanted: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await count()) >= wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it did not come about');
}

test('a completed run verifies from what the API serves', async () => {
  const evidence = exampleEvidence('run-77', [miner.ss58, validator]);
  const weights = exampleWeights(evidence, owner);
  const key = 'general_chat/evidence/run-77/x.json';
  await api.deps.objectStore.put(key, Buffer.from(canonicalJson(evidence)));
  const { evidence_sha256, digest, signer_hotkey, signature } = weights;
  await api.db.evaluationRun.create({
    data: {
      id: 'run-77',
      sequence: 77,
      status: 'completed',
      phase: 'completed',
      benchmarkVersion: 'b',
      rubricVersion: 'r',
      judgeModel: 'j',
      startedAt: new Date(0),
      endsAt: new Date(1000),
      closedAt: new Date(1000),
      evidenceKey: key,
      evidenceSha256: evidence_sha256,
    },
  });
  await api.db.runWeightSet.create({
    data: {
      runId: 'run-77',
      weightsJson: weights.weights,
      winnersJson: evidence.weights.family_winners,
      evidenceSha256: evidence_sha256 as string,
      digest: digest as string,
      signerHotkey: signer_hotkey,
      signature,
    },
  });
  const [verified, shown, watched, list] = await Promise.all([
    run('run', 'verify', 'run-77', '--owner', owner.ss58),
    run('weights', 'show', '--run', 'run-77', '-o', 'table'),
    run('run', 'watch', 'run-77', '--exit-status'),
    run('runs', 'list', '-o', 'jsonl'),
  ]);
  expect(jsonOf(verified)).toMatchObject({ verified: true, evidence_sha256, differences: [] });
  expect(shown.stdout).toMatch(new RegExp(`${miner.ss58} +0\\.8000`));
  expect(watched).toMatchObject({ code: 0, stdout: expect.stringContaining('run-77 completed') });
  expect(list.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(2);
});
