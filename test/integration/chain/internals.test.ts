import { WebSocketServer } from 'ws';
import type { AddressInfo } from 'node:net';
import { connectChain } from '../../../adapters/chain/client';
import { ChainConnection } from '../../../adapters/chain/connection';
import { submitExtrinsic } from '../../../adapters/chain/extrinsics';
import type { Call } from '../../../adapters/chain/extrinsics';
import { verifyFee } from '../../../adapters/chain/fee';
import { listNeurons } from '../../../adapters/chain/neurons';
import { weightState } from '../../../adapters/chain/weight-state';
import type { FeeClaim } from '../../../adapters/chain/types';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { createLogger } from '../../../adapters/logging';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode } from '../../../demo/standins/chain/node';
import * as on from './support';

jest.setTimeout(60_000);

const quiet = createLogger('test', 'error');
let chain: ChainNode;
let connection: ChainConnection;

beforeEach(async () => {
  chain = await startChainNode({ genesis: on.genesis, blockMs: 0, finalityLag: 0 });
  connection = new ChainConnection(on.configFor(chain), quiet);
});
afterEach(async () => {
  await connection.close();
  await chain.close();
});
afterAll(on.afterLibraryTimers);

type Tx = (...args: unknown[]) => Call;
type Txs = Record<string, Record<string, Tx>>;

async function send(signer: typeof on.miner, make: (tx: Txs) => Call) {
  const outcome = await on.withBlocks(
    chain,
    submitExtrinsic(connection, {
      signer,
      call: (api) => make(api.tx as unknown as Txs),
      eraPeriod: 32,
      tipRao: 0n,
      deadlineMs: 15_000,
    }),
  );
  return outcome;
}

const transfer = (tx: Txs, to: string, amount: bigint): Call =>
  (tx.balances?.transferKeepAlive as Tx)(to, amount);

describe('a fee among other payments', () => {
  async function batch(payments: [string, bigint][]): Promise<FeeClaim> {
    const outcome = await send(on.minerCold, (tx) =>
      (tx.utility?.batch as Tx)(payments.map(([to, amount]) => transfer(tx, to, amount))),
    );
    if (outcome.kind !== 'included') throw new Error(JSON.stringify(outcome));
    return {
      hotkey: on.miner.ss58,
      treasury: on.treasury.ss58,
      minimumRao: on.FEE,
      maxAgeBlocks: 100,
      extrinsicHash: outcome.extrinsicHash,
      blockHash: outcome.block.hash,
    };
  }

  it('is found behind another transfer of the same extrinsic', async () => {
    const claim = await batch([
      [on.stranger.ss58, 5_000n],
      [on.treasury.ss58, on.FEE],
    ]);
    await expect(verifyFee(connection, claim)).resolves.toMatchObject({
      kind: 'verified',
      amountRao: on.FEE,
    });
  });

  it('is not made up of parts', async () => {
    const claim = await batch([
      [on.treasury.ss58, on.FEE / 2n],
      [on.treasury.ss58, on.FEE / 2n],
    ]);
    await expect(verifyFee(connection, claim)).resolves.toMatchObject({ reason: 'amount-too-low' });
  });

  it('is not there when the batch broke off before it, although the extrinsic succeeded', async () => {
    const claim = await batch([
      [on.stranger.ss58, 100_000_000_000_000n],
      [on.treasury.ss58, on.FEE],
    ]);
    await expect(verifyFee(connection, claim)).resolves.toMatchObject({ reason: 'no-transfer' });
  });
});

it('lists the same neurons from storage when the runtime lacks the API', async () => {
  on.produce(chain, 2);
  const viaApi = await listNeurons(connection, on.NETUID);
  const { api } = await connection.get();
  const at = api.at.bind(api);
  const without = async (hash: string) => {
    const decorated = await at(hash);
    return new Proxy(decorated, {
      get: (target, name) => (name === 'call' ? {} : Reflect.get(target, name)),
    });
  };
  Object.assign(api, { at: without });
  await expect(listNeurons(connection, on.NETUID)).resolves.toEqual(viaApi);
  expect((await weightState(connection, on.NETUID, on.validator.ss58)).stakeRao).toBe(
    9_000_000_000_000_000_000n,
  );
});

it('sees a neuron that registered, and refuses the same one twice', async () => {
  const fresh = hotkeyFromUri('//Fresh');
  const register = (hotkey: string) =>
    send(on.minerCold, (tx) => (tx.subtensorModule?.burnedRegister as Tx)(on.NETUID, hotkey));
  await expect(register(fresh.ss58)).resolves.toMatchObject({ kind: 'included' });
  const { neurons } = await listNeurons(connection, on.NETUID);
  expect(neurons[4]).toMatchObject({
    uid: 4,
    hotkey: fresh.ss58,
    coldkey: on.minerCold.ss58,
    validatorPermit: false,
  });
  await expect(register(fresh.ss58)).resolves.toMatchObject({
    kind: 'failed',
    failure: { name: 'HotKeyAlreadyRegisteredInSubNet' },
  });
  await expect(register(on.stranger.ss58)).resolves.toMatchObject({ kind: 'included' });
});

it('is refused by the node when signed for another chain, with another key, or replayed', async () => {
  const { api, socket } = await connection.get();
  const make = (secret: string, genesisHash: string): string => {
    const signer = hotkeyFromUri(secret);
    const pair = {
      addressRaw: on.minerCold.publicKey,
      sign: (data: Uint8Array) =>
        Buffer.concat([Buffer.of(1), Buffer.from(signer.sign(data).slice(2), 'hex')]),
    };
    const options = {
      era: 0,
      blockHash: genesisHash,
      genesisHash,
      nonce: 0,
      runtimeVersion: api.runtimeVersion,
    };
    const call = transfer(api.tx as unknown as Txs, on.treasury.ss58, 1_000n);
    return call.sign(pair as never, options as never).toHex();
  };
  const submit = (hex: string) => socket.send('author_submitExtrinsic', [hex]);
  const refusal = (data: string) => ({ name: 'RpcError', code: 1010, data: expect.stringContaining(data) });
  await expect(submit(make('//MinerCold', `0x${'22'.repeat(32)}`))).rejects.toMatchObject(
    refusal('bad signature'),
  );
  await expect(submit(make('//Stranger', chain.genesisHash))).rejects.toMatchObject(refusal('bad signature'));
  const good = make('//MinerCold', chain.genesisHash);
  await submit(good);
  await expect(submit(good)).rejects.toMatchObject({ code: 1013 });
  chain.produceBlock();
  await expect(submit(good)).rejects.toMatchObject(refusal('outdated'));
  await expect(submit(`${good}00`)).rejects.toMatchObject({ code: 1001 });
});

it('gives up on a node that accepts the connection and never answers', async () => {
  const silent = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => silent.once('listening', resolve));
  const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const client = await connectChain(on.configFor(chain, { endpoints: [url], callTimeoutMs: 300 }), quiet);
  try {
    await expect(client.listNeurons(on.NETUID)).rejects.toMatchObject({
      name: 'ChainUnavailable',
      message: expect.stringContaining('did not answer'),
    });
  } finally {
    await client.close();
    for (const socket of silent.clients) socket.terminate();
    await new Promise((resolve) => silent.close(resolve));
  }
  const both = await connectChain(
    // The same time is given to the node that does answer.
    on.configFor(chain, { endpoints: [url, chain.url], callTimeoutMs: 3_000 }),
    quiet,
  );
  await expect(both.listNeurons(on.NETUID)).resolves.toMatchObject({ neurons: { length: 4 } });
  await both.close();
});
