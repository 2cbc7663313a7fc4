import type { KeyValues, Runtime } from './runtime';

export interface Account {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  /** rao */
  free: bigint;
}

/** Smallest balance an account may keep, in rao. */
export const EXISTENTIAL_DEPOSIT = 500n;

// The flag that marks balances of the current layout; the real chain sets it on every account.
const NEW_LOGIC = 1n << 127n;

interface AccountCodec {
  nonce: { toNumber(): number };
  consumers: { toNumber(): number };
  providers: { toNumber(): number };
  sufficients: { toNumber(): number };
  data: { free: { toBigInt(): bigint } };
}

/** System.Account of an address; zeros for one that does not exist. */
export function readAccount(runtime: Runtime, db: KeyValues, who: string): Account {
  const info = runtime.item('system', 'account').read(db, who) as unknown as AccountCodec;
  return {
    nonce: info.nonce.toNumber(),
    consumers: info.consumers.toNumber(),
    providers: info.providers.toNumber(),
    sufficients: info.sufficients.toNumber(),
    free: info.data.free.toBigInt(),
  };
}

export function writeAccount(runtime: Runtime, db: KeyValues, who: string, account: Account): void {
  const { free, ...counts } = account;
  const data = { free, reserved: 0, frozen: 0, flags: NEW_LOGIC };
  runtime.item('system', 'account').write(db, [who], { ...counts, data });
}

export type Emit = (pallet: string, name: string, fields: unknown[]) => void;

/**
 * Moves money as the balances pallet does and emits its events.
 * @param keepAlive refuses to leave less than the existential deposit; otherwise the sender is removed and the dust lost
 * @returns the dispatch error, null on success
 */
export function transfer(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  request: { from: string; to: string; amount: bigint; keepAlive: boolean },
): object | null {
  const { from, to, amount, keepAlive } = request;
  const sender = readAccount(runtime, db, from);
  if (sender.free < amount) return { Token: 'FundsUnavailable' };
  if (from === to) return null;
  const left = sender.free - amount;
  if (left < EXISTENTIAL_DEPOSIT && keepAlive) return { Token: 'NotExpendable' };
  const receiver = readAccount(runtime, db, to);
  const isNew = receiver.providers === 0;
  if (isNew && amount < EXISTENTIAL_DEPOSIT) return { Token: 'BelowMinimum' };
  const reaped = left < EXISTENTIAL_DEPOSIT;
  writeAccount(runtime, db, from, {
    ...sender,
    providers: reaped ? 0 : sender.providers,
    free: reaped ? 0n : left,
  });
  writeAccount(runtime, db, to, {
    ...receiver,
    providers: Math.max(1, receiver.providers),
    free: receiver.free + amount,
  });
  if (isNew) {
    emit('system', 'NewAccount', [to]);
    emit('balances', 'Endowed', [to, amount]);
  }
  if (reaped) {
    emit('system', 'KilledAccount', [from]);
    if (left > 0n) emit('balances', 'DustLost', [from, left]);
  }
  emit('balances', 'Transfer', [from, to, amount]);
  return null;
}
