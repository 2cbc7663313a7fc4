import { z } from 'zod';
import { isSs58Address } from '../../../adapters/keys/address';
import { readAccount, writeAccount } from './balances';
import { writeBeacon } from './commits';
import type { KeyValues, Runtime } from './runtime';

/** Of time-locked commits that carry the hotkey. */
const COMMIT_REVEAL_VERSION = 4;
const U64_MAX = (1n << 64n) - 1n;
const address = z.string().refine(isSs58Address, 'must be an SS58 address with prefix 42');
const rao = z
  .union([z.bigint(), z.int().nonnegative(), z.string().regex(/^\d+$/, 'must be a whole number of rao')])
  .transform((value) => BigInt(value))
  .refine((value) => value >= 0n && value <= U64_MAX, 'must fit into 64 bits');
const u16 = z.int().min(0).max(65_535);

/** What the network looks like at block 0. Amounts in rao as whole numbers or, over 2^53, as text. */
export const genesisSchema = z.strictObject({
  name: z.string().default('eirel-local'),
  netuid: u16.min(1),
  neurons: z
    .array(
      z.strictObject({
        hotkey: address,
        coldkey: address,
        stakeRao: rao.default(0n),
        validatorPermit: z.boolean().default(false),
      }),
    )
    .max(256),
  /** Ownership of hotkeys that hold no slot. */
  owners: z.array(z.strictObject({ hotkey: address, coldkey: address })).default([]),
  balances: z.record(address, rao).default({}),
  subnetOwner: z.strictObject({ hotkey: address, coldkey: address }).optional(),
  tempo: u16.default(360),
  minAllowedWeights: u16.default(1),
  maxWeightsLimit: u16.default(65_535),
  weightsRateLimit: z.int().nonnegative().default(100),
  weightsVersionKey: z.int().nonnegative().default(0),
  stakeThresholdRao: rao.default(0n),
  commitReveal: z.boolean().default(false),
  revealPeriodEpochs: z.int().min(1).max(100).default(1),
  /** Price of `burned_register` in rao. */
  burnRao: rao.default(1_000_000n),
  maxUids: u16.default(256),
});
export type GenesisInput = z.input<typeof genesisSchema>;
export type Genesis = z.output<typeof genesisSchema>;

/** @throws Error naming every wrong field */
export function parseGenesis(input: unknown): Genesis {
  const result = genesisSchema.safeParse(input);
  if (!result.success) throw new Error(`the chain's genesis is wrong:\n${z.prettifyError(result.error)}`);
  return result.data;
}

/** A genesis as JSON-safe data with one spelling, so that two can be compared. */
export function genesisJson(genesis: Genesis): string {
  return JSON.stringify(genesis, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}

/** Writes block 0 under the runtime's own storage keys. */
export function writeGenesis(runtime: Runtime, db: KeyValues, genesis: Genesis): void {
  const { netuid, neurons } = genesis;
  const put = (name: string, keys: unknown[], value: unknown): void =>
    runtime.item('subtensorModule', name).write(db, keys, value);
  put('networksAdded', [netuid], true);
  put('subnetworkN', [netuid], neurons.length);
  put('totalNetworks', [], 1);
  put('tempo', [netuid], genesis.tempo);
  put('minAllowedWeights', [netuid], genesis.minAllowedWeights);
  put('maxWeightsLimit', [netuid], genesis.maxWeightsLimit);
  put('maxAllowedUids', [netuid], genesis.maxUids);
  put('weightsSetRateLimit', [netuid], genesis.weightsRateLimit);
  put('weightsVersionKey', [netuid], genesis.weightsVersionKey);
  put('commitRevealWeightsEnabled', [netuid], genesis.commitReveal);
  put('revealPeriodEpochs', [netuid], genesis.revealPeriodEpochs);
  if (runtime.hasItem('subtensorModule', 'commitRevealWeightsVersion'))
    put('commitRevealWeightsVersion', [], COMMIT_REVEAL_VERSION);
  writeBeacon(runtime, db);
  put('networkRegistrationAllowed', [netuid], true);
  put('burn', [netuid], genesis.burnRao);
  put('stakeThreshold', [], genesis.stakeThresholdRao);
  if (genesis.subnetOwner) {
    put('subnetOwner', [netuid], genesis.subnetOwner.coldkey);
    put('subnetOwnerHotkey', [netuid], genesis.subnetOwner.hotkey);
    put('owner', [genesis.subnetOwner.hotkey], genesis.subnetOwner.coldkey);
  }
  for (const { hotkey, coldkey } of genesis.owners) put('owner', [hotkey], coldkey);
  neurons.forEach(({ hotkey, coldkey, stakeRao }, uid) => {
    put('keys', [netuid, uid], hotkey);
    put('uids', [netuid, hotkey], uid);
    put('owner', [hotkey], coldkey);
    put('isNetworkMember', [hotkey, netuid], true);
    put('blockAtRegistration', [netuid, uid], 0);
    put('totalHotkeyAlpha', [hotkey, netuid], stakeRao);
  });
  put(
    'validatorPermit',
    [netuid],
    neurons.map((n) => n.validatorPermit),
  );
  put(
    'active',
    [netuid],
    neurons.map(() => true),
  );
  put(
    'lastUpdate',
    [netuid],
    neurons.map(() => 0),
  );
  for (const [who, free] of Object.entries(genesis.balances)) {
    writeAccount(runtime, db, who, { ...readAccount(runtime, db, who), providers: 1, free });
  }
}
