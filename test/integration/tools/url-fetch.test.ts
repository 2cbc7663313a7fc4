import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { ensurePythonVenv } from '../../../adapters/local-stack/python-venv';
import { projectRoot } from '../../../adapters/project-root';
import type { Resolve } from '../../../adapters/safe-fetch';
import { digestOf } from '../../../domain/evidence/canonical';
import { mintJobToken, newJobId } from '../../../domain/job-token';
import { createUrlFetch } from '../../../services/url-fetch/app';
import type { UrlFetchConfig } from '../../../services/url-fetch/config';
import { run } from './python';
import {
  ask,
  commonConfig,
  deploymentToken,
  EXTRACTOR,
  MASTER,
  SECRET,
  startToolStack,
  type TestAttempt,
  type ToolStack,
} from './harness';
import { startOrigin, startTrap, type Origin } from './origin';

jest.setTimeout(180_000);

let stack: ToolStack;
let origin: Origin;
let url: string;
let next = 0;
beforeAll(async () => {
  origin = await startOrigin();
  stack = await startToolStack(16);
});
afterAll(async () => {
  await stack?.stop();
  await origin?.close();
});

interface Settings {
  config?: Partial<UrlFetchConfig>;
  totalMs?: number;
  hostLimit?: number;
  obeyRobots?: boolean;
  resolve?: Resolve;
  allowed?: string[];
}

async function start(settings: Settings = {}): Promise<void> {
  const totalMs = settings.totalMs ?? 10_000;
  const config: UrlFetchConfig = {
    ...commonConfig(),
    priceMicroUsd: 500,
    page: {
      fetch: {
        userAgent: 'EirelTest/1',
        maxBytes: 1024 * 1024,
        maxRedirects: 5,
        totalMs,
        phaseMs: { resolve: 5_000, connect: 5_000, headers: 5_000, idle: 5_000 },
        allowedTargets: new Set([origin.target, ...(settings.allowed ?? [])]),
        obeyRobots: settings.obeyRobots ?? false,
      },
      hostRate: { limit: settings.hostLimit ?? 10_000, windowMs: 10_000 },
    },
    ...settings.config,
  };
  url = await stack.serve(config, (given, resources) =>
    createUrlFetch(given, resources, {
      extractor: EXTRACTOR,
      ...(settings.resolve ? { resolve: settings.resolve } : {}),
    }),
  );
}

/** An attempt that no test has used. */
function attempt(): TestAttempt {
  const found = stack.attempts[next];
  next += 1;
  if (!found) throw new Error('seed more attempts');
  return found;
}

const fetchPage = (token: string | null, target: string, more: object = {}, headers = {}) =>
  ask(`${url}/v1/fetch`, token, { url: target, ...more }, headers);
const rowsOf = (jobId: string) =>
  stack.prisma.orchestratorToolCallLog.findMany({ where: { jobId }, orderBy: { ts: 'asc' } });
const metric = async (name: string) => {
  const { body } = await ask(`${url}/metrics`, null);
  const line = String(body.text)
    .split('\n')
    .find((text) => text.startsWith(name));
  return line === undefined ? null : Number(line.split(' ').at(-1));
};

describe('a page', () => {
  beforeAll(() => start());

  it('is answered as text and links, charged, and in the ledger when its answer is there', async () => {
    const { token, jobId, deploymentId, runId } = attempt();
    const answer = await fetchPage(token, `${origin.url}/page`);
    const rows = await rowsOf(jobId);
    const charges = await stack.prisma.providerCall.findMany({ where: { jobId } });
    expect(answer.body).toEqual({
      url: `${origin.url}/page`,
      final_url: `${origin.url}/page`,
      title: 'The Tower',
      content: 'The tallest tower is in Dubai. It has 163 floors. Second pageTopNo',
      links: [
        { href: `${origin.url}/nav`, text: 'Nav' },
        { href: `${origin.url}/page2#part`, text: 'Second page' },
      ],
      status_code: 200,
      content_type: 'text/html; charset=utf-8',
      bytes_read: expect.any(Number),
      truncated: false,
    });
    const args = { url: `${origin.url}/page`, max_chars: 50_000, include_links: true };
    expect(rows).toEqual([
      expect.objectContaining({
        toolName: 'url_fetch',
        argsHash: digestOf(args),
        argsJson: args,
        status: 'ok',
        error: null,
        costUsd: 0.0005,
      }),
    ]);
    expect(charges).toEqual([
      expect.objectContaining({
        deploymentId,
        runId,
        kind: 'tool:url_fetch',
        status: 'ok',
        costMicroUsd: 500n,
      }),
    ]);
    expect(rows[0]!.id).toBe(charges[0]!.id);
  });

  it('takes nothing of the caller along, on no hop', async () => {
    const { token } = attempt();
    origin.seen.length = 0;
    const to = encodeURIComponent('/redirect?to=/page');
    const answer = await fetchPage(token, `${origin.url}/redirect?to=${to}`, {}, { cookie: 'caller=1' });
    expect(answer.status).toBe(200);
    expect(origin.seen.map(({ path }) => path)).toEqual(['/redirect', '/redirect', '/page']);
    for (const { headers } of origin.seen) {
      expect(Object.keys(headers).sort()).toEqual([
        'accept',
        'accept-encoding',
        'accept-language',
        'connection',
        'host',
        'user-agent',
      ]);
    }
  });

  it('with an upstream error is answered with 200 and does not attest', async () => {
    const { token, jobId } = attempt();
    const answer = await fetchPage(token, `${origin.url}/missing`);
    expect(answer).toMatchObject({ status: 200, body: { status_code: 404, content: 'gone' } });
    expect(await rowsOf(jobId)).toEqual([
      expect.objectContaining({ status: 'error', error: 'upstream status 404', costUsd: 0.0005 }),
    ]);
  });

  it.each([
    ['/latin1', 'caf\u00e9', ''],
    ['/meta-charset', '\u20ac 5', 'caf\u00e9'],
    ['/json', '{"a": [1, 2]}', ''],
  ])('in another charset or type is read: %s', async (path, content, title) => {
    const answer = await fetchPage(MASTER, `${origin.url}${path}`, {}, { 'x-eirel-job-id': 'owner-charset' });
    expect(answer).toMatchObject({ status: 200, body: { content, title } });
  });

  it('is cut at max_chars and says so', async () => {
    const answer = await fetchPage(
      MASTER,
      `${origin.url}/endless`,
      { max_chars: 100, include_links: false },
      {
        'x-eirel-job-id': 'owner-cut',
      },
    );
    expect(answer.body).toMatchObject({
      content: `${'x'.repeat(100)}...`,
      truncated: true,
      bytes_read: 1024 * 1024,
    });
  });

  it('of a shape that parsers choke on is read plainly, and the service lives', async () => {
    const headers = { 'x-eirel-job-id': 'owner-deep' };
    const answer = await fetchPage(MASTER, `${origin.url}/deep`, {}, headers);
    expect(answer).toMatchObject({ status: 200, body: { content: 'deep text' } });
    expect((await fetchPage(MASTER, `${origin.url}/page`, {}, headers)).body.title).toBe('The Tower');
  });
});

describe('an attack by the page', () => {
  beforeAll(() => start());
  const headers = { 'x-eirel-job-id': 'owner-attack' };

  it.each([['/gzip-bomb'], ['/brotli-bomb']])('%s is cut at 1 MiB', async (path) => {
    const before = process.memoryUsage().rss;
    const answer = await fetchPage(MASTER, `${origin.url}${path}`, { max_chars: 100 }, headers);
    expect(answer).toMatchObject({ status: 200, body: { bytes_read: 1024 * 1024, truncated: true } });
    expect(process.memoryUsage().rss - before).toBeLessThan(48 * 1024 * 1024);
  });

  it.each([
    ['/silent', 'the host did not answer in time'],
    ['/stall', 'the host stopped sending'],
    ['/drip', 'the fetch took too long'],
    ['/huge-headers', 'the response headers are too large'],
    ['/binary', 'content type application/pdf is not text'],
    ['/unlabelled-binary', 'the body is not text'],
    ['/bad-gzip', 'the body could not be decompressed'],
    ['/odd-encoding', 'the host used a content encoding that was not offered'],
    ['/loop?n=6', 'more than 5 redirects'],
  ])('%s ends with 502: %s', async (path, reason) => {
    const startedAt = Date.now();
    const answer = await fetchPage(MASTER, `${origin.url}${path}`, {}, headers);
    expect(answer).toMatchObject({ status: 502, body: { detail: { error: 'fetch_failed', reason } } });
    // The origin would keep it for ever.
    expect(Date.now() - startedAt).toBeLessThan(60_000);
  });

  it('five redirects are followed', async () => {
    expect((await fetchPage(MASTER, `${origin.url}/loop?n=5`, {}, headers)).status).toBe(200);
  });
});

describe('a way to a private address', () => {
  let trap: Awaited<ReturnType<typeof startTrap>>;
  const headers = { 'x-eirel-job-id': 'owner-ssrf' };
  beforeAll(async () => {
    trap = await startTrap();
  });
  afterAll(() => trap?.close());

  it('is refused by name and number, recorded and not charged', async () => {
    await start();
    const { token, jobId } = attempt();
    const answer = await fetchPage(token, `http://0x7f.1:${trap.port}/`);
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: { error: 'ssrf_blocked', reason: '127.0.0.1 is a loopback address' } },
    });
    expect(await rowsOf(jobId)).toEqual([expect.objectContaining({ status: 'error', costUsd: 0 })]);
    expect(await metric('eirel_url_fetch_ssrf_blocks_total')).toBe(1);
    expect(trap.connections()).toBe(0);
  });

  it.each([
    ['a literal', (port: number) => `http://127.0.0.1:${port}/`],
    ['a decimal', (port: number) => `http://2130706433:${port}/`],
    ['a mapped address', (port: number) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['a protocol-relative reference', (port: number) => `//127.1:${port}/`],
    ['another scheme', () => 'file:///etc/passwd'],
    ['credentials', (port: number) => `http://a:b@127.0.0.1:${port}/`],
  ])('over a redirect to %s is refused', async (_name, target) => {
    await start();
    const answer = await fetchPage(
      MASTER,
      `${origin.url}/redirect?to=${encodeURIComponent(target(trap.port))}`,
      {},
      headers,
    );
    expect(answer).toMatchObject({ status: 400, body: { detail: { error: 'ssrf_blocked' } } });
    expect(trap.connections()).toBe(0);
  });

  it('by rebinding between check and connection does not exist: a name is asked for once', async () => {
    let asked = 0;
    await start({
      resolve: async () => {
        asked += 1;
        // 198.18/15 would be refused; this is public space that nothing here routes to.
        return [{ address: asked === 1 ? '93.184.216.34' : '127.0.0.1', family: 4 }];
      },
    });
    const answer = await fetchPage(MASTER, `http://rebind.example:${trap.port}/`, {}, headers);
    expect(answer).toMatchObject({ status: 502, body: { detail: { error: 'fetch_failed' } } });
    expect(asked).toBe(1);
    expect(trap.connections()).toBe(0);
  });

  it('by rebinding between hops is refused on the second hop', async () => {
    let asked = 0;
    await start({
      // The first hop is let through to the local server as a public one would be.
      allowed: [`rebind.example:${origin.port}`],
      resolve: async () => {
        asked += 1;
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const target = encodeURIComponent(`http://rebind.example:${trap.port}/`);
    const answer = await fetchPage(
      MASTER,
      `http://rebind.example:${origin.port}/redirect?to=${target}`,
      {},
      headers,
    );
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: { reason: 'rebind.example resolves to an address that is not public' } },
    });
    expect(asked).toBe(2);
    expect(trap.connections()).toBe(0);
  });

  it('a name with one private address among public ones is refused', async () => {
    await start({
      resolve: async () => [
        { address: '93.184.216.34', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
    });
    expect((await fetchPage(MASTER, `http://mixed.example:${trap.port}/`, {}, headers)).status).toBe(400);
    expect(trap.connections()).toBe(0);
  });
});

describe('a host', () => {
  const headers = { 'x-eirel-job-id': 'owner-host' };
  it('is asked four times in ten seconds by all jobs together', async () => {
    await start({ hostLimit: 4 });
    await stack.redis.del('eirel:fetch-host:127.0.0.1');
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        fetchPage(MASTER, `${origin.url}/json`, {}, { 'x-eirel-job-id': `owner-host-${i}` }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(6);
    expect(refused[0]!.body).toEqual({
      detail: { error: 'per_host_rate_limit_exceeded', host: '127.0.0.1' },
    });
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('that forbids robots is obeyed where the setting says so', async () => {
    await start({ obeyRobots: true });
    const answer = await fetchPage(MASTER, `${origin.url}/private`, {}, headers);
    expect(answer).toMatchObject({
      status: 502,
      body: { detail: { reason: 'robots.txt of the host does not allow it' } },
    });
    expect((await fetchPage(MASTER, `${origin.url}/page`, {}, headers)).status).toBe(200);
    await start();
    expect((await fetchPage(MASTER, `${origin.url}/private`, {}, headers)).status).toBe(200);
  });
});

describe('a caller', () => {
  beforeAll(() => start());
  const page = () => `${origin.url}/json`;

  it('is known by job token, deployment token, master token and the older per-job bearer', async () => {
    const { token, jobId, deploymentId } = attempt();
    const job = { 'x-eirel-job-id': jobId };
    const legacy = createHmac('sha256', MASTER).update(jobId).digest('hex');
    for (const [bearer, headers] of [
      [token, {}],
      [token, job],
      [deploymentToken(deploymentId), job],
      [MASTER, job],
      [legacy, job],
    ] as const) {
      expect((await fetchPage(bearer, page(), {}, headers)).status).toBe(200);
    }
    expect(await rowsOf(jobId)).toHaveLength(5);
  });

  it('is refused and counted when forged, expired, foreign, replayed or contradicted', async () => {
    const mine = attempt();
    const other = stack.attempts.find(({ deploymentId }) => deploymentId !== mine.deploymentId)!;
    const claims = { jobId: mine.jobId, deploymentId: mine.deploymentId, runId: mine.runId };
    const soon = new Date(Date.now() + 60_000);
    const header = { 'x-eirel-job-id': mine.jobId };
    const cases: [reason: string, status: number, bearer: string | null, headers: Record<string, string>][] =
      [
        ['missing', 401, null, header],
        ['forged', 401, mintJobToken({ ...claims, expiresAt: soon }, 'another-secret-of-sixteen'), {}],
        ['forged', 401, 'f'.repeat(64), header],
        ['forged', 401, createHmac('sha256', MASTER).update(other.jobId).digest('hex'), header],
        ['expired', 401, mintJobToken({ ...claims, expiresAt: new Date(Date.now() - 1) }, SECRET), {}],
        ['foreign', 403, mintJobToken({ ...claims, jobId: newJobId(), expiresAt: soon }, SECRET), {}],
        ['foreign', 403, mintJobToken({ ...claims, runId: 'run-0', expiresAt: soon }, SECRET), {}],
        ['foreign', 403, deploymentToken(mine.deploymentId), { 'x-eirel-job-id': other.jobId }],
        ['contradiction', 403, mine.token, { 'x-eirel-job-id': other.jobId }],
      ];
    for (const [reason, status, bearer, headers] of cases) {
      const name = `eirel_tool_auth_refusals_total{reason="${reason}"`;
      const before = (await metric(name)) ?? 0;
      expect([reason, (await fetchPage(bearer, page(), {}, headers)).status]).toEqual([reason, status]);
      expect(await metric(name)).toBe(before + 1);
    }
    expect(await rowsOf(mine.jobId)).toEqual([]);
  });

  it('whose attempt is over is refused with every bearer', async () => {
    const { token, jobId, deploymentId, fencing } = stack.attempts.at(-1)!;
    await stack.prisma.taskClaim.update({
      where: { fencing },
      data: { status: 'settled', endedAt: new Date() },
    });
    const header = { 'x-eirel-job-id': jobId };
    const legacy = createHmac('sha256', MASTER).update(jobId).digest('hex');
    const before = (await metric('eirel_tool_auth_refusals_total{reason="replayed"')) ?? 0;
    for (const bearer of [token, deploymentToken(deploymentId), legacy]) {
      expect((await fetchPage(bearer, page(), {}, header)).status).toBe(403);
    }
    expect(await metric('eirel_tool_auth_refusals_total{reason="replayed"')).toBe(before + 3);
    expect(await rowsOf(jobId)).toEqual([]);
  });

  it('needs a job id beside a bearer that names none', async () => {
    expect(await fetchPage(MASTER, page())).toMatchObject({
      status: 400,
      body: { detail: 'missing X-Eirel-Job-Id header' },
    });
  });

  it('reads its own counters only', async () => {
    const [mine, other] = [attempt(), attempt()];
    await fetchPage(mine.token, page());
    const usage = (token: string) => ask(`${url}/v1/jobs/${mine.jobId}/usage`, token);
    const counters = { request_count: 1, tool_counts: { url_fetch: 1 }, failed_count: 0 };
    expect(await usage(mine.token)).toMatchObject({ status: 200, body: counters });
    expect((await usage(MASTER)).status).toBe(200);
    expect((await usage(other.token)).status).toBe(403);
  });

  it('with a malformed body gets the list of field errors, and nothing is counted', async () => {
    const { token, jobId } = attempt();
    const answer = await ask(`${url}/v1/fetch`, token, { max_chars: 1 });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toMatchObject([
      { type: 'missing', loc: ['body', 'url'] },
      { loc: ['body', 'max_chars'] },
    ]);
    expect(await rowsOf(jobId)).toEqual([]);
  });
});

describe('a quota', () => {
  it('comes from the server: a header may lower it and never raise it', async () => {
    await start({ config: { maxRequestsPerJob: 3 } });
    const { token } = attempt();
    const call = (asked: string) =>
      fetchPage(token, `${origin.url}/json`, {}, { 'x-eirel-max-requests': asked });
    expect((await call('1')).status).toBe(200);
    expect((await call('1')).status).toBe(429);
    expect((await call('12')).status).toBe(200);
    expect((await call('1000000')).status).toBe(200);
    expect(await call('1000000')).toMatchObject({
      status: 429,
      body: { detail: { error: 'url_fetch_quota_exhausted', max_requests: 3 } },
    });
  });

  it('lets no more through when calls come together, and survives the loss of Redis', async () => {
    await start({ config: { maxRequestsPerJob: 5 } });
    const { token, jobId } = attempt();
    const call = () => fetchPage(token, `${origin.url}/json`);
    const answers = await Promise.all(Array.from({ length: 20 }, call));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    await stack.redis.flushdb();
    expect((await call()).status).toBe(429);
    expect(await rowsOf(jobId)).toHaveLength(5);
  });
});

describe('a budget', () => {
  it('is never passed by calls that come together, and the refusal has both figures', async () => {
    await start({ config: { budgets: { jobMicroUsd: 2_600, runMicroUsd: 1_000_000_000 } } });
    const { token, jobId } = attempt();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => fetchPage(token, `${origin.url}/json`)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(35);
    expect(refused[0]!.body).toMatchObject({
      detail: 'run budget exhausted',
      budget_usd: 0.0026,
      cost_usd_used: expect.any(Number),
      budget_scope: 'job',
    });
    const spent = await stack.prisma.providerCall.aggregate({
      where: { jobId },
      _sum: { costMicroUsd: true },
    });
    expect(spent._sum.costMicroUsd).toBe(2_500n);
    const rows = await rowsOf(jobId);
    expect(rows.filter(({ status }) => status === 'ok')).toHaveLength(5);
    expect(rows.filter(({ error }) => error === 'budget_exhausted')).toHaveLength(35);
    // Redis lost: the counters come back from the ledger.
    await stack.redis.flushdb();
    expect((await fetchPage(token, `${origin.url}/json`)).status).toBe(429);
  });

  it('gives the price of a failed call back', async () => {
    await start({ config: { budgets: { jobMicroUsd: 600, runMicroUsd: 1_000_000_000 } } });
    const { token } = attempt();
    expect((await fetchPage(token, `${origin.url}/binary`)).status).toBe(502);
    expect((await fetchPage(token, `${origin.url}/json`)).status).toBe(200);
    expect((await fetchPage(token, `${origin.url}/json`)).status).toBe(429);
  });
});

describe('without its ledger', () => {
  it('nothing is fetched when the attempts cannot be read', async () => {
    await start();
    const { token } = attempt();
    origin.seen.length = 0;
    await stack.prisma.$executeRaw`ALTER TABLE attempt_jobs RENAME TO attempt_jobs_away`;
    try {
      expect(await fetchPage(token, `${origin.url}/json`)).toMatchObject({ status: 503 });
    } finally {
      await stack.prisma.$executeRaw`ALTER TABLE attempt_jobs_away RENAME TO attempt_jobs`;
    }
    expect(origin.seen).toEqual([]);
  });

  it('the answer is withheld when the call cannot be recorded', async () => {
    await start();
    const { token, jobId } = attempt();
    await stack.prisma.$executeRaw`ALTER TABLE orchestrator_tool_call_log RENAME COLUMN error TO error_away`;
    try {
      const answer = await fetchPage(token, `${origin.url}/json`);
      expect(answer).toMatchObject({ status: 503, body: { detail: expect.stringContaining('withheld') } });
    } finally {
      await stack.prisma
        .$executeRaw`ALTER TABLE orchestrator_tool_call_log RENAME COLUMN error_away TO error`;
    }
    expect(await rowsOf(jobId)).toEqual([]);
    expect(await stack.prisma.providerCall.count({ where: { jobId } })).toBe(0);
  });

  it('nothing is fetched when Redis is away', async () => {
    await start();
    const { token } = attempt();
    origin.seen.length = 0;
    try {
      await stack.redis.quit();
      expect(await fetchPage(token, `${origin.url}/json`)).toMatchObject({ status: 503 });
      expect((await ask(`${url}/readyz`, null)).status).toBe(503);
      expect((await ask(`${url}/healthz`, null)).status).toBe(200);
    } finally {
      await stack.redis.connect();
    }
    expect(origin.seen).toEqual([]);
  });
});

describe('the OpenAPI document', () => {
  it('names every route', async () => {
    await start();
    const { body } = await ask(`${url}/openapi.json`, null);
    expect(Object.keys(body.paths as object).sort()).toEqual(
      ['/healthz', '/metrics', '/openapi.json', '/readyz', '/v1/fetch', '/v1/jobs/{job}/usage'].sort(),
    );
  });
});

describe("the SDK's own client", () => {
  it('fetches a page, and is told of refusals as it knows them', async () => {
    await start();
    const { token, jobId } = attempt();
    const venv = await ensurePythonVenv('miner-sdk', ['eirel==0.5.2'], {
      toolsDir: join(projectRoot(), '.eirel', 'tools'),
      ignoreRequiresPython: true,
    });
    const answer = await run(venv.python, SDK_SCRIPT, { url, token, jobId, page: `${origin.url}/page` });
    expect(answer).toEqual({
      title: 'The Tower',
      content: expect.stringContaining('163 floors'),
      refused: expect.stringContaining('tool_service_failure'),
    });
    expect((await rowsOf(jobId)).map(({ status }) => status)).toEqual(['ok', 'error']);
  });
});

const SDK_SCRIPT = `
import asyncio, json, sys
from eirel.families.general_chat.tools._service_client import ToolServiceClient, ToolServiceConfig, ToolServiceError
from eirel.families.general_chat.tools.url_fetch import UrlFetchTool
given = json.loads(sys.argv[1])
async def main():
    client = ToolServiceClient(ToolServiceConfig(base_url=given["url"], api_token=given["token"], job_id=given["jobId"]))
    tool = UrlFetchTool(client)
    page = await tool.execute(url=given["page"])
    try:
        await tool.execute(url="http://169.254.169.254/")
        refused = None
    except ToolServiceError as error:
        refused = str(error)
    await client.close()
    print(json.dumps({"title": page["title"], "content": page["content"], "refused": refused}))
asyncio.run(main())
`;
