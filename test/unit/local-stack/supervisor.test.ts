import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PidLedger } from '../../../adapters/local-stack/pid-ledger';
import { freePort } from '../../../adapters/local-stack/ports';
import { identify, isRunning, sendSignal } from '../../../adapters/local-stack/process-table';
import type { ProcessSpec } from '../../../adapters/local-stack/supervised-process';
import { ProcessFailedError, Supervisor } from '../../../adapters/local-stack/supervisor';
import type { Logger } from '../../../adapters/logging';

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

let dataDir: string;
let supervisor: Supervisor;

const start = (settings: object = {}) =>
  new Supervisor({ dataDir, logger: silent, restartDelayMs: 20, ...settings });

/** A Node program given as text. */
const program = (name: string, text: string, more: Partial<ProcessSpec> = {}): ProcessSpec => ({
  name,
  command: process.execPath,
  args: ['-e', text],
  ready: { kind: 'alive', seconds: 0 },
  stopGraceSeconds: 2,
  ...more,
});

const FOREVER = 'setInterval(() => {}, 1000);';
const listening = (port: number) => `require('net').createServer(() => {}).listen(${port}, '127.0.0.1');`;

const until = async (what: string, holds: () => boolean) => {
  for (const deadline = Date.now() + 8000; !holds(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`it never happened: ${what}`);
  }
};

const alive = (pid: number | undefined) => pid !== undefined && identify(pid) !== undefined;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'eirel-supervisor-'));
  supervisor = start();
});

afterEach(async () => {
  await supervisor.stopAll();
  supervisor.dispose();
  rmSync(dataDir, { recursive: true, force: true });
});

test('starts in the order of dependencies and stops in reverse', async () => {
  const order: string[] = [];
  supervisor.on('started', ({ name }) => order.push(`+${name}`));
  supervisor.on('exited', ({ name }) => order.push(`-${name}`));
  const port = await freePort();
  supervisor.add(
    program('worker', FOREVER, { startAfter: ['api'] }),
    program('api', FOREVER, { startAfter: ['store'] }),
    program('store', `setTimeout(() => { ${listening(port)} }, 150)`, { ready: { kind: 'tcp', port } }),
  );
  await supervisor.start();
  await supervisor.stopAll();
  expect(order).toEqual(['+store', '+api', '+worker', '-worker', '-api', '-store']);
});

test('is ready only once the health path answers below 300', async () => {
  let status = 503;
  const server = createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  supervisor.add(
    program('api', FOREVER, { ready: { kind: 'http', url: `http://127.0.0.1:${port}/healthz` } }),
  );
  let ready = false;
  const starting = supervisor.start().then(() => (ready = true));
  await sleep(300);
  expect(ready).toBe(false);
  status = 200;
  await starting;
  expect(supervisor.stateOf('api')).toBe('ready');
  server.closeAllConnections();
  server.close();
});

test('restarts a process that is killed, under a new pid, and says so', async () => {
  const events: string[] = [];
  supervisor.on('exited', ({ reason, expected }) =>
    events.push(`${reason}, ${expected ? 'expected' : 'unexpected'}`),
  );
  supervisor.on('restarted', ({ name, restarts }) => events.push(`${name} ${restarts}`));
  supervisor.add(program('worker', FOREVER));
  await supervisor.start();
  const first = supervisor.pidOf('worker');
  supervisor.signal('worker', 'SIGKILL');
  await until('restart', () => events.length === 2);
  await supervisor.ready('worker');
  expect(events).toEqual(['ended by SIGKILL, unexpected', 'worker 1']);
  expect(supervisor.pidOf('worker')).not.toBe(first);
});

test('gives up a process that ends before it is ready every time, with the end of its log', async () => {
  supervisor.add(
    program('broken', 'console.error("no such table"); process.exit(7)', {
      ready: { kind: 'tcp', port: await freePort() },
    }),
  );
  const gaveUp: string[] = [];
  supervisor.on('gaveUp', ({ reason }) => gaveUp.push(reason));
  await expect(supervisor.start()).rejects.toThrow(ProcessFailedError);
  expect(gaveUp).toHaveLength(1);
  expect(gaveUp[0]).toMatch(
    /broken could not be started 5 times in a row: ended with exit code 7\n.*broken\.log.*\n[^]*no such table$/,
  );
  expect(supervisor.stateOf('broken')).toBe('failed');
});

test('gives up at once what does not exist', async () => {
  supervisor.add({ name: 'absent', command: join(dataDir, 'absent'), ready: { kind: 'alive', seconds: 1 } });
  await expect(supervisor.start()).rejects.toThrow(/absent could not be started: spawn .* ENOENT/);
});

test('stops a process that never becomes ready and says what it was waiting for', async () => {
  const port = await freePort();
  supervisor.add(program('deaf', FOREVER, { ready: { kind: 'tcp', port }, readyTimeoutSeconds: 0.3 }));
  let pid: number | undefined;
  supervisor.on('started', (event) => (pid = event.pid));
  await expect(supervisor.start()).rejects.toThrow(
    new RegExp(`not ready after 0.3 s: .*ECONNREFUSED.*${port}`),
  );
  expect(alive(pid)).toBe(false);
});

test('kills what does not end in its grace, with everything in its group', async () => {
  const note = join(dataDir, 'grandchild');
  const text = `process.on('SIGTERM', () => {});
    const child = require('child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']);
    require('fs').writeFileSync(${JSON.stringify(note)}, String(child.pid)); ${FOREVER}`;
  supervisor.add(program('stubborn', text, { stopGraceSeconds: 0.3 }));
  await supervisor.start();
  await until('the grandchild', () => existsSync(note) && readFileSync(note, 'utf8') !== '');
  const [parent, child] = [supervisor.pidOf('stubborn'), Number(readFileSync(note, 'utf8'))];
  await supervisor.stopAll();
  await until('the end of both', () => !alive(parent) && !alive(child));
});

test('asks with the signal that the specification names and does not restart after a stop', async () => {
  const note = join(dataDir, 'listens');
  const text = `process.on('SIGINT', () => process.exit(0));
    require('fs').writeFileSync(${JSON.stringify(note)}, ''); ${FOREVER}`;
  supervisor.add(program('store', text, { stopSignal: 'SIGINT', stopGraceSeconds: 20 }));
  const ends: unknown[] = [];
  supervisor.on('exited', ({ end, expected }) => ends.push({ ...end, expected }));
  await supervisor.start();
  await until('it listens to the signal', () => existsSync(note));
  await supervisor.stop('store');
  await until('its end', () => ends.length > 0);
  // Ten times as long as a restart would take to begin.
  await sleep(200);
  expect(ends).toEqual([{ code: 0, signal: null, expected: true }]);
  expect(supervisor.stateOf('store')).toBe('stopped');
});

test('runs what must precede every start before every start', async () => {
  let times = 0;
  supervisor.add(program('store', FOREVER, { prepare: async () => void (times += 1) }));
  await supervisor.start();
  supervisor.signal('store', 'SIGKILL');
  await until('the second start', () => times === 2);
});

test('refuses processes that wait for one another', async () => {
  supervisor.add(program('a', FOREVER, { startAfter: ['b'] }), program('b', FOREVER, { startAfter: ['a'] }));
  await expect(supervisor.start()).rejects.toThrow(/wait for one another: (a -> b -> a|b -> a -> b)/);
});

test('the next supervisor stops what a killed one left behind', async () => {
  const left = spawn(process.execPath, ['-e', FOREVER], { detached: true, stdio: 'ignore' });
  const identity = identify(left.pid ?? 0);
  if (!identity) throw new Error('the process did not start');
  new PidLedger(join(dataDir, 'pids.json')).add({ ...identity, name: 'worker', stopSignal: 'SIGTERM' });
  const next = start();
  expect(await next.recover()).toEqual(['worker']);
  expect(isRunning(identity)).toBe(false);
  expect(await next.recover()).toEqual([]);
  next.dispose();
});

test('a process that merely got the number of a former child is left alone', async () => {
  const stranger = spawn(process.execPath, ['-e', FOREVER], { stdio: 'ignore' });
  const pid = stranger.pid ?? 0;
  const entry = { pid, startTime: 'another time', name: 'worker', stopSignal: 'SIGKILL' };
  writeFileSync(join(dataDir, 'pids.json'), JSON.stringify([entry]));
  const next = start();
  expect(await next.recover()).toEqual([]);
  expect(alive(pid)).toBe(true);
  next.dispose();
  sendSignal(pid, 'SIGKILL');
});
