import { randomInt } from 'node:crypto';
import { blake2AsHex } from '@polkadot/util-crypto';
import { revealWindow } from '../../domain/weights/epochs';
import type { WeightMode } from '../../domain/weights/outcomes';
import type { WeightRow } from '../../domain/weights/u16';
import { publicKeyOf } from '../keys/address';
import { roundAt } from './timelock/beacon';
import { concat } from './timelock/bytes';
import { timelockEncrypt } from './timelock/encrypt';
import { u16, u16Vec, u64, weightsPayload } from './timelock/payload';
import type { CommitReveal, WeightCall } from './types';

/** Words of the salt of a commit by hash. */
const SALT_WORDS = 8;
/** Blocks past the first one of the reveal epoch for which a round is chosen: its signature must be on chain by then. */
const INGEST_BLOCKS = 3;
/** Rounds that older runtimes need between a signature and the epoch that it opens. */
const CRV3_PULSE_DELAY = 24;
/** First version of time-locked commits that carry the hotkey. */
const HOTKEY_IN_PAYLOAD = 4;
/** A chain whose clock is off by more than this many seconds is not the one that the beacon's rounds go by. */
const CLOCK_TOLERANCE_SECONDS = 300;

/** A commit as it is sent, and what must be kept to follow or reveal it. */
export interface Commit {
  call: WeightCall;
  /** BLAKE2-256 by which the chain's storage and events name it. */
  hash: string;
  /** Needed for the reveal of a commit by hash, null otherwise. */
  salt: number[] | null;
  /** Round of the beacon that opens a time-locked one, null otherwise. */
  revealRound: number | null;
  /** Blocks in which it is revealed when the next block includes it. */
  from: number;
  until: number;
}

export interface CommitRequest {
  mode: Exclude<WeightMode, 'set'>;
  netuid: number;
  hotkey: string;
  row: WeightRow;
  versionKey: bigint;
  state: CommitReveal;
  blockSeconds: number;
  /** Unix seconds of this machine. */
  now: number;
}

/**
 * Makes a commit; every call makes another one.
 * @throws RangeError on a subnet that runs no epochs
 */
export function makeCommit(request: CommitRequest): Commit {
  const { mode, netuid, hotkey, row, versionKey, state } = request;
  const { from, until } = revealWindow(state.clock, state.periodEpochs);
  if (mode === 'commit') {
    const salt = Array.from({ length: SALT_WORDS }, () => randomInt(0, 65_536));
    const hash = weightsHash({ netuid, hotkey, row, salt, versionKey });
    return { call: { mode, hash }, hash, salt, revealRound: null, from, until };
  }
  const round = mode === 'timelocked' ? timelockedRound(request, from) : crv3Round(request);
  const commit = timelockEncrypt(payloadOf(request), round, state.beacon);
  const call: WeightCall =
    mode === 'timelocked'
      ? { mode, commit, revealRound: round, version: state.version ?? HOTKEY_IN_PAYLOAD }
      : { mode, commit, revealRound: round };
  return { call, hash: blake2AsHex(commit), salt: null, revealRound: round, from, until };
}

/** What `commit_weights` takes: BLAKE2-256 of the SCALE tuple (hotkey, storage index, uids, values, salt, version key). */
export function weightsHash(of: {
  netuid: number;
  hotkey: string;
  row: WeightRow;
  salt: readonly number[];
  versionKey: bigint;
}): string {
  const { uids, values } = of.row;
  const key = publicKeyOf(of.hotkey);
  if (!key) throw new RangeError(`"${of.hotkey}" is not an SS58 address`);
  return blake2AsHex(
    concat(key, u16(of.netuid), u16Vec(uids), u16Vec(values), u16Vec(of.salt), u64(of.versionKey)),
  );
}

function payloadOf({ mode, hotkey, row, versionKey, state }: CommitRequest): Uint8Array {
  const named = mode === 'timelocked' && (state.version ?? HOTKEY_IN_PAYLOAD) >= HOTKEY_IN_PAYLOAD;
  return weightsPayload({
    ...row,
    versionKey,
    ...(named ? { hotkey: publicKeyOf(hotkey) as Uint8Array } : {}),
  });
}

// The block's own time is what its successors are counted from; a development chain may live at another time.
function timeOf({ state, now }: CommitRequest): number {
  return Math.abs(state.blockTime - now) <= CLOCK_TOLERANCE_SECONDS ? state.blockTime : now;
}

function timelockedRound(request: CommitRequest, from: number): number {
  const { state, blockSeconds } = request;
  const blocks = from + INGEST_BLOCKS - state.clock.block;
  return roundAt(state.beacon, timeOf(request) + blocks * blockSeconds);
}

// Older runtimes open commits when an epoch ends, once, with a signature that is on chain by then: the round lies well
// before, but not so much that short epochs would have it in the past.
function crv3Round(request: CommitRequest): number {
  const { state, blockSeconds } = request;
  const { clock, beacon, periodEpochs } = state;
  const seconds = (revealWindow(clock, periodEpochs).from - clock.block) * blockSeconds;
  const delay = Math.min(CRV3_PULSE_DELAY * beacon.periodSeconds, seconds / 2);
  return roundAt(beacon, timeOf(request) + seconds - delay);
}
