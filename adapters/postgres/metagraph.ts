import type { NeuronSnapshot } from '../chain/types';
import type { Db } from './index';

/** Who is admitted without the operator's doing. */
export interface ValidatorRule {
  minimumStakeRao: bigint;
}

const SOURCE = { manual: 'manual', automatic: 'automatic' } as const;
const KEPT_MS = 86_400_000;
const RAO_PER_TAO = 1_000_000_000n;

/** A neuron of a snapshot; a list given by hand knows places only. */
export type PlacedNeuron = Pick<NeuronSnapshot['neurons'][number], 'hotkey' | 'uid'> &
  Partial<NeuronSnapshot['neurons'][number]>;

/**
 * Makes the stored neurons those of a snapshot, in one transaction: upserts by hotkey, marks the missing as deregistered,
 * keeps the automatic validators, and records the sync.
 * @param block null for a list that no block vouches for
 * @throws RangeError on an empty list, which proves nothing
 */
export async function applyMetagraph(
  db: Db,
  input: {
    netuid: number;
    network: string;
    block: { number: number; hash: string } | null;
    neurons: readonly PlacedNeuron[];
    rule: ValidatorRule | null;
  },
): Promise<void> {
  const { netuid, network, block, neurons, rule } = input;
  if (neurons.length === 0) throw new RangeError('an empty list of neurons deregisters nobody');
  const now = new Date();
  await db.$transaction(async (tx) => {
    for (const neuron of neurons) {
      const data = {
        uid: neuron.uid,
        lastSyncedAt: now,
        deregisteredAt: null,
        ...(block ? { blockNumber: BigInt(block.number) } : {}),
        ...(neuron.coldkey === undefined ? {} : { coldkey: neuron.coldkey }),
        ...(neuron.stakeRao === undefined ? {} : { stakeRao: neuron.stakeRao }),
        ...(neuron.validatorPermit === undefined ? {} : { validatorPermit: neuron.validatorPermit }),
        ...(neuron.active === undefined ? {} : { active: neuron.active }),
        ...(neuron.lastUpdate === undefined ? {} : { lastUpdate: BigInt(neuron.lastUpdate) }),
        ...(neuron.axon === undefined
          ? {}
          : { axonIp: neuron.axon?.ip ?? null, axonPort: neuron.axon?.port ?? null }),
      };
      await tx.registeredNeuron.upsert({
        where: { hotkey: neuron.hotkey },
        create: { hotkey: neuron.hotkey, ...data },
        update: data,
      });
    }
    const present = neurons.map(({ hotkey }) => hotkey);
    await tx.registeredNeuron.updateMany({
      where: { hotkey: { notIn: present }, deregisteredAt: null },
      data: { deregisteredAt: now },
    });
    // A list given by hand says nothing of permits and stakes.
    if (rule && block) await admitByRule(tx as Db, neurons, rule, now);
    await tx.metagraphSyncSnapshot.create({
      data: {
        netuid,
        network,
        minerCount: neurons.length,
        validatorCount: await tx.validator.count({ where: { isActive: true } }),
        status: 'success',
        ...(block ? { blockNumber: BigInt(block.number), blockHash: block.hash } : {}),
      },
    });
  });
  // Kept for a day: enough to see a trend, bounded for ever.
  await db.metagraphSyncSnapshot.deleteMany({
    where: { netuid, createdAt: { lt: new Date(now.getTime() - KEPT_MS) } },
  });
}

/** Admits who has a permit and the stake, and lets go of those who no longer do; the operator's own rows are not touched. */
async function admitByRule(
  db: Db,
  neurons: readonly PlacedNeuron[],
  { minimumStakeRao }: ValidatorRule,
  now: Date,
): Promise<void> {
  const admitted = neurons.filter(
    (neuron) => neuron.validatorPermit === true && (neuron.stakeRao ?? 0n) >= minimumStakeRao,
  );
  const manual = await db.validator.findMany({ where: { source: SOURCE.manual }, select: { hotkey: true } });
  const theirs = new Set(manual.map(({ hotkey }) => hotkey));
  for (const { hotkey, uid, stakeRao } of admitted.filter((neuron) => !theirs.has(neuron.hotkey))) {
    const data = { uid, stake: (stakeRao ?? 0n) / RAO_PER_TAO, isActive: true, lastSyncedAt: now };
    await db.validator.upsert({
      where: { hotkey },
      create: { hotkey, source: SOURCE.automatic, ...data },
      update: data,
    });
  }
  await db.validator.updateMany({
    where: { source: SOURCE.automatic, hotkey: { notIn: admitted.map(({ hotkey }) => hotkey) } },
    data: { isActive: false },
  });
}

/** Records that a sync failed; what was known before stays. */
export async function recordFailedSync(
  db: Db,
  failed: { netuid: number; network: string; error: string },
): Promise<void> {
  const { netuid, network, error } = failed;
  await db.metagraphSyncSnapshot.create({ data: { netuid, network, status: 'failed', errorText: error } });
}

/** The last sync and the last good one, with what is stored now. */
export async function metagraphState(db: Db, netuid: number) {
  const newest = { orderBy: { createdAt: 'desc' } as const };
  const [last, lastGood, neurons, validators] = await Promise.all([
    db.metagraphSyncSnapshot.findFirst({ where: { netuid }, ...newest }),
    db.metagraphSyncSnapshot.findFirst({ where: { netuid, status: 'success' }, ...newest }),
    db.registeredNeuron.count({ where: { deregisteredAt: null } }),
    db.validator.count({ where: { isActive: true } }),
  ]);
  return { last, lastGood, neurons, validators };
}
