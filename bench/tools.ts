/**
 * Requests a second and latency of url-fetch, web-search, rag-tool and the sandbox against local upstreams, at 1, 32 and
 * 256 clients.
 *
 *   DATABASE_URL=postgresql://... REDIS_URL=redis://... node build/bench/tools.js [seconds=3] [clients=1,32,256] [service]
 *
 * Each service runs in a process of its own, as in production, and every request goes the whole way: token, attempt,
 * quota, budget, upstream, ledger. The database must be migrated and holds the bench's run afterwards, and Redis its
 * counters: give the bench both of its own.
 */
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPrisma, type PrismaClient } from '../adapters/postgres';
import { startSearchStandin } from '../demo/standins/search';
import { mintJobToken, newJobId } from '../domain/job-token';
import { measure, startService, stopChild, warmUp, type Scenario } from './http-load';

const SECRET = 'bench-secret-of-at-least-sixteen-characters';
const MASTER = 'bench-master-token';
const PORTS: Readonly<Record<string, string>> = {
  'url-fetch': 'EIREL_URL_FETCH_PORT',
  'web-search': 'EIREL_WEB_SEARCH_TOOL_PORT',
  'rag-tool': 'EIREL_RAG_TOOL_PORT',
  sandbox: 'EIREL_SANDBOX_TOOL_PORT',
};
const JOBS = 64;
const VENDOR_LATENCY_MS = 20;

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 3);
  const clientCounts = (process.argv[3] ?? '1,32,256').split(',').map(Number);
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
  if (!databaseUrl || !redisUrl) {
    throw new Error(
      'set DATABASE_URL to a migrated database and REDIS_URL to a Redis, both of which may be written to',
    );
  }
  const prisma = createPrisma(databaseUrl);
  const page = createServer((req, res) => {
    res.writeHead(200, { 'content-type': 'text/html' });
    res.end(PAGE.replace('<title>', `<title>${req.url} `));
  });
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  const pageTarget = `127.0.0.1:${(page.address() as AddressInfo).port}`;
  const vendor = await startSearchStandin({
    latencyMs: VENDOR_LATENCY_MS,
    pages: [{ slug: 'tower', title: 'The tallest tower', text: 'It stands in Dubai.' }],
  });
  const children: ChildProcess[] = [];
  try {
    const tokens = await seed(prisma);
    const common = {
      ...process.env,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      EIREL_JOB_TOKEN_SECRET: SECRET,
      EIREL_JOB_BUDGET_USD: '1000000',
      EIREL_RUN_BUDGET_USD: '1000000',
      EIREL_URL_FETCH_DEFAULT_MAX_REQUESTS: '1000000',
      EIREL_WEB_SEARCH_TOOL_DEFAULT_MAX_REQUESTS: '1000000',
      EIREL_RAG_TOOL_MAX_REQUESTS: '1000000',
      EIREL_RAG_TOOL_API_TOKEN: MASTER,
      EIREL_RAG_EMBEDDING_MODEL: 'local-hash-v1',
      EIREL_SANDBOX_TOOL_MAX_REQUESTS: '1000000',
      EIREL_SANDBOX_MAX_WAITING: '1000',
      EIREL_URL_FETCH_ALLOWED_HOSTS: pageTarget,
      EIREL_URL_FETCH_PER_HOST_RATE: '1000000',
      EIREL_BRAVE_SEARCH_API_KEY: 'bench',
      EIREL_BRAVE_SEARCH_BASE_URL: vendor.baseUrls.brave,
      LOG_LEVEL: 'error',
    };
    const only = process.argv[4];
    const groups: Record<string, (url: string) => Promise<Scenario[]>> = {
      'url-fetch': (url) => Promise.resolve(fetchScenarios(url, pageTarget)),
      'web-search': (url) => Promise.resolve(searchScenarios(url)),
      'rag-tool': ragScenarios,
      sandbox: (url) => Promise.resolve(sandboxScenarios(url)),
    };
    process.stdout.write('service | clients | requests | failed | requests/s | p50 ms | p99 ms\n');
    for (const [service, scenariosOf] of Object.entries(groups)) {
      if (only && only !== service) continue;
      const url = await startService(service, PORTS[service] ?? '', common, children);
      for (const scenario of await scenariosOf(url)) {
        await warmUp(scenario, tokens);
        for (const clients of clientCounts) await measure(scenario, clients, seconds, tokens);
      }
    }
  } finally {
    await Promise.all(children.map(stopChild));
    page.closeAllConnections();
    await new Promise((resolve) => page.close(resolve));
    await vendor.close();
    await prisma.$disconnect();
  }
}

function fetchScenarios(service: string, pageTarget: string): Scenario[] {
  const scenario = (name: string, path: () => string): Scenario => ({
    service,
    name,
    path: '/v1/fetch',
    body: () => ({ url: `http://${pageTarget}/${path()}` }),
  });
  return [
    scenario('url-fetch, new page of 10 KB', randomUUID),
    scenario('url-fetch, page fetched before', () => ''),
  ];
}

function searchScenarios(service: string): Scenario[] {
  const scenario = (name: string, query: () => string): Scenario => ({
    service,
    name,
    path: '/v1/search',
    body: () => ({ query: query() }),
  });
  return [
    scenario('web-search, new query', () => `tower ${randomUUID()}`),
    scenario('web-search, known query', () => 'tower'),
  ];
}

/** A corpus of 1000 pieces, embedded locally, which is what the service itself has to do. */
async function ragScenarios(service: string): Promise<Scenario[]> {
  const documents = Array.from({ length: 200 }, (_, index) => ({
    doc_id: `doc-${index}`,
    content: Array.from(
      { length: 90 },
      (__, line) => `Floor ${line} of tower ${index} has ${line * index} windows.`,
    ).join(' '),
  }));
  const indexed = await fetch(`${service}/v1/rag/corpora`, {
    method: 'POST',
    headers: { authorization: `Bearer ${MASTER}`, 'content-type': 'application/json' },
    body: JSON.stringify({ corpus_id: 'bench', documents, chunk_chars: 1000, overlap_chars: 100 }),
  });
  if (!indexed.ok) throw new Error(`the corpus was not indexed: ${indexed.status} ${await indexed.text()}`);
  const { n_chunks: pieces } = (await indexed.json()) as { n_chunks: number };
  return [
    {
      service,
      name: `rag-tool, best 5 of ${pieces} pieces`,
      path: '/v1/rag/retrieve',
      body: () => ({
        corpus_id: 'bench',
        query: `windows of tower ${Math.floor(Math.random() * 200)}`,
        k: 5,
      }),
    },
  ];
}

function sandboxScenarios(service: string): Scenario[] {
  const code = 'print(sum(range(1000)))';
  return [
    {
      service,
      name: 'sandbox, fresh for each execution',
      path: '/v1/execute',
      body: () => ({ code, timeout_seconds: 20 }),
    },
  ];
}

/** Attempts of one run under leases that outlast the bench, and their tokens. */
async function seed(prisma: PrismaClient): Promise<string[]> {
  const tag = randomUUID().slice(0, 8);
  const runId = `bench-${tag}`;
  const expiresAt = new Date(Date.now() + 3_600_000);
  const [last] = await prisma.$queryRaw<{ fencing: bigint }[]>`
    SELECT coalesce(max(fencing), 0)::bigint AS fencing FROM task_claims`;
  const fencing = (last?.fencing ?? 0n) + 1_000_000n;
  const task = await prisma.taskEvaluation.create({
    data: {
      runId,
      familyId: 'general_chat',
      taskId: `task-${tag}`,
      taskIndex: 0,
      payloadJson: {},
    },
  });
  await prisma.taskClaim.create({
    data: {
      fencing,
      taskEvaluationId: task.id,
      runId,
      familyId: 'general_chat',
      taskId: task.taskId,
      validatorHotkey: 'bench',
      minerHotkeysJson: [],
      claimedAt: new Date(),
      expiresAt,
    },
  });
  const attempts = Array.from({ length: JOBS }, () => ({ jobId: newJobId(), deploymentId: randomUUID() }));
  await prisma.attemptJob.createMany({
    data: attempts.map((attempt, index) => ({
      ...attempt,
      runId,
      minerEvaluationTaskId: randomUUID(),
      taskId: task.taskId,
      minerHotkey: `miner-${index}`,
      validatorHotkey: 'bench',
      fencing,
      attempt: 1,
    })),
  });
  return attempts.map((attempt) => mintJobToken({ ...attempt, runId, expiresAt }, SECRET));
}

const PAGE = `<!doctype html><html><head><title>Towers</title></head><body><main>${Array.from(
  { length: 60 },
  (_, i) =>
    `<p>Paragraph ${i}: the tallest tower of the world stands in Dubai, and has many floors, windows and lifts. <a href="/p${i}">More</a></p>`,
).join('\n')}</main></body></html>`;

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
