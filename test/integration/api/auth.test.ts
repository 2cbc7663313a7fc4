import { hotkeyFromSeed } from '../../../adapters/keys/hotkey';
import { signRequest } from '../../../adapters/keys/sign';
import { INTERNAL_TOKEN, key, startApi } from './harness';
import type { ApiUnderTest } from './harness';

const owner = key(1);
const miner = key(2);
const validator = key(3);
const stranger = key(4);

describe('authentication', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi({ env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58 } });
    await api.db.validator.create({ data: { hotkey: validator.ss58, uid: 3 } });
    await api.db.validator.create({ data: { hotkey: key(5).ss58, uid: 5, isActive: false } });
  });
  afterAll(() => api.close());

  const current = '/v1/submissions/current';
  const signed = (options: { now?: Date } = {}): Record<string, string> =>
    signRequest(miner, { method: 'GET', path: current, ...options });
  const detailOf = async (headers: Record<string, string>): Promise<[number, unknown]> => {
    const answer = await api.call('GET', current, { headers });
    return [answer.status, answer.body.detail];
  };

  it('accepts a signed request, under both header names', async () => {
    expect(await api.call('GET', current, { signer: miner })).toMatchObject({ status: 200, body: null });
    const headers = signed();
    const aliased = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.replace('X-', 'X-Eirel-'), value]),
    );
    expect((await api.call('GET', current, { headers: aliased })).status).toBe(200);
  });

  it('accepts a timestamp that ends in Z', async () => {
    const timestamp = new Date().toISOString();
    const message = `GET${current}e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855${timestamp}`;
    const headers = { 'X-Hotkey': miner.ss58, 'X-Signature': miner.sign(message), 'X-Timestamp': timestamp };
    expect((await api.call('GET', current, { headers })).status).toBe(200);
  });

  it.each([['X-Hotkey'], ['X-Signature'], ['X-Timestamp']])('refuses a request without %s', async (name) => {
    const { [name]: _gone, ...rest } = signed();
    expect(await detailOf(rest)).toEqual([401, 'missing signature headers']);
  });

  it.each([
    ['a past', -61_000],
    ['a future', 90_000],
  ])('refuses %s timestamp beyond the window', async (_name, offset) => {
    const headers = signed({ now: new Date(Date.now() + offset) });
    expect(await detailOf(headers)).toEqual([401, 'stale timestamp']);
  });

  it('reports faults in the order of the wire: timestamp, skew, hotkey, signature', async () => {
    const bad = { 'X-Hotkey': 'nobody', 'X-Signature': 'zz', 'X-Timestamp': 'yesterday' };
    expect(await detailOf(bad)).toEqual([401, 'invalid timestamp']);
    expect(await detailOf({ ...bad, 'X-Timestamp': '2020-01-01' })).toEqual([401, 'stale timestamp']);
    const fresh = { ...bad, 'X-Timestamp': new Date().toISOString() };
    expect(await detailOf(fresh)).toEqual([401, 'invalid hotkey']);
    expect(await detailOf({ ...fresh, 'X-Hotkey': miner.ss58 })).toEqual([401, 'invalid signature']);
  });

  it('refuses a signature of another key, in another form, or over another request', async () => {
    const headers = signed();
    const signature = headers['X-Signature'] as string;
    const other = signRequest(stranger, { method: 'GET', path: current });
    const cases: Record<string, string>[] = [
      { ...headers, 'X-Signature': other['X-Signature'] as string },
      { ...headers, 'X-Signature': signature.slice(2) },
      { ...headers, 'X-Signature': 'g'.repeat(128) },
      { ...headers, 'X-Signature': signature.slice(0, -2) },
      signRequest(miner, { method: 'POST', path: current }),
      signRequest(miner, { method: 'GET', path: '/v1/deployments' }),
      signRequest(miner, { method: 'GET', path: current, body: 'x' }),
    ];
    for (const wrong of cases) expect(await detailOf(wrong)).toEqual([401, 'invalid signature']);
  });

  it('verifies over path and query as sent, and over the path alone', async () => {
    const path = '/v1/deployments?limit=3';
    expect((await api.call('GET', path, { signer: miner })).status).toBe(200);
    const timestamp = new Date().toISOString().replace('Z', '000+00:00');
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const headers = (signedPath: string): Record<string, string> => ({
      'X-Hotkey': miner.ss58,
      'X-Signature': miner.sign(`GET${signedPath}${empty}${timestamp}`),
      'X-Timestamp': timestamp,
    });
    expect((await api.call('GET', path, { headers: headers(path) })).status).toBe(200);
    expect((await api.call('GET', path, { headers: headers('/v1/deployments?limit=4') })).status).toBe(401);
  });

  it('admits validators of the whitelist only', async () => {
    expect((await api.call('GET', '/v1/validators/me', { signer: validator })).body).toMatchObject({
      hotkey: validator.ss58,
      uid: 3,
      is_active: true,
    });
    for (const other of [stranger, key(5)]) {
      const answer = await api.call('GET', '/v1/validators/me', { signer: other });
      expect([answer.status, answer.body.detail]).toEqual([403, 'validator access denied']);
    }
  });

  it('admits the owner only, and says so when there is none', async () => {
    expect((await api.call('GET', '/v1/admin/whoami', { signer: owner })).body).toMatchObject({
      role: 'owner',
      hotkey: owner.ss58,
      network: 'test',
      netuid: 144,
    });
    const refused = await api.call('GET', '/v1/admin/whoami', { signer: stranger });
    expect([refused.status, refused.body.detail]).toEqual([403, 'owner access denied']);
    const deps = api.deps as { ownerHotkey: string | null };
    deps.ownerHotkey = null;
    const none = await api.call('GET', '/v1/admin/whoami', { signer: owner });
    deps.ownerHotkey = owner.ss58;
    expect([none.status, none.body.detail]).toEqual([
      503,
      'owner authentication is not configured (set EIREL_OWNER_HOTKEY_SS58)',
    ]);
  });

  it.each([
    ['nothing', {}],
    ['another token', { authorization: 'Bearer wrong' }],
    ['another case', { authorization: `bearer ${INTERNAL_TOKEN}` }],
    ['a longer token', { authorization: `Bearer ${INTERNAL_TOKEN}x` }],
  ])('refuses internal calls with %s', async (_name, headers: Record<string, string>) => {
    const answer = await api.call('GET', '/v1/submissions/pool', { headers });
    expect([answer.status, answer.body.detail]).toEqual([401, 'invalid internal authorization']);
  });

  it('accepts internal calls with the token, and no token is no key', async () => {
    const headers = { authorization: `Bearer ${INTERNAL_TOKEN}` };
    expect((await api.call('GET', '/v1/submissions/pool', { headers })).status).toBe(200);
    api.deps.config.internalServiceToken = '';
    const answer = await api.call('GET', '/v1/submissions/pool', { headers: { authorization: 'Bearer ' } });
    api.deps.config.internalServiceToken = INTERNAL_TOKEN;
    expect(answer.status).toBe(401);
  });

  describe('replay', () => {
    const path = '/v1/admin/validators';
    const body = JSON.stringify({ hotkey: stranger.ss58 });
    const request = (options: { requestId?: string; now?: Date } = {}): Record<string, string> => ({
      'content-type': 'application/json',
      ...signRequest(owner, { method: 'POST', path, body, ...options }),
    });
    const post = (headers: Record<string, string>) => api.call('POST', path, { headers, body });

    it('refuses the same request, also under a fresh request id or none', async () => {
      const headers = request();
      expect((await post(headers)).status).toBe(200);
      const { 'X-Request-Id': _id, ...anonymous } = headers;
      for (const again of [headers, { ...headers, 'X-Request-Id': 'fresh' }, anonymous]) {
        const answer = await post(again);
        expect([answer.status, answer.body.detail]).toEqual([409, 'replayed request']);
      }
    });

    it('refuses a request id that was used before, freshly signed', async () => {
      expect((await post(request({ requestId: 'once' }))).status).toBe(200);
      expect((await post(request({ requestId: 'once', now: new Date(Date.now() - 1000) }))).status).toBe(409);
    });

    it('spends the nonce of a request that is refused for its signer', async () => {
      const headers = signRequest(stranger, { method: 'DELETE', path: `${path}/x` });
      expect((await api.call('DELETE', `${path}/x`, { headers })).status).toBe(403);
      expect((await api.call('DELETE', `${path}/x`, { headers })).status).toBe(409);
    });

    it('does not spend the nonce of a request whose signature is wrong', async () => {
      const headers = request({ requestId: 'innocent' });
      expect((await post({ ...headers, 'X-Signature': `0x${'1'.repeat(128)}` })).status).toBe(401);
      expect((await post(headers)).status).toBe(200);
    });

    it('keeps the key of a forward-dated request until its timestamp has lapsed', async () => {
      await post(request({ requestId: 'ahead', now: new Date(Date.now() + 50_000) }));
      const ttl = await api.redis.pttl(`eirel:request-replay:${owner.ss58}:ahead`);
      expect(ttl).toBeGreaterThan(100_000);
    });

    it('does not check reads', async () => {
      const headers = signed();
      expect((await api.call('GET', current, { headers })).status).toBe(200);
      expect((await api.call('GET', current, { headers })).status).toBe(200);
    });
  });
});

describe('without Redis', () => {
  it('refuses what changes something, and serves reads', async () => {
    const api = await startApi({
      redisUrl: 'redis://127.0.0.1:1/0',
      env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58 },
    });
    try {
      const json = { hotkey: hotkeyFromSeed(new Uint8Array(32).fill(9)).ss58 };
      const answer = await api.call('POST', '/v1/admin/validators', { signer: owner, json });
      expect(answer.status).toBe(503);
      expect(answer.body.detail).toMatch(/^replay protection unavailable, /);
      expect(await api.db.validator.count()).toBe(0);
      expect((await api.call('GET', '/v1/admin/validators', { signer: owner })).status).toBe(200);
      expect((await api.call('GET', '/healthz')).body).toMatchObject({ status: 'degraded' });
      expect((await api.call('GET', '/readyz')).status).toBe(503);
    } finally {
      await api.close();
    }
  });
});
