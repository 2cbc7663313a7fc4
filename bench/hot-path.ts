/**
 * The hot path of the owner API over HTTP, signatures and all: signed reads, claims, and whole cycles of a claim and its
 * result.
 *
 *   node build/bench/hot-path.js [--clients 1,8,32] [--seconds 8] [--tasks 20000] [--miners 8] [--body 50000]
 *     [--warm 10] [--only reads,cycles,growth] [--profile DIR]
 *
 * PostgreSQL (with fsync), Redis and Temporal are the bench's own; API and load generator are processes of their own.
 * Beside rates and latencies it prints what each operation cost in processor time, which says more than a rate does where
 * other work shares the machine.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { hotkeyFromSeed } from '../adapters/keys/hotkey';
import { cpuSeconds, latencies, machineTicks, printTable, residentMiB } from './support/figures';
import { startSeconds, type LoadOrder, type LoadReport } from './support/load-contract';
import { seedOpenRun } from './support/seed';
import { nodeProcess, startBenchStack, type BenchStack } from './support/stack';

const VALIDATORS = 32;
const READS = [
  ['validator, own entry', '/v1/validators/me'],
  ['validator, run status', '/v1/families/general_chat/tasks/status'],
  ['miner, own submissions', '/v1/submissions/mine'],
  ['miner, feedback, 20 of a run', '/v1/eval/feedback?run_id=run-1&limit=20'],
] as const;

const { values: options } = parseArgs({
  options: {
    clients: { type: 'string', default: '1,8,32' },
    seconds: { type: 'string', default: '8' },
    tasks: { type: 'string', default: '20000' },
    miners: { type: 'string', default: '8' },
    body: { type: 'string', default: '50000' },
    warm: { type: 'string', default: '10' },
    only: { type: 'string', default: 'reads,cycles,growth' },
    profile: { type: 'string' },
  },
});
const clientCounts = options.clients.split(',').map(Number);
const seconds = Number(options.seconds);
const seeds = Array.from({ length: VALIDATORS }, (_, index) => Buffer.alloc(32, index + 1).toString('hex'));
const minerKeys = Array.from({ length: 256 }, (_, index) => {
  const seed = Buffer.alloc(32, 200);
  seed.writeUInt32LE(index);
  return seed.toString('hex');
});
const addressOf = (seed: string): string => hotkeyFromSeed(Buffer.from(seed, 'hex')).ss58;

const rows: string[][] = [
  [
    'operation',
    'clients',
    'req/s',
    'p50 ms',
    'p99 ms',
    'API cpu ms',
    'PG cpu ms',
    'client cpu ms',
    'refused',
    'others',
  ],
];

async function main(): Promise<void> {
  const stack = await startBenchStack({ LOG_LEVEL: 'warn' });
  const client = new Client({ connectionString: stack.databaseUrl });
  try {
    await client.connect();
    const only = options.only.split(',');
    await client.query('INSERT INTO validators (hotkey) SELECT unnest($1::text[])', [seeds.map(addressOf)]);
    const miners = minerKeys.slice(0, Number(options.miners)).map(addressOf);
    await seedOpenRun(client, { sequence: 1, tasks: Number(options.tasks), miners });
    const profile = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : [];
    const ready = { kind: 'http' as const, url: `${stack.apiUrl}/healthz` };
    await stack.start(nodeProcess(stack, 'owner-api', 'api/main.js', ready, profile));
    // Compiles the hot path, opens the connections and fills the caches: a process that serves for days is measured.
    const warm = { url: stack.apiUrl, seeds, clients: 8, miners, bodyBytes: Number(options.body) };
    await load({ ...warm, kind: 'cycles', seconds: Number(options.warm) });
    if (only.includes('reads')) {
      for (const [name, path] of READS) {
        const signers = name.startsWith('miner') ? minerKeys.slice(0, Number(options.miners)) : seeds;
        for (const clients of clientCounts) {
          await measure(stack, name, ['read'], {
            kind: 'reads',
            url: stack.apiUrl,
            path,
            seeds: signers,
            clients,
            seconds,
          });
        }
      }
    }
    if (only.includes('cycles')) {
      for (const clients of clientCounts) {
        await measure(stack, 'claim and result', ['cycle', 'claim', 'result'], {
          kind: 'cycles',
          url: stack.apiUrl,
          seeds,
          clients,
          seconds,
          miners,
          bodyBytes: Number(options.body),
        });
      }
    }
    if (only.includes('growth')) await growth(stack, client);
    process.stdout.write(`\nAPI: ${residentMiB(stack.pidOf('owner-api')).toFixed(0)} MiB resident\n`);
    printTable(rows);
  } finally {
    await client.end();
    await stack.stop();
  }
}

/** Whether a claim gets dearer with the number of tasks, of tasks already judged, or of miners. */
async function growth(stack: BenchStack, client: Client): Promise<void> {
  const sizes = [
    { tasks: 1_000, miners: 8, settled: 0 },
    { tasks: 20_000, miners: 8, settled: 0 },
    { tasks: 20_000, miners: 8, settled: 15_000 },
    { tasks: 100_000, miners: 8, settled: 0 },
    { tasks: 1_000, miners: 64, settled: 0 },
    { tasks: 1_000, miners: 256, settled: 0 },
  ];
  for (const [index, { tasks, miners, settled }] of sizes.entries()) {
    await seedOpenRun(client, {
      sequence: 2 + index,
      tasks,
      settled,
      miners: minerKeys.slice(0, miners).map(addressOf),
    });
    await load({ kind: 'claims', url: stack.apiUrl, seeds, clients: 4, seconds: 0.5 });
    const name = `claim: ${tasks} tasks, ${settled} judged, ${miners} miners`;
    await measure(stack, name, ['claim'], {
      kind: 'claims',
      url: stack.apiUrl,
      seeds,
      clients: 1,
      seconds: 1.5,
    });
  }
}

async function measure(
  stack: BenchStack,
  name: string,
  operations: string[],
  order: LoadOrder,
): Promise<void> {
  const pids = [stack.pidOf('owner-api'), stack.pidOf('postgres')];
  const before = pids.map(cpuSeconds);
  const machine = machineTicks();
  const report = await load(order);
  const spent = pids.map((pid, index) => cpuSeconds(pid) - (before[index] ?? 0));
  const after = machineTicks();
  const busy = (after.busy - machine.busy) / (after.total - machine.total);
  const own = spent.reduce((sum, value) => sum + value, report.cpuSeconds);
  const others =
    Math.max(0, (busy * (after.total - machine.total)) / 100 - own) / (report.seconds + startSeconds(order));
  const refused = Object.values(report.refused).reduce((sum, count) => sum + count, 0);
  for (const [why, count] of Object.entries(report.refused)) process.stderr.write(`  ${count} x ${why}\n`);
  const whole = report.done[operations[0] ?? ''] ?? 0;
  for (const [index, operation] of operations.entries()) {
    const figures = latencies(report.times[operation] ?? [], report.seconds);
    const cpu = (value: number | undefined): string =>
      index === 0 && whole > 0 ? (((value ?? 0) / whole) * 1000).toFixed(2) : '';
    rows.push([
      index === 0 ? name : `  ${operation} of these`,
      String(order.clients),
      figures.rate.toFixed(0),
      figures.p50.toFixed(1),
      figures.p99.toFixed(1),
      cpu(spent[0]),
      cpu(spent[1]),
      cpu(report.cpuSeconds),
      index === 0 ? String(refused) : '',
      index === 0 ? others.toFixed(1) : '',
    ]);
    process.stderr.write(`${rows.at(-1)?.join(' | ')}\n`);
  }
}

function load(order: LoadOrder): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(join(__dirname, 'support', 'load.js'));
    child.once('message', (report: LoadReport) => {
      child.disconnect();
      resolve(report);
    });
    child.once('exit', (code) => reject(new Error(`the load generator ended with ${code}`)));
    child.send(order);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
