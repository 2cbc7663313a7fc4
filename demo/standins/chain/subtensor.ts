/** The subnet pallet's rules for weights and registration (chain.md section 4), over its real storage. */
import { readAccount, writeAccount } from './balances';
import type { Emit } from './balances';
import type { KeyValues, Runtime } from './runtime';

const U16_MAX = 65_535;
const ROOT_NETUID = 0;

interface Num {
  toNumber(): number;
}
interface Big {
  toBigInt(): bigint;
}

/** Reads of the pallet's storage as plain values. */
export class Subnet {
  constructor(
    private readonly runtime: Runtime,
    private readonly db: KeyValues,
    readonly netuid: number,
  ) {}

  private read(name: string, ...keys: unknown[]): unknown {
    return this.runtime.item('subtensorModule', name).read(this.db, ...keys);
  }
  private number(name: string, ...keys: unknown[]): number {
    return (this.read(name, ...keys) as Num).toNumber();
  }
  private flag(name: string, ...keys: unknown[]): boolean {
    return (this.read(name, ...keys) as { isTrue: boolean }).isTrue;
  }
  private text(name: string, ...keys: unknown[]): string {
    return String(this.read(name, ...keys));
  }
  get exists(): boolean {
    return this.flag('networksAdded', this.netuid);
  }
  get n(): number {
    return this.number('subnetworkN', this.netuid);
  }
  get rateLimit(): number {
    return this.number('weightsSetRateLimit', this.netuid);
  }
  get minAllowedWeights(): number {
    return this.number('minAllowedWeights', this.netuid);
  }
  get maxWeightsLimit(): number {
    return this.number('maxWeightsLimit', this.netuid);
  }
  get maxUids(): number {
    return this.number('maxAllowedUids', this.netuid);
  }
  get maxValidators(): number {
    return this.number('maxAllowedValidators', this.netuid);
  }
  get versionKey(): bigint {
    return (this.read('weightsVersionKey', this.netuid) as Big).toBigInt();
  }
  get burnPrice(): bigint {
    return (this.read('burn', this.netuid) as Big).toBigInt();
  }
  get stakeThreshold(): bigint {
    return (this.read('stakeThreshold') as Big).toBigInt();
  }
  get commitReveal(): boolean {
    return this.flag('commitRevealWeightsEnabled', this.netuid);
  }
  get tempo(): number {
    return this.number('tempo', this.netuid);
  }
  get revealPeriod(): number {
    return this.number('revealPeriodEpochs', this.netuid);
  }
  get commitRevealVersion(): number {
    return this.number('commitRevealWeightsVersion');
  }
  /** Notes an update of a uid, by which its rate is limited. */
  touch(uid: number, now: number): void {
    this.runtime.item('subtensorModule', 'lastUpdate').write(
      this.db,
      [this.netuid],
      this.lastUpdate.map((block, i) => (i === uid ? now : block)),
    );
  }
  get ownerHotkey(): string {
    return this.text('subnetOwnerHotkey', this.netuid);
  }
  get lastUpdate(): number[] {
    return [...(this.read('lastUpdate', this.netuid) as Iterable<Num>)].map((x) => x.toNumber());
  }
  get permits(): boolean[] {
    return [...(this.read('validatorPermit', this.netuid) as Iterable<{ isTrue: boolean }>)].map(
      (x) => x.isTrue,
    );
  }
  get active(): boolean[] {
    return [...(this.read('active', this.netuid) as Iterable<{ isTrue: boolean }>)].map((x) => x.isTrue);
  }
  uidOf(hotkey: string): number | null {
    return (this.read('uids', this.netuid, hotkey) as Num | null)?.toNumber() ?? null;
  }
  hotkeyAt(uid: number): string {
    return this.text('keys', this.netuid, uid);
  }
  ownerOf(hotkey: string): string {
    return this.text('owner', hotkey);
  }
  hasOwner(hotkey: string): boolean {
    return this.db.get(this.runtime.item('subtensorModule', 'owner').key(hotkey)) !== null;
  }
  stakeOf(hotkey: string): bigint {
    return (this.read('totalHotkeyAlpha', hotkey, this.netuid) as Big).toBigInt();
  }
  hasStakeForWeights(hotkey: string): boolean {
    return hotkey === this.ownerHotkey || this.stakeOf(hotkey) >= this.stakeThreshold;
  }
  /** True when the uid set no weights yet or long enough ago. */
  rateLimitPassed(uid: number, now: number): boolean {
    const last = this.lastUpdate[uid] ?? 0;
    return last === 0 || now - last >= this.rateLimit;
  }
}

export interface SetWeights {
  netuid: number;
  dests: number[];
  weights: number[];
  versionKey: bigint;
  /** By a reveal, whose commit was rate-limited before. */
  revealed?: boolean;
}

/** Checks before inclusion. @returns the custom error number of the pool, null when the call may enter */
export function poolCheckWeights(subnet: Subnet, signer: string, now: number): number | null {
  if (!subnet.hasStakeForWeights(signer)) return 1;
  const uid = subnet.uidOf(signer);
  if (uid !== null && !subnet.rateLimitPassed(uid, now)) return 6;
  return null;
}

/** Stores a weight row when every rule holds. @returns the name of the pallet's error, null on success */
export function setWeights(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  signer: string,
  call: SetWeights,
  now: number,
): string | null {
  const subnet = new Subnet(runtime, db, call.netuid);
  const { dests, weights } = call;
  if (subnet.commitReveal && !call.revealed) return 'CommitRevealEnabled';
  if (call.netuid === ROOT_NETUID) return 'CanNotSetRootNetworkWeights';
  if (dests.length !== weights.length) return 'WeightVecNotEqualSize';
  if (!subnet.exists) return 'MechanismDoesNotExist';
  if (dests.length > subnet.n) return 'UidsLengthExceedUidsInSubNet';
  const uid = subnet.uidOf(signer);
  if (uid === null) return 'HotKeyNotRegisteredInSubNet';
  if (!subnet.hasStakeForWeights(signer)) return 'NotEnoughStakeToSetWeights';
  if (subnet.versionKey !== 0n && call.versionKey < subnet.versionKey) return 'IncorrectWeightVersionKey';
  if (!call.revealed && !subnet.rateLimitPassed(uid, now)) return 'SettingWeightsTooFast';
  const lone = dests.length === 1 && dests[0] === uid;
  if (!lone && subnet.permits[uid] !== true && signer !== subnet.ownerHotkey)
    return 'NeuronNoValidatorPermit';
  if (new Set(dests).size !== dests.length) return 'DuplicateUids';
  if (dests.some((dest) => dest >= subnet.n)) return 'UidVecContainInvalidOne';
  if (!lone && dests.length < Math.min(subnet.n, subnet.minAllowedWeights)) return 'WeightVecLengthIsLow';
  const scaled = maxUpscale(weights);
  const sum = scaled.reduce((a, b) => a + b, 0);
  const limit = subnet.maxWeightsLimit;
  // max / sum <= limit / 65535 without leaving whole numbers.
  if (!lone && limit < U16_MAX && Math.max(...scaled) * U16_MAX > limit * sum) return 'MaxWeightExceeded';
  const item = (name: string) => runtime.item('subtensorModule', name);
  item('weights').write(
    db,
    [call.netuid, uid],
    dests.map((dest, i) => [dest, scaled[i]]),
  );
  // A reveal leaves the block of its commit standing.
  if (!call.revealed) subnet.touch(uid, now);
  emit('subtensorModule', 'WeightsSet', [call.netuid, uid]);
  return null;
}

/** Scales a row so that its largest value is 65535, as the chain does before storing it. */
export function maxUpscale(weights: number[]): number[] {
  const max = Math.max(0, ...weights);
  if (max === 0 || max === U16_MAX) return weights;
  return weights.map((w) => Math.floor((w * U16_MAX) / max));
}

/**
 * Registers a hotkey into the next free slot and burns the price from the coldkey that signed.
 * @returns the name of the pallet's error, null on success
 */
export function burnedRegister(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  coldkey: string,
  call: { netuid: number; hotkey: string },
  now: number,
): string | null {
  const { netuid, hotkey } = call;
  const subnet = new Subnet(runtime, db, netuid);
  if (netuid === ROOT_NETUID) return 'RegistrationNotPermittedOnRootSubnet';
  if (!subnet.exists)
    return runtime.hasError('subtensorModule', 'SubnetNotExists')
      ? 'SubnetNotExists'
      : 'MechanismDoesNotExist';
  if (subnet.uidOf(hotkey) !== null) return 'HotKeyAlreadyRegisteredInSubNet';
  const payer = readAccount(runtime, db, coldkey);
  if (payer.free < subnet.burnPrice) return 'NotEnoughBalanceToStake';
  if (subnet.hasOwner(hotkey) && subnet.ownerOf(hotkey) !== coldkey) return 'NonAssociatedColdKey';
  const uid = subnet.n;
  if (uid >= subnet.maxUids) return 'NoNeuronIdAvailable';
  writeAccount(runtime, db, coldkey, { ...payer, free: payer.free - subnet.burnPrice });
  const put = (name: string, keys: unknown[], value: unknown): void =>
    runtime.item('subtensorModule', name).write(db, keys, value);
  put('owner', [hotkey], coldkey);
  put('keys', [netuid, uid], hotkey);
  put('uids', [netuid, hotkey], uid);
  put('isNetworkMember', [hotkey, netuid], true);
  put('blockAtRegistration', [netuid, uid], now);
  put('validatorPermit', [netuid], [...subnet.permits, false]);
  put('active', [netuid], [...subnet.active, true]);
  put('lastUpdate', [netuid], [...subnet.lastUpdate, now]);
  put('subnetworkN', [netuid], uid + 1);
  emit('subtensorModule', 'NeuronRegistered', [netuid, uid, hotkey]);
  return null;
}

/** The answer of `NeuronInfoRuntimeApi.get_neurons_lite`, one entry per slot, as values of the metadata's type. */
export function neuronsLite(subnet: Subnet): ({ stake: [[string, bigint]] } & Record<string, unknown>)[] {
  const { permits, active, lastUpdate, n } = subnet;
  return Array.from({ length: n }, (_, uid) => {
    const hotkey = subnet.hotkeyAt(uid);
    const coldkey = subnet.ownerOf(hotkey);
    return {
      hotkey,
      coldkey,
      uid,
      netuid: subnet.netuid,
      active: active[uid] ?? false,
      stake: [[coldkey, subnet.stakeOf(hotkey)]],
      lastUpdate: lastUpdate[uid] ?? 0,
      validatorPermit: permits[uid] ?? false,
    };
  });
}
