import { resolveNeuronOwner } from '../chain-owner';
import type { RegisteredNeuronModel } from '../../adapters/postgres/generated/models';
import { naiveIso } from '../../domain/time';
import { formatRaoAsTao } from '../../domain/weights/tao';
import type { ApiDeps } from '../deps';

/** A neuron as operators see it. */
export function neuronView(row: RegisteredNeuronModel) {
  return {
    hotkey: row.hotkey,
    uid: row.uid,
    coldkey: row.coldkey,
    stake_tao: formatRaoAsTao(row.stakeRao),
    validator_permit: row.validatorPermit,
    active: row.active,
    last_update_block: Number(row.lastUpdate),
    axon: row.axonIp === null ? null : `${row.axonIp}:${row.axonPort ?? 0}`,
    block: Number(row.blockNumber),
    last_synced_at: naiveIso(row.lastSyncedAt),
  };
}

/** The owner as the subnet knows it, and what is missing for its work. */
export async function whoami(deps: ApiDeps, hotkey: string) {
  const { network, netuid } = deps.config;
  const row = await deps.db.registeredNeuron.findUnique({ where: { hotkey } });
  const neuron = row && !row.deregisteredAt ? row : null;
  const coldkey = neuron?.coldkey ?? (await resolveNeuronOwner(deps, hotkey));
  const synced = await deps.db.metagraphSyncSnapshot.count({ where: { netuid, status: 'success' } });
  const missing = [
    ...(synced > 0 ? [] : ['the metagraph was never synced: uid, permit and stake are not known']),
    ...(neuron || synced === 0 ? [] : [`the hotkey holds no slot on subnet ${netuid} of ${network}`]),
    ...(coldkey ? [] : ['no coldkey is known for the hotkey']),
    ...(neuron && !neuron.validatorPermit ? ['the hotkey has no validator permit'] : []),
    ...(neuron && neuron.stakeRao === 0n ? ['nothing is staked on the hotkey'] : []),
  ];
  return {
    role: 'owner' as const,
    hotkey,
    network,
    netuid,
    coldkey,
    uid: neuron?.uid ?? null,
    validator_permit: neuron?.validatorPermit ?? false,
    stake_tao: neuron ? formatRaoAsTao(neuron.stakeRao) : null,
    missing,
  };
}
