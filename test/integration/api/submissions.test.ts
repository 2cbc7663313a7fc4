import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { signRequest } from '../../../adapters/keys/sign';
import { workflowIds } from '../../../domain/messages';
import { hostileArchives } from '../../unit/archive/hostile';
import { agentArchive, archiveOf, key, MANIFEST, multipart, register, startApi, upload } from './harness';
import type { ApiUnderTest } from './harness';

const owner = key(1);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the upload that is being received. */
async function spooledBytes(api: ApiUnderTest): Promise<number> {
  const root = api.deps.config.spoolDir as string;
  const [upload] = (await readdir(root)).filter((name) => name.startsWith('eirel-upload-'));
  if (!upload) return 0;
  return stat(join(root, upload, 'archive')).then(
    (file) => file.size,
    () => 0,
  );
}

describe('submissions', () => {
  let api: ApiUnderTest;
  let archive: Buffer;
  // A hotkey for each test: caps and rates are per hotkey.
  let next = 20;
  const miner = async () => {
    const hotkey = key((next += 1));
    await register(api, hotkey);
    return hotkey;
  };
  const refused = async (answer: Promise<{ status: number; body: { detail: unknown } }>) => {
    const { status, body } = await answer;
    return [status, body.detail];
  };

  beforeAll(async () => {
    api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58 } });
    archive = await agentArchive();
  });
  afterAll(() => api.close());

  it('stores the submission, its archive, its deployment and its target run, and starts its workflow', async () => {
    const hotkey = await miner();
    const answer = await upload(api, hotkey, archive, { query: '?extrinsic_hash=0xabc&block_hash=0xdef' });
    expect(answer.status).toBe(200);
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const revision = createHash('sha256').update(`${sha256}:${hotkey.ss58}:1`).digest('hex');
    expect(answer.body).toMatchObject({
      miner_hotkey: hotkey.ss58,
      submission_seq: 1,
      status: 'received',
      introduced_run_id: 'run-1',
      archive_sha256: sha256,
      manifest: { agent: { name: 'demo-agent' }, timeout_seconds: 75 },
      latest_scorecard_summary: null,
      deployment: {
        status: 'queued',
        health_status: 'queued',
        placement_status: 'queued',
        deployment_revision: revision,
        image_ref: `managed://general_chat/${revision}`,
        requested_cpu_millis: 2000,
        requested_memory_bytes: 2147483648,
        benchmark_version: 'general_chat_v1',
        endpoint: `${api.url}/runtime/${answer.body.deployment.id}`,
      },
    });
    const run = await api.db.evaluationRun.findUniqueOrThrow({ where: { id: 'run-1' } });
    expect([run.status, run.phase, run.sequence]).toEqual(['scheduled', 'scheduled', 1]);
    const stored = await api.db.managedMinerSubmission.findUniqueOrThrow({
      where: { id: answer.body.id },
      include: { artifact: true },
    });
    expect(stored).toMatchObject({ extrinsicHash: '0xabc', blockHash: '0xdef', countsForCap: true });
    expect(await api.deps.objectStore.getBytes(stored.artifact.storageKey)).toEqual(archive);
    const described = await api.deps.temporal.workflow
      .getHandle(workflowIds.submission(answer.body.id))
      .describe();
    expect(described.type).toBe('submissionLifecycle');
    expect(described.memo).toMatchObject({ hotkey: hotkey.ss58 });
    expect(described.searchAttributes).toMatchObject({
      EirelKind: ['submission'],
      EirelHotkey: [hotkey.ss58],
      EirelRunId: ['run-1'],
    });

    const artifact = await fetch(`${api.url}/v1/submissions/${answer.body.id}/artifact`, {
      headers: signRequest(hotkey, { method: 'GET', path: `/v1/submissions/${answer.body.id}/artifact` }),
    });
    expect(artifact.headers.get('content-type')).toBe('application/gzip');
    expect(Buffer.from(await artifact.arrayBuffer()).equals(archive)).toBe(true);
  });

  it('retires the previous submission, and refuses a third', async () => {
    const hotkey = await miner();
    const first = (await upload(api, hotkey, archive)).body;
    const second = (await upload(api, hotkey, await agentArchive({ 'b.txt': 'b' }))).body;
    expect(second).toMatchObject({ submission_seq: 2, introduced_run_id: 'run-1' });
    expect(await refused(upload(api, hotkey, archive))).toEqual([
      429,
      'hotkey submission cap reached (lifetime limit: 2 submissions per hotkey)',
    ]);
    const before = await api.call('GET', `/v1/submissions/${first.id}`, { signer: hotkey });
    expect(before.body).toMatchObject({
      status: 'retired',
      deployment: {
        status: 'retired',
        health_status: 'retired',
        is_active: false,
        health_details: { stop_reason: 'resubmit', manifest_agent: 'demo-agent' },
      },
    });
    const row = await api.db.managedDeployment.findUniqueOrThrow({ where: { id: first.deployment.id } });
    expect(row.pendingRuntimeStop).toBe(true);
    const history = await api.call('GET', `/v1/deployments/${first.deployment.id}/health-history`, {
      signer: hotkey,
    });
    expect(history.body).toMatchObject([{ status: 'retired', reason: 'resubmit' }]);
    const current = await api.call('GET', '/v1/submissions/current', { signer: hotkey });
    expect(current.body.id).toBe(second.id);
    const mine = await api.call('GET', '/v1/submissions/mine', { signer: hotkey });
    expect(mine.body.map((row: { id: string }) => row.id)).toEqual([second.id, first.id]);
    expect(mine.body[0]).toMatchObject({
      build_status: 'pending',
      build_error: null,
      submission_id: second.id,
    });
  });

  it('keeps a member of the open run running when its miner submits again', async () => {
    const hotkey = await miner();
    const first = (await upload(api, hotkey, archive)).body;
    const run = { runId: 'run-frozen', familyId: 'general_chat', taskId: 't', taskIndex: 0 };
    await api.db.evaluationRun.create({
      data: {
        id: 'run-frozen',
        sequence: 900,
        status: 'open',
        phase: 'running',
        benchmarkVersion: 'b',
        rubricVersion: 'r',
        judgeModel: 'j',
        startedAt: new Date(),
        endsAt: new Date(Date.now() + 3_600_000),
      },
    });
    const task = await api.db.taskEvaluation.create({ data: { ...run, payloadJson: {} } });
    await api.db.minerEvaluationTask.create({
      data: {
        ...run,
        taskEvaluationId: task.id,
        minerHotkey: hotkey.ss58,
        deploymentId: first.deployment.id,
        submissionId: first.id,
      },
    });
    expect((await upload(api, hotkey, archive)).status).toBe(200);
    const after = await api.call('GET', `/v1/submissions/${first.id}`, { signer: hotkey });
    expect(after.body).toMatchObject({ status: 'retired', deployment: { status: 'queued' } });
    await api.db.evaluationRun.update({ where: { id: 'run-frozen' }, data: { status: 'completed' } });
  });

  it('lets two of ten concurrent uploads of one hotkey in', async () => {
    const hotkey = await miner();
    api.deps.config.submission.rateLimitRequests = 0;
    const answers = await Promise.all(Array.from({ length: 10 }, () => upload(api, hotkey, archive)));
    api.deps.config.submission.rateLimitRequests = 5;
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, ...Array(8).fill(429)]);
    const rows = await api.db.managedMinerSubmission.findMany({ where: { minerHotkey: hotkey.ss58 } });
    expect(rows.map((row) => row.submissionSeq).sort()).toEqual([1, 2]);
  });

  it('does not count a submission that failed by the fault of the owner', async () => {
    const hotkey = await miner();
    await upload(api, hotkey, archive);
    await upload(api, hotkey, archive);
    await api.db.managedMinerSubmission.updateMany({
      where: { minerHotkey: hotkey.ss58, submissionSeq: 2 },
      data: { countsForCap: false },
    });
    expect((await upload(api, hotkey, archive)).body).toMatchObject({ submission_seq: 3 });
  });

  it('limits the rate of a hotkey, and says when to come back', async () => {
    const hotkey = key((next += 1));
    // What is refused for another reason counts too: this hotkey holds no slot.
    for (let call = 0; call < 5; call += 1) expect((await upload(api, hotkey, archive)).status).toBe(403);
    const answer = await upload(api, hotkey, archive);
    expect([answer.status, answer.body.detail]).toEqual([429, 'rate limit exceeded']);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(3500);
  });

  it('refuses a hotkey that is not, or no longer, on the metagraph', async () => {
    const hotkey = await miner();
    const words = [403, `hotkey ${hotkey.ss58.slice(0, 16)}... is not registered on the metagraph`];
    await api.db.registeredNeuron.update({
      where: { hotkey: hotkey.ss58 },
      data: { deregisteredAt: new Date() },
    });
    expect(await refused(upload(api, hotkey, archive))).toEqual(words);
  });

  it('takes nothing while the metagraph is older than allowed', async () => {
    const hotkey = await miner();
    api.deps.config.metagraphMaxAgeSeconds = 60;
    try {
      const never = await upload(api, hotkey, archive);
      expect(never.status).toBe(503);
      expect(never.body.detail).toMatch(/metagraph is out of date: it was never synced/);
      await api.db.metagraphSyncSnapshot.create({
        data: { netuid: 144, network: 'test', status: 'success' },
      });
      expect((await upload(api, hotkey, archive)).status).toBe(200);
    } finally {
      api.deps.config.metagraphMaxAgeSeconds = null;
    }
  });

  it.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ['is not gzip', () => Buffer.from('not gzip at all'), /^invalid submission archive: .*gzip/],
    ['has no manifest', () => archiveOf({ 'app.py': '' }), /submission\.yaml is missing/],
    ['climbs out', () => archiveOf({ 'submission.yaml': MANIFEST, '../evil': 'x' }), /evil/],
    ['is absolute', () => archiveOf({ 'submission.yaml': MANIFEST, '/etc/evil': 'x' }), /evil/],
    [
      'has a bad manifest',
      () => archiveOf({ 'submission.yaml': 'family_id: general_chat\n' }),
      /^invalid submission manifest: .*\nagent/,
    ],
    [
      'is of another family',
      () => archiveOf({ 'submission.yaml': MANIFEST.replace('general_chat', 'other') }),
      /^invalid submission manifest: /,
    ],
    [
      'is a bomb',
      () => archiveOf({ 'submission.yaml': MANIFEST, zeros: Buffer.alloc(64 * 1024 * 1024) }),
      /^invalid submission archive: /,
    ],
    ['is cut off', () => archive.subarray(0, archive.length - 20), /^invalid submission archive: /],
  ])('refuses an archive that %s, and keeps nothing of it', async (_name, make, words) => {
    const hotkey = await miner();
    const answer = await upload(api, hotkey, await make());
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toMatch(words);
    expect(await api.db.managedMinerSubmission.count({ where: { minerHotkey: hotkey.ss58 } })).toBe(0);
    const left = await readdir(api.deps.config.spoolDir as string);
    expect(left.filter((name) => name.startsWith('eirel-upload-'))).toEqual([]);
  });

  it('names the entry that it refuses', async () => {
    const bad = await archiveOf({ 'submission.yaml': MANIFEST, '../evil': 'x' });
    expect((await upload(api, await miner(), bad)).body).toMatchObject({
      code: 'parent_path',
      entry: '../evil',
    });
  });

  it('refuses an archive over the limit after the signature, and a body over the cap before it', async () => {
    const hotkey = await miner();
    const { archive: limits } = api.deps.config.submission;
    const saved = { maxBytes: limits.maxBytes, maxBody: api.deps.config.maxBodyBytes };
    Object.assign(limits, { maxBytes: 1024 * 1024 });
    Object.assign(api.deps.config, { maxBodyBytes: 3 * 1024 * 1024 });
    try {
      const large = Buffer.alloc(2 * 1024 * 1024, 1);
      expect(await refused(upload(api, hotkey, large))).toEqual([413, 'archive exceeds 1 MB limit']);
      const { headers } = multipart(large);
      const unsigned = await api.call('POST', '/v1/submissions', { body: large, headers });
      expect([unsigned.status, unsigned.body.detail]).toEqual([401, 'missing signature headers']);
      const huge = await upload(api, hotkey, Buffer.alloc(4 * 1024 * 1024, 1));
      expect([huge.status, huge.text]).toEqual([413, 'Request body too large']);
    } finally {
      Object.assign(limits, { maxBytes: saved.maxBytes });
      Object.assign(api.deps.config, { maxBodyBytes: saved.maxBody });
    }
  });

  it('does not hold an upload in memory while it arrives', async () => {
    const hotkey = await miner();
    const big = await archiveOf({ 'submission.yaml': MANIFEST, noise: randomBytes(16 * 1024 * 1024) });
    const { body, headers } = multipart(big);
    const signed = signRequest(hotkey, { method: 'POST', path: '/v1/submissions', body });
    const sending = request(`${api.url}/v1/submissions`, {
      method: 'POST',
      headers: { ...headers, ...signed, 'content-length': body.length },
    });
    const answered = once(sending, 'response');
    const used = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = used();
    const half = body.length / 2;
    for (let at = 0; at < half; at += 65_536) {
      if (!sending.write(body.subarray(at, at + 65_536))) await once(sending, 'drain');
    }
    while ((await spooledBytes(api)) < half - 1024 * 1024) await sleep(20);
    // What is no longer held is given back in the background, some time after its collection; what is held stays.
    const held = (): number => used() - before;
    for (let tries = 0; held() >= 3 * 1024 * 1024 && tries < 100; tries += 1) await sleep(100);
    expect(held()).toBeLessThan(3 * 1024 * 1024);
    sending.end(body.subarray(Math.ceil(half / 65_536) * 65_536));
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
  }, 30_000);

  it('refuses a changed body, other part names, and what is no multipart', async () => {
    const hotkey = await miner();
    const { body, headers } = multipart(archive);
    const signed = signRequest(hotkey, { method: 'POST', path: '/v1/submissions', body });
    const changed = Buffer.from(body);
    changed[changed.length - 60] = (changed[changed.length - 60] ?? 0) ^ 1;
    const tampered = await api.call('POST', '/v1/submissions', {
      body: changed,
      headers: { ...headers, ...signed },
    });
    expect([tampered.status, tampered.body.detail]).toEqual([401, 'invalid signature']);
    const missing = [{ type: 'missing', loc: ['body', 'archive'], msg: 'Field required', input: null }];
    expect(await refused(upload(api, hotkey, archive, { field: 'file' }))).toEqual([422, missing]);
    const json = await api.call('POST', '/v1/submissions', { signer: hotkey, json: {} });
    expect([json.status, json.body.detail]).toEqual([422, missing]);
    const broken = await api.call('POST', '/v1/submissions', {
      signer: hotkey,
      body: 'x',
      headers: { 'content-type': 'multipart/form-data' },
    });
    expect([broken.status, broken.body.detail]).toEqual([400, 'There was an error parsing the body']);
  });

  it('refuses each of at least 40 hostile archives with a 4xx that says why, and accepts none', async () => {
    const corpus = hostileArchives();
    expect(corpus.length).toBeGreaterThanOrEqual(40);
    const before = await api.db.managedMinerSubmission.count();
    const { submission } = api.deps.config;
    const { archive: defaults } = submission;
    const wrong: unknown[] = [];
    for (const { what, code, entry, bytes, limits } of corpus) {
      submission.archive = limits ?? defaults;
      try {
        const answer = await upload(api, await miner(), bytes);
        // The size is refused before anything is read, in the words of the original.
        const expected = code === 'too_large' ? {} : entry === null ? { code } : { code, entry };
        const refused =
          [400, 413].includes(answer.status) &&
          Object.entries(expected).every(([name, value]) => answer.body[name] === value);
        if (!refused || !String(answer.body.detail)) wrong.push([what, expected, answer.status, answer.body]);
      } finally {
        submission.archive = defaults;
      }
    }
    expect(wrong).toEqual([]);
    expect(await api.db.managedMinerSubmission.count()).toBe(before);
    const left = await readdir(api.deps.config.spoolDir as string);
    expect(left.filter((name) => name.startsWith('eirel-upload-'))).toEqual([]);
    process.stderr.write(`hostile archives: ${corpus.length} sent, 0 accepted, 0 answered 5xx\n`);
  });

  it('refuses submissions while the owner has no provider proxy', async () => {
    const hotkey = await miner();
    const { token } = api.deps.config.providerProxy;
    api.deps.config.providerProxy.token = '';
    const answer = await refused(upload(api, hotkey, archive));
    api.deps.config.providerProxy.token = token;
    expect(answer).toEqual([400, 'provider proxy is required but not configured on the owner side']);
  });

  it('shows a submission to its own hotkey only', async () => {
    const [hotkey, other] = [await miner(), await miner()];
    const { id, deployment } = (await upload(api, hotkey, archive)).body;
    for (const [path, words] of [
      ['', 'access denied'],
      ['/artifact', 'artifact access denied'],
      ['/scorecards', 'scorecard access denied'],
      ['/progress', 'access denied'],
      ['/canonical', 'access denied'],
      ['/events', 'access denied'],
    ]) {
      const answer = await api.call('GET', `/v1/submissions/${id}${path}`, { signer: other });
      expect([path, answer.status, answer.body.detail]).toEqual([path, 403, words]);
      expect((await api.call('GET', `/v1/submissions/${id}${path}`, { signer: hotkey })).status).toBe(200);
    }
    expect((await api.call('GET', `/v1/deployments/${deployment.id}`, { signer: other })).status).toBe(403);
    const history = `/v1/deployments/${deployment.id}/health-history`;
    expect((await api.call('GET', history, { signer: other })).status).toBe(403);
    expect((await api.call('POST', `/v1/submissions/${id}/withdraw`, { signer: other })).status).toBe(403);
    const unknown = await api.call('GET', '/v1/submissions/nope', { signer: hotkey });
    expect([unknown.status, unknown.body.detail]).toEqual([404, 'submission not found']);
    const journey = await api.call('GET', `/v1/submissions/${id}/events`, { signer: owner });
    expect(journey.body).toMatchObject({
      status: 'received',
      now: null,
      events: [{ step: 'received', outcome: 'done' }],
    });
  }, 30_000);

  it('joins the next run while one is open', async () => {
    await api.db.evaluationRun.updateMany({ where: { status: 'scheduled' }, data: { status: 'completed' } });
    await api.db.evaluationRun.create({
      data: {
        id: 'run-901',
        sequence: 901,
        status: 'open',
        phase: 'running',
        benchmarkVersion: 'b',
        rubricVersion: 'r',
        judgeModel: 'j',
        startedAt: new Date(),
        endsAt: new Date(Date.now() + 600_000),
      },
    });
    const answer = await upload(api, await miner(), archive);
    expect(answer.body.introduced_run_id).toBe('run-902');
    const [open, following] = await Promise.all(
      ['run-901', 'run-902'].map((id) => api.db.evaluationRun.findUniqueOrThrow({ where: { id } })),
    );
    expect(following?.startedAt).toEqual(open?.endsAt);
    expect((following?.endsAt.getTime() ?? 0) - (following?.startedAt.getTime() ?? 0)).toBe(3_600_000);
  });
});
