import { once } from 'node:events';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { connectChain } from '../../../adapters/chain/client';
import type {
  ChainClient,
  ChainConfig,
  FeeClaim,
  TransferReceipt,
  WeightSubmission,
} from '../../../adapters/chain/types';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import { createLogger } from '../../../adapters/logging';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode, ChainNodeOptions } from '../../../demo/standins/chain/node';
import {
  afterLibraryTimers,
  configFor,
  FEE,
  genesis,
  miner,
  minerCold,
  NETUID,
  poor,
  produce,
  stranger,
  treasury,
  unregistered,
  validator,
  withBlocks,
} from './support';

jest.setTimeout(60_000);

const quiet = createLogger('test', 'error');
const running: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close();
});

afterAll(afterLibraryTimers);

async function node(options: Partial<ChainNodeOptions> = {}): Promise<ChainNode> {
  const started = await startChainNode({ genesis, blockMs: 0, finalityLag: 2, ...options });
  running.push(started);
  return started;
}
async function client(config: ChainConfig): Promise<ChainClient> {
  const made = await connectChain(config, quiet);
  running.push(made);
  return made;
}
async function both(
  options: Partial<ChainNodeOptions> = {},
): Promise<{ chain: ChainNode; api: ChainClient }> {
  const chain = await node(options);
  return { chain, api: await client(configFor(chain)) };
}
/** Until the node has an extrinsic that waits for a block. */
async function pooled(chain: ChainNode): Promise<void> {
  const socket = new WebSocket(chain.url);
  try {
    await once(socket, 'open');
    for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
      const answer = once(socket, 'message');
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'author_pendingExtrinsics', params: [] }));
      const { result } = JSON.parse(String((await answer)[0])) as { result: string[] };
      if (result.length > 0) return;
      if (Date.now() > deadline) throw new Error('no extrinsic ever came to the pool');
    }
  } finally {
    socket.terminate();
  }
}
interface Row {
  uids: number[];
  values: number[];
  versionKey: number;
}
function weights(extra: Partial<WeightSubmission & Row> = {}): WeightSubmission {
  const { uids = [0, 2], values = [28_086, 65_535], versionKey = 0, ...rest } = extra;
  return {
    netuid: NETUID,
    call: { mode: 'set', uids, values, versionKey },
    signer: validator,
    eraPeriod: 64,
    deadlineMs: 15_000,
    ...rest,
  };
}

describe('reading', () => {
  it('lists the neurons at one finalised block', async () => {
    const { chain, api } = await both();
    produce(chain, 5);
    const { block, neurons } = await api.listNeurons(NETUID);
    expect(block).toEqual({ number: 3, hash: chain.finalized().hash });
    expect(neurons.map((n) => [n.uid, n.hotkey, n.coldkey])).toEqual(
      genesis.neurons.map((n, uid) => [uid, n.hotkey, n.coldkey]),
    );
    expect(neurons[1]).toMatchObject({
      stakeRao: 9_000_000_000_000_000_000n,
      validatorPermit: true,
      active: true,
    });
    expect(neurons[2]).toMatchObject({ stakeRao: 5_000n, validatorPermit: false, lastUpdate: 0 });
  });

  it('tells a missing subnet and an empty one apart from "all gone"', async () => {
    const { api } = await both({ genesis: { ...genesis, neurons: [] } });
    await expect(api.listNeurons(NETUID)).rejects.toMatchObject({ name: 'ChainInconsistent' });
    await expect(api.listNeurons(99)).rejects.toMatchObject({ name: 'SubnetMissing' });
  });

  it('resolves owners, and knows the difference to an unknown hotkey', async () => {
    const { chain, api } = await both();
    await expect(api.resolveOwner(miner.ss58)).resolves.toBe(minerCold.ss58);
    await expect(api.resolveOwner(miner.ss58, chain.genesisHash)).resolves.toBe(minerCold.ss58);
    await expect(api.resolveOwner(stranger.ss58)).resolves.toBeNull();
  });

  it('reports its health, connected or not', async () => {
    const { chain, api } = await both();
    produce(chain, 4);
    await expect(api.health()).resolves.toEqual({
      connected: true,
      endpoint: chain.url,
      specVersion: 365,
      block: 4,
      finalizedBlock: 2,
      genesisHash: chain.genesisHash,
      lagSeconds: expect.any(Number),
      problem: null,
      connections: 1,
    });
    await chain.close();
    await expect(api.health()).resolves.toMatchObject({ connected: false, block: null });
    await expect(api.listNeurons(NETUID)).rejects.toMatchObject({ name: 'ChainUnavailable' });
  });
});

describe('a fee', () => {
  async function paid(pay: { from?: typeof miner; to?: string; amountRao?: bigint } = {}) {
    const { chain, api } = await both();
    const receipt = await withBlocks(
      chain,
      api.transferKeepAlive({ from: minerCold, to: treasury.ss58, amountRao: FEE, ...pay }),
    );
    return { chain, api, receipt, claim: claimOf(receipt) };
  }
  function claimOf(receipt: TransferReceipt): FeeClaim {
    return {
      hotkey: miner.ss58,
      treasury: treasury.ss58,
      minimumRao: FEE,
      maxAgeBlocks: 20,
      extrinsicHash: receipt.extrinsicHash,
      blockHash: receipt.blockHash,
    };
  }

  it('is pending until its block is final, then verified, then too old', async () => {
    const { chain, api, receipt, claim } = await paid();
    chain.setFinalityLag(1_000);
    // Blocks came while the payment waited; whether it is final by now depends on the machine's speed.
    if (chain.finalized().number < receipt.blockNumber) {
      await expect(api.verifyFee(claim)).resolves.toMatchObject({
        kind: 'pending',
        extrinsicHash: receipt.extrinsicHash,
      });
      await expect(api.isFinalized(receipt.blockHash, receipt.blockNumber)).resolves.toBe(false);
    }
    chain.setFinalityLag(0);
    const verified = {
      kind: 'verified',
      genesisHash: chain.genesisHash,
      blockHash: receipt.blockHash,
      blockNumber: receipt.blockNumber,
      extrinsicIndex: 1,
      extrinsicHash: receipt.extrinsicHash,
      amountRao: FEE,
      from: minerCold.ss58,
    };
    await expect(api.verifyFee(claim)).resolves.toEqual(verified);
    await expect(api.verifyFee({ ...claim, extrinsicHash: undefined, extrinsicIndex: 1 })).resolves.toEqual(
      verified,
    );
    await expect(
      api.verifyFee({ ...claim, blockHash: claim.blockHash.toUpperCase().replace('X', 'x') }),
    ).resolves.toEqual(verified);
    await expect(api.isFinalized(receipt.blockHash, receipt.blockNumber)).resolves.toBe(true);
    await expect(api.isFinalized(receipt.blockHash, receipt.blockNumber - 1)).resolves.toBe(false);
    produce(chain, 21);
    await expect(api.verifyFee(claim)).resolves.toMatchObject({ kind: 'rejected', reason: 'too-old' });
    await expect(api.freeBalance(treasury.ss58)).resolves.toBe(FEE);
  });

  it('is surely pending while finality stands still', async () => {
    const { chain, api } = await both({ finalityLag: 500 });
    const receipt = await withBlocks(
      chain,
      api.transferKeepAlive({ from: minerCold, to: treasury.ss58, amountRao: FEE }),
    );
    await expect(api.verifyFee(claimOf(receipt))).resolves.toMatchObject({
      kind: 'pending',
      blockNumber: receipt.blockNumber,
      genesisHash: chain.genesisHash,
    });
    await expect(api.isFinalized(receipt.blockHash, receipt.blockNumber)).resolves.toBe(false);
  });

  it('may also come from the hotkey itself', async () => {
    const { chain, api, claim } = await paid({ from: miner });
    produce(chain, 3);
    await expect(api.verifyFee(claim)).resolves.toMatchObject({ kind: 'verified', from: miner.ss58 });
  });

  it.each([
    ['wrong-sender', 'sender does not match hotkey owner', { from: stranger }, {}],
    ['wrong-destination', 'destination does not match treasury', { to: stranger.ss58 }, {}],
    ['amount-too-low', 'transferred amount below required fee', { amountRao: FEE - 1n }, {}],
    ['extrinsic-missing', 'extrinsic not found on chain', {}, { extrinsicHash: `0x${'ab'.repeat(32)}` }],
    ['extrinsic-missing', 'extrinsic not found on chain', {}, { extrinsicIndex: 0 }],
    [
      'extrinsic-missing',
      'extrinsic not found on chain',
      {},
      { extrinsicHash: undefined, extrinsicIndex: 9 },
    ],
    [
      'no-transfer',
      'no Balances.Transfer event found in extrinsic',
      {},
      { extrinsicHash: undefined, extrinsicIndex: 0 },
    ],
    ['block-missing', 'block_hash is required for extrinsic verification', {}, { blockHash: '' }],
    [
      'owner-unknown',
      `could not resolve coldkey for hotkey ${unregistered.ss58}`,
      {},
      { hotkey: unregistered.ss58 },
    ],
  ] as const)('is rejected: %s, %s', async (reason, message, pay, claimed) => {
    const { chain, api, claim } = await paid(pay);
    produce(chain, 3);
    await expect(api.verifyFee({ ...claim, ...claimed })).resolves.toEqual({
      kind: 'rejected',
      reason,
      message,
    });
  });

  it('is rejected when its block is not on the chain, and unknown while the node is away', async () => {
    const { chain, api, claim } = await paid();
    produce(chain, 3);
    await expect(api.verifyFee({ ...claim, blockHash: `0x${'cd'.repeat(32)}` })).resolves.toMatchObject({
      kind: 'rejected',
      reason: 'block-missing',
      message: expect.stringMatching(/^extrinsic lookup failed: /),
    });
    await chain.close();
    await expect(api.verifyFee(claim)).resolves.toMatchObject({ kind: 'unavailable' });
  });

  it('fails to be paid without the money, by name, and a failed extrinsic is no fee', async () => {
    const { chain, api } = await both();
    const beggar = hotkeyFromUri('//Beggar');
    await expect(
      api.transferKeepAlive({ from: beggar, to: treasury.ss58, amountRao: 1_000n }),
    ).rejects.toMatchObject({
      name: 'TransferFailed',
      message: expect.stringContaining('Inability to pay some fees'),
    });
    const tooMuch = api.transferKeepAlive({ from: stranger, to: treasury.ss58, amountRao: 1_000_000_000n });
    await expect(withBlocks(chain, tooMuch)).rejects.toMatchObject({
      message: expect.stringMatching(/FundsUnavailable/i),
    });
    const failedIn = findSigned(chain);
    produce(chain, 3);
    await expect(
      api.verifyFee({
        ...claimOf(failedIn),
        hotkey: stranger.ss58,
        extrinsicHash: undefined,
        extrinsicIndex: 1,
      }),
    ).resolves.toEqual({
      kind: 'rejected',
      reason: 'extrinsic-failed',
      message: 'extrinsic did not succeed on chain',
    });
  });

  function findSigned(chain: ChainNode): TransferReceipt {
    for (let block = chain.best(); ; block = chain.block(block.parentHash)) {
      if (block.signed.length > 0) {
        return { extrinsicHash: '', extrinsicIndex: 1, blockHash: block.hash, blockNumber: block.number };
      }
    }
  }
});

describe('weights', () => {
  it('are set, read back, and too soon to be set again', async () => {
    // More blocks than come while the first are waited for, however slow the machine.
    const rateLimit = 500;
    const { chain, api } = await both({ genesis: { ...genesis, weightsRateLimit: rateLimit } });
    await expect(api.weightState(NETUID, validator.ss58)).resolves.toMatchObject({
      uid: 1,
      n: 4,
      validatorPermit: true,
      stakeRao: 9_000_000_000_000_000_000n,
      minAllowedWeights: 1,
      maxWeightsLimit: 65_535,
      versionKey: 0n,
      rateLimitBlocks: rateLimit,
      lastUpdate: 0,
      isSubnetOwner: false,
      stakeThresholdRao: 1_000n,
      commitReveal: { enabled: false, timelocked: 'timelocked', hashed: true, version: 4, periodEpochs: 1 },
    });
    const outcome = await withBlocks(chain, api.submitWeights(weights()));
    if (outcome.kind !== 'included') throw new Error(JSON.stringify(outcome));
    const row = [
      { uid: 0, value: 28_086 },
      { uid: 2, value: 65_535 },
    ];
    await expect(api.readWeights(NETUID, 1)).resolves.toEqual(row);
    await expect(api.readWeights(NETUID, 2)).resolves.toEqual([]);
    const state = await api.weightState(NETUID, validator.ss58);
    expect(state.lastUpdate).toBe(outcome.blockNumber);
    await expect(api.submitWeights(weights())).resolves.toEqual({
      kind: 'too_soon',
      untilBlock: outcome.blockNumber + rateLimit,
      message: expect.stringContaining('Custom error: 6'),
    });
    produce(chain, rateLimit);
    await expect(api.readWeights(NETUID, 1, 'finalized')).resolves.toEqual(row);
    await expect(
      withBlocks(chain, api.submitWeights(weights({ values: [65_535, 0] }))),
    ).resolves.toMatchObject({
      kind: 'included',
    });
  });

  it('are refused by the rules of the chain, each by its own name', async () => {
    const { chain, api } = await both();
    const kindOf = async (extra: Partial<WeightSubmission & Row>): Promise<string> =>
      (await withBlocks(chain, api.submitWeights(weights(extra)))).kind;
    expect(await kindOf({ signer: miner })).toBe('no_permit');
    expect(await kindOf({ signer: poor })).toBe('stake_too_low');
    expect(await kindOf({ netuid: 8 })).toBe('stake_too_low');
    expect(await kindOf({ uids: [0, 9] })).toBe('bad_vector');
    expect(await kindOf({ uids: [0, 0] })).toBe('refused');
    expect(await kindOf({ uids: [], values: [] })).toBe('refused');
    expect(await kindOf({ values: [1, 65_536] })).toBe('refused');
    expect(await kindOf({ eraPeriod: 10 })).toBe('refused');
  });

  it('obey the hyper-parameters of the subnet', async () => {
    const strict = {
      ...genesis,
      stakeThresholdRao: 0,
      minAllowedWeights: 3,
      maxWeightsLimit: 30_000,
      weightsVersionKey: 5,
    };
    const { chain, api } = await both({ genesis: strict });
    const set = (extra: Partial<WeightSubmission & Row>) =>
      withBlocks(chain, api.submitWeights(weights({ versionKey: 5, ...extra })));
    expect((await set({ signer: unregistered })).kind).toBe('not_registered');
    expect((await set({ versionKey: 4 })).kind).toBe('bad_version_key');
    expect((await set({})).kind).toBe('length_too_low');
    expect((await set({ uids: [0, 1, 2], values: [1, 1, 65_535] })).kind).toBe('max_weight_exceeded');
    expect((await set({ uids: [0, 1, 2], values: [10, 10, 10] })).kind).toBe('included');
    // The chain scales a row up to its full range before it stores it.
    await expect(api.readWeights(NETUID, 1)).resolves.toContainEqual({ uid: 2, value: 65_535 });
  });

  it('are told apart from commits when commit-reveal is on or off', async () => {
    const { chain, api } = await both({ genesis: { ...genesis, commitReveal: true } });
    await expect(withBlocks(chain, api.submitWeights(weights()))).resolves.toEqual({
      kind: 'commit_reveal_changed',
      message: expect.stringContaining('CommitRevealEnabled'),
    });
  });

  it('have an unknown outcome while they may still come, which reading settles', async () => {
    const { chain, api } = await both();
    await expect(api.submitWeights(weights({ deadlineMs: 500 }))).resolves.toMatchObject({
      kind: 'unknown_outcome',
    });
    chain.produceBlock();
    expect((await api.weightState(NETUID, validator.ss58)).lastUpdate).toBe(1);
  });

  it('are outdated once their era passed on the finalised chain without them', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'chain-'));
    running.push({ close: () => rm(dataDir, { recursive: true }) });
    const { chain, api } = await both({ dataDir });
    const submission = api.submitWeights(weights({ eraPeriod: 8 }));
    await pooled(chain);
    // A node that restarts has forgotten its pool.
    await chain.close();
    const again = await node({ dataDir, port: chain.port });
    produce(again, 9);
    await expect(submission).resolves.toMatchObject({ kind: 'outdated' });
    expect((await api.weightState(NETUID, validator.ss58)).lastUpdate).toBe(0);
  });

  it('keep the nonces apart when sent at once', async () => {
    const { chain, api } = await both();
    const transfers = [1_000_000n, 2_000_000n, 3_000_000n].map((amountRao) =>
      api.transferKeepAlive({ from: minerCold, to: treasury.ss58, amountRao }),
    );
    const receipts = await withBlocks(chain, Promise.all(transfers));
    expect(new Set(receipts.map((r) => r.extrinsicHash)).size).toBe(3);
    await expect(api.freeBalance(treasury.ss58)).resolves.toBe(6_000_000n);
  });

  it('carry a tip, which is taken from the signer', async () => {
    const { chain, api } = await both();
    await expect(withBlocks(chain, api.submitWeights(weights({ tipRao: 1_234n })))).resolves.toMatchObject({
      kind: 'included',
    });
    await expect(api.freeBalance(validator.ss58)).resolves.toBe(1_000_000n - 1_234n);
  });
});

describe('trouble', () => {
  it('signs nothing for a chain with another genesis', async () => {
    const chain = await node();
    const api = await client(configFor(chain, { expectedGenesis: `0x${'11'.repeat(32)}` }));
    await expect(api.submitWeights(weights())).resolves.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('BITTENSOR_NETWORK'),
    });
    await expect(
      api.transferKeepAlive({ from: minerCold, to: treasury.ss58, amountRao: 1_000n }),
    ).rejects.toMatchObject({ name: 'GenesisMismatch' });
    await expect(api.health()).resolves.toMatchObject({ connected: true, genesisHash: chain.genesisHash });
  });

  it('goes on after a dropped connection, also in the middle of waiting for inclusion', async () => {
    const { chain, api } = await both();
    chain.dropConnections();
    await expect(api.listNeurons(NETUID)).resolves.toMatchObject({ neurons: { length: 4 } });
    const submission = api.submitWeights(weights());
    await pooled(chain);
    // By then it looks for it in the blocks, of which there are none before the drop.
    await sleep(400);
    chain.dropConnections();
    await sleep(400);
    produce(chain, 3);
    await expect(submission).resolves.toMatchObject({ kind: 'included' });
  });

  it('moves on to the next endpoint when one is dead or does not answer', async () => {
    const chain = await node();
    const dead = await startChainNode({ genesis, blockMs: 0 });
    await dead.close();
    const api = await client(configFor(chain, { endpoints: [dead.url, chain.url] }));
    await expect(api.health()).resolves.toMatchObject({ connected: true, endpoint: chain.url });
  });

  it('says so when nothing answers, and connects once something does', async () => {
    const first = await node();
    const { port } = first;
    await first.close();
    const api = await client(configFor(first, { callTimeoutMs: 1_000 }));
    await expect(api.submitWeights(weights())).resolves.toMatchObject({ kind: 'rpc_down' });
    const again = await node({ port });
    expect(again.genesisHash).toBe(first.genesisHash);
    await expect(api.health()).resolves.toMatchObject({ connected: true });
  });

  it('finds the same chain after the node was stopped and started again', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'chain-'));
    running.push({ close: () => rm(dataDir, { recursive: true }) });
    const chain = await node({ dataDir });
    const api = await client(configFor(chain));
    await withBlocks(chain, api.submitWeights(weights()));
    const receipt = await withBlocks(
      chain,
      api.transferKeepAlive({ from: minerCold, to: treasury.ss58, amountRao: FEE }),
    );
    produce(chain, 3);
    const [head, row] = [chain.best(), await api.readWeights(NETUID, 1)];
    await chain.close();
    // A kill in the middle of a write leaves half a line, which was never announced.
    await appendFile(join(dataDir, 'chain.jsonl'), '{"n":9999,"t":17');
    const again = await node({ dataDir, genesis: undefined, port: chain.port });
    expect(again.best()).toEqual(head);
    expect(again.genesisHash).toBe(chain.genesisHash);
    await expect(api.readWeights(NETUID, 1)).resolves.toEqual(row);
    await expect(
      api.verifyFee({
        hotkey: miner.ss58,
        treasury: treasury.ss58,
        minimumRao: FEE,
        maxAgeBlocks: 100,
        extrinsicHash: receipt.extrinsicHash,
        blockHash: receipt.blockHash,
      }),
    ).resolves.toMatchObject({ kind: 'verified' });
    await expect(
      withBlocks(again, api.transferKeepAlive({ from: minerCold, to: treasury.ss58, amountRao: FEE })),
    ).resolves.toMatchObject({ extrinsicIndex: 1 });
    await again.close();
    await expect(node({ dataDir, genesis: { ...genesis, tempo: 9 } })).rejects.toThrow(/another genesis/);
  });
});
