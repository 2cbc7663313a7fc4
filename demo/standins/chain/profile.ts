/**
 * Runtimes derived from the genuine metadata by editing names and fields in it, for what older releases have and have not.
 * `older` is like version 293: time-locked commits by `commit_crv3_weights`, no mechanisms, no version of commit-reveal.
 * `oldest` knows no time-locked commits at all, and `v14` and `v15` serve the same content in older metadata formats.
 */
import { Metadata, TypeRegistry } from '@polkadot/types';
import { compactAddLength, u8aConcat } from '@polkadot/util';

export type RuntimeProfile = 'genuine' | 'older' | 'oldest' | 'next' | 'v14' | 'v15';

/** Version that each profile calls itself. */
export const SPEC_VERSIONS: Readonly<Record<RuntimeProfile, number>> = {
  genuine: 365,
  older: 293,
  oldest: 240,
  next: 366,
  v14: 365,
  v15: 365,
};

const text = (name: string): Uint8Array => compactAddLength(Buffer.from(name));

/** Replaces every occurrence of a byte string. @throws Error when there is none: the metadata is another one */
function replace(raw: Uint8Array, from: Uint8Array, to: Uint8Array, what: string): Uint8Array {
  const parts: Uint8Array[] = [];
  const bytes = Buffer.from(raw);
  let at = 0;
  for (;;) {
    const found = bytes.indexOf(from, at);
    if (found < 0) break;
    parts.push(bytes.subarray(at, found), to);
    at = found + from.length;
  }
  if (at === 0) throw new Error(`the metadata has no ${what}`);
  return u8aConcat(...parts, bytes.subarray(at));
}

const renamed = (raw: Uint8Array, from: string, to: string): Uint8Array =>
  replace(raw, text(from), text(to), from);

interface Variant {
  name: { toString(): string };
  fields: { toU8a(): Uint8Array }[] & { toU8a(): Uint8Array };
  index: { toU8a(): Uint8Array };
  docs: { toU8a(): Uint8Array };
  toU8a(): Uint8Array;
}

/** The call `commit_timelocked_weights` under its older name, without the version. */
function withCrv3(raw: Uint8Array): Uint8Array {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, raw);
  const variants = metadata.asLatest.lookup.types.flatMap(({ type }) =>
    type.def.isVariant ? [...type.def.asVariant.variants] : [],
  ) as unknown as Variant[];
  const call = variants.find((v) => String(v.name) === 'commit_timelocked_weights' && v.fields.length === 4);
  if (!call) throw new Error('the metadata has no call commit_timelocked_weights');
  const fields = [...call.fields].slice(0, 3).map((field) => field.toU8a());
  const older = u8aConcat(
    text('commit_crv3_weights'),
    Uint8Array.of(fields.length << 2),
    ...fields,
    call.index.toU8a(),
    call.docs.toU8a(),
  );
  return replace(raw, call.toU8a(), older, 'call commit_timelocked_weights');
}

/** The genuine metadata as a profile has it. */
export function profiled(raw: Uint8Array, profile: RuntimeProfile): Uint8Array {
  switch (profile) {
    case 'older':
      return ['set_mechanism_weights', 'commit_timelocked_mechanism_weights', 'MechanismCountCurrent']
        .concat('CommitRevealWeightsVersion', 'TimelockedWeightCommits')
        .reduce((bytes, name) => renamed(bytes, name, `Gone_${name}`), withCrv3(raw));
    case 'oldest':
      return ['commit_timelocked_weights', 'CommitRevealWeightsVersion', 'TimelockedWeightCommits'].reduce(
        (bytes, name) => renamed(bytes, name, `Gone_${name}`),
        raw,
      );
    case 'v14':
    case 'v15':
      return downgraded(raw, profile);
    case 'genuine':
    case 'next':
      return raw;
  }
}

const MAGIC = Buffer.from('meta');

interface OptionOf<T> {
  isSome: boolean;
  unwrap(): T;
}
interface Pallet {
  name: unknown;
  index: unknown;
  storage: OptionOf<{ prefix: unknown; items: Record<string, unknown>[] }>;
  calls: OptionOf<{ type: unknown }>;
  events: OptionOf<{ type: unknown }>;
  errors: OptionOf<{ type: unknown }>;
  constants: Record<string, unknown>[];
}
interface Latest {
  lookup: unknown;
  pallets: Pallet[];
  extrinsic: Record<string, unknown>;
  apis: Record<string, unknown>[];
  outerEnums: unknown;
}

// Field by field, since a value of a newer format would be copied byte by byte.
const only = (value: Record<string, unknown>, ...keys: string[]): Record<string, unknown> =>
  Object.fromEntries(keys.map((key) => [key, value[key]]));
const option = <T>(value: OptionOf<T>, as: (inner: T) => unknown): unknown =>
  value.isSome ? as(value.unwrap()) : null;

/** The same content in an older format; version 14 does not describe the runtime's methods. */
function downgraded(raw: Uint8Array, profile: 'v14' | 'v15'): Uint8Array {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, raw);
  const latest = metadata.asLatest as unknown as Latest;
  const { lookup, extrinsic, apis, outerEnums } = latest;
  const typeOf = (inner: { type: unknown }): unknown => ({ type: inner.type });
  const pallets = latest.pallets.map((pallet) => ({
    name: pallet.name,
    index: pallet.index,
    storage: option(pallet.storage, ({ prefix, items }) => ({
      prefix,
      items: items.map((item) => only(item, 'name', 'modifier', 'type', 'fallback', 'docs')),
    })),
    calls: option(pallet.calls, typeOf),
    events: option(pallet.events, typeOf),
    errors: option(pallet.errors, typeOf),
    constants: pallet.constants.map((constant) => only(constant, 'name', 'type', 'value', 'docs')),
    docs: [],
  }));
  // Not used by decoders, which find the extrinsic's parts by their own types.
  const type = 0;
  const extensions = (extrinsic.transactionExtensions ?? extrinsic.signedExtensions) as Record<
    string,
    unknown
  >[];
  const signedExtensions = extensions.map((extension) => ({
    ...only(extension, 'identifier', 'type'),
    additionalSigned: extension.additionalSigned ?? extension.implicit,
  }));
  const { addressType, callType, signatureType, extraType } = extrinsic;
  const body =
    profile === 'v14'
      ? registry.createType('MetadataV14', {
          lookup,
          pallets,
          extrinsic: { type, version: 4, signedExtensions },
          type,
        })
      : registry.createType('MetadataV15', {
          lookup,
          pallets,
          extrinsic: { version: 4, addressType, callType, signatureType, extraType, signedExtensions },
          type,
          apis: apis.map((api) => ({
            ...only(api, 'name', 'docs'),
            methods: (api.methods as Record<string, unknown>[]).map((method) =>
              only(method, 'name', 'inputs', 'output', 'docs'),
            ),
          })),
          outerEnums,
        });
  return u8aConcat(MAGIC, Uint8Array.of(profile === 'v14' ? 14 : 15), body.toU8a());
}
