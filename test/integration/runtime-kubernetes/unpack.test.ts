/** The init container's script, run for real by Python against a server. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../adapters/project-root';
import { pack } from '../runtime/harness';

const SCRIPT = readFileSync(join(projectRoot(), 'adapters/container-runtime/kubernetes/unpack.py'), 'utf8');
const packed = pack({ 'app.py': 'app = 1\n', 'bin/run.sh': '#!/bin/sh\n' });

describe('source init container', () => {
  let server: Server;
  let root: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/ok?sig=secret') response.end(packed.bytes);
      else response.writeHead(403).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    root = mkdtempSync(join(tmpdir(), 'eirel-unpack-'));
    mkdirSync(join(root, 'submission'));
    mkdirSync(join(root, 'tmp'));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(root, { recursive: true });
  });

  const run = (path: string, sha256: string): Promise<{ code: number | null; output: string }> =>
    new Promise((resolve, reject) => {
      const child = spawn('python3', ['-I', '-c', SCRIPT], {
        env: {
          PATH: process.env.PATH,
          EIREL_SOURCE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
          EIREL_SOURCE_SHA256: sha256,
          EIREL_SOURCE_TARGET: join(root, 'submission'),
          TMPDIR: join(root, 'tmp'),
        },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data) => (output += String(data)));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, output }));
    });

  test('unpacks the accepted bytes, with the right to run where it was given, over what an earlier start left', async () => {
    writeFileSync(join(root, 'submission', 'stale'), '');
    expect(await run('/ok?sig=secret', packed.sha256)).toEqual({ code: 0, output: '' });
    expect(readFileSync(join(root, 'submission', 'app.py'), 'utf8')).toBe('app = 1\n');
    expect(statSync(join(root, 'submission', 'bin', 'run.sh')).mode & 0o777).toBe(0o755);
    expect(() => statSync(join(root, 'submission', 'stale'))).toThrow('ENOENT');
  });

  test('tells an expired link from other bytes, and prints no link', async () => {
    const expired = await run('/old?sig=secret', packed.sha256);
    expect(expired.code).toBe(3);
    expect(expired.output).toContain('the link has expired');
    const other = await run('/ok?sig=secret', createHash('sha256').update('x').digest('hex'));
    expect(other.code).toBe(4);
    expect(expired.output + other.output).not.toContain('secret');
  });
});
