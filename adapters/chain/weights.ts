import type { ApiPromise } from '@polkadot/api';
import { bestBlock, finalizedBlock } from './connection';
import type { ChainConnection } from './connection';
import { ChainUnavailable, GenesisMismatch } from './errors';
import { submitExtrinsic } from './extrinsics';
import type { Call } from './extrinsics';
import { weightState } from './neurons';
import type { RpcError } from './rpc-socket';
import { SubtensorStorage, toNumber } from './storage';
import type { UidWeight, WeightFailure, WeightOutcome, WeightSubmission } from './types';

const U16_MAX = 65_535;

// By the pallet error's name, as a failed extrinsic carries it.
const BY_ERROR_NAME: Readonly<Record<string, WeightFailure | 'too_soon'>> = {
  SettingWeightsTooFast: 'too_soon',
  NeuronNoValidatorPermit: 'no_permit',
  HotKeyNotRegisteredInSubNet: 'not_registered',
  HotKeyNotRegisteredInNetwork: 'not_registered',
  HotKeyAccountNotExists: 'not_registered',
  NotEnoughStakeToSetWeights: 'stake_too_low',
  IncorrectWeightVersionKey: 'bad_version_key',
  WeightVecLengthIsLow: 'length_too_low',
  MaxWeightExceeded: 'max_weight_exceeded',
  CommitRevealEnabled: 'commit_reveal_enabled',
};

// By the number with which the pool refuses an extrinsic before it gets into a block.
const BY_CUSTOM_CODE: Readonly<Record<number, WeightFailure | 'too_soon'>> = {
  1: 'stake_too_low',
  4: 'not_registered',
  6: 'too_soon',
  10: 'not_registered',
};

const WHAT_TO_DO: Readonly<Partial<Record<WeightFailure, string>>> = {
  no_permit: 'the hotkey has no validator permit on this subnet: it needs more stake than it has',
  not_registered: 'the hotkey holds no slot on this subnet: register it',
  stake_too_low: 'the stake of the hotkey is below the threshold of the chain: add stake',
  bad_version_key:
    "the version key is below the subnet's: update this program, or set the key that the subnet asks for",
  length_too_low: 'the subnet asks for more weights per row (MinAllowedWeights): its owner has to lower that',
  max_weight_exceeded:
    'one weight is above the limit of the subnet (MaxWeightsLimit): its owner has to raise that',
  commit_reveal_enabled:
    'CommitRevealUnsupported: the subnet has commit-reveal on and this program cannot make time-locked commits: its owner has to switch it off',
};

function inputFault(request: WeightSubmission): string | null {
  const { uids, values, eraPeriod } = request;
  const u16 = (x: number): boolean => Number.isInteger(x) && x >= 0 && x <= U16_MAX;
  if (uids.length === 0) return 'there are no weights to set';
  if (uids.length !== values.length) return `${uids.length} uids were given with ${values.length} values`;
  if (!uids.every(u16) || !values.every(u16)) return 'uids and values must be whole numbers within 0..65535';
  if (new Set(uids).size !== uids.length) return 'a uid occurs twice';
  if (![...Array(11).keys()].some((k) => eraPeriod === 2 ** (k + 2))) {
    return `the era period ${eraPeriod} is not a power of two from 4 to 4096`;
  }
  return null;
}

/** Sends a weight row; see `ChainClient.submitWeights`. */
export async function submitWeights(
  connection: ChainConnection,
  request: WeightSubmission,
): Promise<WeightOutcome> {
  const fault = inputFault(request);
  if (fault) return { kind: 'refused', message: `the weights were not sent: ${fault}` };
  try {
    const outcome = await submitExtrinsic(connection, {
      signer: request.signer,
      eraPeriod: request.eraPeriod,
      tipRao: request.tipRao ?? 0n,
      deadlineMs: request.deadlineMs,
      call: (api) => setWeightsCall(api, request),
    });
    switch (outcome.kind) {
      case 'included': {
        const { block, extrinsicHash } = outcome;
        return { kind: 'included', blockHash: block.hash, blockNumber: block.number, extrinsicHash };
      }
      case 'failed':
        return await named(
          connection,
          request,
          BY_ERROR_NAME[outcome.failure.name] ?? 'refused',
          outcome.failure.text,
        );
      case 'refused':
        return await named(connection, request, poolRefusal(outcome.error), outcome.error.message);
      case 'lapsed':
        return {
          kind: 'outdated',
          message: 'the era of the signature passed before any block took the weights: sign again',
        };
      case 'unsent':
        return { kind: 'rpc_down', message: outcome.message };
      case 'unknown':
        return { kind: 'unknown_outcome', message: outcome.message };
    }
  } catch (error) {
    if (error instanceof GenesisMismatch || error instanceof CallMissing)
      return { kind: 'refused', message: error.message };
    throw error;
  }
}

class CallMissing extends Error {}

function setWeightsCall(api: ApiPromise, request: WeightSubmission): Call {
  const call = api.tx.subtensorModule?.setWeights;
  if (!call)
    throw new CallMissing(
      'the runtime has no call SubtensorModule.set_weights: an update of this program is needed',
    );
  return call(request.netuid, request.uids, request.values, request.versionKey);
}

function poolRefusal(error: RpcError): WeightFailure | 'too_soon' {
  const text = `${error.reason} ${error.data ?? ''}`;
  const custom = /Custom error: (\d+)/.exec(text)?.[1];
  if (custom !== undefined) return BY_CUSTOM_CODE[Number(custom)] ?? 'refused';
  // 1014: a rival with the same nonce is in the pool; 1012: banned for a while, these very bytes; 1016: the pool is full.
  if (error.code === 1014 || error.code === 1012) return 'outdated';
  if (error.code === 1016) return 'rpc_down';
  if (/outdated|stale|ancient birth|in the future|exhausts/i.test(text)) return 'outdated';
  return 'refused';
}

async function named(
  connection: ChainConnection,
  request: WeightSubmission,
  kind: WeightFailure | 'too_soon',
  text: string,
): Promise<WeightOutcome> {
  if (kind !== 'too_soon') {
    const advice = WHAT_TO_DO[kind];
    return { kind, message: advice ? `${advice} (${text})` : text };
  }
  try {
    const state = await weightState(connection, request.netuid, request.signer.ss58);
    return { kind: 'too_soon', untilBlock: state.lastUpdate + state.rateLimitBlocks };
  } catch (error) {
    if (!(error instanceof ChainUnavailable)) throw error;
    return {
      kind: 'rpc_down',
      message: `the weights came too soon (${text}), and when they may come is unknown: ${error.message}`,
    };
  }
}

/** The stored row of a uid; see `ChainClient.readWeights`. */
export async function readWeights(
  connection: ChainConnection,
  netuid: number,
  uid: number,
  at: 'best' | 'finalized',
): Promise<UidWeight[]> {
  return connection.read(async (link) => {
    const { hash } = at === 'finalized' ? await finalizedBlock(link) : await bestBlock(link);
    // The row is keyed by the storage index, which equals the netuid for mechanism 0.
    const row = await new SubtensorStorage(await link.api.at(hash)).list('weights', netuid, uid);
    return row.map((entry) => {
      const [to, value] = entry as unknown as [unknown, unknown];
      return { uid: toNumber(to), value: toNumber(value) };
    });
  });
}
