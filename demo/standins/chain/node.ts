import { cryptoWaitReady } from '@polkadot/util-crypto';
import { Chain } from './chain';
import type { Block } from './chain';
import type { GenesisInput } from './genesis';
import { noFaults } from './faults';
import type { Faults } from './faults';
import { Journal } from './journal';
import { RpcServer } from './rpc-server';
import { Runtime } from './runtime';
import type { RuntimeProfile } from './runtime';

export interface ChainNodeOptions {
  /** Block 0; may be left out when the data folder already holds a chain. */
  genesis?: GenesisInput | undefined;
  /** Folder of the journal; without one the chain lives in memory alone. */
  dataDir?: string | undefined;
  /** 127.0.0.1 without one. */
  host?: string | undefined;
  /** 0 or nothing: any free port. */
  port?: number | undefined;
  /** Milliseconds between blocks, 1000 without one; 0 produces blocks only on `produceBlock`. */
  blockMs?: number | undefined;
  /** How many blocks finality is behind the head, 3 without one. */
  finalityLag?: number | undefined;
  /** Which runtime it begins with: the genuine one, or one with the calls of older releases. */
  runtime?: RuntimeProfile | undefined;
}

/** A running development node. */
export interface ChainNode {
  readonly url: string;
  readonly port: number;
  readonly genesisHash: string;
  readonly netuid: number;
  best(): Block;
  finalized(): Block;
  /** @throws Error when there is no block of that hash */
  block(hash: string): Block;
  /** Builds one block now. */
  produceBlock(): Block;
  /** Fault switches, also reachable as `dev_*` over RPC. */
  dropConnections(): void;
  setFinalityLag(blocks: number): void;
  /** Has the next block run on another runtime, with another version of it. */
  upgradeRuntime(profile: RuntimeProfile): void;
  /** Takes the newest block back; see `Chain.reorganise`. */
  reorganise(lose?: boolean): void;
  /** Set to have the node misbehave, over RPC with `dev_setFaults`. */
  readonly faults: Faults;
  /** Stops the timer, so that the head goes stale. */
  pauseBlocks(): void;
  resumeBlocks(): void;
  /** Stops the node; its data folder can be opened again. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a local node that speaks a subtensor node's JSON-RPC on the genuine mainnet metadata (chain.md section 8).
 * @throws Error when the genesis is missing or wrong, the data folder belongs to another chain, or the port is taken
 */
export async function startChainNode(options: ChainNodeOptions): Promise<ChainNode> {
  // Hashing is several times faster once the WebAssembly part is ready.
  await cryptoWaitReady();
  const opened = options.dataDir === undefined ? null : Journal.open(options.dataDir);
  const blockMs = options.blockMs ?? 1_000;
  let timer: NodeJS.Timeout | null = null;
  let server: RpcServer | null = null;
  try {
    const chain = new Chain(new Runtime(options.runtime), {
      genesis: options.genesis,
      finalityLag: options.finalityLag ?? 3,
      journal: opened?.journal ?? null,
      content: opened?.content ?? { genesis: null, blocks: [] },
    });
    const produce = (): Block => chain.produce(undefined, !faults.holdPool);
    const faults = noFaults();
    const pauseBlocks = (): void => {
      if (timer) clearInterval(timer);
      timer = null;
    };
    const resumeBlocks = (): void => {
      if (!timer && blockMs > 0) timer = setInterval(produce, blockMs);
    };
    const switches = {
      dropConnections: () => setImmediate(() => server?.dropConnections()),
      setFinalityLag: (blocks: number) => {
        if (!Number.isInteger(blocks) || blocks < 0)
          throw new Error('the finality lag is a whole number of blocks');
        chain.setFinalityLag(blocks);
      },
    };
    const host = options.host ?? '127.0.0.1';
    server = await RpcServer.listen(chain, {
      host,
      port: options.port ?? 0,
      faults,
      extra: {
        dev_dropConnections: () => (switches.dropConnections(), true),
        dev_setFinalityLag: (blocks) => (switches.setFinalityLag(Number(blocks)), true),
        dev_pauseBlocks: () => (pauseBlocks(), true),
        dev_resumeBlocks: () => (resumeBlocks(), true),
        dev_produceBlock: () => produce().hash,
        dev_reorganise: (lose) => (chain.reorganise(lose === true), true),
        dev_setFaults: (changed) => Object.assign(faults, changed),
      },
    });
    const { port } = server;
    resumeBlocks();
    let closed = false;
    return {
      url: `ws://${host}:${port}`,
      port,
      genesisHash: chain.genesisHash,
      netuid: chain.genesis.netuid,
      best: () => chain.best,
      finalized: () => chain.finalized,
      block: (hash) => {
        const block = chain.block(hash);
        if (!block) throw new Error(`the chain has no block ${hash}`);
        return block;
      },
      produceBlock: produce,
      upgradeRuntime: (profile) => chain.upgrade(new Runtime(profile)),
      reorganise: (lose) => chain.reorganise(lose),
      faults,
      dropConnections: () => server?.dropConnections(),
      setFinalityLag: switches.setFinalityLag,
      pauseBlocks,
      resumeBlocks,
      close: async () => {
        if (closed) return;
        closed = true;
        pauseBlocks();
        await server?.close();
        opened?.journal.close();
      },
    };
  } catch (error) {
    opened?.journal.close();
    throw error;
  }
}
