import './fast-strings';
import { ApiPromise } from '@polkadot/api';
import type { Logger } from '../logging';
import { ChainUnavailable, GenesisMismatch } from './errors';
import { RpcError, RpcSocket } from './rpc-socket';
import type { BlockRef, ChainConfig } from './types';

/** A live connection with the metadata of the node behind it. */
export interface Link {
  socket: RpcSocket;
  api: ApiPromise;
  endpoint: string;
  genesisHash: string;
  /** Highest finalised block that it named; it never goes back. */
  finalized: number;
  /** Gives this endpoint up for the next one. */
  leave: (reason: string) => Promise<void>;
}

// Newer runtimes carry the tip in the wrapper, which the library does not know (chain.md section 2); without this entry
// every signature there would be malformed. It is inert where the metadata names the plain extension. The others carry no
// bytes, and naming them spares a warning for each connection.
const SIGNED_EXTENSIONS = {
  ChargeTransactionPaymentWrapper: { extrinsic: { tip: 'Compact<Balance>' }, payload: {} },
  ...Object.fromEntries(
    [
      'SudoTransactionExtension',
      'CheckShieldedTxValidity',
      'SubtensorTransactionExtension',
      'DrandPriority',
    ].map((name) => [name, { extrinsic: {}, payload: {} }]),
  ),
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** Keeps one connection, made on demand; after a failure the next endpoint of the list is tried. */
export class ChainConnection {
  private link: Link | null = null;
  private connecting: Promise<Link> | null = null;
  private index = 0;
  private pauseMs = 0;
  private lastFailure = 0;
  private closed = false;
  /** Connections made so far. */
  made = 0;

  constructor(
    readonly config: ChainConfig,
    private readonly logger: Logger,
  ) {}

  /** A connection of its own, for questions that this one's endpoints cannot answer. */
  sibling(config: ChainConfig): ChainConnection {
    return new ChainConnection(config, this.logger);
  }

  /** The endpoint in use or to be tried next. */
  get endpoint(): string {
    return (
      this.link?.endpoint ?? (this.config.endpoints[this.index % this.config.endpoints.length] as string)
    );
  }

  /** The link as it is, without connecting and without the genesis check. */
  get current(): Link | null {
    return this.link?.socket.isConnected ? this.link : null;
  }

  /**
   * The live connection, made first when there is none.
   * @throws ChainUnavailable when no endpoint can be reached, GenesisMismatch when it serves another chain
   */
  async get(): Promise<Link> {
    const link = await this.any();
    const expected = this.config.expectedGenesis;
    if (expected && link.genesisHash !== expected.toLowerCase()) {
      throw new GenesisMismatch(
        `${link.endpoint} serves the chain with genesis ${link.genesisHash}, but ${expected} is expected for network ` +
          `${this.config.network}: correct BITTENSOR_NETWORK, EIREL_CHAIN_ENDPOINTS or EIREL_CHAIN_EXPECTED_GENESIS`,
      );
    }
    return link;
  }

  /** Like `get` without the genesis check, for health pages. */
  async any(): Promise<Link> {
    if (this.closed) throw new ChainUnavailable('the chain client is closed');
    const { current } = this;
    if (current) return current;
    this.connecting ??= this.connect().finally(() => {
      this.connecting = null;
    });
    return this.connecting;
  }

  /**
   * Runs reads on the connection, a second time on a new one when it breaks under them. A refusal by the node becomes
   * ChainUnavailable, since nothing was learnt.
   */
  async read<T>(work: (link: Link) => Promise<T>): Promise<T> {
    for (let again = true; ; again = false) {
      const link = await this.get();
      try {
        return await work(link);
      } catch (error) {
        if (error instanceof RpcError)
          throw new ChainUnavailable(`${link.endpoint} refused ${error.message}`);
        // With a connection lost, or another endpoint to ask, a second answer may well be had at once.
        const elsewhere = this.config.endpoints.length > 1;
        if (!(again && error instanceof ChainUnavailable && (error.lost || elsewhere))) throw error;
        // One that does not answer would be asked again: its connection is not closed yet.
        if (!error.lost) await this.leave(link, error.message);
      }
    }
  }

  /** Leaves an endpoint whose answers cannot be true or are old; with no other one, it is asked anew. */
  async leave(link: Link, reason: string): Promise<void> {
    if (this.link !== link) return;
    this.logger.warn('Leaving a chain endpoint', { endpoint: link.endpoint, reason });
    this.index += 1;
    await this.renew();
  }

  /** Drops the connection, so that the next call makes a new one with fresh metadata. */
  async renew(): Promise<void> {
    const { link } = this;
    this.link = null;
    if (link) await dispose(link);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.connecting?.catch(() => undefined);
    await this.renew();
  }

  private async connect(): Promise<Link> {
    await this.renew();
    // Public endpoints refuse those who knock too often, so failed rounds lie further and further apart.
    const wait = this.lastFailure + this.pauseMs - Date.now();
    if (wait > 0)
      await new Promise((resolve) => setTimeout(resolve, Math.min(wait, this.config.callTimeoutMs)));
    const failures: string[] = [];
    for (let tried = 0; tried < this.config.endpoints.length && !this.closed; tried += 1) {
      const endpoint = this.config.endpoints[this.index % this.config.endpoints.length] as string;
      try {
        const link = await openLink(endpoint, this.config.callTimeoutMs);
        this.adopt(link);
        return link;
      } catch (error) {
        failures.push((error as Error).message);
        this.index += 1;
      }
    }
    this.lastFailure = Date.now();
    this.pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.pauseMs * 2));
    throw new ChainUnavailable(
      `no endpoint of network ${this.config.network} answered: ${failures.join('; ')}`,
    );
  }

  private adopt(link: Link): void {
    this.link = link;
    this.made += 1;
    this.pauseMs = 0;
    link.leave = (reason) => this.leave(link, reason);
    this.logger.info('Connected to the chain', {
      endpoint: link.endpoint,
      genesis: link.genesisHash,
      specVersion: link.api.runtimeVersion.specVersion.toNumber(),
    });
    link.socket.on('disconnected', () => {
      if (this.link !== link) return;
      // The next call starts with another endpoint, in case this one is gone for good.
      this.index += 1;
      this.link = null;
      this.logger.warn('Lost the connection to the chain', { endpoint: link.endpoint });
      void dispose(link);
    });
  }
}

async function openLink(endpoint: string, timeoutMs: number): Promise<Link> {
  const socket = await RpcSocket.open(endpoint, timeoutMs);
  try {
    // Asked here first, since the library writes its own lines to the console about a node that does not answer.
    await socket.send('chain_getBlockHash', [0]);
    const api = new ApiPromise({ provider: socket, noInitWarn: true, signedExtensions: SIGNED_EXTENSIONS });
    await api.isReadyOrError;
    const genesisHash = api.genesisHash.toHex();
    return { socket, api, endpoint, genesisHash, finalized: 0, leave: () => Promise.resolve() };
  } catch (error) {
    await socket.disconnect();
    throw new ChainUnavailable(`${endpoint}: ${(error as Error).message}`);
  }
}

async function dispose(link: Link): Promise<void> {
  await link.api.disconnect();
}

interface RawHeader {
  number: string;
  parentHash: string;
}

/** Number and parent of a block, null when the node does not know the hash; the best block without a hash. */
export async function headerOf(
  link: Link,
  hash?: string,
): Promise<(BlockRef & { parentHash: string }) | null> {
  const of = hash ?? (await link.socket.send<string>('chain_getBlockHash', []));
  const header = await link.socket.send<RawHeader | null>('chain_getHeader', [of]);
  return (
    header && {
      number: Number(header.number),
      hash: of.toLowerCase(),
      parentHash: header.parentHash.toLowerCase(),
    }
  );
}

/** @throws ChainUnavailable when the node has no head, as while it starts */
export async function bestBlock(link: Link): Promise<BlockRef & { parentHash: string }> {
  const header = await headerOf(link);
  if (!header) throw new ChainUnavailable(`${link.endpoint} has no best block`);
  return header;
}

/**
 * The finalised head. A node whose answer cannot be true is left for the next endpoint.
 * @throws ChainUnavailable
 */
export async function finalizedBlock(link: Link): Promise<BlockRef & { parentHash: string }> {
  const hash = await link.socket.send<string>('chain_getFinalizedHead', []);
  const header = await headerOf(link, hash);
  const doubt = await doubtAbout(link, hash, header);
  if (doubt || !header) {
    const reason = `${link.endpoint} ${doubt}`;
    await link.leave(reason);
    throw new ChainUnavailable(reason);
  }
  link.finalized = header.number;
  return header;
}

/** Why a finalised head cannot be true, null when nothing speaks against it. */
async function doubtAbout(link: Link, hash: string, header: BlockRef | null): Promise<string | null> {
  if (!header) return `does not know its own finalised block ${hash}`;
  if (header.number < link.finalized)
    return `took finality back from block ${link.finalized} to ${header.number}`;
  const canonical = await link.socket.send<string | null>('chain_getBlockHash', [header.number]);
  return canonical?.toLowerCase() === header.hash
    ? null
    : `has another block ${header.number} on its chain than the one it says is final`;
}
