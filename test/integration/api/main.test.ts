import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../../api/main';
import { signRequest } from '../../../adapters/keys/sign';
import { temporalAddress, testDatabase, testRedis } from '../../harness/stack';
import { eventually } from '../../workflow/environment';
import { key } from './harness';

const owner = key(1);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

it('boots from its environment, finishes what is in flight when it is stopped, and ends', async () => {
  const [database, redis, port] = [await testDatabase(), await testRedis(), await freePort()];
  const root = await mkdtemp(join(tmpdir(), 'eirel-main-'));
  const url = `http://127.0.0.1:${port}`;
  const ended = main({
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    TEMPORAL_ADDRESS: await temporalAddress(),
    LAUNCH_MODE: 'production',
    OWNER_API_PORT: String(port),
    EIREL_OWNER_HOTKEY_SS58: owner.ss58,
    ARTIFACT_STORAGE_ROOT: root,
  });
  await eventually(async () => {
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  const body = JSON.stringify({ hotkey: key(2).ss58 });
  const path = '/v1/admin/validators';
  const slow = request(`${url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      ...signRequest(owner, { method: 'POST', path, body }),
    },
  });
  const answered = once(slow, 'response');
  slow.write(body.slice(0, 10));
  await eventually(async () => {
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
  process.emit('SIGTERM');
  await eventually(async () => {
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
  slow.end(body.slice(10));
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(200);
  await ended;
  await Promise.all([database.drop(), redis.drop(), rm(root, { recursive: true, force: true })]);
});
