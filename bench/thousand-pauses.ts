/**
 * One run that is paused and resumed a thousand times, by the product's worker on a Temporal and a PostgreSQL of its own.
 *
 *   node build/bench/thousand-pauses.js [--pauses 1000]
 *
 * Prints how long an order takes, how long the histories became, and checks that every order was carried out once, written down
 * once, and that the run ends as much later as it stood still.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import { Client as Database } from 'pg';
import { connectTemporal, temporalConfigFromEnv } from '../adapters/temporal';
import type { RunProgressView, SteerAnswer } from '../domain/messages';
import { latencies, printTable } from './support/figures';
import { nodeProcess, startBenchStack } from './support/stack';

const { values: options } = parseArgs({ options: { pauses: { type: 'string', default: '1000' } } });
const pauses = Number(options.pauses);
const RUN = 'run/run-1';

async function main(): Promise<void> {
  const stack = await startBenchStack({
    LOG_LEVEL: 'warn',
    EIREL_BENCH_AGENTS_URL: 'http://127.0.0.1:9',
    EIREL_BENCH_AGENT_SLOTS: '1',
    EIREL_RUN_TASK_COUNT: '3',
  });
  const database = new Database({ connectionString: stack.databaseUrl });
  const temporal = await connectTemporal(temporalConfigFromEnv(stack.env));
  try {
    await database.connect();
    writeDataset(join(stack.dataDir, 'dataset'));
    stack.env.EIREL_OWNER_DATASET_ROOT_PATH = join(stack.dataDir, 'dataset');
    // Always the execution that the run is in by now.
    const run = () => temporal.workflow.getHandle(RUN);
    const ready = { kind: 'check' as const, check: async () => void (await run().describe()) };
    await stack.start(nodeProcess(stack, 'worker', 'bench/support/scale-worker.js', ready));
    const progress = () => run().query<RunProgressView>('progress');
    while ((await progress().catch(() => null))?.phase !== 'running') await sleep(200);
    const before = await progress();

    const times: number[] = [];
    const began = performance.now();
    for (let n = 0; n < pauses; n += 1) {
      for (const action of ['pause', 'resume']) {
        const sent = performance.now();
        const order = { id: `${action}-${n}`, actor: 'bench', reason: `number ${n}` };
        const answer = await run().executeUpdate<SteerAnswer, [object]>(action, { args: [order] });
        if (answer.outcome !== 'applied') throw new Error(`${action} ${n}: ${answer.message}`);
        times.push(performance.now() - sent);
      }
    }
    const seconds = (performance.now() - began) / 1000;
    const after = await progress();
    await run().executeUpdate('close', { args: [{ mode: 'now' }] });
    await run().result();

    const histories: number[] = [];
    for await (const execution of temporal.workflow.list({ query: `WorkflowId = '${RUN}'` })) {
      histories.push((await temporal.workflow.getHandle(RUN, execution.runId).describe()).historyLength ?? 0);
    }
    const { rows } = await database.query<{ action: string; outcome: string; n: string }>(
      `SELECT action, outcome, count(*) AS n FROM operator_actions
       WHERE target = 'run-1' GROUP BY action, outcome ORDER BY action`,
    );
    const moved = Date.parse(after.endsAt) - Date.parse(before.endsAt);
    const { p50, p99, max } = latencies(times, seconds);
    printTable([
      ['what', 'figure'],
      ['orders', String(times.length)],
      ['seconds', seconds.toFixed(1)],
      ['an order', `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, max ${max.toFixed(0)} ms`],
      ['continued as new', String(after.continued)],
      ['events in all', String(histories.reduce((sum, length) => sum + length, 0))],
      ['longest history', String(Math.max(...histories))],
      ['end moved by', `${(moved / 1000).toFixed(1)} s`],
      ...rows.map(({ action, outcome, n }) => [`rows ${action} ${outcome}`, n]),
    ]);
    const written = (action: string) => Number(rows.find((row) => row.action === action)?.n ?? 0);
    if (written('run.pause') !== pauses || written('run.resume') !== pauses) {
      throw new Error('not every order was written down once');
    }
    if (after.phase !== 'running' || after.pausedAt !== null || moved <= 0 || moved > seconds * 1000) {
      throw new Error(`the run is not as it should be: ${JSON.stringify(after)}, end moved by ${moved} ms`);
    }
  } catch (error) {
    throw error instanceof WorkflowFailedError && error.cause ? error.cause : error;
  } finally {
    await temporal.connection.close();
    await database.end();
    await stack.stop();
  }
}

function writeDataset(root: string): void {
  mkdirSync(root, { recursive: true });
  const tasks = Array.from({ length: 3 }, (_, index) => ({
    task_id: `task-${index}`,
    family_id: 'general_chat',
    prompt: `Question ${index}?`,
    mode: 'instant',
    category: 'no_tool',
    difficulty: 'standard',
    expected_output: { answer: 'forty-two' },
    metadata: { capability: 'c', domain: 'd' },
    oracle_source: 'deterministic',
  }));
  const bundle = { kind: 'family_evaluation_bundle', family_id: 'general_chat', tasks };
  writeFileSync(join(root, 'general_chat.json'), JSON.stringify(bundle));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
