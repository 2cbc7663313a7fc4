/** Files of any size come to disk piece by piece. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwnerRefused, OwnerUnreachable } from '../../../adapters/owner-client/errors';
import { OwnerTransport } from '../../../adapters/owner-client/transport';

/** More than an answer may have that is held in memory. */
const PIECES = 70;
const piece = (index: number): Buffer => Buffer.alloc(1024 * 1024, index);

let server: Server;
let transport: OwnerTransport;
let url: string;
const folder = mkdtempSync(join(tmpdir(), 'eirel-download-'));
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/gone') {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"detail":"no such run"}');
      return;
    }
    response.writeHead(200, request.url === '/cut' ? { 'content-length': '1000' } : {});
    if (request.url === '/cut') {
      response.write('half', () => response.destroy());
      return;
    }
    let sent = 0;
    const more = (): void => {
      while (sent < PIECES) if (!response.write(piece(sent++))) return void response.once('drain', more);
      response.end();
    };
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = new OwnerTransport({ baseUrl: url, hotkey: null, attempts: 1 });
});
afterAll(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

const download = (path: string, file: string): Promise<void> =>
  transport.download(
    {
      method: 'GET',
      path,
      url: new URL(`${url}${path}`),
      body: undefined,
      contentType: undefined,
      timeoutMs: 60_000,
    },
    file,
  );

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

test('a body that is larger than any answer may be arrives whole', async () => {
  const file = join(folder, 'large');
  await download('/large', file);
  const expected = createHash('sha256');
  for (let index = 0; index < PIECES; index += 1) expected.update(piece(index));
  expect(await digestOf(file)).toBe(expected.digest('hex'));
});

test('a refusal is told as one, a connection that breaks as that, a file that cannot be written as itself', async () => {
  const file = join(folder, 'other');
  await expect(download('/gone', file)).rejects.toMatchObject({ status: 404, detail: 'no such run' });
  await expect(download('/gone', file)).rejects.toBeInstanceOf(OwnerRefused);
  await expect(download('/cut', file)).rejects.toBeInstanceOf(OwnerUnreachable);
  expect(readFileSync(file, 'utf8').length).toBeLessThanOrEqual(4);
  await expect(download('/large', join(folder, 'none', 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
});
