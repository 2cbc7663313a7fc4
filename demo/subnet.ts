import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainClient } from '../adapters/chain/types';
import { hotkeyFromUri } from '../adapters/keys/hotkey';
import type { Hotkey } from '../adapters/keys/types';
import type { DemoWallet } from './keys';

const TAO = 1_000_000_000n;
const POCKET = 5n * TAO;
const VALIDATOR_STAKE = 1_000n * TAO;

/**
 * Makes the demo's keys neurons of a subnet that was there before: funds their coldkeys, registers their hotkeys, stakes on
 * the validators, and waits for their permits. What is there already is left as it is.
 * @throws Error naming what the node lacks
 */
export async function prepareSubnet(
  chain: ChainClient,
  netuid: number,
  wallets: { owner: DemoWallet; validators: DemoWallet[]; miners: DemoWallet[] },
  env: NodeJS.ProcessEnv,
  say: (text: string) => void,
): Promise<void> {
  const funder = hotkeyFromUri(env.EIREL_DEMO_FUNDER?.trim() || '//Alice');
  const registered = new Set((await neurons(chain, netuid)).map(({ hotkey }) => hotkey));
  for (const wallet of [...wallets.validators, ...wallets.miners]) {
    const isValidator = wallets.validators.includes(wallet);
    await fund(chain, funder, wallet, isValidator ? POCKET + VALIDATOR_STAKE : POCKET);
    if (registered.has(wallet.hotkey.ss58)) continue;
    await chain.registerNeuron({ coldkey: wallet.coldkey, netuid, hotkey: wallet.hotkey.ss58 });
    say(`${wallet.name} is registered on subnet ${netuid}`);
  }
  const { validators } = wallets;
  for (const wallet of validators) await stake(chain, netuid, wallet, say);
  for (const wallet of validators) await permit(chain, netuid, wallet, say);
}

/** Seconds within which the weights of a validator are on chain, by what the subnet asks for; generous. */
export async function weightsPatience(chain: ChainClient, netuid: number, hotkey: string): Promise<number> {
  const { commitReveal, rateLimitBlocks } = await chain.weightState(netuid, hotkey);
  const { enabled, clock, periodEpochs } = commitReveal;
  const blocks = rateLimitBlocks + (enabled ? (clock.tempo + 1) * (periodEpochs + 2) : 0);
  return 120 + blocks * (await chain.blockSeconds());
}

async function neurons(chain: ChainClient, netuid: number) {
  try {
    return (await chain.listNeurons(netuid)).neurons;
  } catch (error) {
    // A subnet that nobody has registered on yet.
    if ((error as Error).name === 'ChainInconsistent') return [];
    throw error;
  }
}

async function fund(chain: ChainClient, from: Hotkey, wallet: DemoWallet, amount: bigint): Promise<void> {
  const free = await chain.freeBalance(wallet.coldkey.ss58);
  if (free >= amount) return;
  await chain.transferKeepAlive({ from, to: wallet.coldkey.ss58, amountRao: amount - free });
}

async function stake(
  chain: ChainClient,
  netuid: number,
  { name, coldkey, hotkey: { ss58: hotkey } }: DemoWallet,
  say: (text: string) => void,
): Promise<void> {
  if ((await chain.weightState(netuid, hotkey)).validatorPermit) return;
  await chain.addStake({ coldkey, netuid, hotkey, amountRao: VALIDATOR_STAKE });
  say(`${name} has staked; its validator permit comes with an epoch of the subnet`);
}

async function permit(
  chain: ChainClient,
  netuid: number,
  { name, hotkey: { ss58: hotkey } }: DemoWallet,
  say: (text: string) => void,
): Promise<void> {
  const { clock } = (await chain.weightState(netuid, hotkey)).commitReveal;
  const seconds = Math.round(60 + (clock.tempo + 1) * (await chain.blockSeconds()));
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if ((await chain.weightState(netuid, hotkey)).validatorPermit) return;
    await sleep(1000);
  }
  say(`${name} has no validator permit after ${seconds} s: its weights will wait for one`);
}
