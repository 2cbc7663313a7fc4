import { request } from 'node:http';
import { allRoutes } from '../../../api/routes';
import { openApiPath } from '../../../api/route';
import { findJsonFault } from '../../../api/json-error';
import { key, startApi } from './harness';
import type { ApiUnderTest } from './harness';

const owner = key(1);

describe('HTTP', () => {
  let api: ApiUnderTest;
  beforeAll(async () => {
    api = await startApi({
      env: { EIREL_OWNER_HOTKEY_SS58: owner.ss58, EIREL_MAX_JSON_BODY_BYTES: '10000' },
    });
  });
  afterAll(() => api.close());

  it('documents exactly the routes that it serves', async () => {
    const served = allRoutes
      .flat()
      .flatMap((route) => route.paths.map((path) => `${route.contract.method} ${openApiPath(path)}`));
    expect(new Set(served).size).toBe(served.length);
    const { body } = await api.call('GET', '/openapi.json');
    const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(documented.sort()).toEqual(served.sort());
    expect(body.openapi).toBe('3.1.0');
  });

  it('answers on every documented path', async () => {
    const { body } = await api.call('GET', '/openapi.json');
    for (const [path, methods] of Object.entries(body.paths as Record<string, object>)) {
      const url = path.replace(/\{\w+\}/g, 'x');
      for (const method of Object.keys(methods)) {
        const answer = await api.call(method.toUpperCase(), url, {});
        expect([method, path, answer.body?.detail]).not.toEqual([method, path, 'Not Found']);
        expect([method, path, answer.status]).not.toEqual([method, path, 405]);
        expect([method, path, answer.status >= 500 && answer.status !== 503]).toEqual([method, path, false]);
      }
    }
  });

  it('has a page for the document, without anything from elsewhere', async () => {
    const page = await api.call('GET', '/docs/');
    expect(page.status).toBe(200);
    expect(page.text).toContain('swagger-ui');
    expect(page.text).not.toMatch(/(src|href)="https?:/);
  });

  it('answers unknown paths and methods in JSON', async () => {
    expect(await api.call('GET', '/v1/nothing')).toMatchObject({
      status: 404,
      body: { detail: 'Not Found' },
    });
    expect((await api.call('GET', '/healthz/')).status).toBe(404);
    const wrong = await api.call('DELETE', '/v1/runs');
    expect([wrong.status, wrong.body, wrong.headers.get('allow')]).toEqual([
      405,
      { detail: 'Method Not Allowed' },
      'GET',
    ]);
  });

  it('echoes the request id or makes one of 12 hex digits', async () => {
    const sent = await api.call('GET', '/healthz', { headers: { 'x-request-id': 'mine' } });
    expect(sent.headers.get('x-request-id')).toBe('mine');
    expect((await api.call('GET', '/healthz')).headers.get('x-request-id')).toMatch(/^[0-9a-f]{12}$/);
  });

  it('allows browsers of any origin by default, without credentials', async () => {
    const headers = { origin: 'https://a.example' };
    const plain = await api.call('GET', '/healthz', { headers });
    expect(plain.headers.get('access-control-allow-origin')).toBe('*');
    expect(plain.headers.get('access-control-allow-credentials')).toBeNull();
    const preflight = await api.call('OPTIONS', '/v1/runs', {
      headers: {
        ...headers,
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'x-hotkey',
      },
    });
    expect(preflight.status).toBe(200);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('x-hotkey');
  });

  it('answers an unexpected failure in JSON and keeps the connection', async () => {
    await api.db.$executeRaw`ALTER TABLE evaluation_runs RENAME TO evaluation_runs_gone`;
    const log = jest.spyOn(api.deps.logger, 'error').mockImplementation(() => api.deps.logger as never);
    try {
      const answer = await api.call('GET', '/v1/runs');
      expect([answer.status, answer.body]).toEqual([500, { detail: 'Internal Server Error' }]);
      expect(answer.headers.get('connection')).not.toBe('close');
      expect(answer.headers.get('x-request-id')).not.toBeNull();
      expect(log).toHaveBeenCalled();
    } finally {
      log.mockRestore();
      await api.db.$executeRaw`ALTER TABLE evaluation_runs_gone RENAME TO evaluation_runs`;
    }
    expect((await api.call('GET', '/v1/runs')).status).toBe(200);
  });

  it('caps bodies, announced or not', async () => {
    const json = { hotkey: 'x'.repeat(20_000) };
    const announced = await api.call('POST', '/v1/admin/validators', { json });
    expect([announced.status, announced.text]).toEqual([413, 'Request body too large']);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const chunked = request(`${api.url}/v1/admin/validators`, { method: 'POST' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      chunked.on('error', reject);
      for (let piece = 0; piece < 3; piece += 1) chunked.write(Buffer.alloc(6_000, 0x20));
      chunked.end();
    });
    expect(status).toBe(413);
  });

  it('reports malformed JSON before it asks who calls', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await api.call('POST', '/v1/admin/validators', { headers, body: '{"a": 1,}' });
    expect([answer.status, answer.body.detail]).toEqual([
      422,
      [
        {
          type: 'json_invalid',
          loc: ['body', 8],
          msg: 'JSON decode error',
          input: {},
          ctx: { error: 'Expecting property name enclosed in double quotes' },
        },
      ],
    ]);
    const notText = await api.call('POST', '/v1/admin/validators', {
      headers,
      body: Buffer.from([0xff, 0xfe]),
    });
    expect([notText.status, notText.body.detail]).toEqual([400, 'There was an error parsing the body']);
    expect((await api.call('POST', '/v1/admin/validators', { json: {} })).status).toBe(401);
    const list = await api.call('POST', '/v1/admin/validators', { signer: owner, json: [1] });
    expect(list.body.detail[0]).toMatchObject({ type: 'model_attributes_type', loc: ['body'] });
    const none = await api.call('POST', '/v1/admin/validators', { signer: owner });
    expect(none.body.detail).toEqual([
      { type: 'missing', loc: ['body'], msg: 'Field required', input: null },
    ]);
  });

  it('reads the query as the original did', async () => {
    const limits = async (query: string) => (await api.call('GET', `/v1/runs?${query}`)).status;
    expect(await limits('limit=0')).toBe(422);
    expect(await limits('limit=201')).toBe(422);
    expect(await limits('limit=x')).toBe(422);
    expect(await limits('limit=1&limit=2&unknown=1')).toBe(200);
    const clamped = await api.call('GET', '/v1/admin/submissions?limit=9999', { signer: owner });
    expect(clamped.status).toBe(200);
    expect((await api.call('GET', '/v1/runs/%E0%A4%A/progress')).status).toBe(400);
  });

  it('shows its health and its metrics', async () => {
    expect((await api.call('GET', '/healthz')).body).toMatchObject({
      status: 'ok',
      mode: 'managed-execution',
      checks: {
        database: 'ok',
        redis: 'ok',
        temporal: 'ok',
        signatures: expect.stringMatching(/^(native|wasm)/) as unknown,
        fee: expect.stringMatching(/^off/) as unknown,
      },
    });
    expect((await api.call('GET', '/readyz')).status).toBe(200);
    const metrics = await api.call('GET', '/metrics');
    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(metrics.text).toMatch(/^eirel_owner_api_up 1$/m);
    expect(metrics.text).toMatch(/eirel_owner_http_request_seconds_count\{.*route="\/healthz"/);
    expect((await api.call('GET', '/v1/metagraph/status')).body).toEqual({
      status: 'never_synced',
      network: 'test',
      netuid: 144,
    });
  });
});

describe('faults in JSON', () => {
  it.each([
    ['{"batch_size": ', 15, 'Expecting value'],
    ['not json', 0, 'Expecting value'],
    ['{"a" 1}', 5, "Expecting ':' delimiter"],
    ['{"a": 1 "b"}', 8, "Expecting ',' delimiter"],
    ['[1 2]', 3, "Expecting ',' delimiter"],
    ['["a', 1, 'Unterminated string starting at'],
    ['["\\x"]', 2, 'Invalid \\escape'],
    ['["\n"]', 2, 'Invalid control character at'],
    ['{} x', 3, 'Extra data'],
    ['[', 1, 'Expecting value'],
  ])('are found as Python finds them: %j', (text, position, message) => {
    expect(findJsonFault(text)).toEqual({ position, message });
  });

  it('are found in deep nesting without exhausting the stack', () => {
    expect(findJsonFault('['.repeat(1_000_000))).toMatchObject({ message: 'Nested too deeply' });
  });
});
