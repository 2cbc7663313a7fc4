/** Becoming a neuron and a validator of a subnet that was there before, on the newest runtime and on an older one. */
import { connectChain } from '../../../adapters/chain/client';
import { createLogger } from '../../../adapters/logging';
import { startChainNode, type ChainNode } from '../../../demo/standins/chain/node';
import { prepareSubnet, weightsPatience } from '../../../demo/subnet';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';
import * as on from './support';

jest.setTimeout(60_000);

let node: ChainNode | undefined;
afterEach(() => node?.close());
afterAll(on.afterLibraryTimers);

const wallet = (name: string) => ({
  name,
  hotkey: hotkeyFromUri(`//${name}Hot`),
  coldkey: hotkeyFromUri(`//${name}Cold`),
  env: () => ({}),
});

it.each(['genuine', 'older'] as const)('funds, registers and stakes, on a runtime %s', async (runtime) => {
  const alice = hotkeyFromUri('//Alice');
  const genesis = {
    ...on.genesis,
    tempo: 19,
    balances: { [alice.ss58]: 10_000_000_000_000n },
    neurons: on.genesis.neurons.slice(0, 1),
  };
  node = await startChainNode({ genesis, blockMs: 50, finalityLag: 1, runtime });
  const chain = await connectChain(on.configFor(node), createLogger('test', 'error'));
  try {
    const wallets = { owner: wallet('Owner'), validators: [wallet('V')], miners: [wallet('M')] };
    const said: string[] = [];
    await prepareSubnet(chain, on.NETUID, wallets, {}, (text) => said.push(text));
    expect(said).toEqual([
      'V is registered on subnet 7',
      'M is registered on subnet 7',
      expect.stringContaining('V has staked'),
    ]);
    const state = await chain.weightState(on.NETUID, wallets.validators[0]?.hotkey.ss58 as string);
    expect(state).toMatchObject({ uid: 1, validatorPermit: true, stakeRao: 1_000_000_000_000n });
    // Stake is what makes a validator: the miner has none.
    const miner = await chain.weightState(on.NETUID, wallets.miners[0]?.hotkey.ss58 as string);
    expect(miner).toMatchObject({ uid: 2, validatorPermit: false });
    expect(await weightsPatience(chain, on.NETUID, on.miner.ss58)).toBeGreaterThan(120);
    // A second demo finds everything there.
    await prepareSubnet(chain, on.NETUID, wallets, {}, (text) => said.push(text));
    expect(said).toHaveLength(3);
    await expect(
      chain.addStake({
        coldkey: wallet('Nobody').coldkey,
        netuid: on.NETUID,
        hotkey: wallet('V').hotkey.ss58,
        amountRao: 1n,
      }),
    ).rejects.toThrow(/inability to pay/i);
  } finally {
    await chain.close();
  }
});
