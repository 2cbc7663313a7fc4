/** Staking, and the validator permits that an epoch hands out by stake. */
import { readAccount, writeAccount } from './balances';
import type { Emit } from './balances';
import { epochOf } from './commits';
import type { KeyValues, Runtime } from './runtime';
import { Subnet } from './subtensor';

/** The smallest stake that the chain takes, in rao. */
const SMALLEST_STAKE = 2_000_000n;

/**
 * Turns TAO of a coldkey into stake of a hotkey on a subnet, one alpha for each TAO: there is no market here.
 * @returns the name of the pallet's error, null on success
 */
export function addStake(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  coldkey: string,
  call: { netuid: number; hotkey: string; amount: bigint },
): string | null {
  const { netuid, hotkey, amount } = call;
  const subnet = new Subnet(runtime, db, netuid);
  if (!subnet.exists)
    return runtime.hasError('subtensorModule', 'SubnetNotExists')
      ? 'SubnetNotExists'
      : 'MechanismDoesNotExist';
  if (amount < SMALLEST_STAKE) return 'AmountTooLow';
  if (!subnet.hasOwner(hotkey)) return 'HotKeyAccountNotExists';
  const payer = readAccount(runtime, db, coldkey);
  if (payer.free < amount) return 'NotEnoughBalanceToStake';
  writeAccount(runtime, db, coldkey, { ...payer, free: payer.free - amount });
  const stakes = runtime.item('subtensorModule', 'totalHotkeyAlpha');
  stakes.write(db, [hotkey, netuid], subnet.stakeOf(hotkey) + amount);
  emit('subtensorModule', 'StakeAdded', [coldkey, hotkey, amount, amount, netuid, 0]);
  return null;
}

/** At the first block of an epoch, permits go to those with the most stake, of those that have the chain's threshold. */
export function renewPermits(runtime: Runtime, db: KeyValues, at: { netuid: number; block: number }): void {
  const subnet = new Subnet(runtime, db, at.netuid);
  if (subnet.tempo === 0 || epochOf(subnet, at.block) === epochOf(subnet, at.block - 1)) return;
  const { stakeThreshold } = subnet;
  const ranked = Array.from({ length: subnet.n }, (_, uid) => ({
    uid,
    stake: subnet.stakeOf(subnet.hotkeyAt(uid)),
  }))
    .filter(({ stake }) => stake > 0n && stake >= stakeThreshold)
    .sort((a, b) => (b.stake > a.stake ? 1 : b.stake < a.stake ? -1 : a.uid - b.uid));
  const permitted = new Set(ranked.slice(0, subnet.maxValidators).map(({ uid }) => uid));
  runtime.item('subtensorModule', 'validatorPermit').write(
    db,
    [at.netuid],
    Array.from({ length: subnet.n }, (_, uid) => permitted.has(uid)),
  );
}
