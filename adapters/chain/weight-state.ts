import type { ApiPromise } from '@polkadot/api';
import { blake2AsHex } from '@polkadot/util-crypto';
import type { Codec } from '@polkadot/types/types';
import { firstBlockOf } from '../../domain/weights/epochs';
import type { EpochClock } from '../../domain/weights/epochs';
import { bestBlock, finalizedBlock } from './connection';
import type { ChainConnection, Link } from './connection';
import { addressOfCodec, requireSubnet, stakesOf } from './neurons';
import { SubtensorStorage, toFlag, toNumber } from './storage';
import { QUICKNET } from './timelock/beacon';
import type { Beacon } from './timelock/beacon';
import type { CommitReveal, PendingCommit, WeightState } from './types';

/** The chain's genesis decides whose randomness it uses: the mainnet's is drand's, whatever a node says. */
const MAINNET_GENESIS = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03';
const NO_LIMIT = 65_535;
const TAO_WEIGHT_ONE = 1n << 64n;

/** What decides whether a hotkey may set weights, at the best block; see `ChainClient.weightState`. */
export async function weightState(
  connection: ChainConnection,
  netuid: number,
  hotkey: string,
): Promise<WeightState> {
  return connection.read(async (link) => {
    const block = await bestBlock(link);
    const storage = await SubtensorStorage.at(link, block.hash);
    await requireSubnet(storage, netuid, connection.config.network);
    const [uid, n, minAllowedWeights, maxWeightsLimit, versionKey, rateLimitBlocks, permits, updates] =
      await Promise.all([
        storage.maybeNumber('uids', netuid, hotkey),
        storage.number('subnetworkN', netuid),
        storage.numberOr('minAllowedWeights', 0, netuid),
        storage.numberOr('maxWeightsLimit', NO_LIMIT, netuid),
        storage.bigintOr('weightsVersionKey', 0n, netuid),
        storage.numberOr('weightsSetRateLimit', 0, netuid),
        storage.list('validatorPermit', netuid),
        storage.list('lastUpdate', netuid),
      ]);
    const permit = uid === null ? undefined : permits[uid];
    const update = uid === null ? undefined : updates[uid];
    const stake = await stakeOf(storage, netuid, hotkey, uid);
    return {
      uid,
      n,
      validatorPermit: permit !== undefined && toFlag(permit),
      stakeRao: stake.shown,
      stakeWeightRao: stake.weight,
      stakeThresholdRao: await storage.bigintOr('stakeThreshold', 0n),
      isSubnetOwner: await ownsSubnet(storage, netuid, hotkey),
      minAllowedWeights,
      maxWeightsLimit,
      versionKey,
      rateLimitBlocks,
      lastUpdate: update === undefined ? 0 : toNumber(update),
      block: { number: block.number, hash: block.hash },
      commitReveal: await commitReveal(link, storage, netuid, block.number),
    };
  });
}

async function ownsSubnet(storage: SubtensorStorage, netuid: number, hotkey: string): Promise<boolean> {
  if (!storage.has('subnetOwnerHotkey')) return false;
  return addressOfCodec(await storage.read('subnetOwnerHotkey', netuid)) === hotkey;
}

/**
 * Stake of a hotkey on a subnet. The weight is what the chain holds against its threshold: only the runtime computes it in
 * full (stake lent to the hotkey and by it counts as well), so that storage can vouch for enough, never for too little.
 */
async function stakeOf(
  storage: SubtensorStorage,
  netuid: number,
  hotkey: string,
  uid: number | null,
): Promise<{ shown: bigint; weight: bigint | null }> {
  const computed = uid === null ? undefined : (await stakesOf(storage, netuid))?.[uid];
  if (computed !== undefined) return { shown: computed, weight: computed };
  const alpha = await storage.bigintOr('totalHotkeyAlpha', 0n, hotkey, netuid);
  const onRoot = await storage.bigintOr('totalHotkeyAlpha', 0n, hotkey, 0);
  const taoWeight = await storage.bigintOr('taoWeight', 0n);
  const own = alpha + (onRoot * taoWeight) / TAO_WEIGHT_ONE;
  const threshold = await storage.bigintOr('stakeThreshold', 0n);
  return { shown: own, weight: own >= threshold ? own : null };
}

async function commitReveal(
  link: Link,
  storage: SubtensorStorage,
  netuid: number,
  block: number,
): Promise<CommitReveal> {
  const calls = link.api.tx.subtensorModule as Record<string, unknown> | undefined;
  return {
    enabled: await storage.flagOr('commitRevealWeightsEnabled', false, netuid),
    timelocked: calls?.commitTimelockedWeights ? 'timelocked' : calls?.commitCrv3Weights ? 'crv3' : null,
    hashed: Boolean(calls?.commitWeights && calls.revealWeights),
    version: storage.has('commitRevealWeightsVersion')
      ? await storage.number('commitRevealWeightsVersion')
      : null,
    periodEpochs: await storage.numberOr('revealPeriodEpochs', 1, netuid),
    clock: await epochClock(storage, netuid, block),
    beacon: await beaconOf(link, storage),
    blockTime: await blockTime(storage.at),
  };
}

async function epochClock(storage: SubtensorStorage, netuid: number, block: number): Promise<EpochClock> {
  const tempo = await storage.numberOr('tempo', 0, netuid);
  if (!storage.has('subnetEpochIndex')) return { netuid, tempo, block, counter: null };
  const [index, lastEpochBlock, pendingAt, blocksSinceLastStep] = await Promise.all([
    storage.number('subnetEpochIndex', netuid),
    storage.numberOr('lastEpochBlock', 0, netuid),
    storage.numberOr('pendingEpochAt', 0, netuid),
    storage.numberOr('blocksSinceLastStep', 0, netuid),
  ]);
  return { netuid, tempo, block, counter: { index, lastEpochBlock, pendingAt, blocksSinceLastStep } };
}

interface BeaconCodec {
  publicKey: Codec;
  period: Codec;
  genesisTime: Codec;
}

async function beaconOf(link: Link, storage: SubtensorStorage): Promise<Beacon> {
  const query = storage.at.query.drand?.beaconConfig;
  if (!query || link.genesisHash === MAINNET_GENESIS) return QUICKNET;
  const stored = (await query()) as unknown as BeaconCodec & { isNone?: boolean; unwrap?: () => BeaconCodec };
  if (stored.isNone) return QUICKNET;
  const beacon = stored.unwrap?.() ?? stored;
  const publicKey = (beacon.publicKey as unknown as { toU8a(bare: boolean): Uint8Array }).toU8a(true);
  const periodSeconds = toNumber(beacon.period);
  if (publicKey.length !== QUICKNET.publicKey.length || periodSeconds <= 0) return QUICKNET;
  return { publicKey, periodSeconds, genesisSeconds: toNumber(beacon.genesisTime) };
}

/** Unix time of a block in seconds; 0 for the first, which has none. */
export async function blockTime(at: Awaited<ReturnType<ApiPromise['at']>>): Promise<number> {
  const query = at.query.timestamp?.now;
  return query ? toNumber(await query()) / 1000 : 0;
}

/** See `ChainClient.pendingCommits`. */
export async function pendingCommits(
  connection: ChainConnection,
  netuid: number,
  hotkey: string,
  where: 'best' | 'finalized',
): Promise<PendingCommit[]> {
  return connection.read(async (link) => {
    const { number, hash } = await (where === 'best' ? bestBlock(link) : finalizedBlock(link));
    const storage = await SubtensorStorage.at(link, hash);
    const clock = await epochClock(storage, netuid, number);
    const period = await storage.numberOr('revealPeriodEpochs', 1, netuid);
    const commits = [
      ...(await hashedCommits(storage, netuid, hotkey, clock, period)),
      ...(await timelockedCommits(storage, netuid, hotkey, clock, period)),
    ];
    return commits.sort((a, b) => a.commitEpoch - b.commitEpoch);
  });
}

async function hashedCommits(
  storage: SubtensorStorage,
  netuid: number,
  hotkey: string,
  clock: EpochClock,
  period: number,
): Promise<PendingCommit[]> {
  if (!storage.has('weightCommits')) return [];
  const stored = (await storage.read('weightCommits', netuid, hotkey)) as unknown as {
    isNone: boolean;
    unwrap(): Iterable<[Codec, Codec, Codec, Codec]>;
  };
  if (stored.isNone) return [];
  return [...stored.unwrap()].map(([hash, second, first, last]) => {
    const base = { hash: hash.toHex(), mode: 'commit' as const };
    // The second field is the epoch where a counter counts them; before that it is the block, and the window follows.
    if (!clock.counter) {
      const commitEpoch = Math.floor((toNumber(second) + netuid + 1) / (clock.tempo + 1));
      return { ...base, commitEpoch, from: toNumber(first), until: toNumber(last) };
    }
    return { ...base, commitEpoch: toNumber(second), ...windowOf(clock, toNumber(second) + period) };
  });
}

async function timelockedCommits(
  storage: SubtensorStorage,
  netuid: number,
  hotkey: string,
  clock: EpochClock,
  period: number,
): Promise<PendingCommit[]> {
  const items = ['timelockedWeightCommits', 'crv3WeightCommitsV2', 'crv3WeightCommits'].filter((name) =>
    storage.has(name),
  );
  const now = clock.counter
    ? clock.counter.index
    : Math.floor((clock.block + netuid + 1) / (clock.tempo + 1));
  const epochs = Array.from({ length: period + 2 }, (_, i) => now + 1 - i).filter((epoch) => epoch >= 0);
  const found: PendingCommit[] = [];
  // Old commits stay under the name that they were made under.
  for (const [item, commitEpoch] of items.flatMap((name) => epochs.map((epoch) => [name, epoch] as const))) {
    const mode = item === 'timelockedWeightCommits' ? ('timelocked' as const) : ('crv3' as const);
    for (const entry of await storage.list(item, netuid, commitEpoch)) {
      const fields = [...(entry as unknown as Iterable<Codec>)];
      // (who, block, commit, round), and without the block in the oldest.
      const commit = fields.at(-2) as unknown as { toU8a(bare: boolean): Uint8Array };
      if (addressOfCodec(fields[0] as Codec) !== hotkey) continue;
      found.push({
        hash: blake2AsHex(commit.toU8a(true)),
        mode,
        commitEpoch,
        ...windowOf(clock, commitEpoch + period),
      });
    }
  }
  return found;
}

function windowOf(clock: EpochClock, epoch: number): { from: number; until: number } {
  const begun = clock.counter !== null && epoch <= clock.counter.index;
  const from = begun ? (clock.counter?.lastEpochBlock ?? clock.block) : firstBlockOf(clock, epoch);
  const over = clock.counter !== null && epoch < clock.counter.index;
  return { from, until: over ? clock.block - 1 : firstBlockOf(clock, epoch + 1) - 1 };
}
