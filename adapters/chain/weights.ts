import type { ApiPromise } from '@polkadot/api';
import { u8aToHex } from '@polkadot/util';
import {
  outcomeMessage,
  outcomeOfError,
  outcomeOfRefusal,
  WEIGHT_OUTCOMES,
} from '../../domain/weights/outcomes';
import type { WeightOutcomeKind } from '../../domain/weights/outcomes';
import { bestBlock, finalizedBlock } from './connection';
import type { ChainConnection } from './connection';
import { ChainUnavailable, GenesisMismatch } from './errors';
import { followExtrinsic, submitExtrinsic } from './extrinsics';
import type { Call, SubmitOutcome } from './extrinsics';
import { SubtensorStorage, toNumber } from './storage';
import type { FollowRequest, UidWeight, WeightCall, WeightOutcome, WeightSubmission } from './types';
import { pendingCommits, weightState } from './weight-state';

const U16_MAX = 65_535;
const MAX_COMMIT_BYTES = 5_000;

function inputFault({ call, eraPeriod }: WeightSubmission): string | null {
  if (![...Array(11).keys()].some((k) => eraPeriod === 2 ** (k + 2))) {
    return `the era period ${eraPeriod} is not a power of two from 4 to 4096`;
  }
  switch (call.mode) {
    case 'set':
    case 'reveal':
      return rowFault(call.uids, call.values);
    case 'timelocked':
    case 'crv3':
      return call.commit.length > MAX_COMMIT_BYTES
        ? `the commit has ${call.commit.length} bytes, the chain takes ${MAX_COMMIT_BYTES}`
        : null;
    case 'commit':
      return /^0x[0-9a-f]{64}$/.test(call.hash) ? null : 'the hash of the commit is not 0x and 64 hex digits';
  }
}

function rowFault(uids: number[], values: number[]): string | null {
  const u16 = (x: number): boolean => Number.isInteger(x) && x >= 0 && x <= U16_MAX;
  if (uids.length === 0) return 'there are no weights to set';
  if (uids.length !== values.length) return `${uids.length} uids were given with ${values.length} values`;
  if (!uids.every(u16) || !values.every(u16)) return 'uids and values must be whole numbers within 0..65535';
  return new Set(uids).size === uids.length ? null : 'a uid occurs twice';
}

/** Sends an extrinsic about weights; see `ChainClient.submitWeights`. */
export async function submitWeights(
  connection: ChainConnection,
  request: WeightSubmission,
): Promise<WeightOutcome> {
  const fault = inputFault(request);
  if (fault) return { kind: 'refused', message: `the weights were not sent: ${fault}` };
  const about = { netuid: request.netuid, hotkey: request.signer.ss58 };
  try {
    const outcome = await submitExtrinsic(connection, {
      signer: request.signer,
      eraPeriod: request.eraPeriod,
      tipRao: request.tipRao ?? 0n,
      deadlineMs: request.deadlineMs,
      onSigned: request.onSigned,
      call: (api) => callOf(api, request.netuid, request.call),
    });
    return await told(connection, about, outcome);
  } catch (error) {
    if (error instanceof GenesisMismatch) return { kind: 'refused', message: error.message };
    if (error instanceof CallMissing) {
      const kind = request.call.mode === 'set' ? 'refused' : 'commit_reveal_unsupported';
      return { kind, message: outcomeMessage(kind, error.message) };
    }
    throw error;
  }
}

/** See `ChainClient.followWeights`. */
export async function followWeights(
  connection: ChainConnection,
  request: FollowRequest,
): Promise<WeightOutcome> {
  return told(connection, request, await followExtrinsic(connection, request.sent, request.deadlineMs));
}

class CallMissing extends Error {}

type Tx = (...args: unknown[]) => Call;

function callOf(api: ApiPromise, netuid: number, call: WeightCall): Call {
  const named = (name: string): Tx => {
    const found = api.tx.subtensorModule?.[name] as unknown as Tx | undefined;
    if (!found) throw new CallMissing(`the runtime has no call SubtensorModule.${name}`);
    return found;
  };
  switch (call.mode) {
    case 'set':
      return named('setWeights')(netuid, call.uids, call.values, call.versionKey);
    case 'timelocked':
      return named('commitTimelockedWeights')(netuid, u8aToHex(call.commit), call.revealRound, call.version);
    case 'crv3':
      return named('commitCrv3Weights')(netuid, u8aToHex(call.commit), call.revealRound);
    case 'commit':
      return named('commitWeights')(netuid, call.hash);
    case 'reveal':
      return named('revealWeights')(netuid, call.uids, call.values, call.salt, call.versionKey);
  }
}

interface About {
  netuid: number;
  hotkey: string;
}

async function told(
  connection: ChainConnection,
  about: About,
  outcome: SubmitOutcome,
): Promise<WeightOutcome> {
  switch (outcome.kind) {
    case 'included': {
      const { block, extrinsicHash } = outcome;
      return { kind: 'included', blockHash: block.hash, blockNumber: block.number, extrinsicHash };
    }
    case 'failed':
      return named(connection, about, outcomeOfError(outcome.failure.name), outcome.failure.text);
    case 'refused': {
      const { code, reason, data, message } = outcome.error;
      return named(connection, about, outcomeOfRefusal(code, `${reason} ${data ?? ''}`), message);
    }
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
}

async function named(
  connection: ChainConnection,
  about: About,
  kind: WeightOutcomeKind,
  said: string,
): Promise<WeightOutcome> {
  if (kind === 'included') throw new Error('an extrinsic that failed was not included well');
  if (WEIGHT_OUTCOMES[kind].retry !== 'at_block') {
    if (kind === 'too_soon') throw new Error('TOO_SOON names a block');
    return { kind, message: outcomeMessage(kind, said) };
  }
  try {
    return { kind: 'too_soon', untilBlock: await blockFor(connection, about, kind), message: said };
  } catch (error) {
    if (!(error instanceof ChainUnavailable)) throw error;
    return {
      kind: 'rpc_down',
      message: `the chain says "${said}", and from which block on it will not is unknown: ${error.message}`,
    };
  }
}

/** The block from which on an attempt that came too early may be made again. */
async function blockFor(
  connection: ChainConnection,
  { netuid, hotkey }: About,
  kind: WeightOutcomeKind,
): Promise<number> {
  const state = await weightState(connection, netuid, hotkey);
  if (kind === 'too_soon') return Math.max(state.block.number + 1, state.lastUpdate + state.rateLimitBlocks);
  const pending = await pendingCommits(connection, netuid, hotkey, 'best');
  const later = pending.map(({ from }) => from).filter((from) => from > state.block.number);
  return Math.min(...later, state.block.number + state.commitReveal.clock.tempo + 1);
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
    const row = await (await SubtensorStorage.at(link, hash)).list('weights', netuid, uid);
    return row.map((entry) => {
      const [to, value] = entry as unknown as [unknown, unknown];
      return { uid: toNumber(to), value: toNumber(value) };
    });
  });
}
