/** Requests against a service in a process of its own, and what their rate and latency are. */
import { spawn, type ChildProcess } from 'node:child_process';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const WARM_UP_CLIENTS = 8;
const WARM_UP_REQUESTS = 25;
const WARM_UP_SECONDS = 5;

/** One kind of request. */
export interface Scenario {
  service: string;
  name: string;
  path: string;
  body: () => object;
}

/** Requests that are not measured: a process that has just started has compiled nothing yet. */
export async function warmUp(scenario: Scenario, tokens: string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: WARM_UP_CLIENTS });
  const until = performance.now() + WARM_UP_SECONDS * 1000;
  await Promise.all(
    Array.from({ length: WARM_UP_CLIENTS }, async (_, client) => {
      for (let i = 0; i < WARM_UP_REQUESTS && performance.now() < until; i += 1) {
        const sequence = -1 - client * WARM_UP_REQUESTS - i;
        const token = tokens[-sequence % tokens.length] ?? '';
        await post(agent, `${scenario.service}${scenario.path}`, token, scenario.body());
      }
    }),
  );
  agent.destroy();
}

/** Keeps so many requests under way for so many seconds, and prints their rate and latency. */
export async function measure(
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

/** Starts a service in a process of its own, and waits until it is ready. */
export async function startService(
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
  for (let tries = 0; tries < 400; tries += 1) {
    const ready = await fetch(`${url}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return url;
    if (child.exitCode !== null) throw new Error(`${name} ended with status ${child.exitCode}`);
    await sleep(100);
  }
  throw new Error(`${name} was not ready within forty seconds`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Ends a service, and waits until it has. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
