import { createLogger, messageOf } from '../logging';
import type { Logger } from '../logging';
import { bestBlock, ChainConnection, finalizedBlock } from './connection';
import { ChainConfigError } from './errors';
import { verifyFee } from './fee';
import { listNeurons, resolveOwner } from './neurons';
import { toBigInt } from './storage';
import { blockTime, pendingCommits, weightState } from './weight-state';
import { addStake, registerNeuron, transferKeepAlive } from './payments';
import type { ChainClient, ChainConfig, ChainHealth } from './types';
import { followWeights, readWeights, submitWeights } from './weights';

/**
 * Makes the chain client of a process. It comes back connected, or, when no endpoint answers now, unconnected with the
 * reason in the log: every later call connects first when it must, so that a service can start before its node.
 * @throws ChainConfigError when the endpoint list is empty
 */
export async function connectChain(
  config: ChainConfig,
  logger: Logger = createLogger('chain'),
): Promise<ChainClient> {
  if (config.endpoints.length === 0) {
    throw new ChainConfigError(`network ${config.network} has no endpoint: set EIREL_CHAIN_ENDPOINTS`);
  }
  const connection = new ChainConnection(config, logger);
  try {
    await connection.get();
  } catch (error) {
    logger.warn('The chain cannot be used yet', { network: config.network, reason: messageOf(error) });
  }
  return {
    config,
    health: () => health(connection),
    listNeurons: (netuid) => listNeurons(connection, netuid),
    verifyFee: (claim) => verifyFee(connection, claim),
    weightState: (netuid, hotkey) => weightState(connection, netuid, hotkey),
    submitWeights: (request) => submitWeights(connection, request),
    followWeights: (request) => followWeights(connection, request),
    pendingCommits: (netuid, hotkey, at = 'best') => pendingCommits(connection, netuid, hotkey, at),
    blockSeconds: () => blockSeconds(connection),
    readWeights: (netuid, uid, at = 'best') => readWeights(connection, netuid, uid, at),
    finality: (hash, number) => finality(connection, hash, number),
    isFinalized: async (hash, number) => (await finality(connection, hash, number)) === 'final',
    transferKeepAlive: (request) => transferKeepAlive(connection, request),
    registerNeuron: (request) => registerNeuron(connection, request),
    addStake: (request) => addStake(connection, request),
    resolveOwner: (hotkey, blockHash) => resolveOwner(connection, hotkey, blockHash),
    freeBalance: (address) => freeBalance(connection, address),
    close: () => connection.close(),
  };
}

async function health(connection: ChainConnection): Promise<ChainHealth> {
  const { endpoint, made: connections } = connection;
  try {
    const link = await connection.any();
    const [best, finalized] = await Promise.all([bestBlock(link), finalizedBlock(link)]);
    const seconds = await blockTime(await link.api.at(best.hash));
    const lagSeconds = seconds > 0 ? Math.max(0, Date.now() / 1000 - seconds) : null;
    const { maxLagSeconds, endpoints } = connection.config;
    if (maxLagSeconds && lagSeconds !== null && lagSeconds > maxLagSeconds && endpoints.length > 1) {
      await connection.leave(link, `its newest block is ${Math.round(lagSeconds)} s old`);
    }
    return {
      connected: true,
      endpoint: link.endpoint,
      specVersion: link.api.runtimeVersion.specVersion.toNumber(),
      block: best.number,
      finalizedBlock: finalized.number,
      genesisHash: link.genesisHash,
      lagSeconds,
      problem: null,
      connections: connection.made,
    };
  } catch (error) {
    // Not being able to ask is itself the answer here.
    return {
      connected: false,
      endpoint,
      specVersion: null,
      block: null,
      finalizedBlock: null,
      genesisHash: null,
      lagSeconds: null,
      problem: messageOf(error),
      connections,
    };
  }
}

const MEASURED_BLOCKS = 10;
const MAINNET_BLOCK_SECONDS = 12;

/** The time between the last blocks; the mainnet's where there are too few. */
async function blockSeconds(connection: ChainConnection): Promise<number> {
  return connection.read(async (link) => {
    const best = await bestBlock(link);
    const count = Math.min(MEASURED_BLOCKS, best.number - 1);
    const earlier = await link.socket.send<string | null>('chain_getBlockHash', [best.number - count]);
    if (count < 1 || !earlier) return MAINNET_BLOCK_SECONDS;
    const [from, to] = [
      await blockTime(await link.api.at(earlier)),
      await blockTime(await link.api.at(best.hash)),
    ];
    return to > from ? (to - from) / count : MAINNET_BLOCK_SECONDS;
  });
}

function finality(
  connection: ChainConnection,
  blockHash: string,
  blockNumber: number,
): Promise<'final' | 'pending' | 'reorganised'> {
  return connection.read(async (link) => {
    const finalized = await finalizedBlock(link);
    const canonical = await link.socket.send<string | null>('chain_getBlockHash', [blockNumber]);
    // A node that lags behind does not have the block yet, which says nothing about it.
    if (canonical === null) return 'pending';
    if (canonical.toLowerCase() !== blockHash.toLowerCase()) return 'reorganised';
    return finalized.number >= blockNumber ? 'final' : 'pending';
  });
}

function freeBalance(connection: ChainConnection, address: string): Promise<bigint> {
  return connection.read(async (link) => {
    const { hash } = await bestBlock(link);
    const query = (await link.api.at(hash)).query.system?.account;
    if (!query)
      throw new Error('the runtime has no storage System.Account: an update of this program is needed');
    const account = (await query(address)) as unknown as { data: { free: unknown } };
    return toBigInt(account.data.free);
  });
}
