/** A real image registry (the reference implementation, as Debian packages it) for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianPackage, installed } from './debian';

function program(): string | null {
  const found = installed('docker-registry');
  if (found !== null) return found;
  const place = debianPackage('docker-registry');
  const path = place === null ? '' : join(place, 'usr', 'bin', 'docker-registry');
  return existsSync(path) ? path : null;
}

/** Null when a registry can be started, else why not. */
export function registryMissing(): string | null {
  return program() === null ? 'no engine: docker-registry is not installed and cannot be fetched' : null;
}

export interface RegistryOptions {
  /** Address that it listens on; loopback by default, which engines speak plain HTTP to. */
  host?: string;
  /** Content of an htpasswd file with bcrypt hashes; without one nobody has to log in. */
  htpasswd?: string;
}

export class TestRegistry {
  readonly directory = mkdtempSync(join(tmpdir(), 'eirel-registry-'));
  private child: ChildProcess | undefined;
  address = '';

  private constructor(private readonly options: RegistryOptions) {}

  static async start(options: RegistryOptions = {}): Promise<TestRegistry> {
    const registry = new TestRegistry(options);
    registry.address = `${options.host ?? '127.0.0.1'}:${await freePort(options.host ?? '127.0.0.1')}`;
    await registry.up();
    return registry;
  }

  /** Starts it, also again after `down`, with what it held. */
  async up(): Promise<void> {
    const path = program();
    if (path === null) throw new Error('docker-registry is not there');
    const file = (name: string): string => join(this.directory, name);
    const { htpasswd } = this.options;
    if (htpasswd !== undefined) writeFileSync(file('htpasswd'), htpasswd);
    writeFileSync(
      file('config.yml'),
      [
        'version: 0.1',
        'log: { level: error, accesslog: { disabled: true } }',
        `storage: { filesystem: { rootdirectory: ${file('data')} }, delete: { enabled: true } }`,
        `http: { addr: '${this.address}' }`,
        ...(htpasswd === undefined ? [] : [`auth: { htpasswd: { realm: test, path: ${file('htpasswd')} } }`]),
        '',
      ].join('\n'),
    );
    this.child = spawn(path, ['serve', file('config.yml')], { stdio: 'ignore' });
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const answer = await fetch(`http://${this.address}/v2/`).catch(() => null);
      if (answer !== null) return;
      await sleep(100);
    }
    throw new Error('the registry does not start');
  }

  async down(): Promise<void> {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    await this.down();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
