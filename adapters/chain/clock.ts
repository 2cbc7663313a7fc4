import { RpcSocket } from './rpc-socket';

/** What a node says of its network's last final block. */
export interface ChainClock {
  /** `0x` hash of block 0. */
  genesisHash: string;
  finalizedBlock: number;
  /** The time in that block, ms since the epoch; null at block 0. */
  finalizedAt: number | null;
  /** Measured around the reading: this machine's time then, ms since the epoch. */
  readAt: number;
}

/** Storage key of `Timestamp.Now`: the two 128-bit hashes of the names, which every Substrate chain has alike. */
const TIMESTAMP_NOW = '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb';

/**
 * Reads genesis, finalised head and its time over a connection of its own, without the runtime's metadata.
 * @throws ChainUnavailable when the endpoint does not answer in time
 */
export async function readChainClock(endpoint: string, timeoutMs: number): Promise<ChainClock> {
  const socket = await RpcSocket.open(endpoint, timeoutMs);
  try {
    const genesisHash = String(await socket.send('chain_getBlockHash', [0]));
    const head = String(await socket.send('chain_getFinalizedHead', []));
    const header = (await socket.send('chain_getHeader', [head])) as { number: string };
    const raw = (await socket.send('state_getStorage', [TIMESTAMP_NOW, head])) as string | null;
    const finalizedAt = raw ? Number(Buffer.from(raw.slice(2), 'hex').readBigUInt64LE()) : null;
    return {
      genesisHash,
      finalizedBlock: Number(header.number),
      finalizedAt: finalizedAt || null,
      readAt: Date.now(),
    };
  } finally {
    await socket.disconnect();
  }
}
