import type { ChainConfig } from '../../../adapters/chain/types';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import type { GenesisInput } from '../../../demo/standins/chain/genesis';
import type { ChainNode } from '../../../demo/standins/chain/node';

export const coldkey = hotkeyFromUri('//OwnerCold');
export const validator = hotkeyFromUri('//Validator');
export const poor = hotkeyFromUri('//PoorValidator');
export const miner = hotkeyFromUri('//Miner');
export const minerCold = hotkeyFromUri('//MinerCold');
export const stranger = hotkeyFromUri('//Stranger');
export const unregistered = hotkeyFromUri('//Unregistered');
export const treasury = hotkeyFromUri('//Treasury');
export const NETUID = 7;
/** 0.1 TAO in rao. */
export const FEE = 100_000_000n;

/** Four slots: the burn uid 0, a validator, a miner, and a validator whose stake is below the threshold. */
export const genesis: GenesisInput = {
  netuid: NETUID,
  weightsRateLimit: 10,
  stakeThresholdRao: 1_000n,
  neurons: [
    { hotkey: hotkeyFromUri('//Burn').ss58, coldkey: coldkey.ss58 },
    { hotkey: validator.ss58, coldkey: coldkey.ss58, stakeRao: '9000000000000000000', validatorPermit: true },
    { hotkey: miner.ss58, coldkey: minerCold.ss58, stakeRao: 5_000n },
    { hotkey: poor.ss58, coldkey: coldkey.ss58, stakeRao: 999n, validatorPermit: true },
  ],
  balances: {
    [minerCold.ss58]: 10_000_000_000n,
    [miner.ss58]: 1_000_000_000n,
    [stranger.ss58]: 1_000_000_000n,
    [validator.ss58]: 1_000_000n,
  },
};

export function configFor(
  node: { url: string; genesisHash: string },
  extra: Partial<ChainConfig> = {},
): ChainConfig {
  return {
    network: 'local',
    endpoints: [node.url],
    netuid: NETUID,
    callTimeoutMs: 5_000,
    expectedGenesis: node.genesisHash,
    ...extra,
  };
}

export function produce(chain: ChainNode, count: number): void {
  for (let i = 0; i < count; i += 1) chain.produceBlock();
}

/** Runs work that waits for inclusion while blocks come. */
export async function withBlocks<T>(chain: ChainNode, work: Promise<T>, everyMs = 60): Promise<T> {
  const timer = setInterval(() => chain.produceBlock(), everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** @polkadot/api keeps a timer of 1.75 s after a read; waiting for it lets the test process end by itself. */
export function afterLibraryTimers(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_800));
}
