/**
 * Requests a second and latency of url-fetch and web-search against local upstreams, at 1, 32 and 256 clients.
 *
 *   DATABASE_URL=postgresql://... REDIS_URL=redis://... node build/bench/tools.js [seconds=3] [clients=1,32,256]
 *
 * Each service runs in a process of its own, as in production, and every request goes the whole way: token, attempt,
 * quota, budget, upstream, ledger. The database must be migrated and holds the bench's run afterwards, and Redis its
 * counters: give the bench both of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPrisma, type PrismaClient } from '../adapters/postgres';
import { startSearchStandin } from '../demo/standins/search';
import { mintJobToken, newJobId } from '../domain/job-token';

const SECRET = 'bench-secret-of-at-least-sixteen-characters';
const JOBS = 64;
const VENDOR_LATENCY_MS = 20;
const WARM_UP_CLIENTS = 8;
const WARM_UP_REQUESTS = 25;

interface Scenario {
  service: string;
  name: string;
  path: string;
  body: () => object;
}

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
      EIREL_URL_FETCH_ALLOWED_HOSTS: pageTarget,
      EIREL_URL_FETCH_PER_HOST_RATE: '1000000',
      EIREL_BRAVE_SEARCH_API_KEY: 'bench',
      EIREL_BRAVE_SEARCH_BASE_URL: vendor.baseUrls.brave,
      LOG_LEVEL: 'error',
    };
    const fetchUrl = await startService('url-fetch', 'EIREL_URL_FETCH_PORT', common, children);
    const searchUrl = await startService('web-search', 'EIREL_WEB_SEARCH_TOOL_PORT', common, children);
    const scenarios: Scenario[] = [
      {
        service: fetchUrl,
        name: 'url-fetch, new page of 10 KB',
        path: '/v1/fetch',
        body: () => ({ url: `http://${pageTarget}/${randomUUID()}` }),
      },
      {
        service: fetchUrl,
        name: 'url-fetch, page fetched before',
        path: '/v1/fetch',
        body: () => ({ url: `http://${pageTarget}/` }),
      },
      {
        service: searchUrl,
        name: 'web-search, new query',
        path: '/v1/search',
        body: () => ({ query: `tower ${randomUUID()}` }),
      },
      {
        service: searchUrl,
        name: 'web-search, known query',
        path: '/v1/search',
        body: () => ({ query: 'tower' }),
      },
    ];
    process.stdout.write('service | clients | requests | failed | requests/s | p50 ms | p99 ms\n');
    for (const scenario of scenarios) {
      await warmUp(scenario, tokens);
      for (const clients of clientCounts) await measure(scenario, clients, seconds, tokens);
    }
  } finally {
    await Promise.all(children.map(stopChild));
    page.closeAllConnections();
    await new Promise((resolve) => page.close(resolve));
    await vendor.close();
    await prisma.$disconnect();
  }
}

/** Requests that are not measured: a process that has just started has compiled nothing yet. */
async function warmUp(scenario: Scenario, tokens: string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: WARM_UP_CLIENTS });
  await Promise.all(
    Array.from({ length: WARM_UP_CLIENTS }, async (_, client) => {
      for (let i = 0; i < WARM_UP_REQUESTS; i += 1) {
        const sequence = -1 - client * WARM_UP_REQUESTS - i;
        const token = tokens[-sequence % tokens.length] ?? '';
        await post(agent, `${scenario.service}${scenario.path}`, token, scenario.body());
      }
    }),
  );
  agent.destroy();
}

async function measure(
  scenario: Scenario,
  clients: number,
  seconds: number,
  tokens: string[],
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const until = performance.now() + seconds * 1000;
  const latencies: number[] = [];
  let failed = 0;
  let sequence = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < until) {
        sequence += 1;
        const token = tokens[sequence % tokens.length] ?? '';
        const sentAt = performance.now();
        const status = await post(agent, `${scenario.service}${scenario.path}`, token, scenario.body());
        latencies.push(performance.now() - sentAt);
        if (status !== 200) failed += 1;
      }
    }),
  );
  const elapsed = (performance.now() - startedAt) / 1000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  const columns = [
    scenario.name,
    clients,
    latencies.length,
    failed,
    (latencies.length / elapsed).toFixed(0),
    at(0.5).toFixed(1),
    at(0.99).toFixed(1),
  ];
  process.stdout.write(`${columns.join(' | ')}\n`);
}

function post(agent: Agent, url: string, token: string, body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    sent.once('error', reject);
    sent.end(JSON.stringify(body));
  });
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
      expiresAt,
    })),
  });
  return attempts.map((attempt) => mintJobToken({ ...attempt, runId, expiresAt }, SECRET));
}

async function startService(
  name: string,
  portVariable: string,
  env: NodeJS.ProcessEnv,
  children: ChildProcess[],
): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(__dirname, '..', 'services', name, 'main.js')], {
    env: { ...env, [portVariable]: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 100; tries += 1) {
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return url;
    if (child.exitCode !== null) throw new Error(`${name} ended with status ${child.exitCode}`);
    await sleep(100);
  }
  throw new Error(`${name} was not ready within ten seconds`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
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
