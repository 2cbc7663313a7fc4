/**
 * When a subnet's epochs begin, as the runtimes count them. Older ones compute the epoch from the block number; newer ones
 * keep a counter, since an owner may change the tempo or trigger an epoch (storage `SubnetEpochIndex` tells which).
 */

export interface EpochClock {
  netuid: number;
  /** Blocks of an epoch; by the block number an epoch lasts one more. */
  tempo: number;
  /** Block at which all of this was read. */
  block: number;
  /** The counter of newer runtimes, null where the block number decides. */
  counter: EpochCounter | null;
}

export interface EpochCounter {
  index: number;
  lastEpochBlock: number;
  /** Block of an epoch that the owner triggered, 0 for none. */
  pendingAt: number;
  blocksSinceLastStep: number;
}

// Past this many blocks without one, newer runtimes run an epoch whatever the tempo says.
const LONGEST_TEMPO = 50_400;

/** The epoch that a commit or reveal included in `block` belongs to (`block` is not before the clock's own). */
export function epochAt(clock: EpochClock, block: number): number {
  const { counter, netuid, tempo } = clock;
  if (!counter) return Math.floor((block + netuid + 1) / (tempo + 1));
  let state = counter;
  for (let at = clock.block + 1; at < block; at += 1) state = afterBlock(state, tempo, at);
  return state.index + (isDue(state, tempo, block) ? 1 : 0);
}

/**
 * The first block of a later epoch.
 * @throws RangeError on a subnet without epochs, or for an epoch that began already
 */
export function firstBlockOf(clock: EpochClock, epoch: number): number {
  const { counter, netuid, tempo } = clock;
  if (tempo === 0) throw new RangeError(`subnet ${netuid} has tempo 0: it runs no epochs`);
  if (!counter) return Math.max(0, epoch * (tempo + 1) - (netuid + 1));
  if (epoch <= counter.index) throw new RangeError(`epoch ${epoch} of subnet ${netuid} has begun already`);
  let state = counter;
  const last = clock.block + (epoch - counter.index + 1) * LONGEST_TEMPO;
  for (let at = clock.block + 1; at <= last; at += 1) {
    if (state.index + (isDue(state, tempo, at) ? 1 : 0) >= epoch) return at;
    state = afterBlock(state, tempo, at);
  }
  throw new RangeError(
    `epoch ${epoch} of subnet ${netuid} does not begin within ${last - clock.block} blocks`,
  );
}

/** Blocks in which a commit can be revealed, both ends included. */
export interface RevealWindow {
  commitEpoch: number;
  from: number;
  until: number;
}

/**
 * The window of a commit that the next block includes: the whole epoch that lies the reveal period after its own.
 * @param periodEpochs `RevealPeriodEpochs` of the subnet
 */
export function revealWindow(
  clock: EpochClock,
  periodEpochs: number,
  inclusionBlock = clock.block + 1,
): RevealWindow {
  const commitEpoch = epochAt(clock, inclusionBlock);
  const epoch = commitEpoch + periodEpochs;
  return { commitEpoch, from: firstBlockOf(clock, epoch), until: firstBlockOf(clock, epoch + 1) - 1 };
}

function isDue(state: EpochCounter, tempo: number, block: number): boolean {
  if (tempo === 0) return false;
  if (state.pendingAt > 0 && block >= state.pendingAt) return true;
  return state.blocksSinceLastStep > LONGEST_TEMPO || block - state.lastEpochBlock >= tempo;
}

function afterBlock(state: EpochCounter, tempo: number, block: number): EpochCounter {
  const counted = { ...state, blocksSinceLastStep: state.blocksSinceLastStep + 1 };
  if (!isDue(counted, tempo, block)) return counted;
  return { index: state.index + 1, lastEpochBlock: block, pendingAt: 0, blocksSinceLastStep: 0 };
}
