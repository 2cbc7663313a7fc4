import type { ApiPromise } from '@polkadot/api';
import type { Codec } from '@polkadot/types/types';
import { hexToU8a } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import type { Link } from './connection';

/** One event that an extrinsic caused. */
export interface ChainEvent {
  pallet: string;
  name: string;
  data: Codec[];
}

interface Record {
  phase: { type: string; inner: { toNumber(): number } };
  event: { section: string; method: string; data: Iterable<Codec> };
}

/** Events of one extrinsic of a block, in order, decoded with the runtime of that block. */
export async function eventsOf(link: Link, blockHash: string, index: number): Promise<ChainEvent[]> {
  const query = (await link.api.at(blockHash)).query.system?.events;
  if (!query)
    throw new Error('the runtime has no storage System.Events: an update of this program is needed');
  const records = (await query()) as unknown as Iterable<Record>;
  return [...records]
    .filter(({ phase }) => phase.type === 'ApplyExtrinsic' && phase.inner.toNumber() === index)
    .map(({ event }) => ({ pallet: event.section, name: event.method, data: [...event.data] }));
}

/** Hashes of a block's extrinsics in order, null for a block that the node does not have. */
export async function extrinsicHashes(link: Link, blockHash: string): Promise<string[] | null> {
  // The bytes are hashed as they are: an extrinsic that cannot be decoded must not hide the others.
  const found = await link.socket.send<{ block: { extrinsics: string[] } } | null>('chain_getBlock', [
    blockHash,
  ]);
  return found && found.block.extrinsics.map((hex) => blake2AsHex(hexToU8a(hex)));
}

/** The reason of a failed extrinsic: the pallet error's name, e.g. `SettingWeightsTooFast`, or the kind of failure. */
export interface DispatchFailure {
  name: string;
  /** Name with its pallet and the chain's explanation, for people. */
  text: string;
}

type ModuleError = Parameters<ApiPromise['registry']['findMetaError']>[0];

interface DispatchErrorCodec {
  type: string;
  inner: unknown;
  toString(): string;
}

/**
 * Whether an extrinsic succeeded, from its events.
 * @returns null on success; the events are the truth, so one without either event counts as failed
 */
export async function failureIn(
  link: Link,
  blockHash: string,
  events: ChainEvent[],
): Promise<DispatchFailure | null> {
  const failed = events.find((e) => e.pallet === 'system' && e.name === 'ExtrinsicFailed');
  if (failed) {
    const error = failed.data[0] as unknown as DispatchErrorCodec;
    if (error.type !== 'Module') return { name: error.type, text: error.toString() };
    // By the metadata of that block: an upgrade may have renumbered the errors since.
    const { registry } = await link.api.at(blockHash);
    const { section, name, docs } = registry.findMetaError(error.inner as ModuleError);
    return { name, text: `${section}.${name}: ${docs.join(' ').trim()}` };
  }
  const success = events.some((e) => e.pallet === 'system' && e.name === 'ExtrinsicSuccess');
  return success ? null : { name: 'NoOutcome', text: 'the block has no success event of the extrinsic' };
}
