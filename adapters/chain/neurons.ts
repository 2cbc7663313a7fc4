import type { Codec } from '@polkadot/types/types';
import { addressOf } from '../keys/address';
import { bestBlock, finalizedBlock } from './connection';
import type { ChainConnection } from './connection';
import { ChainInconsistent, SubnetMissing } from './errors';
import { isZeroAccount, SubtensorStorage, toBigInt, toFlag, toNumber } from './storage';
import type { Neuron, NeuronSnapshot, WeightState } from './types';

interface NeuronLite {
  hotkey: Codec;
  coldkey: Codec;
  uid: Codec;
  active: Codec;
  stake: Iterable<[Codec, Codec]>;
  lastUpdate: Codec;
  validatorPermit: Codec;
}
type NeuronsLite = (netuid: number) => Promise<Iterable<NeuronLite>>;

/** Address with prefix 42 of an account codec, whatever prefix the node announces for itself. */
export function addressOfCodec(account: Codec): string {
  return addressOf(account.toU8a());
}

/** All neurons at the finalised head (chain.md section 3.3); see `ChainClient.listNeurons`. */
export async function listNeurons(connection: ChainConnection, netuid: number): Promise<NeuronSnapshot> {
  return connection.read(async (link) => {
    const { number, hash } = await finalizedBlock(link);
    const storage = new SubtensorStorage(await link.api.at(hash));
    if (!(await storage.flag('networksAdded', netuid))) throw missing(netuid, connection.config.network);
    const viaApi = storage.at.call.neuronInfoRuntimeApi?.getNeuronsLite as unknown as NeuronsLite | undefined;
    const neurons = viaApi ? [...(await viaApi(netuid))].map(fromLite) : await fromStorage(storage, netuid);
    const expected = await storage.number('subnetworkN', netuid);
    if (neurons.length === 0 || neurons.length !== expected) {
      throw new ChainInconsistent(
        `the node lists ${neurons.length} neurons of subnet ${netuid} at block ${number}, where ${expected} slots are in use: ` +
          'nothing may be concluded from that, keep the last snapshot',
      );
    }
    neurons.sort((a, b) => a.uid - b.uid);
    return { block: { number, hash }, neurons };
  });
}

function missing(netuid: number, network: string): SubnetMissing {
  return new SubnetMissing(
    `network ${network} has no subnet ${netuid}: check BITTENSOR_NETUID and BITTENSOR_NETWORK`,
  );
}

function fromLite(lite: NeuronLite): Neuron {
  return {
    hotkey: addressOfCodec(lite.hotkey),
    coldkey: addressOfCodec(lite.coldkey),
    uid: toNumber(lite.uid),
    stakeRao: [...lite.stake].reduce((sum, [, amount]) => sum + toBigInt(amount), 0n),
    validatorPermit: toFlag(lite.validatorPermit),
    active: toFlag(lite.active),
    lastUpdate: toNumber(lite.lastUpdate),
  };
}

// For runtimes without the API. The stake here is the alpha on the subnet alone; the part of root is computed by the
// runtime and cannot be read from storage.
async function fromStorage(storage: SubtensorStorage, netuid: number): Promise<Neuron[]> {
  const n = await storage.number('subnetworkN', netuid);
  const uids = Array.from({ length: n }, (_, uid) => uid);
  const hotkeys = await storage.readMany(
    'keys',
    uids.map((uid) => [netuid, uid]),
  );
  const [owners, stakes, permits, active, updates] = await Promise.all([
    storage.readMany('owner', hotkeys),
    storage.readMany(
      'totalHotkeyAlpha',
      hotkeys.map((hotkey) => [hotkey, netuid]),
    ),
    storage.list('validatorPermit', netuid),
    storage.list('active', netuid),
    storage.list('lastUpdate', netuid),
  ]);
  return uids.map((uid) => ({
    hotkey: addressOfCodec(hotkeys[uid] as Codec),
    coldkey: addressOfCodec(owners[uid] as Codec),
    uid,
    stakeRao: toBigInt(stakes[uid]),
    validatorPermit: permits[uid] !== undefined && toFlag(permits[uid]),
    active: active[uid] !== undefined && toFlag(active[uid]),
    lastUpdate: updates[uid] === undefined ? 0 : toNumber(updates[uid]),
  }));
}

/** What decides whether a hotkey may set weights, at the best block; see `ChainClient.weightState`. */
export async function weightState(
  connection: ChainConnection,
  netuid: number,
  hotkey: string,
): Promise<WeightState> {
  return connection.read(async (link) => {
    const { number, hash } = await bestBlock(link);
    const storage = new SubtensorStorage(await link.api.at(hash));
    if (!(await storage.flag('networksAdded', netuid))) throw missing(netuid, connection.config.network);
    const [
      uid,
      n,
      minAllowedWeights,
      maxWeightsLimit,
      versionKey,
      rateLimitBlocks,
      commitRevealEnabled,
      permits,
      updates,
    ] = await Promise.all([
      storage.maybeNumber('uids', netuid, hotkey),
      storage.number('subnetworkN', netuid),
      storage.number('minAllowedWeights', netuid),
      storage.number('maxWeightsLimit', netuid),
      storage.bigint('weightsVersionKey', netuid),
      storage.number('weightsSetRateLimit', netuid),
      storage.flag('commitRevealWeightsEnabled', netuid),
      storage.list('validatorPermit', netuid),
      storage.list('lastUpdate', netuid),
    ]);
    const permit = uid === null ? undefined : permits[uid];
    const update = uid === null ? undefined : updates[uid];
    return {
      uid,
      n,
      validatorPermit: permit !== undefined && toFlag(permit),
      stakeRao: await stakeOf(storage, netuid, hotkey, uid),
      minAllowedWeights,
      maxWeightsLimit,
      versionKey,
      rateLimitBlocks,
      lastUpdate: update === undefined ? 0 : toNumber(update),
      block: { number, hash },
      commitRevealEnabled,
    };
  });
}

async function stakeOf(
  storage: SubtensorStorage,
  netuid: number,
  hotkey: string,
  uid: number | null,
): Promise<bigint> {
  type One = (netuid: number, uid: number) => Promise<{ isSome: boolean; unwrap(): NeuronLite }>;
  const viaApi = storage.at.call.neuronInfoRuntimeApi?.getNeuronLite as unknown as One | undefined;
  if (uid !== null && viaApi) {
    const found = await viaApi(netuid, uid);
    if (found.isSome) return fromLite(found.unwrap()).stakeRao;
  }
  return storage.bigint('totalHotkeyAlpha', hotkey, netuid);
}

/** Coldkey of a hotkey at a block, null when the chain has none. */
export async function resolveOwner(
  connection: ChainConnection,
  hotkey: string,
  blockHash?: string,
): Promise<string | null> {
  return connection.read(async (link) => {
    const hash = blockHash ?? (await bestBlock(link)).hash;
    const owner = await new SubtensorStorage(await link.api.at(hash)).read('owner', hotkey);
    return isZeroAccount(owner) ? null : addressOfCodec(owner);
  });
}
