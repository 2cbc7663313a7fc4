/**
 * The OWASP API top ten, put to this API over real HTTP: each test is an attack, and says what must come of it. What a
 * whole kind of attack has a test of its own for is there (archives, SSRF, tools, proxy).
 */
import { Keyring } from '@polkadot/keyring';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { createConnection } from 'node:net';
import { encodeAddress } from '@polkadot/util-crypto';
import { canonicalMessage, bodySha256Hex } from '../../../domain/signing';
import { signRequest } from '../../../adapters/keys/sign';
import { allRoutes } from '../../../api/routes';
import { INTERNAL_TOKEN, key, startApi } from './harness';
import type { Answer, ApiUnderTest } from './harness';
import { AGENT0, AGENT1, seedAgent } from './seed';
import { seedOpenTasks } from './wire/open-run';

const owner = key(1);
const validatorA = key(2);
const validatorB = key(3);
const stranger = key(4);
const CLAIM = '/v1/families/general_chat/tasks/claim';

let api: ApiUnderTest;
beforeAll(async () => {
  await cryptoWaitReady();
  api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58 } });
  await seedAgent(api.db, { ...AGENT0, hotkey: stranger.ss58 });
  await seedAgent(api.db, AGENT1);
  await seedOpenTasks(api.db);
  for (const { ss58 } of [validatorA, validatorB]) await api.db.validator.create({ data: { hotkey: ss58 } });
});
afterAll(() => api.close());

const status = async (answer: Promise<Answer>): Promise<number> => (await answer).status;

/** Nothing that the server says of a failure names its insides. */
function tellsNothing(answer: Answer): void {
  expect(answer.text).not.toMatch(/prisma|postgres|node_modules|\.ts:\d|at \w+ \(|ECONN|stack/i);
}

describe('API1: objects of others', () => {
  it('a lease is settled, kept and released by its holder alone', async () => {
    const claimed = await api.call('POST', CLAIM, { signer: validatorA, json: { batch_size: 1 } });
    const { task_evaluation_id: id, fencing } = claimed.body.tasks[0];
    const base = `/v1/families/general_chat/task-evaluations/${id}`;
    for (const verb of ['result', 'heartbeat', 'baseline-failed']) {
      const answer = await api.call('POST', `${base}/${verb}`, { signer: validatorB, json: { fencing } });
      expect([verb, answer.status, answer.body.detail]).toEqual([verb, 403, 'rejected_wrong_validator']);
    }
    expect(await api.db.taskMinerResult.count()).toBe(0);
    expect(await status(api.call('POST', `${base}/baseline-failed`, { signer: validatorA, json: {} }))).toBe(
      200,
    );
  });

  it('submissions, deployments, archives and logs are their miner’s', async () => {
    const submission = `/v1/submissions/${AGENT1.submissionId}`;
    const paths = ['', '/artifact', '/scorecards', '/progress', '/canonical', '/events', '/build-log'].map(
      (tail) => `${submission}${tail}`,
    );
    paths.push(
      `/v1/deployments/${AGENT1.deploymentId}`,
      `/v1/deployments/${AGENT1.deploymentId}/health-history`,
    );
    for (const path of paths) {
      expect([path, await status(api.call('GET', path, { signer: stranger }))]).toEqual([path, 403]);
    }
    const withdrawn = api.call('POST', `${submission}/withdraw`, { signer: stranger, json: {} });
    expect(await status(withdrawn)).toBe(403);
    const feedback = await api.call('GET', `/v1/eval/feedback?run_id=run-1&miner_hotkey=${AGENT1.hotkey}`, {
      signer: stranger,
    });
    expect(feedback.body.miner_hotkey).toBe(stranger.ss58);
  });

  it('guessed ids are not found, whatever they hold', async () => {
    for (const id of [
      '1',
      '../admin',
      '%2e%2e',
      "' OR 1=1 --",
      '00000000-0000-0000-0000-000000000000',
      'x'.repeat(3000),
    ]) {
      const answer = await api.call('GET', `/v1/submissions/${encodeURIComponent(id)}`, { signer: stranger });
      expect([id, answer.status]).toEqual([id, 404]);
      tellsNothing(answer);
    }
  });

  it('a null character reaches no database', async () => {
    const calls: [string, string, unknown?][] = [
      ['GET', '/v1/runs/%00/progress'],
      ['GET', '/v1/weights?run_id=%00'],
      ['POST', '/v1/admin/validators', { hotkey: `${'x'.repeat(47)}\u0000` }],
    ];
    for (const [method, path, json] of calls) {
      const answer = await api.call(method, path, { signer: owner, ...(json ? { json } : {}) });
      expect([path, answer.status]).toEqual([path, 400]);
      tellsNothing(answer);
    }
  });
});

describe('API2: who calls', () => {
  const path = '/v1/admin/validators';
  const body = JSON.stringify({ hotkey: validatorA.ss58 });
  const json = { 'content-type': 'application/json' };
  const send = (
    headers: Record<string, string>,
    change: { method?: string; path?: string; body?: string } = {},
  ) =>
    status(
      api.call(change.method ?? 'POST', change.path ?? path, {
        headers: { ...json, ...headers },
        body: change.body ?? body,
      }),
    );
  const signed = (options: { now?: Date } = {}) =>
    signRequest(owner, { method: 'POST', path, body, ...options });

  it('another body, path, method or time than the one that was signed is refused', async () => {
    expect(await send(signed(), { body: body.replace('{', '{ ') })).toBe(401);
    expect(await send(signed(), { path: '/v1/admin/runs/advance' })).toBe(401);
    expect(
      await send(signed(), {
        method: 'PATCH',
        path: `${path}/${validatorA.ss58}`,
        body: '{"is_active":true}',
      }),
    ).toBe(401);
    for (const minutes of [-2, 2]) {
      expect(await send(signed({ now: new Date(Date.now() + minutes * 60_000) }))).toBe(401);
    }
    const headers = signed();
    expect(await send({ ...headers, 'X-Timestamp': new Date().toISOString() })).toBe(401);
  });

  it('a captured request passes once, whatever its request id', async () => {
    const headers = signed();
    expect(await send(headers)).toBe(200);
    expect(await send(headers)).toBe(409);
    expect(await send({ ...headers, 'X-Request-Id': 'another-id' })).toBe(409);
    const { 'X-Request-Id': _left, ...without } = headers as Record<string, string>;
    expect(await send(without)).toBe(409);
  });

  it('keys of other kinds, and other spellings of a key, are not the owner', async () => {
    const timestamp = new Date().toISOString();
    const message = canonicalMessage({
      method: 'POST',
      path,
      bodyHash: bodySha256Hex(Buffer.from(body)),
      timestamp,
    });
    for (const type of ['ed25519', 'ecdsa'] as const) {
      const pair = new Keyring({ type, ss58Format: 42 }).addFromSeed(new Uint8Array(32).fill(1));
      const signature = `0x${Buffer.from(pair.sign(message)).toString('hex')}`;
      expect(
        await send({ 'X-Hotkey': pair.address, 'X-Signature': signature, 'X-Timestamp': timestamp }),
      ).toBe(401);
      expect(await send({ 'X-Hotkey': owner.ss58, 'X-Signature': signature, 'X-Timestamp': timestamp })).toBe(
        401,
      );
    }
    const headers = signed();
    expect([401, 403]).toContain(await send({ ...headers, 'X-Hotkey': encodeAddress(owner.publicKey, 0) }));
    expect(await send({ ...headers, 'X-Signature': `0x${'0'.repeat(128)}` })).toBe(401);
    expect(await send({ ...headers, 'X-Signature': '' })).toBe(401);
  });

  it('a validator that is switched off, and one that never was, is refused', async () => {
    const switched = (is_active: boolean) =>
      api.call('PATCH', `/v1/admin/validators/${validatorB.ss58}`, { signer: owner, json: { is_active } });
    expect((await switched(false)).status).toBe(200);
    expect(await status(api.call('POST', CLAIM, { signer: validatorB, json: {} }))).toBe(403);
    expect((await switched(true)).status).toBe(200);
    expect(await status(api.call('POST', CLAIM, { signer: stranger, json: {} }))).toBe(403);
  });
});

describe('API3: properties', () => {
  it('fields that are not the caller’s to set are ignored', async () => {
    const hotkey = key(9).ss58;
    const json = {
      hotkey,
      is_active: false,
      last_synced_at: '2000-01-01T00:00:00',
      created_at: 'x',
      role: 'owner',
    };
    expect(await status(api.call('POST', '/v1/admin/validators', { signer: owner, json }))).toBe(200);
    const row = await api.db.validator.findUniqueOrThrow({ where: { hotkey } });
    expect([row.isActive, row.lastSyncedAt.getUTCFullYear() > 2000]).toEqual([true, true]);
    const claimed = await api.call('POST', CLAIM, {
      signer: validatorA,
      json: {
        batch_size: 1,
        validator_hotkey: validatorB.ss58,
        status: 'evaluated',
        fencing: 1,
        attempt_count: 99,
      },
    });
    const claim = await api.db.taskClaim.findUniqueOrThrow({
      where: { fencing: BigInt(claimed.body.tasks[0].fencing) },
    });
    expect([claim.validatorHotkey, claim.status]).toEqual([validatorA.ss58, 'claimed']);
    const rows = await api.db.minerEvaluationTask.findMany({ where: { claimFencing: claim.fencing } });
    expect(rows.every((row) => row.attemptCount < 3 && row.officialComposite === null)).toBe(true);
  });

  it('no answer carries a secret', async () => {
    const texts = await Promise.all([
      api.call('GET', '/v1/families/general_chat/targets', { signer: validatorA }),
      api.call('GET', '/v1/admin/deployments', { signer: owner }),
      api.call('GET', '/healthz'),
      api.call('GET', '/metrics'),
      api.call('GET', '/openapi.json'),
    ]);
    for (const { text } of texts) {
      expect(text).not.toContain(INTERNAL_TOKEN);
      expect(text).not.toMatch(/job-token-secret|proxy-token-of/);
    }
  });
});

describe('API4: resources', () => {
  const raw = (body: string) =>
    api.call('POST', CLAIM, { signer: validatorA, body, headers: { 'content-type': 'application/json' } });

  it('deep, wide and endless JSON is refused quickly', async () => {
    const started = Date.now();
    const bodies = [
      '['.repeat(200_000),
      '{"a":'.repeat(100_000),
      `{"run_id": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      `{"batch_size": ${'9'.repeat(100_000)}}`,
      `{"run_id": "${'x'.repeat(1_000_000)}"}`,
    ];
    for (const body of bodies) {
      const answer = await raw(body);
      expect([body.slice(0, 12), answer.status >= 400 && answer.status < 500]).toEqual([
        body.slice(0, 12),
        true,
      ]);
    }
    expect(Date.now() - started).toBeLessThan(50_000);
  });

  it('a body over its cap is refused before it is read', async () => {
    const length = api.deps.config.maxJsonBodyBytes + 1;
    const { port } = new URL(api.url);
    const head = `POST ${CLAIM} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
    expect(await firstLine(Number(port), head)).toMatch(/ 413 /);
  });

  it('headers without end are refused', async () => {
    const { port } = new URL(api.url);
    const head = `GET /healthz HTTP/1.1\r\nhost: x\r\nx-big: ${'a'.repeat(100_000)}\r\n\r\n`;
    expect(await firstLine(Number(port), head)).toMatch(/ 431 /);
  });

  it('no page is larger than its bound, and no claim takes all', async () => {
    for (const query of ['limit=201', 'limit=1000000000', 'limit=-1', 'offset=-1', 'limit=1e9']) {
      expect([query, await status(api.call('GET', `/v1/runs?${query}`))]).toEqual([query, 422]);
    }
    expect(await status(api.call('POST', CLAIM, { signer: validatorA, json: { batch_size: 41 } }))).toBe(422);
  });
});

describe('API5: functions of others', () => {
  it('every route of the owner refuses everybody else', async () => {
    const owned = Object.entries(ownedRoutes());
    expect(owned.length).toBeGreaterThan(10);
    for (const [route, [method, path]] of owned) {
      const json = method === 'GET' || method === 'DELETE' ? {} : { json: {} };
      for (const signer of [stranger, validatorA]) {
        expect([route, await status(api.call(method, path, { signer, ...json }))]).toEqual([route, 403]);
      }
      const headers = { authorization: `Bearer ${INTERNAL_TOKEN}` };
      expect([route, await status(api.call(method, path, { headers, ...json }))]).toEqual([route, 401]);
    }
  });

  it('internal routes want the internal token, and no signature stands for it', async () => {
    for (const path of [
      '/v1/internal/registry',
      '/v1/internal/checkpoints/t/latest',
      '/v1/submissions/pool',
    ]) {
      expect([path, await status(api.call('GET', path, { signer: owner }))]).toEqual([path, 401]);
      for (const token of ['', 'x', `${INTERNAL_TOKEN}x`, INTERNAL_TOKEN.slice(1)]) {
        const headers = { authorization: `Bearer ${token}` };
        expect([path, await status(api.call('GET', path, { headers }))]).toEqual([path, 401]);
      }
    }
  });
});

describe('API8 and API9: configuration and inventory', () => {
  it('answers name neither the server nor its insides', async () => {
    const answer = await api.call('GET', '/v1/nothing/here');
    expect([answer.status, answer.body]).toEqual([404, { detail: 'Not Found' }]);
    expect(answer.headers.get('x-powered-by')).toBeNull();
    expect(answer.headers.get('server')).toBeNull();
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const crossed = await api.call('GET', '/healthz', { headers: { origin: 'https://evil.example' } });
    expect(crossed.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('nothing answers at old, hidden or debugging addresses', async () => {
    for (const path of [
      '/v0/runs',
      '/v2/runs',
      '/debug',
      '/.env',
      '/admin',
      '/v1',
      '/v1/admin',
      '/api',
      '/graphql',
      '/v1/runs/',
    ]) {
      expect([path, await status(api.call('GET', path))]).toEqual([path, 404]);
    }
  });
});

/** Routes whose OpenAPI security is the owner's, with parameters filled in. */
function ownedRoutes(): Record<string, [string, string]> {
  const owned = allRoutes.flat().filter(({ contract }) => contract.auth === 'owner');
  return Object.fromEntries(
    owned.flatMap(({ contract, paths }) =>
      paths.map((path) => {
        const method = contract.method.toUpperCase();
        return [`${method} ${path}`, [method, path.replace(/\{\w+\*?\}/g, 'x')] as [string, string]];
      }),
    ),
  );
}

/** Sends bytes as they are; the first line of what comes back. */
function firstLine(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1', () => socket.write(head));
    let seen = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      if (seen.includes('\r\n')) socket.end();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(seen.split('\r\n')[0] ?? ''));
  });
}
