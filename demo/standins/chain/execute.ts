import { addressOf } from '../../../adapters/keys/address';
import { EXISTENTIAL_DEPOSIT, readAccount, transfer, writeAccount } from './balances';
import type { Emit } from './balances';
import { PAYMENT, invalid } from './extrinsic';
import type { SignedExtrinsic } from './extrinsic';
import type { Runtime } from './runtime';
import type { StateDb } from './state';
import { bytesOf, commitHash, commitTimelocked, revealWeights } from './commits';
import { addStake } from './stake';
import { burnedRegister, poolCheckWeights, setWeights, Subnet } from './subtensor';

type Call = SignedExtrinsic['call'];
type Address = { type: string; inner: { toU8a(): Uint8Array } };
type Num = { toNumber(): number };

/** Flat fee of calls that are not fee-free, in rao; near what the network charges for a transfer. */
export const INCLUSION_FEE_RAO = 135_000n;

// Rate-limited by the pool already, as on the real chain.
const LIMITED = new Set([
  'subtensorModule.setWeights',
  'subtensorModule.commitWeights',
  'subtensorModule.commitTimelockedWeights',
  'subtensorModule.commitCrv3Weights',
]);
const FEE_FREE = new Set([...LIMITED, 'subtensorModule.revealWeights']);
const SUPPORTED = new Set([
  ...FEE_FREE,
  'subtensorModule.addStake',
  'subtensorModule.burnedRegister',
  'balances.transferKeepAlive',
  'balances.transferAllowDeath',
  'balances.transferAll',
  'proxy.addProxy',
  'proxy.proxy',
  'utility.forceBatch',
  'utility.batch',
  'utility.batchAll',
]);

const nameOf = (call: Call): string => `${call.section}.${call.method}`;
const innerCalls = (call: Call): Call[] =>
  call.section === 'utility'
    ? [...(call.args[0] as unknown as Iterable<Call>)]
    : nameOf(call) === 'proxy.proxy'
      ? [call.args[2] as unknown as Call]
      : [];

/** First call, nested ones included, that this node does not execute; null when it knows all. */
export function unsupportedCall(call: Call): string | null {
  if (!SUPPORTED.has(nameOf(call))) return nameOf(call);
  for (const inner of innerCalls(call)) {
    const found = unsupportedCall(inner);
    if (found) return found;
  }
  return null;
}

/** What the signer pays for inclusion in rao, tip included. */
export function feeOf(extrinsic: SignedExtrinsic): bigint {
  return (FEE_FREE.has(nameOf(extrinsic.call)) ? 0n : INCLUSION_FEE_RAO) + extrinsic.tip;
}

const numbers = (list: unknown): number[] =>
  [...(list as Iterable<{ toNumber(): number }>)].map((x) => x.toNumber());

function setWeightsArgs(call: Call): {
  netuid: number;
  dests: number[];
  weights: number[];
  versionKey: bigint;
} {
  const [netuid, dests, weights, versionKey] = call.args as unknown as [
    { toNumber(): number },
    unknown,
    unknown,
    { toBigInt(): bigint },
  ];
  return {
    netuid: netuid.toNumber(),
    dests: numbers(dests),
    weights: numbers(weights),
    versionKey: versionKey.toBigInt(),
  };
}

/**
 * The part of pool validity that looks at the state: the fee can be paid, and the subnet's own early checks.
 * @throws PoolError
 */
export function checkState(runtime: Runtime, db: StateDb, extrinsic: SignedExtrinsic, now: number): void {
  const fee = feeOf(extrinsic);
  if (fee > 0n && readAccount(runtime, db, extrinsic.signer).free < fee) throw invalid(PAYMENT);
  if (LIMITED.has(nameOf(extrinsic.call))) {
    const netuid = (extrinsic.call.args[0] as unknown as { toNumber(): number }).toNumber();
    const custom = poolCheckWeights(new Subnet(runtime, db, netuid), extrinsic.signer, now);
    if (custom !== null) throw invalid(`Custom error: ${custom}`);
  }
}

/**
 * Executes a valid extrinsic: takes the fee, counts the nonce up, and runs the call, whose changes and events are undone
 * when it fails.
 * @returns the event records it caused, in order
 */
export function applyExtrinsic(
  runtime: Runtime,
  db: StateDb,
  extrinsic: SignedExtrinsic,
  at: { index: number; block: number },
): Buffer[] {
  const records: Buffer[] = [];
  const emit: Emit = (pallet, name, fields) =>
    records.push(runtime.eventRecord(at.index, pallet, name, fields));
  const { signer } = extrinsic;
  const fee = feeOf(extrinsic);
  const account = readAccount(runtime, db, signer);
  writeAccount(runtime, db, signer, { ...account, nonce: account.nonce + 1, free: account.free - fee });
  if (fee > 0n) emit('balances', 'Withdraw', [signer, fee]);
  let failure: object | null = null;
  const before = records.length;
  db.tryChanges(() => {
    failure = execute(runtime, db, emit, signer, extrinsic.call, at.block);
    return failure === null;
  });
  if (failure) records.length = before;
  if (fee > 0n) emit('transactionPayment', 'TransactionFeePaid', [signer, fee, extrinsic.tip]);
  const info = {
    weight: { refTime: 250_000_000, proofSize: 4_000 },
    class: 'Normal',
    paysFee: FEE_FREE.has(nameOf(extrinsic.call)) ? 'No' : 'Yes',
  };
  if (failure) emit('system', 'ExtrinsicFailed', [failure, info]);
  else emit('system', 'ExtrinsicSuccess', [info]);
  return records;
}

function execute(
  runtime: Runtime,
  db: StateDb,
  emit: Emit,
  signer: string,
  call: Call,
  now: number,
): object | null {
  const named = (error: string | null): object | null =>
    error === null ? null : runtime.moduleError('subtensorModule', error);
  switch (nameOf(call)) {
    case 'balances.transferKeepAlive':
    case 'balances.transferAllowDeath': {
      const [dest, value] = call.args as unknown as [Address, { toBigInt(): bigint }];
      if (dest.type !== 'Id') return { CannotLookup: null };
      return transfer(runtime, db, emit, {
        from: signer,
        to: addressOf(dest.inner.toU8a()),
        amount: value.toBigInt(),
        keepAlive: call.method === 'transferKeepAlive',
      });
    }
    case 'balances.transferAll': {
      const [dest, keepAlive] = call.args as unknown as [Address, { isTrue: boolean }];
      if (dest.type !== 'Id') return { CannotLookup: null };
      const { free } = readAccount(runtime, db, signer);
      return transfer(runtime, db, emit, {
        from: signer,
        to: addressOf(dest.inner.toU8a()),
        amount: keepAlive.isTrue ? free - EXISTENTIAL_DEPOSIT : free,
        keepAlive: keepAlive.isTrue,
      });
    }
    case 'proxy.addProxy': {
      const [delegate] = call.args as unknown as [Address];
      const item = runtime.item('proxy', 'proxies');
      const who = addressOf(delegate.inner.toU8a());
      item.write(db, [signer], [[{ delegate: who, proxyType: 'Any', delay: 0 }], 0]);
      return null;
    }
    case 'proxy.proxy': {
      const [real, , inner] = call.args as unknown as [Address, unknown, Call];
      const who = addressOf(real.inner.toU8a());
      const granted = runtime.item('proxy', 'proxies').read(db, who) as unknown as [
        Iterable<{ delegate: { toString(): string } }>,
      ];
      if (![...granted[0]].some(({ delegate }) => String(delegate) === signer))
        return runtime.moduleError('proxy', 'NotProxy');
      const error = execute(runtime, db, emit, who, inner, now);
      emit('proxy', 'ProxyExecuted', [error ? { Err: error } : { Ok: null }]);
      return null;
    }
    case 'subtensorModule.commitWeights': {
      const [netuid, hash] = call.args as unknown as [{ toNumber(): number }, { toHex(): string }];
      const commit = { netuid: netuid.toNumber(), hash: hash.toHex() };
      return named(commitHash(runtime, db, emit, signer, commit, now));
    }
    case 'subtensorModule.revealWeights': {
      const [netuid, uids, values, salt, key] = call.args as unknown as [
        { toNumber(): number },
        unknown,
        unknown,
        unknown,
        { toBigInt(): bigint },
      ];
      const reveal = {
        netuid: netuid.toNumber(),
        uids: numbers(uids),
        values: numbers(values),
        salt: numbers(salt),
        versionKey: key.toBigInt(),
      };
      return named(revealWeights(runtime, db, emit, signer, reveal, now));
    }
    case 'subtensorModule.commitTimelockedWeights':
    case 'subtensorModule.commitCrv3Weights': {
      const [netuid, commit, round, version] = call.args as unknown as [Num, unknown, Num, Num | undefined];
      const locked = {
        netuid: netuid.toNumber(),
        commit: bytesOf(commit),
        round: round.toNumber(),
        version: version?.toNumber() ?? null,
      };
      return named(commitTimelocked(runtime, db, emit, signer, locked, now));
    }
    case 'subtensorModule.setWeights':
      return named(setWeights(runtime, db, emit, signer, setWeightsArgs(call), now));
    case 'subtensorModule.addStake': {
      const [hotkey, netuid, amount] = call.args as unknown as [
        { toString(): string },
        Num,
        { toBigInt(): bigint },
      ];
      const args = { netuid: netuid.toNumber(), hotkey: hotkey.toString(), amount: amount.toBigInt() };
      return named(addStake(runtime, db, emit, signer, args));
    }
    case 'subtensorModule.burnedRegister': {
      const [netuid, hotkey] = call.args as unknown as [{ toNumber(): number }, { toString(): string }];
      const args = { netuid: netuid.toNumber(), hotkey: hotkey.toString() };
      return named(burnedRegister(runtime, db, emit, signer, args, now));
    }
    case 'utility.forceBatch': {
      let failed = false;
      for (const inner of innerCalls(call)) {
        const error = execute(runtime, db, emit, signer, inner, now);
        emit('utility', error ? 'ItemFailed' : 'ItemCompleted', error ? [error] : []);
        failed ||= error !== null;
      }
      emit('utility', failed ? 'BatchCompletedWithErrors' : 'BatchCompleted', []);
      return null;
    }
    case 'utility.batch':
    case 'utility.batchAll': {
      const calls = innerCalls(call);
      for (const [index, inner] of calls.entries()) {
        const error = execute(runtime, db, emit, signer, inner, now);
        if (error && call.method === 'batchAll') return error;
        if (error) {
          emit('utility', 'BatchInterrupted', [index, error]);
          return null;
        }
        emit('utility', 'ItemCompleted', []);
      }
      emit('utility', 'BatchCompleted', []);
      return null;
    }
    default:
      throw new Error(`${nameOf(call)} passed the pool although it is not supported`);
  }
}
