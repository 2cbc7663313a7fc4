/**
 * Brings up a Docker engine for tests and prints one line of JSON: {"host", "pid", "directory"} or {"problem"}.
 * usage: node engine.mjs DIRECTORY TOOLS [bare]. DIRECTORY holds the engine's data and socket; TOOLS caches a base
 * image, which `bare` leaves out.
 * Or: node engine.mjs stop ENGINE, with that line of JSON, ends an engine that was started here.
 * First choice is the engine that EIREL_TEST_DOCKER_HOST names; else one of our own is started, which needs root.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const BASE_IMAGE = 'python:3.12-slim';
const PACKAGES = ['docker.io', 'runc', 'iptables', 'iproute2', 'debootstrap'];
const [directory, tools, bare] = process.argv.slice(2);

class Problem extends Error {}
const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const quiet = { stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 64 * 1024 * 1024 };
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function api(host, path, options = {}) {
  const { request } = await import('node:http');
  const target = host.startsWith('unix://')
    ? { socketPath: host.slice(7) }
    : { host: new URL(host).hostname, port: new URL(host).port };
  return new Promise((resolve, reject) => {
    const call = request({ ...target, path, ...options }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    call.on('error', reject);
    if (options.body) options.body.pipe(call);
    else call.end();
  });
}

function installPrograms() {
  if (has('dockerd') && has('runc')) return;
  if (process.getuid() !== 0 || !has('apt-get')) throw new Problem('no dockerd');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-q'], { ...quiet, env, timeout: 120_000 });
  const args = ['install', '-y', '--no-install-recommends', ...PACKAGES];
  if (spawnSync('apt-get', args, { ...quiet, env, timeout: 300_000 }).status !== 0) {
    throw new Problem('no dockerd, and it could not be installed');
  }
}

/**
 * A bridge of the engine's own, and addresses for agents' networks: engines that share the usual bridge would give the
 * same addresses to their containers.
 */
function ownBridge() {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const number = Math.floor(Math.random() * 250);
    const bridge = `eirel-test${number}`;
    if (spawnSync('ip', ['link', 'add', bridge, 'type', 'bridge']).status !== 0) continue;
    spawnSync('ip', ['address', 'add', `10.214.${number}.1/24`, 'dev', bridge]);
    spawnSync('ip', ['link', 'set', bridge, 'up']);
    return { bridge, pool: `10.215.${number}.0/24` };
  }
  throw new Problem('no bridge can be made here');
}

async function startEngine() {
  if (process.getuid() !== 0) throw new Problem('no dockerd may be started without root');
  installPrograms();
  mkdirSync(directory, { recursive: true });
  const host = `unix://${join(directory, 'engine.sock')}`;
  const { bridge, pool } = ownBridge();
  const log = openSync(join(directory, 'engine.log'), 'w');
  const child = spawn(
    'dockerd',
    [
      ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec'), '--host', host],
      ...['--pidfile', join(directory, 'engine.pid'), '--storage-driver', 'overlay2'],
      ...['--default-ulimit', 'nofile=1024:1024', '--bridge', bridge],
      // Where the tests' own registries listen for the tests' own nodes.
      ...['--insecure-registry', '10.216.0.0/16'],
    ],
    { stdio: ['ignore', log, log], detached: true },
  );
  let ended = false;
  child.on('exit', () => (ended = true));
  child.on('error', () => (ended = true));
  for (let attempt = 0; attempt < 200 && !ended; attempt += 1) {
    const answer = await api(host, '/_ping').catch(() => null);
    if (answer?.status === 200) {
      child.unref();
      return { host, pid: child.pid, directory, bridge, pool };
    }
    await pause(150);
  }
  if (!ended) process.kill(child.pid, 'SIGKILL');
  spawnSync('ip', ['link', 'delete', bridge]);
  throw new Problem('dockerd does not start here');
}

/** A tree with Python, made by debootstrap where no registry can be asked. */
function baseTree() {
  const archive = join(tools, 'docker-base', 'python.tar');
  if (existsSync(archive)) return archive;
  if (!has('debootstrap')) throw new Problem('no base image, and no debootstrap to make one');
  const tree = join(tools, 'docker-base', `tree-${process.pid}`);
  mkdirSync(join(tools, 'docker-base'), { recursive: true });
  try {
    const made = spawnSync(
      'debootstrap',
      ['--variant=minbase', '--include=python3', 'bookworm', tree],
      quiet,
    );
    if (made.status !== 0) throw new Problem('no base image: debootstrap failed');
    for (const path of [
      'var/lib/apt/lists',
      'var/cache',
      'usr/share/doc',
      'usr/share/locale',
      'usr/share/man',
    ]) {
      rmSync(join(tree, path), { recursive: true, force: true });
    }
    symlinkSync('python3', join(tree, 'usr/bin/python'));
    execFileSync('tar', ['-C', tree, '--numeric-owner', '-cf', `${archive}.${process.pid}`, '.'], quiet);
    renameSync(`${archive}.${process.pid}`, archive);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  return archive;
}

async function ensureBase(host) {
  if ((await api(host, `/images/${BASE_IMAGE}/json`)).status === 200) return;
  const { createReadStream } = await import('node:fs');
  const [repo, tag] = BASE_IMAGE.split(':');
  const cached = join(tools, 'docker-base', 'python.tar');
  if (!existsSync(cached)) {
    const pulled = await api(host, `/images/create?fromImage=${repo}&tag=${tag}`, {
      method: 'POST',
      timeout: 120_000,
    }).catch(() => null);
    if (pulled !== null && (await api(host, `/images/${BASE_IMAGE}/json`)).status === 200) return;
  }
  const answer = await api(host, `/images/create?fromSrc=-&repo=${repo}&tag=${tag}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-tar' },
    body: createReadStream(baseTree()),
  });
  if (answer.status !== 200 || /"error"/.test(answer.text))
    throw new Problem('no base image could be imported');
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Removes containers and networks first, since a network's bridge would outlive its engine. */
async function stopEngine({ host, pid, directory: place, bridge }) {
  if (pid !== null && isAlive(pid)) {
    const all = async (path) => JSON.parse((await api(host, path)).text);
    try {
      for (const { Id } of await all('/containers/json?all=1')) {
        await api(host, `/containers/${Id}?force=1&v=1`, { method: 'DELETE' });
      }
      for (const { Id } of await all('/networks')) await api(host, `/networks/${Id}`, { method: 'DELETE' });
    } catch {
      // An engine that no longer answers is ended all the same.
    }
    process.kill(pid, 'SIGTERM');
    for (let attempt = 0; attempt < 150 && isAlive(pid); attempt += 1) await pause(100);
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
  if (bridge !== null) spawnSync('ip', ['link', 'delete', bridge]);
  rmSync(place, { recursive: true, force: true });
}

/** Ends the engine when the tests were killed and cannot. */
function watchOver(engine) {
  const words = [fileURLToPath(import.meta.url), 'watch', JSON.stringify(engine), String(process.ppid)];
  spawn(process.execPath, words, { stdio: 'ignore', detached: true }).unref();
}

async function watch(engine, parent) {
  while (isAlive(parent) && isAlive(engine.pid)) await pause(1000);
  if (isAlive(engine.pid)) await stopEngine(engine);
}

async function bringUp() {
  let started = null;
  try {
    const given = process.env.EIREL_TEST_DOCKER_HOST;
    if (given) {
      const answer = await api(given, '/_ping').catch(() => null);
      if (answer?.status !== 200) throw new Error(`EIREL_TEST_DOCKER_HOST=${given} does not answer`);
    } else started = await startEngine();
    const engine = started ?? { host: given, pid: null, directory, bridge: null, pool: '10.213.0.0/16' };
    if (!bare) await ensureBase(engine.host);
    if (started !== null) watchOver(started);
    process.stdout.write(JSON.stringify(engine));
  } catch (error) {
    if (started !== null) await stopEngine(started);
    if (!(error instanceof Problem)) throw error;
    process.stdout.write(JSON.stringify({ problem: error.message }));
  }
}

const [mode, engineText = '', parent = ''] = process.argv.slice(2);
if (mode === 'stop') await stopEngine(JSON.parse(engineText));
else if (mode === 'watch') await watch(JSON.parse(engineText), Number(parent));
else await bringUp();
process.exit(0);
