/** The chain as this validator finds it: the node, and what it says about the hotkey. */
import { chainConfigFromEnv } from '../../adapters/chain/config';
import { connectChain } from '../../adapters/chain/client';
import { readChainClock, type ChainClock } from '../../adapters/chain/clock';
import type { ChainConfig, WeightState } from '../../adapters/chain/types';
import { createLogger } from '../../adapters/logging';
import { EXIT } from '../exit-codes';
import { Finding, warning } from './check';
import { judgeSkew } from './owner';

/** Blocks come every 12 s and are final some 30 s later; a node this far behind is stuck or syncing. */
const MAX_LAG_SECONDS = 300;
const RAO = 1e9;

/** @throws Finding naming the variable that is wrong */
export function chainSettings(env: NodeJS.ProcessEnv): ChainConfig {
  try {
    return chainConfigFromEnv(env);
  } catch (error) {
    throw new Finding(
      (error as Error).message,
      'set BITTENSOR_NETWORK (finney, test, or a ws:// address) and BITTENSOR_NETUID',
      EXIT.usage,
    );
  }
}

/** Asks the endpoints in order. @throws Finding when none answers, for the wrong network, for a node that lags */
export async function askNode(config: ChainConfig): Promise<{ text: string; clock: ChainClock }> {
  const failures: string[] = [];
  for (const endpoint of config.endpoints) {
    let clock: ChainClock;
    try {
      clock = await readChainClock(endpoint, Math.min(config.callTimeoutMs, 10_000));
    } catch (error) {
      failures.push(`${endpoint}: ${(error as Error).message}`);
      continue;
    }
    const { expectedGenesis } = config;
    if (expectedGenesis && clock.genesisHash.toLowerCase() !== expectedGenesis) {
      throw new Finding(
        `${endpoint} serves another network: its genesis is ${clock.genesisHash}, ${config.network} has ${expectedGenesis}`,
        'correct BITTENSOR_NETWORK or EIREL_CHAIN_ENDPOINTS',
        EXIT.usage,
      );
    }
    const lag = clock.finalizedAt === null ? null : (clock.readAt - clock.finalizedAt) / 1000;
    if (lag !== null && lag > MAX_LAG_SECONDS) {
      throw new Finding(
        `${endpoint} is behind: its last final block ${clock.finalizedBlock} is ${Math.round(lag)} s old`,
        'wait until the node has synced, or name another in EIREL_CHAIN_ENDPOINTS; check this clock as well',
        EXIT.temporary,
      );
    }
    const others = failures.length > 0 ? `; ${failures.length} endpoints before it did not answer` : '';
    const age = lag === null ? '' : `, ${Math.round(lag)} s old`;
    return {
      clock,
      text: `${endpoint}: final block ${clock.finalizedBlock}${age}, genesis ${clock.genesisHash.slice(0, 10)}…${others}`,
    };
  }
  throw new Finding(
    `no endpoint of ${config.network} answers: ${failures.join('; ')}`,
    'check the network, or name a node that you can reach in EIREL_CHAIN_ENDPOINTS',
    EXIT.temporary,
  );
}

/** This clock against the chain's: final blocks are some 30 s old at best, so only a block from the future tells for sure. */
export function judgeChainClock(clock: ChainClock): string {
  if (clock.finalizedAt === null) throw warning('the chain has no block yet', 'wait for its first blocks');
  const ahead = (clock.readAt - clock.finalizedAt) / 1000;
  if (ahead < 0) return judgeSkew(ahead, "the chain's last final block");
  return `the last final block is ${ahead.toFixed(1)} s old by this clock`;
}

/** Reads what decides whether the hotkey may set weights. */
export async function readStanding(config: ChainConfig, hotkey: string): Promise<WeightState> {
  const chain = await connectChain(config, createLogger('chain', 'error'));
  try {
    return await chain.weightState(config.netuid, hotkey);
  } finally {
    await chain.close();
  }
}

/** @throws Finding */
export function judgeRegistration(state: WeightState, hotkey: string, netuid: number): string {
  if (state.uid !== null) return `uid ${state.uid} of ${state.n} on netuid ${netuid}`;
  throw new Finding(
    `${hotkey} is not registered on netuid ${netuid}`,
    `register it: btcli subnets register --netuid ${netuid} --wallet.name <name> --wallet.hotkey <hotkey>`,
    EXIT.refused,
  );
}

/** @throws Finding */
export function judgePermit(state: WeightState): string {
  if (state.validatorPermit) return 'it has a validator permit';
  throw new Finding(
    'it has no validator permit, so the chain will not take its weights',
    'stake more to it: btcli stake add; permits go to the most staked hotkeys at the next epoch. Judging works without',
    EXIT.refused,
  );
}

/** @param minimum TAO, from EIREL_MIN_STAKE_TO_SET_WEIGHTS; @throws Finding below it */
export function judgeStake(state: WeightState, minimum: number): string {
  const tao = Number(state.stakeRao) / RAO;
  if (tao >= minimum) return `${tao.toFixed(3)} staked`;
  throw warning(
    `${tao.toFixed(3)} staked, less than the ${minimum} of EIREL_MIN_STAKE_TO_SET_WEIGHTS`,
    'stake more to it: btcli stake add',
  );
}
