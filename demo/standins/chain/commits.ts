/** Commit-reveal of weights (chain.md section 4), with a beacon of this chain's own in place of drand. */
import { createHash } from 'node:crypto';
import { compactStripLength, hexToU8a, u8aToHex } from '@polkadot/util';
import { blake2AsHex } from '@polkadot/util-crypto';
import { weightsHash } from '../../../adapters/chain/commit';
import { addressOf } from '../../../adapters/keys/address';
import { beaconKeyOf, signRound, timelockDecrypt } from '../../../adapters/chain/timelock/encrypt';
import type { Emit } from './balances';
import type { KeyValues, Runtime } from './runtime';
import { setWeights, Subnet } from './subtensor';

const MAX_UNREVEALED = 10;
const PERIOD_SECONDS = 1;
// Anybody may know it: it only keeps commits closed until their round on a chain that is for development.
const SECRET = BigInt(`0x${createHash('sha256').update('eirel development beacon').digest('hex').slice(2)}`);

/** `Drand.BeaconConfig` of this chain. */
export function writeBeacon(runtime: Runtime, db: KeyValues): void {
  runtime.item('drand', 'beaconConfig').write(db, [], {
    publicKey: u8aToHex(beaconKeyOf(SECRET)),
    period: PERIOD_SECONDS,
    genesisTime: 0,
    hash: '0x',
    groupHash: '0x',
    schemeId: '0x',
    metadata: { beaconId: '0x' },
  });
}

/** The epoch of a block, by the number that this runtime counts by. */
export function epochOf(subnet: Subnet, block: number): number {
  return Math.floor((block + subnet.netuid + 1) / (subnet.tempo + 1));
}
const firstBlock = (subnet: Subnet, epoch: number): number =>
  epoch * (subnet.tempo + 1) - (subnet.netuid + 1);

type Stored = [hash: string, block: number, first: number, last: number];
type Locked = [who: string, block: number, commit: string, round: number];

interface Num {
  toNumber(): number;
}

/** Reads and writes the commits of one subnet. */
class Commits {
  /** Older runtimes keep time-locked commits under another name, without the block. */
  private readonly locked: string;

  constructor(
    private readonly runtime: Runtime,
    private readonly db: KeyValues,
    private readonly netuid: number,
  ) {
    this.locked = runtime.hasItem('subtensorModule', 'timelockedWeightCommits')
      ? 'timelockedWeightCommits'
      : 'crv3WeightCommits';
  }

  hashed(hotkey: string): Stored[] {
    const item = this.runtime.item('subtensorModule', 'weightCommits');
    const stored = item.read(this.db, this.netuid, hotkey) as unknown as Iterable<
      [{ toHex(): string }, Num, Num, Num]
    > | null;
    return [...(stored ?? [])].map(([hash, a, b, c]) => [
      hash.toHex(),
      a.toNumber(),
      b.toNumber(),
      c.toNumber(),
    ]);
  }

  putHashed(hotkey: string, commits: Stored[]): void {
    const item = this.runtime.item('subtensorModule', 'weightCommits');
    if (commits.length === 0) this.db.set(item.key(this.netuid, hotkey), null);
    else item.write(this.db, [this.netuid, hotkey], commits);
  }

  lockedIn(epoch: number): Locked[] {
    const item = this.runtime.item('subtensorModule', this.locked);
    const stored = item.read(this.db, this.netuid, epoch) as unknown as Iterable<Iterable<unknown>>;
    return [...stored].map((entry): Locked => {
      const fields = [...entry] as { toString(): string; toHex(): string; toNumber(): number }[];
      const [who, round] = [String(fields[0]), (fields.at(-1) as Num).toNumber()];
      const commit = (fields.at(-2) as unknown as { toU8a(bare: boolean): Uint8Array }).toU8a(true);
      return [who, fields.length > 3 ? (fields[1] as Num).toNumber() : 0, u8aToHex(commit), round];
    });
  }

  putLocked(epoch: number, commits: Locked[]): void {
    const item = this.runtime.item('subtensorModule', this.locked);
    if (commits.length === 0) return this.db.set(item.key(this.netuid, epoch), null);
    const withBlock = this.locked === 'timelockedWeightCommits';
    item.write(
      this.db,
      [this.netuid, epoch],
      commits.map(([who, block, commit, round]) =>
        withBlock ? [who, block, commit, round] : [who, commit, round],
      ),
    );
  }
}

/** What every commit must pass. @returns the name of the pallet's error, or the committer's uid */
function admitted(subnet: Subnet, signer: string, now: number): string | number {
  if (!subnet.exists) return 'MechanismDoesNotExist';
  if (!subnet.commitReveal) return 'CommitRevealDisabled';
  const uid = subnet.uidOf(signer);
  if (uid === null) return 'HotKeyNotRegisteredInSubNet';
  return subnet.rateLimitPassed(uid, now) ? uid : 'CommittingWeightsTooFast';
}

/** Stores the hash of weights that are revealed later. @returns the name of the pallet's error, null on success */
export function commitHash(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  signer: string,
  call: { netuid: number; hash: string },
  now: number,
): string | null {
  const subnet = new Subnet(runtime, db, call.netuid);
  const uid = admitted(subnet, signer, now);
  if (typeof uid === 'string') return uid;
  const commits = new Commits(runtime, db, call.netuid);
  const epoch = epochOf(subnet, now);
  const kept = commits.hashed(signer).filter(([, , , last]) => last >= now);
  if (kept.length >= MAX_UNREVEALED) return 'TooManyUnrevealedCommits';
  const reveal = epoch + subnet.revealPeriod;
  const entry: Stored = [call.hash, now, firstBlock(subnet, reveal), firstBlock(subnet, reveal + 1) - 1];
  commits.putHashed(signer, [...kept, entry]);
  subnet.touch(uid, now);
  emit('subtensorModule', 'WeightsCommitted', [signer, call.netuid, call.hash]);
  return null;
}

/** Opens a commit by hash within its epoch. @returns the name of the pallet's error, null on success */
export function revealWeights(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  signer: string,
  call: { netuid: number; uids: number[]; values: number[]; salt: number[]; versionKey: bigint },
  now: number,
): string | null {
  const { netuid, uids, values, salt, versionKey } = call;
  const subnet = new Subnet(runtime, db, netuid);
  if (!subnet.exists) return 'SubnetNotExists';
  if (!subnet.commitReveal) return 'CommitRevealDisabled';
  const commits = new Commits(runtime, db, netuid);
  const all = commits.hashed(signer);
  if (all.length === 0) return 'NoWeightsCommitFound';
  const hash = weightsHash({ netuid, hotkey: signer, row: { uids, values }, salt, versionKey });
  const alive = all.filter(([, , , last]) => last >= now);
  const expired = all.some(([known, , , last]) => known === hash && last < now);
  const at = alive.findIndex(([known]) => known === hash);
  if (at < 0) {
    if (expired) return 'ExpiredWeightCommit';
    return alive.length === 0 ? 'NoWeightsCommitFound' : 'InvalidRevealCommitHashNotMatch';
  }
  if ((alive[at] as Stored)[2] > now) return 'RevealTooEarly';
  commits.putHashed(signer, alive.slice(at + 1));
  const error = setWeights(
    runtime,
    db,
    emit,
    signer,
    { netuid, dests: uids, weights: values, versionKey, revealed: true },
    now,
  );
  if (error) return error;
  emit('subtensorModule', 'WeightsRevealed', [signer, netuid, hash]);
  return null;
}

/** Stores a time-locked commit. @param version null for the older call, which has none */
export function commitTimelocked(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  signer: string,
  call: { netuid: number; commit: string; round: number; version: number | null },
  now: number,
): string | null {
  const subnet = new Subnet(runtime, db, call.netuid);
  const uid = admitted(subnet, signer, now);
  if (typeof uid === 'string') return uid;
  if (call.version !== null && call.version !== subnet.commitRevealVersion)
    return 'IncorrectCommitRevealVersion';
  const commits = new Commits(runtime, db, call.netuid);
  const epoch = epochOf(subnet, now);
  const queue = commits.lockedIn(epoch);
  if (queue.filter(([who]) => who === signer).length >= MAX_UNREVEALED) return 'TooManyUnrevealedCommits';
  commits.putLocked(epoch, [...queue, [signer, now, call.commit, call.round]]);
  subnet.touch(uid, now);
  const hash = blake2AsHex(hexToU8a(call.commit));
  if (call.version !== null)
    emit('subtensorModule', 'TimelockedWeightsCommitted', [signer, call.netuid, hash, call.round]);
  else if (runtime.hasEvent('subtensorModule', 'CRV3WeightsCommitted'))
    emit('subtensorModule', 'CRV3WeightsCommitted', [signer, call.netuid, hash]);
  return null;
}

/** Opens the time-locked commits whose epoch has come, where the beacon's signature is out; tried in every block of it. */
export function revealTimelocked(
  runtime: Runtime,
  db: KeyValues,
  emit: Emit,
  at: { netuid: number; block: number; seconds: number },
): void {
  const subnet = new Subnet(runtime, db, at.netuid);
  const epoch = epochOf(subnet, at.block) - subnet.revealPeriod;
  if (epoch < 0 || subnet.tempo === 0) return;
  const commits = new Commits(runtime, db, at.netuid);
  if (epoch > 0 && commits.lockedIn(epoch - 1).length > 0) commits.putLocked(epoch - 1, []);
  const queue = commits.lockedIn(epoch);
  if (queue.length === 0) return;
  const early: Locked[] = [];
  for (const entry of queue) {
    const [who, , commit, round] = entry;
    if (round * PERIOD_SECONDS > at.seconds) {
      early.push(entry);
      continue;
    }
    const signature = signRound(round, SECRET);
    runtime
      .item('drand', 'pulses')
      .write(db, [round], { round, randomness: '0x', signature: u8aToHex(signature) });
    const payload = opened(hexToU8a(commit), signature, who);
    // What cannot be opened or is against the rules is dropped without a word, as on the real chain.
    if (!payload) continue;
    const row = { netuid: at.netuid, ...payload, revealed: true };
    if (setWeights(runtime, db, emit, who, row, at.block) === null)
      emit('subtensorModule', 'TimelockedWeightsRevealed', [at.netuid, who]);
  }
  commits.putLocked(epoch, early);
}

function opened(
  commit: Uint8Array,
  signature: Uint8Array,
  who: string,
): { dests: number[]; weights: number[]; versionKey: bigint } | null {
  try {
    const bytes = timelockDecrypt(commit, signature);
    return decoded(bytes, who) ?? decoded(bytes, null);
  } catch {
    return null;
  }
}

/** @param who owner of the payload, null for the older one that names nobody */
function decoded(
  bytes: Uint8Array,
  who: string | null,
): { dests: number[]; weights: number[]; versionKey: bigint } | null {
  let rest = bytes;
  const take = (count: number): Buffer => {
    if (rest.length < count) throw new Error('too short');
    const part = Buffer.from(rest.subarray(0, count));
    rest = rest.subarray(count);
    return part;
  };
  const length = (): number => {
    const first = rest[0] ?? 0;
    const mode = first & 3;
    if (mode === 0) return (take(1)[0] as number) >> 2;
    if (mode === 1) return take(2).readUInt16LE() >> 2;
    throw new Error('too long');
  };
  const words = (): number[] => {
    const count = length();
    const raw = take(count * 2);
    return Array.from({ length: count }, (_, i) => raw.readUInt16LE(i * 2));
  };
  try {
    if (who !== null && addressOf(take(length())) !== who) return null;
    const [dests, weights] = [words(), words()];
    const versionKey = take(8).readBigUInt64LE();
    return rest.length === 0 ? { dests, weights, versionKey } : null;
  } catch {
    return null;
  }
}

/** The bytes of a call's `Bytes` argument. */
export function bytesOf(argument: unknown): string {
  const [, bytes] = compactStripLength((argument as { toU8a(): Uint8Array }).toU8a());
  return u8aToHex(bytes);
}
