import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ChainClient } from '../adapters/chain/types';
import { isSs58Address } from '../adapters/keys/address';
import { messageOf } from '../adapters/logging';
import type { Db } from '../adapters/postgres';
import { applyMetagraph, metagraphState, recordFailedSync } from '../adapters/postgres/metagraph';
import type { PlacedNeuron, ValidatorRule } from '../adapters/postgres/metagraph';
import { ownerFault } from './failures';

export interface MetagraphActivities {
  syncMetagraph(): Promise<{ block: number; neurons: number }>;
}

export interface MetagraphDeps {
  db: Db;
  chain: ChainClient | null;
  network: string;
  netuid: number;
  /** Null leaves the list of validators to the operator alone. */
  rule: ValidatorRule | null;
  /** A JSON file that stands in for the chain; null for the chain. */
  snapshotPath: string | null;
}

/** A node that lags behind may not take neurons back to an earlier block for this long after a good sync. */
const LAG_MS = 600_000;

const snapshotFile = z
  .array(z.object({ hotkey: z.string().refine(isSs58Address, 'is no SS58 address'), uid: z.int().min(0) }))
  .min(1);

/** Copies the subnet's neurons into PostgreSQL. */
export function createMetagraphActivities(deps: MetagraphDeps): MetagraphActivities {
  const { db, network, netuid, rule } = deps;
  return {
    /** One sync at one finalised block. A failed or inconsistent read changes no neuron; it only leaves a failed row behind. */
    async syncMetagraph() {
      try {
        const { block, neurons } = await readNeurons(deps);
        await applyMetagraph(db, { netuid, network, block, neurons, rule });
        return { block: block?.number ?? 0, neurons: neurons.length };
      } catch (error) {
        await recordFailedSync(db, { netuid, network, error: messageOf(error) });
        throw ownerFault(`metagraph sync failed: ${messageOf(error)}`, error);
      }
    },
  };
}

async function readNeurons({ db, chain, netuid, snapshotPath }: MetagraphDeps): Promise<{
  block: { number: number; hash: string } | null;
  neurons: PlacedNeuron[];
}> {
  if (snapshotPath) {
    const parsed = snapshotFile.safeParse(JSON.parse(await readFile(snapshotPath, 'utf8')));
    if (!parsed.success) throw new Error(`${snapshotPath}: ${z.prettifyError(parsed.error)}`);
    return { block: null, neurons: parsed.data };
  }
  if (!chain) throw new Error('no chain endpoint is configured (BITTENSOR_NETWORK)');
  const snapshot = await chain.listNeurons(netuid);
  const { lastGood } = await metagraphState(db, netuid);
  const known = Number(lastGood?.blockNumber ?? 0);
  const recent = lastGood && Date.now() - lastGood.createdAt.getTime() < LAG_MS;
  if (recent && snapshot.block.number < known) {
    throw new Error(
      `the endpoint lags behind: its finalised block is ${snapshot.block.number}, neurons are known as of block ${known}`,
    );
  }
  return snapshot;
}
