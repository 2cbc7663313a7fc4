/**
 * Requests recorded from the original, sent byte for byte with their own signatures and a clock held at their own time,
 * and the answers compared on status, on field names and on types.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { INTERNAL_TOKEN, pythonJson, startApi } from './harness';
import type { Answer, ApiUnderTest } from './harness';
import {
  AGENT0,
  AGENT1,
  MINER2,
  MINER3,
  MINER4,
  OWNER,
  seedAgent,
  seedClose,
  seedOthers,
  seedRun,
  seedScores,
} from './seed';

interface Part {
  name: string;
  filename: string;
  content_type: string;
  base64: string;
}
interface Sample {
  name: string;
  request: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body: string | null | { multipart?: { boundary: string; parts: Part[] } };
  };
  response: { status: number; headers: Record<string, string>; body: unknown };
}

const samples = JSON.parse(readFileSync(join(__dirname, 'wire-samples.json'), 'utf8')) as Sample[];
const sample = (name: string): Sample => {
  const found = samples.find((entry) => entry.name === name);
  if (!found) throw new Error(`no sample ${name}`);
  return found;
};

function bytesOf(body: Sample['request']['body']): Buffer | undefined {
  if (body === null) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (!body.multipart) return Buffer.from(pythonJson(body));
  const { boundary, parts } = body.multipart;
  return Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"; filename="${part.filename}"\r\n` +
          `Content-Type: ${part.content_type}\r\n\r\n`,
      ),
      Buffer.from(part.base64, 'base64'),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
}

let now = new Date();

async function send(api: ApiUnderTest, name: string): Promise<Answer> {
  const { request } = sample(name);
  const stamp = Date.parse(request.headers['X-Timestamp'] ?? '');
  if (!Number.isNaN(stamp)) now = new Date(stamp + (name === 'auth-stale-past' ? 120_000 : 0));
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([header, value]) => [
      header,
      value.replace('<internal-service-token>', INTERNAL_TOKEN),
    ]),
  );
  return api.call(request.method, request.path, { headers, body: bytesOf(request.body) });
}

/** Paths at which an answer lacks a recorded field or has one of another type; null stands for any type. */
function differences(recorded: unknown, answered: unknown, path = '$'): string[] {
  if (recorded === null || answered === null) return [];
  if (Array.isArray(recorded)) {
    if (!Array.isArray(answered)) return [`${path} is not an array`];
    if (recorded.length > 0 && answered.length === 0) return [`${path} is empty`];
    return recorded.length > 0 ? differences(recorded[0], answered[0], `${path}[0]`) : [];
  }
  if (typeof recorded !== typeof answered) return [`${path}: ${typeof recorded} became ${typeof answered}`];
  if (typeof recorded !== 'object') return [];
  return Object.entries(recorded as object).flatMap(([field, value]) =>
    field in (answered as object)
      ? differences(value, (answered as Record<string, unknown>)[field], `${path}.${field}`)
      : [`${path}.${field} is missing`],
  );
}

async function expectAsRecorded(api: ApiUnderTest, name: string, status = sample(name).response.status) {
  const { request, response } = sample(name);
  const answer = await send(api, name);
  expect({ name, status: answer.status, body: answer.status === status ? '' : answer.body }).toEqual({
    name,
    status,
    body: '',
  });
  const recordedType = response.headers['content-type']?.split(';')[0];
  if (status === response.status)
    expect(answer.headers.get('content-type')?.split(';')[0]).toBe(recordedType);
  const sentId = request.headers['X-Request-Id'];
  if (sentId) expect(answer.headers.get('x-request-id')).toBe(sentId);
  if (status === response.status && recordedType === 'application/json') {
    expect([name, differences(response.body, answer.body)]).toEqual([name, []]);
  }
  return answer;
}

/** Explicit errors are part of the wire word for word. */
async function expectSameDetail(api: ApiUnderTest, name: string): Promise<void> {
  const answer = await expectAsRecorded(api, name);
  expect([name, answer.body]).toEqual([name, sample(name).response.body]);
}

describe('recorded requests', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: OWNER }, clock: () => now });
    await api.db.registeredNeuron.createMany({
      data: [MINER2, MINER3, MINER4].map((hotkey, uid) => ({ hotkey, uid })),
    });
  });
  afterAll(() => api.close());

  it('are answered as before anything happened', async () => {
    for (const name of ['healthz', 'weights-not-ready', 'dashboard-families'])
      await expectAsRecorded(api, name);
    for (const name of [
      'method-not-allowed',
      'dashboard-leaderboard-bad-family',
      'submission-by-id-unknown',
    ]) {
      await expectSameDetail(api, name);
    }
  });

  it('are refused for the same reasons, in the same words', async () => {
    for (const name of [
      'auth-missing-headers',
      'auth-missing-signature-header',
      'auth-stale-past',
      'auth-invalid-timestamp',
      'auth-invalid-hotkey',
      'auth-invalid-signature',
      'auth-internal-token-missing',
      'auth-internal-invalid-body-and-token',
      'claim-malformed-json',
      'claim-field-error-unsigned',
    ]) {
      await expectSameDetail(api, name);
    }
    // The original broke on these; here they are what they are.
    for (const name of ['auth-malformed-signature-nothex', 'auth-signature-without-0x']) {
      expect((await expectAsRecorded(api, name, 401)).body.detail).toBe('invalid signature');
    }
    expect((await send(api, 'auth-timestamp-Z')).status).toBe(200);
    const { config } = api.deps;
    expect(config.owner.ss58).toBe(OWNER);
    Object.assign(api.deps, { ownerHotkey: null });
    await expectSameDetail(api, 'auth-owner-not-configured');
    Object.assign(api.deps, { ownerHotkey: OWNER });
  });

  it('report field errors alike', async () => {
    await expectSameDetail(api, 'feedback-no-run-id');
    await api.db.validator.create({ data: { hotkey: '5GuycFcaA8PKPLgsMajBTC4w3bxrk2k4LPjZ3KZ73xkXwAex' } });
    await expectSameDetail(api, 'claim-batch-too-large');
    await expectSameDetail(api, 'result-body-not-json');
    await expectSameDetail(api, 'admin-validators-add-short');
  });

  it('submit agents', async () => {
    await expectSameDetail(api, 'submission-not-registered');
    await expectSameDetail(api, 'submission-no-archive-field');
    const accepted = await expectAsRecorded(api, 'submission-accepted');
    const recorded = sample('submission-accepted').response.body as Record<string, unknown>;
    const { deployment, ...fields } = recorded as { deployment: Record<string, unknown> } & Record<
      string,
      unknown
    >;
    expect(accepted.body.manifest).toEqual(fields.manifest);
    expect(accepted.body.archive_sha256).toBe(fields.archive_sha256);
    expect(accepted.body.submission_block).toBe(fields.submission_block);
    for (const field of [
      'deployment_revision',
      'image_ref',
      'health_details',
      'requested_memory_bytes',
      'is_eligible',
    ]) {
      expect(accepted.body.deployment[field]).toEqual(deployment[field]);
    }
    const second = await expectAsRecorded(api, 'submission-second');
    expect(second.body.deployment.deployment_revision).toBe(
      (sample('submission-second').response.body as { deployment: Record<string, unknown> }).deployment
        .deployment_revision,
    );
    await expectSameDetail(api, 'submission-cap');
    await expectAsRecorded(api, 'submission-current');
    await expectAsRecorded(api, 'submission-extrinsic-reused');
    expect((await expectAsRecorded(api, 'submission-not-gzip', 400)).body.detail).toMatch(/gzip/);
    for (const name of [
      'submission-bad-manifest',
      'submission-unknown-family',
      'submission-direct-provider',
    ]) {
      const answer = await expectAsRecorded(api, name);
      const detail = (sample(name).response.body as { detail: string }).detail;
      expect(answer.body.detail.split('\n')[0]).toBe(detail.split('\n')[0]);
    }
  });
});

describe('recorded requests about a run', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: OWNER }, clock: () => now });
    const stored = await api.deps.objectStore.put('submissions/archive.tar.gz', Buffer.from('bytes'));
    await seedAgent(api.db, { ...AGENT0, storageKey: stored.key });
    await seedAgent(api.db, AGENT1);
    await seedRun(api.db);
    await seedScores(api.db);
    await seedOthers(api.db);
    const bundle = (
      sample('targets').response.body as { evaluation_bundle: { tasks: { metadata: object }[] } }
    ).evaluation_bundle;
    // What validators must not see is put in, to be taken out again.
    const secret = {
      ...bundle,
      tasks: bundle.tasks.map((task) => ({
        ...task,
        expected_output: { answer: 'gold', task_family: 'factual_web' },
        metadata: { ...task.metadata, seed_id: 'gold' },
      })),
      metadata: { hidden_fixture_ids: ['gold'], dataset_generator: { version: 'bench' } },
    };
    await api.deps.objectStore.put(
      'general_chat/evaluation_bundle/run-1/x.json',
      Buffer.from(JSON.stringify(secret)),
    );
  });
  afterAll(() => api.close());

  it('read an open run', async () => {
    for (const name of [
      'runs-current',
      'runs-list',
      'scorecards',
      'aggregate',
      'submission-scorecards',
      'submission-canonical',
      'submission-progress',
      'submission-pool',
      'deployments-list',
      'deployment-by-id',
      'dashboard-overview',
      'dashboard-leaderboard',
      'admin-whoami',
      'admin-runs-current',
      'admin-submissions',
      'admin-deployments',
    ]) {
      await expectAsRecorded(api, name);
    }
    for (const name of ['submission-by-id-other-miner', 'admin-not-owner']) await expectSameDetail(api, name);
  });

  it('read the targets without gold answers and without credentials', async () => {
    const answer = await send(api, 'targets');
    const recorded = structuredClone(sample('targets').response.body) as { members: { metadata: object }[] };
    for (const member of recorded.members) delete (member.metadata as Record<string, unknown>).auth_headers;
    expect(differences(recorded, answer.body)).toEqual([]);
    expect(answer.text).not.toMatch(/must-not-be-shown|gold/);
    expect(answer.body.evaluation_bundle.tasks[0].expected_output).toEqual({ task_family: 'factual_web' });
    expect(await api.db.epochTargetSnapshot.count()).toBe(1);
  });

  it('administer validators', async () => {
    for (const name of ['admin-validators-add', 'admin-validators-disable', 'admin-validators-remove']) {
      const answer = await expectAsRecorded(api, name);
      expect(answer.body).toEqual(sample(name).response.body);
    }
    await expectSameDetail(api, 'admin-validators-remove-unknown');
  });

  it('read a closed run', async () => {
    await seedClose(api.db, 'general_chat/evidence/run-1/x.json');
    for (const name of [
      'weights-ready',
      'admin-runs',
      'dashboard-leaderboard-closed-run',
      'runs-current-next',
    ]) {
      await expectAsRecorded(api, name);
    }
    const weights = await api.call('GET', '/v1/weights');
    expect(weights.body).toMatchObject(sample('weights-ready').response.body as object);
    expect((await api.call('GET', '/v1/weights?run_id=run-2')).body.ready).toBe(false);
  });
});
