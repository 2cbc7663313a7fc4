import { compactToU8a } from '@polkadot/util';
import { concat } from './bytes';

/** What a time-locked commit hides; `hotkey` is left out for runtimes of commit-reveal version 3. */
export interface WeightsPayload {
  hotkey?: Uint8Array | undefined;
  uids: readonly number[];
  values: readonly number[];
  versionKey: bigint;
}

/** The SCALE encoding of the payload. */
export function weightsPayload({ hotkey, uids, values, versionKey }: WeightsPayload): Uint8Array {
  const hotkeyBytes = hotkey ? [compactToU8a(hotkey.length), hotkey] : [];
  return concat(...hotkeyBytes, u16Vec(uids), u16Vec(values), u64(versionKey));
}

/** SCALE of a `Vec<u16>`. */
export function u16Vec(list: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(list.length * 2);
  list.forEach((value, i) => bytes.writeUInt16LE(value, i * 2));
  return concat(compactToU8a(list.length), bytes);
}

export function u16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
