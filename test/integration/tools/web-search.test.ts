import { join } from 'node:path';
import { ensurePythonVenv } from '../../../adapters/local-stack/python-venv';
import { projectRoot } from '../../../adapters/project-root';
import {
  startSearchStandin,
  type SearchStandin,
  type SearchStandinOptions,
  type StandinPage,
} from '../../../demo/standins/search';
import { createWebSearch } from '../../../services/web-search/app';
import { documentId } from '../../../services/web-search/documents';
import type { WebSearchConfig } from '../../../services/web-search/config';
import {
  ask,
  commonConfig,
  EXTRACTOR,
  MASTER,
  startToolStack,
  type TestAttempt,
  type ToolStack,
} from './harness';
import { run } from './python';

jest.setTimeout(180_000);

const KEY = 'search-vendor-key';
const PAGES: StandinPage[] = [
  {
    slug: 'tower',
    title: 'The tallest tower',
    text: `The tallest tower of the world stands in Dubai.\nIt has 163 floors.\n${'Towers are tall buildings. '.repeat(80)}`,
    publishedAt: '2025-03-01',
  },
  { slug: 'bridge', title: 'The longest bridge', text: 'The longest bridge of the world is in China.' },
  { slug: 'world', title: 'The world', text: 'A world with a tower and a bridge.' },
];

let stack: ToolStack;
let vendor: SearchStandin;
let url: string;
let next = 0;
beforeAll(async () => {
  stack = await startToolStack(20);
});
afterAll(async () => {
  await stack?.stop();
  await vendor?.close();
});

interface Settings {
  order?: string[];
  vendor?: SearchStandinOptions;
  braveKey?: string;
  config?: Partial<WebSearchConfig>;
  freshWeb?: boolean;
}

async function start(settings: Settings = {}): Promise<void> {
  await vendor?.close();
  vendor = await startSearchStandin({ pages: PAGES, apiKey: KEY, ...settings.vendor });
  if (settings.freshWeb ?? true) await stack.redis.flushdb();
  const config: WebSearchConfig = {
    ...commonConfig(),
    priceMicroUsd: 3000,
    perBackendTimeoutMs: 5_000,
    cacheSeconds: 3600,
    search: {
      order: settings.order ?? ['brave', 'serper', 'tavily'],
      brave: { apiKey: settings.braveKey ?? KEY, baseUrl: vendor.baseUrls.brave },
      serper: { apiKey: KEY, baseUrl: vendor.baseUrls.serper },
      tavily: { apiKey: KEY, baseUrl: vendor.baseUrls.tavily },
      catalogPath: undefined,
    },
    page: {
      fetch: {
        userAgent: 'EirelTest/1',
        maxBytes: 1024 * 1024,
        maxRedirects: 5,
        totalMs: 10_000,
        phaseMs: { resolve: 5_000, connect: 5_000, headers: 5_000, idle: 5_000 },
        allowedTargets: new Set([`127.0.0.1:${vendor.port}`]),
        obeyRobots: false,
      },
      hostRate: { limit: 10_000, windowMs: 10_000 },
    },
    ...settings.config,
  };
  url = await stack.serve(config, (given, resources) =>
    createWebSearch(given, resources, { extractor: EXTRACTOR }),
  );
}

function attempt(): TestAttempt {
  const found = stack.attempts[next];
  next += 1;
  if (!found) throw new Error('seed more attempts');
  return found;
}

interface Document {
  document_id: string;
  url: string;
  title: string;
  snippet: string;
  score: number;
  metadata: Record<string, unknown>;
}

async function search(token: string, query: string, more: object = {}) {
  const answer = await ask(`${url}/v1/search`, token, { query, ...more });
  return { ...answer, documents: (answer.body.documents ?? []) as Document[] };
}
const rowsOf = (jobId: string) =>
  stack.prisma.orchestratorToolCallLog.findMany({ where: { jobId }, orderBy: { ts: 'asc' } });

describe('a search', () => {
  it.each(['brave', 'serper', 'tavily'] as const)(
    'by %s has the same documents in the same shape',
    async (name) => {
      await start({ order: [name] });
      const { token, jobId } = attempt();
      const { status, body, documents } = await search(token, 'tallest tower', { top_k: 2 });
      expect(status).toBe(200);
      expect(documents.map((document) => document.document_id)).toEqual([
        documentId(`${vendor.url}/pages/tower`),
        documentId(`${vendor.url}/pages/world`),
      ]);
      expect(documents[0]).toMatchObject({
        title: 'The tallest tower',
        url: `${vendor.url}/pages/tower`,
        snippet: expect.stringContaining('stands in Dubai'),
        metadata: {
          search_provider: name,
          published_at: name === 'tavily' ? null : '2025-03-01',
          domain: '127.0.0.1',
        },
      });
      expect(documents[0]!.snippet).not.toContain('<');
      expect(documents[0]!.score).toBeGreaterThan(documents[1]!.score);
      expect(body).toMatchObject({
        query: 'tallest tower',
        retrieval_ledger_id: `ledger:${jobId}`,
        metadata: { execution_mode: 'live_web', search_backend: name, search_backends_attempted: [name] },
      });
      expect(await rowsOf(jobId)).toEqual([
        expect.objectContaining({ toolName: 'web_search', status: 'ok', costUsd: 0.003 }),
      ]);
    },
  );

  it('prefers the domains that the caller names', async () => {
    await start();
    const plain = await search(attempt().token, 'world');
    const bonus = await search(attempt().token, 'world', { preferred_domain_families: ['0.0.1'] });
    expect(bonus.documents[0]!.score).toBeCloseTo(plain.documents[0]!.score + 0.25, 6);
  });
});

describe('fallback', () => {
  const failing = (body: object) => (call: { vendor: string }) =>
    call.vendor === 'brave' ? body : undefined;
  it.each([
    // First, so that its late answer has come to nothing by the end of this file.
    ['is too slow', failing({ delayMs: 10_000 })],
    ['is down', failing({ status: 503 })],
    ['is asked too often', failing({ status: 429 })],
    ['refuses its key', failing({ status: 401 })],
    ['answers no JSON', failing({ body: '<html>' })],
    ['answers another shape', failing({ body: { web: { results: 'none' } } })],
    ['answers 50 MB', failing({ body: JSON.stringify({ web: { results: [], x: 'y'.repeat(50_000_000) } }) })],
    ['hangs up', failing({ hangUp: true })],
  ])('asks the next engine when one %s', async (_name, script) => {
    await start({ vendor: { script } });
    const { body, documents, status } = await search(attempt().token, 'tower');
    expect(status).toBe(200);
    expect(documents.length).toBeGreaterThan(0);
    expect(body.metadata).toMatchObject({
      search_backend: 'serper',
      search_backends_attempted: ['brave', 'serper'],
    });
  });

  it('takes an empty answer for an answer', async () => {
    await start();
    const { status, documents, body } = await search(attempt().token, 'zebra');
    expect([status, documents]).toEqual([200, []]);
    expect(body.metadata).toMatchObject({ search_backend: 'brave' });
  });

  it('ends with 503 and no charge when none answers', async () => {
    await start({ vendor: { script: () => ({ status: 500 }) } });
    const { token, jobId } = attempt();
    const answer = await search(token, 'tower');
    expect(answer).toMatchObject({
      status: 503,
      body: {
        detail: 'all search backends failed',
        search_backends_attempted: ['brave', 'serper', 'tavily'],
      },
    });
    expect(await rowsOf(jobId)).toEqual([expect.objectContaining({ status: 'error', costUsd: 0 })]);
  });

  it('leaves out results that lead to no web page', async () => {
    const results = [
      { title: 'a', url: 'file:///etc/passwd' },
      { title: 'b', url: 'javascript:alert(1)' },
      { title: 'c', url: 'https://example.org/c' },
    ];
    await start({ vendor: { script: () => ({ body: { web: { results } } }) } });
    expect((await search(attempt().token, 'x')).documents.map((document) => document.title)).toEqual(['c']);
  });
});

describe('a run', () => {
  it('shows every miner the same web, whoever asks when and however it is spelled', async () => {
    let round = 0;
    await start({
      vendor: {
        latencyMs: 50,
        script: () => {
          round += 1;
          return { body: { web: { results: [{ title: `answer ${round}`, url: 'https://example.org/' }] } } };
        },
      },
    });
    const jobs = [attempt(), attempt(), attempt(), attempt()];
    const spellings = ['Tallest Tower', ' tallest   tower ', 'TALLEST TOWER', 'tallest\u3000tower'];
    const together = await Promise.all(jobs.map(({ token }, i) => search(token, spellings[i]!)));
    const later = await search(jobs[0]!.token, 'tallest tower');
    for (const { documents } of [...together, later]) expect(documents).toEqual(together[0]!.documents);
    expect(vendor.calls()).toBe(1);
    await start({ freshWeb: false });
    expect((await search(jobs[1]!.token, 'tallest tower')).documents[0]!.title).toBe('answer 1');
    expect(vendor.calls()).toBe(0);
    expect((await search(jobs[1]!.token, 'tallest tower', { top_k: 3 })).documents[0]!.title).not.toBe(
      'answer 1',
    );
  });
});

describe('a page', () => {
  it('is opened, read once in a run, searched in, and in the ledger', async () => {
    await start();
    const [first, second] = [attempt(), attempt()];
    const { documents } = await search(first.token, 'tallest tower');
    const id = documents[0]!.document_id;
    expect(
      await ask(`${url}/v1/find-on-page`, first.token, { document_id: id, pattern: 'floors' }),
    ).toMatchObject({
      status: 409,
    });
    const opened = await ask(`${url}/v1/open-page`, first.token, { document_id: id });
    expect(opened).toMatchObject({
      status: 200,
      body: {
        title: 'The tallest tower',
        content: expect.stringContaining('It has 163 floors.'),
        final_url: `${vendor.url}/pages/tower`,
        published_at: '2025-03-01',
        http_status: 200,
        content_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        extraction_confidence: 0.95,
      },
    });
    const targets = (opened.body.links as { url: string; target_document_id: string | null }[]).filter(
      ({ target_document_id: target }) => target !== null,
    );
    expect(targets.map((link) => link.url)).toContain(`${vendor.url}/pages/world`);
    const found = await ask(`${url}/v1/find-on-page`, first.token, { document_id: id, pattern: 'FLOORS' });
    expect(found.body).toMatchObject({
      matches: ['It has 163 floors.'],
      support_spans: [{ text: 'It has 163 floors.' }],
    });

    await search(second.token, 'tallest tower');
    expect((await ask(`${url}/v1/open-page`, second.token, { document_id: id })).body.content).toBe(
      opened.body.content,
    );
    expect(vendor.pagesServed()).toBe(1);

    const ledger = await ask(`${url}/v1/jobs/${first.jobId}/ledger`, first.token);
    expect(ledger.body).toMatchObject({
      searches: [{ query: 'tallest tower' }],
      opened_pages: [{ document_id: id }],
      find_on_page_events: [{ pattern: 'FLOORS', match_count: 1 }],
    });
    expect((await ask(`${url}/v1/jobs/${first.jobId}/ledger`, second.token)).status).toBe(403);
    expect((await rowsOf(first.jobId)).map((row) => [row.toolName, row.status])).toEqual([
      ['web_search', 'ok'],
      ['web_search.open_page', 'ok'],
    ]);
  });

  it('of no search of the job is refused, also when another job has found it', async () => {
    await start();
    const [finder, other] = [attempt(), attempt()];
    const { documents } = await search(finder.token, 'bridge');
    const answer = await ask(`${url}/v1/open-page`, other.token, { document_id: documents[0]!.document_id });
    expect(answer).toMatchObject({ status: 404, body: { detail: 'document not found in retrieval ledger' } });
  });

  it('behind a private address that an engine names is refused', async () => {
    const results = [{ title: 'inside', url: 'http://169.254.169.254/latest/meta-data/' }];
    await start({ vendor: { script: () => ({ body: { web: { results } } }) } });
    const { token } = attempt();
    const { documents } = await search(token, 'inside');
    expect(await ask(`${url}/v1/open-page`, token, { document_id: documents[0]!.document_id })).toMatchObject(
      {
        status: 400,
        body: { detail: { error: 'ssrf_blocked' } },
      },
    );
  });
});

describe('quotas', () => {
  it('are given anew by the owner and nobody else', async () => {
    await start({ config: { maxRequestsPerJob: 1 } });
    const { token } = attempt();
    expect((await search(token, 'tower')).status).toBe(200);
    expect(await search(token, 'tower')).toMatchObject({
      status: 429,
      body: { detail: 'web search tool request budget exceeded' },
    });
    expect((await ask(`${url}/v1/usage/reset`, token, {})).status).toBe(403);
    expect((await ask(`${url}/v1/usage/reset`, MASTER, {})).body.cleared_job_count).toBeGreaterThan(0);
    expect((await search(token, 'tower')).status).toBe(200);
  });
});

describe('the OpenAPI document', () => {
  it('names every route', async () => {
    await start();
    const { body } = await ask(`${url}/openapi.json`, null);
    expect(Object.keys(body.paths as object).sort()).toEqual(
      [
        '/healthz',
        '/metrics',
        '/openapi.json',
        '/readyz',
        '/v1/find-on-page',
        '/v1/jobs/{job}/ledger',
        '/v1/jobs/{job}/usage',
        '/v1/open-page',
        '/v1/search',
        '/v1/usage/reset',
      ].sort(),
    );
  });
});

describe("the SDK's own client", () => {
  it('searches', async () => {
    await start();
    const { token, jobId } = attempt();
    const venv = await ensurePythonVenv('miner-sdk', ['eirel==0.5.2'], {
      toolsDir: join(projectRoot(), '.eirel', 'tools'),
      ignoreRequiresPython: true,
    });
    // 20 is the most that its schema lets an agent ask for; the service has ten at the most.
    const answer = await run(venv.python, SDK_SCRIPT, { url, token, jobId });
    expect(answer).toEqual({
      first: 'The tallest tower',
      keys: expect.arrayContaining(['documents', 'metadata']),
    });
    expect(await rowsOf(jobId)).toHaveLength(1);
  });
});

const SDK_SCRIPT = `
import asyncio, json, sys
from eirel.families.general_chat.tools._service_client import ToolServiceClient, ToolServiceConfig
from eirel.families.general_chat.tools.web_search import WebSearchTool
given = json.loads(sys.argv[1])
async def main():
    client = ToolServiceClient(ToolServiceConfig(base_url=given["url"], api_token=given["token"], job_id=given["jobId"]))
    found = await WebSearchTool(client).execute(query="tallest tower", max_results=20)
    await client.close()
    print(json.dumps({"first": found["documents"][0]["title"], "keys": list(found)}))
asyncio.run(main())
`;
