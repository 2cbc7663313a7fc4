/** A real MinIO for tests, built by test/harness/build-tool.sh. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installed } from './debian';
import { freePort } from './registry';
import { TOOLS } from './tools';

export const ACCESS_KEY = 'minio-access';
export const SECRET_KEY = 'minio/secret+key';

function program(): string | null {
  const built = join(TOOLS, 'minio', 'minio');
  return existsSync(built) ? built : installed('minio');
}

/** Null when a MinIO can be started, else why not. */
export function minioMissing(): string | null {
  return program() === null ? 'no engine: minio not built; run test/harness/build-tool.sh minio' : null;
}

export class Minio {
  readonly directory = mkdtempSync(join(tmpdir(), 'eirel-minio-'));
  private child: ChildProcess | undefined;
  endpoint = '';

  async start(): Promise<void> {
    const path = program();
    if (path === null) throw new Error('minio is not there');
    const address = `127.0.0.1:${await freePort()}`;
    this.endpoint = `http://${address}`;
    const words = [
      'server',
      join(this.directory, 'data'),
      '--address',
      address,
      '--console-address',
      '127.0.0.1:0',
    ];
    this.child = spawn(path, [...words, '--quiet'], {
      stdio: 'ignore',
      env: {
        HOME: this.directory,
        PATH: process.env.PATH,
        MINIO_ROOT_USER: ACCESS_KEY,
        MINIO_ROOT_PASSWORD: SECRET_KEY,
        MINIO_BROWSER: 'off',
      },
    });
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const answer = await fetch(`${this.endpoint}/minio/health/live`).catch(() => null);
      if (answer?.ok) return;
      await sleep(100);
    }
    throw new Error('minio does not start');
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
