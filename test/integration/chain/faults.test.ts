/** A client behind a proxy that breaks its calls: what it does about each fault, and that nothing is lost by it. */
import { connectChain } from '../../../adapters/chain/client';
import type { ChainClient, ChainConfig, FeeClaim, WeightSubmission } from '../../../adapters/chain/types';
import { createLogger } from '../../../adapters/logging';
import { startChainNode } from '../../../demo/standins/chain/node';
import type { ChainNode } from '../../../demo/standins/chain/node';
import { startFaultProxy } from './fault-proxy';
import type { Fate, FaultProxy } from './fault-proxy';
import * as on from './support';

jest.setTimeout(60_000);

const quiet = createLogger('test', 'error');
const running: { close(): Promise<unknown> }[] = [];
let node: ChainNode;
let proxy: FaultProxy;

beforeEach(async () => {
  node = await startChainNode({ genesis: on.genesis, blockMs: 0, finalityLag: 1 });
  proxy = await startFaultProxy(node.url);
  running.push(node, proxy);
  on.produce(node, 5);
});
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.close();
});
afterAll(on.afterLibraryTimers);

/** A client of the proxy, that knows another way to the node too unless it is to have none. */
async function client(extra: Partial<ChainConfig> & { alone?: boolean } = {}): Promise<ChainClient> {
  const { alone = false, ...config } = extra;
  const endpoints = alone ? [proxy.url] : [proxy.url, node.url];
  const made = await connectChain(on.configFor(node, { endpoints, callTimeoutMs: 5_000, ...config }), quiet);
  running.push(made);
  return made;
}

/** Has the calls of a method meet a fate, once or always. */
function strike(method: string, fate: Fate, times = Infinity): void {
  let left = times;
  proxy.fate = (called) => {
    if (called !== method || left <= 0) return 'pass';
    left -= 1;
    return fate;
  };
}

const neurons = { neurons: { length: 4 } };

describe('a read', () => {
  it.each<[fault: string, method: string, fate: Fate]>([
    ['cut off in the middle of a call', 'chain_getFinalizedHead', 'drop'],
    ['cut off with its answer on the way', 'chain_getFinalizedHead', 'drop-answer'],
    ['never answered', 'chain_getFinalizedHead', 'stall'],
    ['answered by something that is no node', 'chain_getFinalizedHead', 'garbage'],
    ['told of a finalised block that nobody has', 'chain_getFinalizedHead', { lie: `0x${'fe'.repeat(32)}` }],
    ['stalled while its metadata is fetched', 'state_call', 'stall'],
  ])('that is %s is answered by the next endpoint, in the same call', async (_fault, method, fate) => {
    const chain = await client();
    strike(method, fate);
    await expect(chain.listNeurons(on.NETUID)).resolves.toMatchObject(neurons);
    await expect(chain.health()).resolves.toMatchObject({ connected: true, endpoint: node.url });
  });

  it.each<[fault: string, fate: Fate]>([
    ['cut off', 'drop'],
    ['cut off with its answer on the way', 'drop-answer'],
  ])('that is %s is asked again over a new connection when there is no other endpoint', async (_f, fate) => {
    const chain = await client({ alone: true });
    await chain.listNeurons(on.NETUID);
    strike('chain_getFinalizedHead', fate, 1);
    await expect(chain.listNeurons(on.NETUID)).resolves.toMatchObject(neurons);
    expect(proxy.seen.connections).toBe(2);
  });

  it('says so within its deadline when the only endpoint stalls, and works again once it does', async () => {
    const chain = await client({ alone: true });
    await chain.listNeurons(on.NETUID);
    strike('chain_getFinalizedHead', 'stall');
    const begun = Date.now();
    await expect(chain.listNeurons(on.NETUID)).rejects.toMatchObject({
      name: 'ChainUnavailable',
      message: expect.stringContaining('did not answer chain_getFinalizedHead within 5 s'),
    });
    expect(Date.now() - begun).toBeLessThan(30_000);
    await expect(chain.health()).resolves.toMatchObject({ connected: false, block: null });
    proxy.fate = () => 'pass';
    await expect(chain.listNeurons(on.NETUID)).resolves.toMatchObject(neurons);
  });

  it('goes elsewhere from an endpoint that answers 429, and comes back when it is the only one', async () => {
    proxy.refuse = true;
    const both = await client();
    await expect(both.listNeurons(on.NETUID)).resolves.toMatchObject(neurons);
    const alone = await client({ alone: true });
    await expect(alone.listNeurons(on.NETUID)).rejects.toThrow(/429/);
    proxy.refuse = false;
    await expect(alone.listNeurons(on.NETUID)).resolves.toMatchObject(neurons);
  });

  it('does not believe a finalised head that goes back', async () => {
    const chain = await client();
    await chain.listNeurons(on.NETUID);
    strike('chain_getFinalizedHead', { lie: node.genesisHash });
    const { block } = await chain.listNeurons(on.NETUID);
    expect(block.number).toBe(node.finalized().number);
    await expect(chain.health()).resolves.toMatchObject({ endpoint: node.url });
  });

  it('takes no neuron for gone when the node answers with nothing', async () => {
    const chain = await client({ alone: true });
    proxy.fate = (method, [name]) =>
      method === 'state_call' && name === 'NeuronInfoRuntimeApi_get_neurons_lite' ? { lie: '0x00' } : 'pass';
    // An empty list of the runtime, where the storage counts four.
    await expect(chain.listNeurons(on.NETUID)).rejects.toMatchObject({ name: 'ChainInconsistent' });
  });
});

describe('weights', () => {
  const row: WeightSubmission = {
    netuid: on.NETUID,
    call: { mode: 'set', uids: [0, 2], values: [28_086, 65_535], versionKey: 0 },
    signer: on.validator,
    eraPeriod: 8,
    deadlineMs: 30_000,
  };
  const extrinsics = (): number => {
    let count = 0;
    for (let block = node.best(); block.number > 0; block = node.block(block.parentHash))
      count += block.signed.length;
    return count;
  };

  it.each<[fault: string, fate: Fate]>([
    ['the answer to their submission is lost', 'drop-answer'],
    ['the submission is never answered and never arrives, until its era passed', 'stall'],
    ['the connection breaks before the node has them, until their era passed', 'drop'],
  ])('are on chain at most once when %s', async (_fault, fate) => {
    const chain = await client();
    strike('author_submitExtrinsic', fate, 1);
    const outcome = await on.withBlocks(node, chain.submitWeights(row), 250);
    expect(outcome.kind).toBe(fate === 'drop-answer' ? 'included' : 'outdated');
    expect(extrinsics()).toBe(fate === 'drop-answer' ? 1 : 0);
    // Sent again where nothing came of it, as the workflow does: once in the end.
    if (outcome.kind === 'outdated') {
      await expect(on.withBlocks(node, chain.submitWeights(row), 250)).resolves.toMatchObject({
        kind: 'included',
      });
    }
    expect(extrinsics()).toBe(1);
    await expect(chain.readWeights(on.NETUID, 1)).resolves.toEqual([
      { uid: 0, value: 28_086 },
      { uid: 2, value: 65_535 },
    ]);
  });

  it('are not signed for a node that cannot say the nonce', async () => {
    const chain = await client({ alone: true });
    strike('system_accountNextIndex', 'stall');
    await expect(chain.submitWeights(row)).resolves.toMatchObject({ kind: 'rpc_down' });
    expect(proxy.seen.methods).not.toContain('author_submitExtrinsic');
  });
});

describe('a fee', () => {
  async function paid(): Promise<FeeClaim> {
    const payer = await connectChain(on.configFor(node), quiet);
    running.push(payer);
    const payment = payer.transferKeepAlive({ from: on.minerCold, to: on.treasury.ss58, amountRao: on.FEE });
    const { extrinsicHash, blockHash } = await on.withBlocks(node, payment);
    on.produce(node, 3);
    const [hotkey, treasury] = [on.miner.ss58, on.treasury.ss58];
    return { hotkey, treasury, minimumRao: on.FEE, maxAgeBlocks: 5_000, extrinsicHash, blockHash };
  }

  it('is neither taken nor refused while the node stalls, and is good afterwards', async () => {
    const claim = await paid();
    const chain = await client({ alone: true });
    await chain.health();
    strike('chain_getBlock', 'stall');
    await expect(chain.verifyFee(claim)).resolves.toMatchObject({ kind: 'unavailable' });
    proxy.fate = () => 'pass';
    await expect(chain.verifyFee(claim)).resolves.toMatchObject({ kind: 'verified' });
  });

  it('whose block the node has pruned is looked up in the archive, and never called a bad one', async () => {
    const claim = await paid();
    // The library writes lines of its own about such refusals.
    const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const pruned: Fate = { refusal: `UnknownBlock: State already discarded for ${claim.blockHash}` };
    proxy.fate = (method, params) =>
      method.startsWith('state_') && params.includes(claim.blockHash) ? pruned : 'pass';
    const without = await client({ alone: true });
    await expect(without.verifyFee(claim)).resolves.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('use an archive endpoint'),
    });
    const archive = await client({ alone: true, archiveEndpoints: [node.url] });
    await expect(archive.verifyFee(claim)).resolves.toMatchObject({ kind: 'verified' });
    said.mockRestore();
  });
});
