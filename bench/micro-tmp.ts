/** scratch: database only */
import { Client } from 'pg';
import { randomUUID } from 'node:crypto';
import { hotkeyFromSeed } from '../adapters/keys/hotkey';
import { createPrisma, poolOf } from '../adapters/postgres';
import { claimTasks } from '../adapters/postgres/claims';
import { submitResult } from '../adapters/postgres/results';
import { resultRequestSchema } from '../domain/contracts/tasks';
import { taskSettings } from '../api/runtime-proxy/settings';
import { cpuSeconds } from './support/figures';
import { seedOpenRun } from './support/seed';
import { startBenchStack } from './support/stack';
const addr = (n: number) => hotkeyFromSeed(Buffer.alloc(32, n)).ss58;
async function main() {
  const stack = await startBenchStack({ LOG_LEVEL: 'warn' });
  const client = new Client({ connectionString: stack.databaseUrl });
  await client.connect();
  try {
    await client.query(`ALTER SYSTEM SET track_functions='all'`); await client.query('SELECT pg_reload_conf()');
    if (process.env.SQL) await client.query(process.env.SQL);
    const miners = Array.from({ length: Number(process.env.M ?? 8) }, (_, i) => addr(100 + i));
    const validators = Array.from({ length: 32 }, (_, i) => addr(1 + i));
    await client.query('INSERT INTO validators (hotkey) SELECT unnest($1::text[])', [validators]);
    await seedOpenRun(client, { sequence: 1, tasks: 20000, miners });
    const db = createPrisma(process.env.SOCK ? stack.databaseUrl.replace('127.0.0.1', '%2Ftmp') : stack.databaseUrl, { poolSize: 20 });
    const entry = (miner: string) => { let answer = ''; while (answer.length < 5550) answer += `${randomUUID().slice(0, 8)} is what the source says; `;
      return { miner_hotkey: miner, verdict: 'matches', agreement_score: 1, miner_response: { output: { answer }, citations: [], metadata: { model: 'bench' } }, miner_citations: [{ url: 'https://example.org/a', title: 'A' }],
      judge_output: { verdict: 'matches', metadata: { eval_outcome: 'correct', eval_guidance: 'Name the page that the number is from.', eval_prompt_excerpt: 'What is the number?', eval_response_excerpt: answer.slice(0, 120) } },
      miner_latency_seconds: 3.2, latency_seconds: 1.1, proxy_cost_usd: 0.002, judge_cost_usd: 0.001, pairwise_preference_score: 0.5, grounded_correctness: 0.9, instruction_safety: 1 }; };
    const entries = miners.map(entry);
    const s = taskSettings();
    let claimMs = 0, resultMs = 0;
    const cycle = async (v: string) => {
      const t0 = performance.now();
      const { tasks: [task] } = await claimTasks(db, { runId: null, familyId: 'general_chat', validatorHotkey: v, batchSize: 1, leaseSeconds: 600, maxAttempts: 3, claimKey: null });
      const t1 = performance.now(); claimMs += t1 - t0;
      if (!task) throw new Error('none');
      const body = resultRequestSchema.parse({ fencing: Number(task.fencing), judge_model: 'bench', miner_results: entries });
      await submitResult(db, { taskEvaluationId: task.taskEvaluationId, validatorHotkey: v, body, digest: 'x', settings: { budgets: s.latencyBudgets, costFloorUsd: s.costFloorUsd, feedbackEnabled: true }, logger: console as never });
      resultMs += performance.now() - t1;
    };
    if (process.env.EXPLAIN) { await client.query(`ALTER SYSTEM SET session_preload_libraries='auto_explain'`); await client.query(`SELECT pg_reload_conf()`); await client.query(`ALTER SYSTEM SET auto_explain.log_min_duration=0`); await client.query(`ALTER SYSTEM SET auto_explain.log_nested_statements=on`); await client.query(`ALTER SYSTEM SET auto_explain.log_analyze=on`); await client.query('SELECT pg_reload_conf()'); await new Promise((r) => setTimeout(r, 500)); }
    const conc = Number(process.argv[2] ?? 1), n = Number(process.argv[3] ?? 1500);
    const go = async (count: number) => { let left = count; await Promise.all(validators.slice(0, conc).map(async (v) => { while (left-- > 0) await cycle(v); })); };
    await go(300); if (process.env.EXPLAIN) { const fs = require('fs'), cp = require('child_process'); cp.execSync('find '+stack.dataDir+' -name "*.log" | grep -i postgres | xargs -I{} cp {} /tmp/pg.log'); }
    await client.query('SELECT pg_stat_reset()');
    claimMs = resultMs = 0;
    const pg0 = cpuSeconds(stack.pidOf('postgres')), c0 = process.cpuUsage(), w0 = performance.now();
    const ws0 = (await client.query('SELECT * FROM pg_stat_wal')).rows[0];
    const wal0 = (await client.query('SELECT pg_current_wal_insert_lsn() l')).rows[0].l;
    await go(n);
    const c = process.cpuUsage(c0);
    const wal = (await client.query('SELECT pg_current_wal_insert_lsn() - $1::pg_lsn AS b', [wal0])).rows[0].b;
    await new Promise((r) => setTimeout(r, 1200)); const ws = (await client.query('SELECT * FROM pg_stat_wal')).rows[0];
    require('child_process').execSync('find '+stack.dataDir+' -name "*.log" | grep -i postgres | xargs -I{} cp {} /tmp/pg2.log');
    console.log('wal records', ((ws.wal_records - ws0.wal_records) / n).toFixed(1), 'fpi', ((ws.wal_fpi - ws0.wal_fpi) / n).toFixed(2), 'bytes', ((ws.wal_bytes - ws0.wal_bytes) / n).toFixed(0));
    console.log(`${n} cycles, ${(n / (performance.now() - w0) * 1000).toFixed(0)}/s; PG cpu ms ${((cpuSeconds(stack.pidOf('postgres')) - pg0) * 1000 / n).toFixed(2)}; node ms ${((c.user + c.system) / 1000 / n).toFixed(2)}; claim ms ${(claimMs / n).toFixed(2)} result ms ${(resultMs / n).toFixed(2)}; wal ${(wal / n / 1024).toFixed(1)} KB`);
    await new Promise((r) => setTimeout(r, 1500)); await poolOf(db).query('SELECT 1'); await db.$disconnect(); await new Promise((r) => setTimeout(r, 1500));
    for (const r of (await client.query(`SELECT funcname, calls, total_time, self_time FROM pg_stat_user_functions ORDER BY self_time DESC`)).rows) console.log(r.funcname, r.calls, 'total ms/cycle', (r.total_time / n).toFixed(3), 'self', (r.self_time / n).toFixed(3));
    for (const r of (await client.query(`SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd > 0 ORDER BY 2 DESC`)).rows) console.log(r.relname, (r.n_tup_ins/n).toFixed(2), (r.n_tup_upd/n).toFixed(2), (r.n_tup_hot_upd/n).toFixed(2));
    for (const r of (await client.query(`SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE idx_scan > 0 ORDER BY 2 DESC`)).rows) console.log('  scan', r.indexrelname, (r.idx_scan / n).toFixed(2));
  } finally { await client.end(); await stack.stop(); }
}
main().catch((e) => { console.error(e); process.exitCode = 1; });
