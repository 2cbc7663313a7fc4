import type { Codec } from '@polkadot/types/types';
import { addressOf } from '../keys/address';
import { bestBlock, finalizedBlock } from './connection';
import type { ChainConnection } from './connection';
import { ChainInconsistent, SubnetMissing } from './errors';
import { concat } from './timelock/bytes';
import { u16, u16Vec } from './timelock/payload';
import { isZeroAccount, SubtensorStorage, toBigInt, toFlag, toNumber } from './storage';
import { decodeNeuronsLite } from './neuron-types';
import type { Neuron, NeuronSnapshot } from './types';

interface AxonCodec {
  ip: Codec;
  port: Codec;
  ipType: Codec;
}
interface NeuronLite {
  hotkey: Codec;
  coldkey: Codec;
  uid: Codec;
  active: Codec;
  axonInfo: AxonCodec;
  stake: Iterable<[Codec, Codec]>;
  lastUpdate: Codec;
  validatorPermit: Codec;
}

/** Address with prefix 42 of an account codec, whatever prefix the node announces for itself. */
export function addressOfCodec(account: Codec): string {
  return addressOf(account.toU8a());
}

/** All neurons at the finalised head (chain.md section 3.3); see `ChainClient.listNeurons`. */
export async function listNeurons(connection: ChainConnection, netuid: number): Promise<NeuronSnapshot> {
  return connection.read(async (link) => {
    const { number, hash } = await finalizedBlock(link);
    const storage = await SubtensorStorage.at(link, hash);
    await requireSubnet(storage, netuid, connection.config.network);
    const lite = await neuronsLite(storage, netuid);
    const neurons = lite ? lite.map(fromLite) : await fromStorage(storage, netuid);
    const expected = await storage.number('subnetworkN', netuid);
    const uids = new Set(neurons.map((neuron) => neuron.uid));
    if (neurons.length === 0 || neurons.length !== expected || uids.size !== expected) {
      throw new ChainInconsistent(
        `the node lists ${uids.size} neurons of subnet ${netuid} at block ${number}, where ${expected} slots are in use: ` +
          'nothing may be concluded from that, keep the last snapshot',
      );
    }
    const stakes = await stakesOf(storage, netuid);
    neurons.sort((a, b) => a.uid - b.uid);
    return {
      block: { number, hash },
      neurons: neurons.map((neuron) => ({ ...neuron, stakeRao: stakes?.[neuron.uid] ?? neuron.stakeRao })),
    };
  });
}

/** @throws SubnetMissing */
export async function requireSubnet(
  storage: SubtensorStorage,
  netuid: number,
  network: string,
): Promise<void> {
  if (await storage.flag('networksAdded', netuid)) return;
  throw new SubnetMissing(
    `network ${network} has no subnet ${netuid}: check BITTENSOR_NETUID and BITTENSOR_NETWORK`,
  );
}

/** The runtime's own list; null when it has none, or one of a shape that is not known here. */
async function neuronsLite(storage: SubtensorStorage, netuid: number): Promise<NeuronLite[] | null> {
  const api: [string, string] = ['NeuronInfoRuntimeApi', 'get_neurons_lite'];
  const list = await storage.runtimeCall(api, u16(netuid), decodeNeuronsLite);
  return list === null ? null : [...(list as Iterable<NeuronLite>)];
}

/** Index of `total_stake` in the selective metagraph. */
const TOTAL_STAKE = 69;

/**
 * Stake by uid as the metagraph shows it: alpha on the subnet plus the weighted TAO on root, which only the runtime can
 * compute. Null where its method is missing.
 */
export async function stakesOf(storage: SubtensorStorage, netuid: number): Promise<bigint[] | null> {
  const api: [string, string] = ['SubnetInfoRuntimeApi', 'get_selective_metagraph'];
  const answer = await storage.runtimeCall(api, concat(u16(netuid), u16Vec([TOTAL_STAKE])));
  const metagraph = answer as { isSome: boolean; unwrap(): Record<string, OptionCodec> } | null;
  if (!metagraph?.isSome) return null;
  const stakes = metagraph.unwrap().totalStake;
  return stakes?.isSome ? [...stakes.unwrap()].map(toBigInt) : null;
}

interface OptionCodec {
  isSome: boolean;
  unwrap(): Iterable<Codec>;
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
    axon: axonOf(lite.axonInfo),
  };
}

/** @returns null for a neuron that never served, which reads as zeros */
function axonOf({ ip, port, ipType }: AxonCodec): { ip: string; port: number } | null {
  const value = toBigInt(ip);
  if (value === 0n && toNumber(port) === 0) return null;
  const bytes = toNumber(ipType) === 6 ? 16 : 4;
  const octets = Buffer.from(
    value
      .toString(16)
      .padStart(bytes * 2, '0')
      .slice(-bytes * 2),
    'hex',
  );
  const text =
    bytes === 4 ? octets.join('.') : (octets.toString('hex').match(/.{4}/g) as RegExpMatchArray).join(':');
  return { ip: text, port: toNumber(port) };
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
  const [owners, stakes, permits, active, updates, axons] = await Promise.all([
    storage.readMany('owner', hotkeys),
    storage.readMany(
      'totalHotkeyAlpha',
      hotkeys.map((hotkey) => [hotkey, netuid]),
    ),
    storage.list('validatorPermit', netuid),
    storage.list('active', netuid),
    storage.list('lastUpdate', netuid),
    storage.has('axons')
      ? storage.readMany(
          'axons',
          hotkeys.map((hotkey) => [netuid, hotkey]),
        )
      : [],
  ]);
  return uids.map((uid) => ({
    hotkey: addressOfCodec(hotkeys[uid] as Codec),
    coldkey: addressOfCodec(owners[uid] as Codec),
    uid,
    stakeRao: toBigInt(stakes[uid]),
    validatorPermit: permits[uid] !== undefined && toFlag(permits[uid]),
    active: active[uid] !== undefined && toFlag(active[uid]),
    lastUpdate: updates[uid] === undefined ? 0 : toNumber(updates[uid]),
    axon: optionalAxon(axons[uid]),
  }));
}

function optionalAxon(stored: Codec | undefined): Neuron['axon'] {
  const option = stored as unknown as { isSome: boolean; unwrap(): AxonCodec } | undefined;
  return option?.isSome ? axonOf(option.unwrap()) : null;
}

/** Coldkey of a hotkey at a block, null when the chain has none. */
export async function resolveOwner(
  connection: ChainConnection,
  hotkey: string,
  blockHash?: string,
): Promise<string | null> {
  return connection.read(async (link) => {
    const hash = blockHash ?? (await bestBlock(link)).hash;
    const owner = await (await SubtensorStorage.at(link, hash)).read('owner', hotkey);
    return isZeroAccount(owner) ? null : addressOfCodec(owner);
  });
}
