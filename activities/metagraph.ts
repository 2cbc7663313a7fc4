import type { ChainClient } from '../adapters/chain/types';
import { messageOf } from '../adapters/logging';
import type { Db } from '../adapters/postgres';
import { ownerFault } from './failures';

export interface MetagraphActivities {
  syncMetagraph(): Promise<{ block: number; neurons: number }>;
}

/** Copies the subnet's neurons into PostgreSQL. */
export function createMetagraphActivities(deps: {
  db: Db;
  chain: ChainClient | null;
  network: string;
  netuid: number;
}): MetagraphActivities {
  const { db, chain, network, netuid } = deps;
  return {
    /**
     * One sync at one finalised block: upserts by hotkey, marks those that are gone. A failed or inconsistent read changes
     * no neuron; it only leaves a failed snapshot row behind.
     */
    async syncMetagraph() {
      if (!chain) throw ownerFault('no chain endpoint is configured (BITTENSOR_NETWORK)');
      try {
        const { block, neurons } = await chain.listNeurons(netuid);
        const now = new Date();
        await db.$transaction(async (tx) => {
          for (const neuron of neurons) {
            const data = {
              uid: neuron.uid,
              coldkey: neuron.coldkey,
              stakeRao: neuron.stakeRao,
              validatorPermit: neuron.validatorPermit,
              active: neuron.active,
              blockNumber: BigInt(block.number),
              lastSyncedAt: now,
              deregisteredAt: null,
            };
            await tx.registeredNeuron.upsert({
              where: { hotkey: neuron.hotkey },
              create: { hotkey: neuron.hotkey, ...data },
              update: data,
            });
          }
          await tx.registeredNeuron.updateMany({
            where: { hotkey: { notIn: neurons.map((n) => n.hotkey) }, deregisteredAt: null },
            data: { deregisteredAt: now },
          });
          await tx.metagraphSyncSnapshot.create({
            data: {
              netuid,
              network,
              minerCount: neurons.length,
              validatorCount: neurons.filter((n) => n.validatorPermit).length,
              status: 'success',
              blockNumber: BigInt(block.number),
              blockHash: block.hash,
            },
          });
        });
        // Kept for a day: enough to see a trend, bounded for ever.
        await db.metagraphSyncSnapshot.deleteMany({
          where: { netuid, createdAt: { lt: new Date(now.getTime() - 86_400_000) } },
        });
        return { block: block.number, neurons: neurons.length };
      } catch (error) {
        await db.metagraphSyncSnapshot.create({
          data: { netuid, network, status: 'failed', errorText: messageOf(error) },
        });
        throw ownerFault(`metagraph sync failed: ${messageOf(error)}`, error);
      }
    },
  };
}
