/**
 * Requests a second and latency of the provider-proxy against the stand-in of the vendors, at 1, 32 and 256 clients.
 *
 *   DATABASE_URL=postgresql://... REDIS_URL=redis://... node build/bench/provider-proxy.js \
 *     [seconds=3] [clients=1,32,256] [most requests per row=5000]
 *
 * The proxy runs in a process of its own, as in production, and every request goes the whole way: token, budget held,
 * vendor, ledger, budget settled. The stand-in runs in the bench's process and takes 20 ms for an answer. The database
 * must be migrated and holds the bench's calls afterwards, and Redis its counters: give the bench both of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPrisma, type PrismaClient } from '../adapters/postgres';
import { startLlmStandin } from '../demo/standins/llm';
import { mintJobToken, newJobId } from '../domain/job-token';

const SECRET = 'bench-secret-of-at-least-sixteen-characters';
const JOBS = 64;
const VENDOR_LATENCY_MS = 20;
const WARM_UP_CLIENTS = 8;
const WARM_UP_REQUESTS = 25;
const ANSWER = 'The tallest tower of the world stands in Dubai and has one hundred and sixty three floors.';

interface Scenario {
  name: string;
  body: object;
}

const messages = [
  { role: 'user', content: 'Which is the tallest tower of the world, and where does it stand?' },
];
const MODEL = 'moonshotai/Kimi-K2.5-TEE';
const SCENARIOS: Scenario[] = [
  {
    name: 'original shape, chutes',
    body: { provider: 'chutes', model: MODEL, payload: { messages, max_tokens: 200 } },
  },
  { name: 'OpenAI shape, chutes', body: { model: MODEL, messages, max_tokens: 200 } },
  { name: 'OpenAI shape, anthropic', body: { model: 'claude-haiku-4-5', messages, max_tokens: 200 } },
  { name: 'OpenAI shape, stream', body: { model: MODEL, messages, max_tokens: 200, stream: true } },
];

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 3);
  const clientCounts = (process.argv[3] ?? '1,32,256').split(',').map(Number);
  const most = Number(process.argv[4] ?? 5000);
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
  if (!databaseUrl || !redisUrl) {
    throw new Error(
      'set DATABASE_URL to a migrated database and REDIS_URL to a Redis, both of which may be written to',
    );
  }
  const prisma = createPrisma(databaseUrl);
  const vendor = await startLlmStandin({
    latencyMs: VENDOR_LATENCY_MS,
    script: () => ({ content: ANSWER }),
  });
  let proxy: ChildProcess | undefined;
  try {
    const tokens = await seed(prisma);
    const port = await freePort();
    const key = { BASE_URL: vendor.baseUrl, API_KEY: 'bench', MAX_CONCURRENCY: '256' };
    proxy = spawn(process.execPath, [join(__dirname, '..', 'services', 'provider-proxy', 'main.js')], {
      env: {
        ...process.env,
        ...prefixed('EIREL_PROVIDER_CHUTES_', key),
        ...prefixed('EIREL_PROVIDER_ANTHROPIC_', key),
        EIREL_PROVIDER_PROXY_PORT: String(port),
        EIREL_JOB_TOKEN_SECRET: SECRET,
        EIREL_JOB_BUDGET_USD: '1000000',
        EIREL_RUN_BUDGET_USD: '1000000',
        LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const url = `http://127.0.0.1:${port}`;
    await ready(url, proxy);
    process.stdout.write('call | clients | requests | failed | requests/s | p50 ms | p99 ms\n');
    for (const scenario of SCENARIOS) {
      await run(url, scenario, WARM_UP_CLIENTS, 10, WARM_UP_CLIENTS * WARM_UP_REQUESTS, tokens);
      for (const clients of clientCounts) {
        report(scenario.name, clients, await run(url, scenario, clients, seconds, most, tokens));
      }
    }
  } finally {
    if (proxy) await stopChild(proxy);
    await vendor.close();
    await prisma.$disconnect();
  }
}

interface Figures {
  /** Milliseconds of each request, ascending. */
  latencies: number[];
  failed: number;
  elapsedSeconds: number;
}

/** Keeps so many clients busy until the time is over or the count is reached. */
async function run(
  url: string,
  scenario: Scenario,
  clients: number,
  seconds: number,
  most: number,
  tokens: string[],
): Promise<Figures> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const body = JSON.stringify(scenario.body);
  const latencies: number[] = [];
  let failed = 0;
  let sent = 0;
  const startedAt = performance.now();
  const until = startedAt + seconds * 1000;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < until && sent < most) {
        sent += 1;
        const token = tokens[sent % tokens.length] ?? '';
        const sentAt = performance.now();
        const complete = await post(agent, `${url}/v1/chat/completions`, token, body);
        latencies.push(performance.now() - sentAt);
        if (!complete) failed += 1;
      }
    }),
  );
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  return { latencies: latencies.sort((a, b) => a - b), failed, elapsedSeconds };
}

function report(name: string, clients: number, { latencies, failed, elapsedSeconds }: Figures): void {
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  const rate = (latencies.length / elapsedSeconds).toFixed(0);
  const columns = [name, clients, latencies.length, failed, rate, at(0.5).toFixed(1), at(0.99).toFixed(1)];
  process.stdout.write(`${columns.join(' | ')}\n`);
}

/** Sends a call and reads its answer; true when it came whole, a stream with its end. */
function post(agent: Agent, url: string, token: string, body: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        agent,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      },
      (response) => {
        const streamed = response.headers['content-type']?.startsWith('text/event-stream') ?? false;
        let tail = '';
        response.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString('utf8')).slice(-32)));
        response.once('error', reject);
        response.once('end', () =>
          resolve(response.statusCode === 200 && (!streamed || tail.endsWith('[DONE]\n\n'))),
        );
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Attempts of one run, and their tokens. */
async function seed(prisma: PrismaClient): Promise<string[]> {
  const tag = randomUUID().slice(0, 8);
  const runId = `bench-${tag}`;
  const expiresAt = new Date(Date.now() + 3_600_000);
  const attempts = Array.from({ length: JOBS }, () => ({ jobId: newJobId(), deploymentId: randomUUID() }));
  await prisma.attemptJob.createMany({
    data: attempts.map((attempt, index) => ({
      ...attempt,
      runId,
      minerEvaluationTaskId: randomUUID(),
      taskId: `task-${tag}`,
      minerHotkey: `miner-${index}`,
      validatorHotkey: 'bench',
      fencing: 1n,
      attempt: 1,
    })),
  });
  return attempts.map((attempt) => mintJobToken({ ...attempt, runId, expiresAt }, SECRET));
}

function prefixed(prefix: string, values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const ok = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (child.exitCode !== null) throw new Error(`the proxy ended with status ${child.exitCode}`);
    await sleep(100);
  }
  throw new Error('the proxy was not ready within ten seconds');
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

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
