/**
 * One run undisturbed, then the same run while validators, workers, API and judge are killed fifty times: both must end with
 * the same scores, and the records of the second must show that nothing was lost and nothing counted twice.
 *
 *   npm run build && node -r ./test/chaos/register-typescript.cjs test/chaos/fifty-kills.ts [--kills 50] [--seed 1]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { dataDirFromEnv } from '../../adapters/local-stack';
import { createLogger, messageOf } from '../../adapters/logging';
import { Demo, type Progress } from '../../demo/scenario';
import { essence } from '../harness/essence';
import { checkHistory, type Check, type Wear } from './history-checks';

/** Shares of the kills; validators are what this is about. */
const SHARES: Record<string, number> = {
  'validator-a': 6,
  'validator-b': 6,
  'owner-api': 5,
  worker: 4,
  judge: 4,
};
const VALIDATORS = ['validator-a', 'validator-b'];

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    tasks: { type: 'string', default: '32' },
    'run-seconds': { type: 'string', default: '420' },
    'quiet-seconds': { type: 'string', default: '120' },
  },
});

interface Played {
  found: ReturnType<typeof essence>;
  checks: Check[];
  wear: Wear;
  kills: Record<string, number>;
  /** Kills while tasks were still open. */
  amidst: number;
  seconds: number;
}

/** A small seeded generator (mulberry32): the same seed kills in the same order. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The victims in the order of their deaths, each with its share. */
function victimsOf(kills: number, random: () => number): string[] {
  const total = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
  const list = Object.entries(SHARES).flatMap(([name, share]) =>
    Array.from({ length: Math.round((share / total) * kills) }, () => name),
  );
  while (list.length < kills) list.push('validator-a');
  list.length = kills;
  for (let index = list.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [list[index], list[other]] = [list[other] as string, list[index] as string];
  }
  return list;
}

async function play(root: string, name: string, kills: number, expected: object | null): Promise<Played> {
  const { TEMPORAL_ADDRESS: _t, DATABASE_URL: _d, REDIS_URL: _r, ...env } = process.env;
  const began = Date.now();
  const say = (text: string): void => {
    process.stderr.write(`[${name} ${((Date.now() - began) / 1000).toFixed(0).padStart(3)} s] ${text}\n`);
  };
  const dataDir = join(root, name);
  const demo = new Demo({
    dataDir,
    toolsDir: join(resolve(dataDirFromEnv(process.env)), 'tools'),
    runSeconds: Number(kills > 0 ? values['run-seconds'] : values['quiet-seconds']),
    leaseSeconds: 30,
    taskCount: Number(values.tasks),
    modelLatencyMs: 1500,
    logger: createLogger('chaos', 'error'),
    // The same secret draws the same tasks; a task outlives any number of kills.
    env: { ...env, EIREL_OWNER_SECRET: 'the same tasks for both runs', MAX_TASK_ATTEMPTS: '100' },
  });
  const dead: Record<string, number> = {};
  let amidst = 0;
  const seen: { progress: Progress | null } = { progress: null };
  let over = false;
  const killing = { begin: (): void => undefined };
  const begun = new Promise<void>((begin) => (killing.begin = begin));
  demo.on('say', say);
  demo.on('progress', (next) => (seen.progress = next));
  demo.on('moment', (moment) => {
    if (moment === 'opened') killing.begin();
  });
  const slaughter = (async () => {
    await begun;
    const random = generator(Number(values.seed));
    const queue = victimsOf(kills, random);
    while (queue.length > 0 && !over) {
      await sleep(2000 + random() * 5000);
      const supervisor = demo.parts?.supervisor;
      if (!supervisor || over) return;
      // Whoever is just being started again is left for later.
      const index = queue.findIndex((victim) => supervisor.stateOf(victim) === 'ready');
      if (index < 0) continue;
      const [victim] = queue.splice(index, 1) as [string];
      if (!supervisor.signal(victim, 'SIGKILL')) continue;
      dead[victim] = (dead[victim] ?? 0) + 1;
      const { progress } = seen;
      const open = progress === null || progress.tasks.evaluated < progress.total;
      if (open) amidst += 1;
      say(
        `killed ${victim} (${kills - queue.length} of ${kills}), ` +
          `${progress?.tasks.evaluated ?? 0}/${progress?.total ?? '?'} judged`,
      );
    }
  })();
  try {
    await demo.start();
    const outcome = await demo.play();
    over = true;
    await slaughter;
    const found = essence(outcome);
    const { checks, wear } = await checkHistory({
      databaseUrl: demo.parts?.databaseUrl ?? '',
      dataDir,
      apiUrl: demo.processes?.apiUrl ?? '',
      outcome,
      validators: VALIDATORS,
      expected,
      found,
    });
    return { found, checks, wear, kills: dead, amidst, seconds: (Date.now() - began) / 1000 };
  } finally {
    over = true;
    killing.begin();
    await demo.stop();
  }
}

// Colours only disturb a table that is kept.
const style = { head: [], border: [] };

function report(quiet: Played, killed: Played): string {
  const checks = new Table({ head: ['check', 'undisturbed', 'killed', 'found in the killed run'], style });
  for (const [index, check] of killed.checks.entries()) {
    checks.push([
      check.name,
      quiet.checks[index]?.holds ? 'holds' : 'FAILS',
      check.holds ? 'holds' : 'FAILS',
      check.detail,
    ]);
  }
  const wear = new Table({ head: ['', 'undisturbed', 'killed'], style });
  const row = (name: string, of: (played: Played) => string | number): void => {
    wear.push([name, of(quiet), of(killed)]);
  };
  const sum = (played: Played): number => Object.values(played.kills).reduce((a, b) => a + b, 0);
  row('SIGKILLs', sum);
  row('of these while tasks were open', (played) => played.amidst);
  for (const victim of Object.keys(SHARES)) row(`  ${victim}`, (played) => played.kills[victim] ?? 0);
  row('results accepted', (played) => played.wear.results);
  row('leases given', (played) => played.wear.claims);
  row('leases settled by a result', (played) => played.wear.settled);
  row('leases given back', (played) => played.wear.released);
  row('leases that ran out', (played) => played.wear.expired);
  row('most attempts at one (miner, task)', (played) => played.wear.mostAttempts);
  row('seconds in all', (played) => played.seconds.toFixed(0));
  return `${checks.toString()}\n\n${wear.toString()}`;
}

async function main(): Promise<number> {
  const base = resolve(dataDirFromEnv(process.env));
  mkdirSync(base, { recursive: true });
  const root = mkdtempSync(join(base, 'chaos-'));
  try {
    const quiet = await play(root, 'undisturbed', 0, null);
    const killed = await play(root, 'killed', Number(values.kills), quiet.found);
    process.stdout.write(`${report(quiet, killed)}\n`);
    const enough = Object.values(killed.kills).reduce((a, b) => a + b, 0) === Number(values.kills);
    if (!enough) process.stderr.write('the run ended before all kills were done: give --run-seconds more\n');
    return enough && [...quiet.checks, ...killed.checks].every((check) => check.holds) ? 0 : 1;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
