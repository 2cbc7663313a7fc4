/** metagraph-listener over HTTP, on a real database and a node: what it shows, who may trigger a sync, and what a bad sync does. */
import { createMetagraphActivities } from '../../../activities/metagraph';
import { connectChain } from '../../../adapters/chain/client';
import { createLogger } from '../../../adapters/logging';
import { createPrisma } from '../../../adapters/postgres';
import type { PrismaClient } from '../../../adapters/postgres';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode } from '../../../demo/standins/chain/node';
import { createListener } from '../../../services/metagraph-listener/app';
import { listenerConfigFromEnv } from '../../../services/metagraph-listener/config';
import { serve } from '../../../services/http';
import { testDatabase } from '../../harness/stack';
import * as on from './support';

jest.setTimeout(120_000);

const TOKEN = 'internal-token-of-a-test';
const quiet = createLogger('test', 'error');
const running: (() => Promise<unknown>)[] = [];
let url: string;
let node: ChainNode;
let db: PrismaClient;

beforeAll(async () => {
  node = await startChainNode({ genesis: on.genesis, blockMs: 0, finalityLag: 1 });
  running.push(() => node.close());
  const chain = await connectChain(on.configFor(node, { callTimeoutMs: 5_000 }), quiet);
  running.push(() => chain.close());
  const database = await testDatabase();
  db = createPrisma(database.url, { poolSize: 2 });
  running.push(database.drop, () => db.$disconnect());
  const config = listenerConfigFromEnv({
    DATABASE_URL: database.url,
    BITTENSOR_NETWORK: 'local',
    BITTENSOR_NETUID: String(on.NETUID),
    EIREL_INTERNAL_SERVICE_TOKEN: TOKEN,
  });
  const activities = createMetagraphActivities({
    db,
    chain,
    network: config.network,
    netuid: config.netuid,
    rule: null,
    snapshotPath: null,
  });
  const service = createListener(config, { db, sync: activities.syncMetagraph, logger: quiet });
  const server = await serve(service, { ...config.listen, port: 0 });
  running.push(server.close);
  url = server.url;
});
afterAll(async () => {
  for (const stop of running.reverse()) await stop();
  await on.afterLibraryTimers();
});

async function call(method: string, path: string, token?: string, json?: unknown) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, body: (isJson ? JSON.parse(text) : text) as Record<string, unknown> };
}
const status = () => call('GET', '/v1/sync/status');

it('says that it never synced, and lets nobody trigger a sync without the token', async () => {
  expect(await status()).toMatchObject({
    status: 200,
    body: {
      status: 'never_synced',
      netuid: on.NETUID,
      neuron_count: 0,
      block_number: null,
      age_seconds: null,
    },
  });
  for (const token of [undefined, '', 'another'])
    expect((await call('POST', '/v1/sync/run', token)).status).toBe(401);
  expect((await status()).body.status).toBe('never_synced');
});

it('syncs on demand, and shows the block and its age on the page and in the metrics', async () => {
  on.produce(node, 5);
  const answer = await call('POST', '/v1/sync/run', TOKEN);
  expect(answer).toMatchObject({
    status: 200,
    body: {
      status: 'success',
      neuron_count: 4,
      block_number: 4,
      block_hash: node.finalized().hash,
      error: null,
    },
  });
  expect(answer.body.age_seconds).toBeLessThan(60);
  const { body } = await call('GET', '/metrics');
  expect(body).toMatch(/^eirel_metagraph_listener_last_sync_success\S* 1$/m);
  expect(body).toMatch(/^eirel_metagraph_listener_registered_neurons\S* 4$/m);
  expect(body).toMatch(/^eirel_metagraph_listener_block\S* 4$/m);
});

it('keeps the neurons and the last good block when a sync fails, and says why', async () => {
  node.faults.stall = true;
  const answer = await call('POST', '/v1/sync/run', TOKEN);
  expect(answer.status).toBe(502);
  expect(answer.body.detail).toMatch(/^metagraph sync failed: .*the neurons stay as they were$/);
  node.faults.stall = false;
  const { body } = await status();
  expect(body).toMatchObject({ status: 'failed', neuron_count: 4, block_number: 4 });
  expect(body.error).toMatch(/did not answer/);
  expect((await call('POST', '/v1/sync/run', TOKEN)).body).toMatchObject({ status: 'success', error: null });
  expect(await db.registeredNeuron.count()).toBe(4);
});

it('refuses neurons that are none', async () => {
  const { status: code } = await call('POST', '/v1/sync/run', TOKEN, { neurons: [{ hotkey: 'x', uid: 0 }] });
  expect(code).toBe(422);
  expect((await status()).body.neuron_count).toBe(4);
});
