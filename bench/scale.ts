/**
 * A run of 256 miners and 100 tasks on this machine: claims and results over signed HTTP, then what closes it.
 *
 *   node build/bench/scale.js [--miners 256] [--tasks 100] [--answer 6000] [--clients 4]
 *
 * PostgreSQL (with fsync), Redis and Temporal are the bench's own. The API is a process of its own, and so is the one
 * that closes the run with the activities of the control worker (drain, scores, evidence, weights). The run's rows are
 * seeded; its agents are not asked: their answers, `--answer` characters each, and the judge's outputs are prepared.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { addressOf } from '../adapters/keys/address';
import { hotkeyFromSeed } from '../adapters/keys/hotkey';
import { cpuSeconds, latencies, printTable, residentMiB } from './support/figures';
import type { LoadOrder, LoadReport } from './support/load-contract';
import type { ClosingReport } from './support/close-run';
import { freezeBenchRun, seedOpenRun } from './support/seed';
import { nodeProcess, startBenchStack, type BenchStack } from './support/stack';

const { values: options } = parseArgs({
  options: {
    miners: { type: 'string', default: '256' },
    tasks: { type: 'string', default: '100' },
    answer: { type: 'string', default: '6000' },
    clients: { type: 'string', default: '4' },
  },
});
const TABLES = [
  'task_evaluations',
  'miner_evaluation_tasks',
  'task_claims',
  'attempt_jobs',
  'task_miner_results',
  'eval_feedback',
] as const;

async function main(): Promise<void> {
  const minerCount = Number(options.miners);
  const tasks = Number(options.tasks);
  const evaluations = minerCount * tasks;
  const clients = Number(options.clients);
  const seeds = Array.from({ length: clients }, (_, index) => Buffer.alloc(32, index + 1).toString('hex'));
  const stack = await startBenchStack({ LOG_LEVEL: 'warn', EIREL_FAMILY_WEIGHTS: 'general_chat:1.0' });
  const client = new Client({ connectionString: stack.databaseUrl });
  try {
    await client.connect();
    const validators = seeds.map((seed) => hotkeyFromSeed(Buffer.from(seed, 'hex')).ss58);
    await client.query('INSERT INTO validators (hotkey) SELECT unnest($1::text[])', [validators]);
    const miners = Array.from({ length: minerCount }, (_, index) => {
      const key = Buffer.alloc(32, 7);
      key.writeUInt32LE(index);
      return addressOf(key);
    });
    const run = await seedOpenRun(client, { sequence: 1, tasks, miners });
    await freezeBenchRun(client, run.runId);
    const ready = { kind: 'http' as const, url: `${stack.apiUrl}/healthz` };
    await stack.start(nodeProcess(stack, 'owner-api', 'api/main.js', ready));

    const watch = peakOf(() => residentMiB(stack.pidOf('owner-api')));
    const before = [stack.pidOf('owner-api'), stack.pidOf('postgres')].map(cpuSeconds);
    const began = performance.now();
    const report = await load({
      kind: 'cycles',
      url: stack.apiUrl,
      seeds,
      clients,
      seconds: 3600,
      miners,
      bodyBytes: (Number(options.answer) + 700) * minerCount,
    });
    const seconds = (performance.now() - began) / 1000;
    const cpu = [stack.pidOf('owner-api'), stack.pidOf('postgres')].map(
      (pid, index) => cpuSeconds(pid) - (before[index] ?? 0),
    );
    const apiPeak = watch();
    for (const [why, count] of Object.entries(report.refused)) process.stderr.write(`  ${count} x ${why}\n`);
    const closing = await closeRun(stack, run.runId);
    const rows: [string, number, number][] = [];
    for (const table of TABLES) {
      const { rows: found } = await client.query<{ n: string; bytes: string }>(
        `SELECT count(*) AS n, pg_total_relation_size('${table}') AS bytes FROM ${table}`,
      );
      rows.push([table, Number(found[0]?.n ?? 0), Number(found[0]?.bytes ?? 0)]);
    }

    const results = latencies(report.times.result ?? [], seconds);
    const per = (value: number) => (value / evaluations).toFixed(3);
    const rowCount = rows.reduce((sum, [, n]) => sum + n, 0);
    const bytes = rows.reduce((sum, [, , size]) => sum + size, 0);
    process.stdout.write(`\n${minerCount} miners x ${tasks} tasks = ${evaluations} evaluations\n`);
    printTable([
      ['what', 'figure', 'an evaluation'],
      ['claims and results', `${seconds.toFixed(1)} s`, `${per(seconds * 1000)} ms`],
      [
        'result of one task',
        `p50 ${results.p50.toFixed(0)} ms, p99 ${results.p99.toFixed(0)} ms`,
        `${(results.p50 / minerCount).toFixed(2)} ms`,
      ],
      ['API processor', `${cpu[0]?.toFixed(1)} s`, `${per((cpu[0] ?? 0) * 1000)} ms`],
      ['PostgreSQL processor', `${cpu[1]?.toFixed(1)} s`, `${per((cpu[1] ?? 0) * 1000)} ms`],
      ...closing.steps.map(({ name, seconds: took, residentMiB: size }) => [
        name,
        `${took.toFixed(1)} s, ${size.toFixed(0)} MiB peak`,
        `${per(took * 1000)} ms`,
      ]),
      ['evidence', `${(closing.evidenceBytes / 1e6).toFixed(1)} MB`, `${per(closing.evidenceBytes)} bytes`],
      ['database rows', String(rowCount), per(rowCount)],
      ['database size', `${(bytes / 1e6).toFixed(0)} MB`, `${per(bytes)} bytes`],
      ['API resident, peak', `${apiPeak.toFixed(0)} MiB`, ''],
    ]);
    printTable([
      ['table', 'rows', 'MB'],
      ...rows.map(([t, n, size]) => [t, String(n), (size / 1e6).toFixed(1)]),
    ]);
  } finally {
    await client.end();
    await stack.stop();
  }
}

/** Starts to look at a figure; the returned function stops it and gives the highest. */
function peakOf(read: () => number): () => number {
  let peak = read();
  const timer = setInterval(() => (peak = Math.max(peak, read())), 100);
  return () => {
    clearInterval(timer);
    return peak;
  };
}

function load(order: LoadOrder): Promise<LoadReport> {
  return inChild('load', order, {});
}

function closeRun(stack: BenchStack, runId: string): Promise<ClosingReport> {
  return inChild('close-run', { runId }, stack.env);
}

function inChild<T>(script: string, order: unknown, env: NodeJS.ProcessEnv): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, 'support', `${script}.js`), { env: { ...process.env, ...env } });
    child.once('message', (report: T) => {
      child.disconnect();
      resolve(report);
    });
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code}`)));
    child.send(order as object);
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
