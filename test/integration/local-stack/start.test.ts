import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, prepareSandbox } from '../../../adapters/local-stack';
import { identify } from '../../../adapters/local-stack/process-table';

const ROOT = join(__dirname, '..', '..', '..');
const PROGRAM = join(ROOT, 'bin', 'eirel-ai.js');

let dataDir: string;
beforeEach(() => {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'run.mjs'), 'build'], { stdio: 'ignore' });
  dataDir = mkdtempSync(join(tmpdir(), 'eirel-start-'));
  symlinkSync(process.env.EIREL_TOOLS_DIR ?? join(ROOT, '.eirel', 'tools'), join(dataDir, 'tools'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test('start serves until it is told to stop, refuses a second one, and leaves no process behind', async () => {
  const { TEMPORAL_ADDRESS: _t, DATABASE_URL: _d, REDIS_URL: _r, ...outer } = process.env;
  const port = await freePort();
  const listenerPort = await freePort();
  const env = {
    ...outer,
    EIREL_DATA_DIR: dataDir,
    OWNER_API_PORT: String(port),
    EIREL_PROVIDER_PROXY_PORT: String(await freePort()),
    EIREL_METAGRAPH_LISTENER_PORT: String(listenerPort),
    BITTENSOR_NETWORK: `ws://127.0.0.1:${await freePort()}`,
    BITTENSOR_NETUID: '144',
  };
  const child = spawn(process.execPath, [PROGRAM, 'start'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit');
  let over = false;
  void ended.then(() => (over = true));
  while (!said.includes('Ctrl-C stops it')) {
    if (over) throw new Error(`it ended: ${said}`);
    await sleep(100);
  }
  expect(said).toContain(`API           http://127.0.0.1:${port}`);
  expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()).toMatchObject({ status: 'ok' });
  const listener = await fetch(`http://127.0.0.1:${listenerPort}/v1/sync/status`);
  expect(await listener.json()).toMatchObject({ netuid: 144, neuron_count: 0 });
  const ui = /Temporal UI\s+(\S+)/.exec(said)?.[1] ?? '';
  expect((await fetch(ui)).status).toBe(200);

  const second = spawnSync(process.execPath, [PROGRAM, 'start'], { env, encoding: 'utf8' });
  expect(second.status).toBe(3);
  expect(second.stderr).toBe(
    `eirel-ai is already running on ${dataDir} (process ${child.pid}, eirel-ai start).\n`,
  );

  // Without an address in the environment, the CLI finds the stack that runs on the data directory.
  const migrate = spawnSync(process.execPath, [PROGRAM, 'migrate'], { env, encoding: 'utf8' });
  expect([migrate.status, migrate.stdout]).toEqual([0, 'no migrations pending\n']);

  const pids = JSON.parse(readFileSync(join(dataDir, 'pids.json'), 'utf8')) as {
    pid: number;
    name: string;
  }[];
  expect(pids.map(({ name }) => name).sort()).toEqual([
    'metagraph-listener',
    'owner-api',
    'postgres',
    'provider-proxy',
    'rag-tool',
    'redis',
    // Only where something on the machine can isolate it.
    ...((await prepareSandbox({ env: process.env })).possible ? ['sandbox'] : []),
    'temporal',
    'url-fetch',
    'web-search',
    'worker',
  ]);
  child.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
  expect(pids.filter(({ pid }) => identify(pid))).toEqual([]);
}, 600_000);
