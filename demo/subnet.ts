import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainClient } from '../adapters/chain/types';
import { hotkeyFromUri } from '../adapters/keys/hotkey';
import type { Hotkey } from '../adapters/keys/types';
import type { DemoWallet } from './keys';

const TAO = 1_000_000_000n;
const POCKET = 5n * TAO;
const VALIDATOR_STAKE = 1_000n * TAO;
const PERMIT_SECONDS = 120;

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
  for (const wallet of wallets.validators) await permit(chain, netuid, wallet, say);
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

async function permit(
  chain: ChainClient,
  netuid: number,
  wallet: DemoWallet,
  say: (text: string) => void,
): Promise<void> {
  const { ss58 } = wallet.hotkey;
  if ((await chain.weightState(netuid, ss58)).validatorPermit) return;
  await chain.addStake({ coldkey: wallet.coldkey, netuid, hotkey: ss58, amountRao: VALIDATOR_STAKE });
  say(`${wallet.name} has staked; its validator permit comes with an epoch of the subnet`);
  const end = Date.now() + PERMIT_SECONDS * 1000;
  while (Date.now() < end) {
    if ((await chain.weightState(netuid, ss58)).validatorPermit) return;
    await sleep(1000);
  }
  say(`${wallet.name} has no validator permit after ${PERMIT_SECONDS} s: its weights will wait for one`);
}
