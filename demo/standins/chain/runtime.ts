import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expandMetadata, Metadata, TypeRegistry } from '@polkadot/types';
import type { Codec } from '@polkadot/types/types';
import { profiled, SPEC_VERSIONS } from './profile';
import type { RuntimeProfile } from './profile';
import { compactStripLength, u8aToHex } from '@polkadot/util';

export type { RuntimeProfile } from './profile';

/** Where key-value pairs live; `StateDb` and tests fit it. */
export interface KeyValues {
  get(key: string): string | null;
  set(key: string, value: string | null): void;
}

/** The phase of events before the first extrinsic. */
const INITIALIZATION = 2;

interface EventField {
  type: { toNumber(): number };
}

/** A typed view of one storage item: its real key, and values encoded as the runtime does. */
export interface StorageItem {
  key(...args: unknown[]): string;
  /** Decoded value, the runtime's default when nothing is stored; null for an absent optional one. */
  read(db: KeyValues, ...args: unknown[]): Codec | null;
  write(db: KeyValues, args: unknown[], value: unknown): void;
  encode(value: unknown): string;
}

/** The genuine mainnet metadata and what can be encoded and decoded with it. */
export class Runtime {
  readonly registry = new TypeRegistry();
  /** Raw metadata as the node serves it. */
  readonly metadataHex: `0x${string}`;
  readonly specVersion: number;
  readonly transactionVersion: number;
  /** Names of the signed extensions in payload order. */
  readonly signedExtensions: string[];
  private readonly expanded: ReturnType<typeof expandMetadata>;
  private readonly items = new Map<string, StorageItem>();

  constructor(readonly profile: RuntimeProfile = 'genuine') {
    const raw = profiled(gunzipSync(readFileSync(metadataFile())), profile);
    this.metadataHex = u8aToHex(raw);
    const metadata = new Metadata(this.registry, raw);
    // These carry no bytes on this runtime; naming them keeps the decoder from warning about each.
    const empty = { extrinsic: {}, payload: {} };
    this.registry.setMetadata(metadata, undefined, {
      SudoTransactionExtension: empty,
      SubtensorTransactionExtension: empty,
      DrandPriority: empty,
    });
    this.expanded = expandMetadata(this.registry, metadata);
    this.signedExtensions = this.registry.signedExtensions;
    const version = this.versionJson();
    this.specVersion = version.specVersion;
    this.transactionVersion = version.transactionVersion;
  }

  /** The runtime version in the shape of `state_getRuntimeVersion`. */
  versionJson(): { specVersion: number; transactionVersion: number } & Record<string, unknown> {
    const json = this.constant('system', 'version').toJSON() as Record<string, unknown>;
    const { systemVersion, ...rest } = json;
    return {
      ...(rest as { specVersion: number; transactionVersion: number }),
      specVersion: SPEC_VERSIONS[this.profile],
      stateVersion: systemVersion,
    };
  }

  constant(pallet: string, name: string): Codec {
    const found = this.expanded.consts[pallet]?.[name];
    if (!found) throw new Error(`the metadata has no constant ${pallet}.${name}`);
    return found as unknown as Codec;
  }

  hasItem(pallet: string, name: string): boolean {
    return this.expanded.query[pallet]?.[name] !== undefined;
  }

  /** @throws Error when the metadata has no such item */
  item(pallet: string, name: string): StorageItem {
    const id = `${pallet}.${name}`;
    const known = this.items.get(id);
    if (known) return known;
    const entry = this.expanded.query[pallet]?.[name];
    if (!entry) throw new Error(`the metadata has no storage item ${id}`);
    const { meta } = entry;
    const typeId = meta.type.isPlain ? meta.type.asPlain : meta.type.asMap.value;
    const typeName = this.registry.createLookupType(typeId);
    const fallback = meta.modifier.isOptional ? null : meta.fallback.toHex();
    const decode = (hex: string): Codec =>
      this.registry.createTypeUnsafe(typeName, [Buffer.from(hex.slice(2), 'hex')]);
    const encode = (value: unknown): string =>
      u8aToHex(this.registry.createTypeUnsafe(typeName, [value]).toU8a());
    const key = (...args: unknown[]): string => u8aToHex(compactStripLength(entry(...args))[1]);
    const item: StorageItem = {
      key,
      encode,
      read: (db, ...args) => {
        const hex = db.get(key(...args)) ?? fallback;
        return hex === null ? null : decode(hex);
      },
      write: (db, args, value) => db.set(key(...args), encode(value)),
    };
    this.items.set(id, item);
    return item;
  }

  /**
   * SCALE bytes of one event record.
   * @param index extrinsic of the block that caused it, null for what the block does before its extrinsics
   */
  eventRecord(index: number | null, pallet: string, name: string, fields: unknown[]): Buffer {
    const event = this.expanded.events[pallet]?.[name];
    if (!event) throw new Error(`the metadata has no event ${pallet}.${name}`);
    const types = event.meta.fields as unknown as EventField[];
    const phase = index === null ? Buffer.of(INITIALIZATION) : Buffer.alloc(5);
    if (index !== null) phase.writeUInt32LE(index, 1);
    const data = types.map((field, i) =>
      Buffer.from(this.registry.createTypeUnsafe(`Lookup${field.type.toNumber()}`, [fields[i]]).toU8a()),
    );
    const pallets = this.registry.metadata.pallets;
    const palletIndex = pallets
      .find((p) => p.name.toString().toLowerCase() === pallet.toLowerCase())
      ?.index.toNumber();
    const ids = Buffer.of(palletIndex as number, event.meta.index.toNumber());
    // Phase, event, and an empty list of topics.
    return Buffer.concat([phase, ids, ...data, Buffer.of(0)]);
  }

  /** The value of a failed dispatch by the error's name, looked up in the metadata. */
  moduleError(pallet: string, name: string): { Module: { index: number; error: string } } {
    const error = this.expanded.errors[pallet]?.[name];
    const owner = this.registry.metadata.pallets.find(
      (p) => p.name.toString().toLowerCase() === pallet.toLowerCase(),
    );
    if (!error || !owner) throw new Error(`the metadata has no error ${pallet}.${name}`);
    const bytes = Buffer.of(error.meta.index.toNumber(), 0, 0, 0);
    return { Module: { index: owner.index.toNumber(), error: `0x${bytes.toString('hex')}` } };
  }

  hasEvent(pallet: string, name: string): boolean {
    return this.expanded.events[pallet]?.[name] !== undefined;
  }

  hasError(pallet: string, name: string): boolean {
    return this.expanded.errors[pallet]?.[name] !== undefined;
  }

  /** Bytes of an unsigned extrinsic that sets the block's time, in milliseconds. */
  timestampExtrinsic(timeMs: number): string {
    const call = this.expanded.tx.timestamp?.set;
    if (!call) throw new Error('the metadata has no call timestamp.set');
    return this.registry.createType('Extrinsic', call(timeMs)).toHex();
  }

  /** Output type of a runtime API method, e.g. ('NeuronInfoRuntimeApi', 'get_neurons_lite'); null when absent. */
  apiOutput(api: string, method: string): string | null {
    const found = this.registry.metadata.apis
      .find((a) => a.name.toString() === api)
      ?.methods.find((m) => m.name.toString() === method);
    return found ? this.registry.createLookupType(found.output) : null;
  }
}

// Compiled code runs from the build folder, where only JavaScript is; the metadata stays with the sources.
function metadataFile(): string {
  const name = join('metadata', 'finney.scale.gz');
  const places = [
    join(__dirname, name),
    join(__dirname, '..', '..', '..', '..', 'demo', 'standins', 'chain', name),
  ];
  const found = places.find((place) => existsSync(place));
  if (!found) throw new Error(`the chain metadata is missing; looked for ${places.join(' and ')}`);
  return found;
}
