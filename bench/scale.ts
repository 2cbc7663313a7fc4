/**
 * A run of 256 miners and 100 tasks on this machine, from the uploads to the start of the next run.
 *
 *   node build/bench/scale.js [--miners 256] [--tasks 100] [--answer 6000] [--validators 4] [--parallel 8]
 *
 * PostgreSQL (with fsync), Redis and Temporal are the bench's own; API and worker are processes of the product. Everything
 * between is the product's: signed uploads, `submissionLifecycle` and `deploymentLifecycle` of every miner, `runEpoch` from
 * opening to the next run, claims and results over signed HTTP, agents asked through the owner's proxy. Simulated are the
 * containers (an address on one server for each agent), what agents say and what judges say of it.
 */
import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Client as Database } from 'pg';
import { pack } from 'tar-stream';
import { freePort, projectRoot } from '../adapters/local-stack';
import { OwnerClient } from '../adapters/owner-client';
import { connectTemporal, temporalConfigFromEnv } from '../adapters/temporal';
import { cpuSeconds, latencies, printTable, residentMiB } from './support/figures';
import { readHistories } from './support/histories';
import { benchHotkey } from './support/signer';
import { nodeProcess, startBenchStack, type BenchStack } from './support/stack';
import type { ValidatorsOrder, ValidatorsReport } from './support/validators';

const { values: options } = parseArgs({
  options: {
    miners: { type: 'string', default: '256' },
    tasks: { type: 'string', default: '100' },
    answer: { type: 'string', default: '6000' },
    validators: { type: 'string', default: '4' },
    parallel: { type: 'string', default: '8' },
  },
});
const minerCount = Number(options.miners);
const taskCount = Number(options.tasks);
const evaluations = minerCount * taskCount;
const RUN = 'run/run-1';
const MANIFEST = [
  'schema_version: 1',
  'agent:',
  '  name: bench-agent',
  'family_id: general_chat',
  'runtime:',
  '  port: 8080',
  '  health_path: /healthz',
  '  invoke_path: /v1/agent/infer',
  'inference:',
  '  providers: [chutes]',
  '',
].join('\n');

async function main(): Promise<void> {
  const miners = seeds(minerCount, 7);
  const validators = seeds(Number(options.validators), 3);
  const agentsPort = await freePort();
  const stack = await startBenchStack({
    LOG_LEVEL: 'warn',
    EIREL_BENCH_AGENTS_PORT: String(agentsPort),
    EIREL_BENCH_AGENTS_URL: `http://127.0.0.1:${agentsPort}`,
    EIREL_BENCH_ANSWER_CHARS: options.answer,
    EIREL_BENCH_AGENT_SLOTS: String(minerCount + 10),
    EIREL_RUN_TASK_COUNT: options.tasks,
    EIREL_FIRST_RUN_START_TIME: new Date(Date.now() + 86_400_000).toISOString(),
    EIREL_METAGRAPH_MAX_AGE_SECONDS: '0',
    EIREL_SOFT_TERMINATION_GRACE_SECONDS: '5',
    EIREL_OWNER_MNEMONIC: '//Owner',
    EIREL_OWNER_RUNTIME_SUBMISSION_CPU_MILLIS: '250',
    EIREL_OWNER_RUNTIME_SUBMISSION_MEMORY_MB: '512',
  });
  const database = new Database({ connectionString: stack.databaseUrl });
  try {
    await database.connect();
    await play(stack, database, miners, validators);
  } finally {
    await database.end();
    await stack.stop();
  }
}

async function play(stack: BenchStack, database: Database, miners: string[], validators: string[]) {
  writeDataset(join(stack.dataDir, 'dataset'));
  stack.env.EIREL_OWNER_DATASET_ROOT_PATH = join(stack.dataDir, 'dataset');
  const address = (seed: string) => benchHotkey(seed).ss58;
  await database.query('INSERT INTO validators (hotkey) SELECT unnest($1::text[])', [
    validators.map(address),
  ]);
  await database.query(
    'INSERT INTO registered_neurons (hotkey, uid) SELECT hotkey, n FROM unnest($1::text[]) WITH ORDINALITY AS m(hotkey, n)',
    [miners.map(address)],
  );
  const agentsUrl = stack.env.EIREL_BENCH_AGENTS_URL as string;
  const temporal = await connectTemporal(temporalConfigFromEnv(stack.env));
  const run = temporal.workflow.getHandle(RUN);
  const http = (url: string) => ({ kind: 'http' as const, url });
  await stack.start(
    nodeProcess(stack, 'agents', 'bench/support/agents.js', http(`${agentsUrl}/all/healthz`)),
  );
  await stack.start(nodeProcess(stack, 'owner-api', 'api/main.js', http(`${stack.apiUrl}/healthz`)));
  const scheduled = { kind: 'check' as const, check: async () => void (await run.describe()) };
  await stack.start(nodeProcess(stack, 'worker', 'bench/support/scale-worker.js', scheduled));

  const before = await countRows(database);
  const stages: Stage[] = [];
  const stage = stageOf(stack, stages);
  await stage('uploads', () => uploadAll(stack, miners));
  await stage('builds', () =>
    until('every archive is built', 900, async () => {
      const { rows } = await database.query<{ n: string }>(
        `SELECT count(*) AS n FROM managed_deployments WHERE health_details_json ? 'image'`,
      );
      return Number(rows[0]?.n) === minerCount;
    }),
  );
  const phase = async () =>
    (await database.query<{ phase: string }>(`SELECT phase FROM evaluation_runs WHERE id = 'run-1'`)).rows[0]
      ?.phase;
  await stage('opening, agents started, tasks seeded', async () => {
    await run.executeUpdate('open', { args: [{ actor: 'bench', reason: 'everything is built' }] });
    await until('the run is running', 900, async () => (await phase()) === 'running');
  });
  const order: ValidatorsOrder = {
    url: stack.apiUrl,
    seeds: validators,
    parallel: Number(options.parallel),
  };
  const report = await stage('claims, asking, results', () => inChild<ValidatorsReport>('validators', order));
  await stage('closing: drain, scores, evidence, weights', async () => {
    await run.executeUpdate('close', { args: [{ actor: 'bench', reason: 'everything is judged' }] });
    await until('the run is completed', 900, async () => (await phase()) === 'completed');
  });
  await stage('hand-over: losers retired, next run started', () => run.result());
  await stage('verification', () => verify(stack));

  const histories = await readHistories(temporal, RUN);
  const after = await countRows(database);
  const { rows: size } = await database.query<{ bytes: string }>(
    'SELECT pg_database_size(current_database()) AS bytes',
  );
  const { rows: winner } = await database.query(
    `SELECT has_winner, best_raw_score FROM run_family_results WHERE run_id = 'run-1'`,
  );
  const { rows: states } = await database.query<{ status: string; n: string }>(
    `SELECT status, count(*) AS n FROM miner_evaluation_tasks GROUP BY status ORDER BY status`,
  );
  const { rows: evidence } = await database.query<{ evidence_key: string }>(
    `SELECT evidence_key FROM evaluation_runs WHERE id = 'run-1'`,
  );
  await temporal.connection.close();
  print({ stages, report, histories, before, after, bytes: Number(size[0]?.bytes) });
  process.stdout.write(
    `\nmemory at the peak: API ${peakMiB(stack.pidOf('owner-api'))} MiB, worker ${peakMiB(stack.pidOf('worker'))} MiB, ` +
      `verification ${verifyPeakMiB} MiB\n` +
      `evaluations ${states.map(({ status, n }) => `${status} ${n}`).join(', ')}; ` +
      `${JSON.stringify(winner[0])}; evidence ${evidence[0]?.evidence_key}\n`,
  );
}

/** Hex seeds of keys that differ. */
function seeds(count: number, byte: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const seed = Buffer.alloc(32, byte);
    seed.writeUInt32LE(index);
    return seed.toString('hex');
  });
}

function writeDataset(root: string): void {
  mkdirSync(root, { recursive: true });
  const tasks = Array.from({ length: taskCount + 20 }, (_, index) => ({
    task_id: `task-${index}`,
    family_id: 'general_chat',
    prompt: `Question ${index}? ${'What does the source say about it? '.repeat(10)}`,
    mode: 'instant',
    category: 'no_tool',
    difficulty: 'standard',
    web_search: false,
    allowed_tools: [],
    inputs: {},
    expected_output: { answer: 'forty-two', must_not_claim: ['It is forty-three'] },
    metadata: { capability: `capability-${index % 5}`, domain: `domain-${index % 4}` },
    oracle_source: 'deterministic',
  }));
  const bundle = { kind: 'family_evaluation_bundle', family_id: 'general_chat', tasks };
  writeFileSync(join(root, 'general_chat.json'), JSON.stringify(bundle));
}

async function uploadAll(stack: BenchStack, miners: readonly string[]): Promise<void> {
  const left = miners.map((seed, index) => ({ seed, index }));
  const lane = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const client = new OwnerClient({ baseUrl: stack.apiUrl, hotkey: benchHotkey(next.seed) });
      const tar = pack();
      tar.entry({ name: 'submission.yaml' }, MANIFEST);
      tar.entry({ name: 'app.py' }, `print("agent ${next.index}")\n`);
      tar.finalize();
      const chunks: Buffer[] = [];
      for await (const chunk of tar) chunks.push(chunk as Buffer);
      await client.submitArchive(gzipSync(Buffer.concat(chunks)));
      await client.close();
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
}

let verifyPeakMiB = 0;

/** `eirel-ai run verify` as a process of its own. */
async function verify(stack: BenchStack): Promise<void> {
  const child = fork(join(projectRoot(), 'bin', 'eirel-ai.js'), ['run', 'verify', 'run-1', '-o', 'json'], {
    silent: true,
    env: { ...stack.env, OWNER_API_PUBLIC_URL: stack.apiUrl },
  });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const timer = setInterval(() => {
    verifyPeakMiB = Math.max(verifyPeakMiB, peakMiB(child.pid ?? 0));
  }, 50);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`run verify ended with ${code}: ${text.slice(-2000)}`);
}

interface Stage {
  name: string;
  seconds: number;
  cpu: { api: number; worker: number; postgres: number; temporal: number };
  /** Resident at the end of it, MiB, and the most until then. */
  worker: { resident: number; peak: number };
}

function stageOf(stack: BenchStack, stages: Stage[]) {
  const read = () =>
    ['owner-api', 'worker', 'postgres', 'temporal'].map((name) => {
      const pid = stack.pidOf(name);
      return pid ? cpuSeconds(pid) : 0;
    });
  return async <T>(name: string, act: () => Promise<T>): Promise<T> => {
    process.stderr.write(`${name} ...`);
    const cpu = read();
    const began = performance.now();
    const result = await act();
    const seconds = (performance.now() - began) / 1000;
    const [api = 0, worker = 0, postgres = 0, temporal = 0] = read().map((now, i) => now - (cpu[i] ?? 0));
    const pid = stack.pidOf('worker');
    const memory = { resident: Math.round(residentMiB(pid)), peak: peakMiB(pid) };
    stages.push({ name, seconds, cpu: { api, worker, postgres, temporal }, worker: memory });
    process.stderr.write(` ${seconds.toFixed(1)} s\n`);
    return result;
  };
}

async function until(what: string, seconds: number, reached: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await reached())) {
    if (Date.now() > deadline) throw new Error(`it did not come about within ${seconds} s that ${what}`);
    await sleep(200);
  }
}

function inChild<T>(script: string, order: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, 'support', `${script}.js`));
    child.once('message', (report: T) => {
      child.disconnect();
      resolve(report);
    });
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
    child.send(order as object);
  });
}

async function countRows(database: Database): Promise<Map<string, number>> {
  const { rows: tables } = await database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_prisma_migrations'`,
  );
  const counts = new Map<string, number>();
  for (const { name } of tables) {
    const { rows } = await database.query<{ n: string }>(`SELECT count(*) AS n FROM "${name}"`);
    counts.set(name, Number(rows[0]?.n));
  }
  return counts;
}

/** The most memory that a process has had resident so far. */
function peakMiB(pid: number): number {
  try {
    const [, kib = '0'] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    // It has ended.
    return 0;
  }
}

function print(figures: {
  stages: readonly Stage[];
  report: ValidatorsReport;
  histories: Awaited<ReturnType<typeof readHistories>>;
  before: Map<string, number>;
  after: Map<string, number>;
  bytes: number;
}): void {
  const { stages, report, histories, before, after, bytes } = figures;
  const per = (value: number, digits = 2) => (value / evaluations).toFixed(digits);
  process.stdout.write(`\n${minerCount} miners x ${taskCount} tasks = ${evaluations} evaluations\n\n`);
  const seconds = stages.reduce((sum, one) => sum + one.seconds, 0);
  const cpu = (one: Stage) => one.cpu.api + one.cpu.worker + one.cpu.postgres + one.cpu.temporal;
  printTable([
    [
      'stage',
      's',
      'ms an evaluation',
      'API cpu s',
      'worker cpu s',
      'PostgreSQL cpu s',
      'Temporal cpu s',
      'worker MiB',
      'until then',
    ],
    ...stages.map((one) => [
      one.name,
      one.seconds.toFixed(1),
      per(one.seconds * 1000),
      ...[one.cpu.api, one.cpu.worker, one.cpu.postgres, one.cpu.temporal].map((value) => value.toFixed(1)),
      String(one.worker.resident),
      String(one.worker.peak),
    ]),
    [
      'all',
      seconds.toFixed(1),
      per(seconds * 1000),
      '',
      '',
      '',
      `${per(1000 * stages.reduce((sum, one) => sum + cpu(one), 0))} ms cpu`,
    ],
  ]);
  const times = (name: string, values: readonly number[]) => {
    const { count, p50, p99, max } = latencies(values, report.seconds);
    return [name, String(count), p50.toFixed(0), p99.toFixed(0), max.toFixed(0)];
  };
  process.stdout.write('\n');
  printTable([
    ['validators', 'count', 'p50 ms', 'p99 ms', 'max ms'],
    times('claim', report.claimMs),
    times('ask an agent through the proxy', report.askMs),
    times(`result of ${minerCount} answers`, report.resultMs),
  ]);
  for (const [why, count] of Object.entries(report.failed))
    process.stdout.write(`failed: ${count} x ${why}\n`);
  process.stdout.write('\n');
  printTable([
    ['workflow', 'number', 'events', 'longest', 'largest bytes'],
    ...histories.types.map((one) => [
      one.type,
      String(one.count),
      String(one.events),
      String(one.largestEvents),
      String(one.largestBytes),
    ]),
    ['all', '', String(histories.events), `${per(histories.events, 3)} an evaluation`, ''],
  ]);
  const { bytes: payload, where } = histories.largestPayload;
  process.stdout.write(`largest payload: ${payload} bytes (${where})\n\n`);
  printTable([['step of the run', 's'], ...histories.steps.map(([name, took]) => [name, took.toFixed(2)])]);
  const grown = [...after]
    .map(([table, n]): [string, number] => [table, n - (before.get(table) ?? 0)])
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1]);
  const rows = grown.reduce((sum, [, n]) => sum + n, 0);
  process.stdout.write('\n');
  printTable([
    ['table', 'rows', 'an evaluation'],
    ...grown.map(([table, n]) => [table, String(n), per(n)]),
    ['all', String(rows), per(rows)],
    ['database', `${(bytes / 1e6).toFixed(0)} MB`, `${per(bytes / 1000)} KB`],
  ]);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
