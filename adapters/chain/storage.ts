import type { ApiPromise } from '@polkadot/api';
import type { Codec } from '@polkadot/types/types';

type Decorated = Awaited<ReturnType<ApiPromise['at']>>;
type Query = ((...args: unknown[]) => Promise<Codec>) & { multi(keys: unknown[]): Promise<Codec[]> };

/** The subnet pallet's storage at one block, with the items a runtime lacks told apart from empty ones. */
export class SubtensorStorage {
  constructor(readonly at: Decorated) {}

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
  /** An optional number, null when nothing is stored. */
  async maybeNumber(name: string, ...keys: unknown[]): Promise<number | null> {
    const value = (await this.read(name, ...keys)) as unknown as { isNone: boolean; unwrap(): Codec };
    return value.isNone ? null : toNumber(value.unwrap());
  }
  async list(name: string, ...keys: unknown[]): Promise<Codec[]> {
    return [...((await this.read(name, ...keys)) as unknown as Iterable<Codec>)];
  }
}

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
