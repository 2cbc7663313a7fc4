import type { ApiPromise } from '@polkadot/api';
import type { Codec } from '@polkadot/types/types';
import { hexToU8a, u8aToHex } from '@polkadot/util';
import type { Link } from './connection';
import { ChainUnavailable } from './errors';
import { RpcError } from './rpc-socket';

type Decorated = Awaited<ReturnType<ApiPromise['at']>>;
type Query = ((...args: unknown[]) => Promise<Codec>) & { multi(keys: unknown[]): Promise<Codec[]> };

/** The subnet pallet's storage at one block, with the items a runtime lacks told apart from empty ones. */
export class SubtensorStorage {
  private constructor(
    readonly at: Decorated,
    private readonly link: Link,
    private readonly hash: string,
  ) {}

  static async at(link: Link, hash: string): Promise<SubtensorStorage> {
    return new SubtensorStorage(await link.api.at(hash), link, hash);
  }

  /**
   * Calls a method of the runtime that not every runtime has.
   * Named by the API and its method, as the metadata spells them
   * @param args SCALE of the arguments
   * @param decodeUntyped for runtimes whose metadata does not describe their methods
   * @returns null when the runtime lacks it or answers in a shape that is not known; a lost connection is thrown
   */
  async runtimeCall(
    [api, name]: [string, string],
    args: Uint8Array,
    decodeUntyped?: (hex: string) => unknown,
  ): Promise<unknown> {
    const [section, item] = [lowerFirst(api), camel(name)];
    const method = this.at.call[section]?.[item] as { meta?: { type: string } } | undefined;
    const typed = method?.meta;
    if (!typed && !decodeUntyped) return null;
    try {
      const params = [`${api}_${name}`, u8aToHex(args), this.hash];
      const hex = await this.link.socket.send<string>('state_call', params);
      if (!typed) return decodeUntyped?.(hex) ?? null;
      return this.at.registry.createType(typed.type, hexToU8a(hex));
    } catch (error) {
      if (error instanceof ChainUnavailable) throw error;
      if (error instanceof RpcError && /discarded|pruned/i.test(`${error.reason} ${error.data ?? ''}`))
        throw error;
      return null;
    }
  }

  private query(name: string): Query | null {
    const found = this.at.query.subtensorModule?.[name];
    return (found as unknown as Query | undefined) ?? null;
  }

  has(name: string): boolean {
    return this.query(name) !== null;
  }

  /** @throws Error when the runtime has no such item: the chain was upgraded beyond what is understood here */
  async read(name: string, ...keys: unknown[]): Promise<Codec> {
    const query = this.query(name);
    if (!query)
      throw new Error(
        `the runtime has no storage SubtensorModule.${name}: an update of this program is needed`,
      );
    return query(...keys);
  }

  async readMany(name: string, keys: unknown[]): Promise<Codec[]> {
    const query = this.query(name);
    if (!query)
      throw new Error(
        `the runtime has no storage SubtensorModule.${name}: an update of this program is needed`,
      );
    return keys.length === 0 ? [] : query.multi(keys);
  }

  async number(name: string, ...keys: unknown[]): Promise<number> {
    return toNumber(await this.read(name, ...keys));
  }
  async bigint(name: string, ...keys: unknown[]): Promise<bigint> {
    return toBigInt(await this.read(name, ...keys));
  }
  async flag(name: string, ...keys: unknown[]): Promise<boolean> {
    return toFlag(await this.read(name, ...keys));
  }
  /** A value that some runtimes do not have. */
  async numberOr(name: string, fallback: number, ...keys: unknown[]): Promise<number> {
    return this.has(name) ? this.number(name, ...keys) : fallback;
  }
  async bigintOr(name: string, fallback: bigint, ...keys: unknown[]): Promise<bigint> {
    return this.has(name) ? this.bigint(name, ...keys) : fallback;
  }
  async flagOr(name: string, fallback: boolean, ...keys: unknown[]): Promise<boolean> {
    return this.has(name) ? this.flag(name, ...keys) : fallback;
  }
  /** An optional number, null when nothing is stored. */
  async maybeNumber(name: string, ...keys: unknown[]): Promise<number | null> {
    const value = (await this.read(name, ...keys)) as unknown as { isNone: boolean; unwrap(): Codec };
    return value.isNone ? null : toNumber(value.unwrap());
  }
  async list(name: string, ...keys: unknown[]): Promise<Codec[]> {
    return [...((await this.read(name, ...keys)) as unknown as Iterable<Codec>)];
  }
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const camel = (text: string): string => text.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** A number of any integer codec, compact or not. */
export function toNumber(value: unknown): number {
  return Number(toBigInt(value));
}
export function toBigInt(value: unknown): bigint {
  return (value as { toBigInt(): bigint }).toBigInt();
}
export function toFlag(value: unknown): boolean {
  return (value as { isTrue: boolean }).isTrue;
}

const ZERO_ACCOUNT = '00'.repeat(32);

/** True for the account of 32 zero bytes, with which the chain says "unknown". */
export function isZeroAccount(account: Codec): boolean {
  return Buffer.from(account.toU8a()).toString('hex') === ZERO_ACCOUNT;
}
