/** The submission fee at the door (decision 22): refused, verified, or believed until it is final. */
import { extrinsicUsed } from '../../adapters/postgres/submissions';
import type { FeeRecord } from '../../adapters/postgres/submissions';
import type { FeeVerdict } from '../../adapters/chain/types';
import { HttpError } from '../../domain/http-errors';
import { formatRaoAsTao } from '../../domain/weights/tao';
import type { ApiDeps } from '../deps';

const INDEX = /^\d{1,9}$/;
const HASH = /^0x[0-9a-f]{64}$/i;
export const FEE_USED = 'extrinsic_hash already used for a prior submission';

export interface NamedPayment {
  extrinsicHash: string | null;
  /** Its place in the block, for one that is not named by its hash. */
  extrinsicIndex: string | null;
  blockHash: string | null;
}

/** An owner's failure: the miner lost nothing by it and is told so. */
export class OwnerUnavailable extends HttpError {
  constructor(detail: string) {
    super(503, detail, {}, { 'retry-after': '30' });
  }
}

/**
 * Checks the payment that a submission names.
 * @returns what is to be stored of it; null where no fee is asked
 * @throws HttpError 400 with the wire's reason, OwnerUnavailable when the chain cannot be asked
 */
export async function checkFee(
  hotkey: string,
  payment: NamedPayment,
  deps: ApiDeps,
): Promise<FeeRecord | null> {
  const { treasury, minimumRao, maxAgeBlocks } = deps.config.fee;
  if (!treasury) return null;
  const { extrinsicHash, extrinsicIndex, blockHash } = payment;
  if (!extrinsicHash && !extrinsicIndex) {
    throw new HttpError(
      400,
      `submission fee payment required: provide extrinsic_hash of ${formatRaoAsTao(minimumRao)} TAO transfer to treasury`,
    );
  }
  if (extrinsicHash && (await extrinsicUsed(deps.db, extrinsicHash))) throw new HttpError(400, FEE_USED);
  if (!blockHash) throw rejected('block_hash is required for extrinsic verification');
  if (extrinsicHash && !HASH.test(extrinsicHash))
    throw rejected('extrinsic lookup failed: extrinsic_hash is not 0x and 64 hex digits');
  if (extrinsicIndex && !INDEX.test(extrinsicIndex))
    throw rejected('extrinsic lookup failed: extrinsic_index is not a whole number');
  if (!HASH.test(blockHash))
    throw rejected('extrinsic lookup failed: block_hash is not 0x and 64 hex digits');
  if (!deps.chain)
    throw new OwnerUnavailable(unavailable('no chain endpoint is configured (BITTENSOR_NETWORK)'));
  const verdict = await deps.chain.verifyFee({
    hotkey,
    treasury,
    minimumRao,
    maxAgeBlocks,
    ...(extrinsicHash ? { extrinsicHash: extrinsicHash.toLowerCase() } : {}),
    ...(extrinsicIndex ? { extrinsicIndex: Number(extrinsicIndex) } : {}),
    blockHash: blockHash.toLowerCase(),
  });
  return feeRecord(verdict, { extrinsicHash, blockHash }, deps);
}

async function feeRecord(
  verdict: FeeVerdict,
  named: { extrinsicHash: string | null; blockHash: string },
  deps: ApiDeps,
): Promise<FeeRecord> {
  switch (verdict.kind) {
    case 'verified':
      return {
        genesisHash: verdict.genesisHash,
        blockHash: verdict.blockHash,
        extrinsicHash: verdict.extrinsicHash,
        extrinsicIndex: verdict.extrinsicIndex,
        blockNumber: verdict.blockNumber,
        amountRao: verdict.amountRao,
        payer: verdict.from,
        status: 'verified',
        reason: null,
      };
    case 'pending': {
      const extrinsicHash = verdict.extrinsicHash ?? named.extrinsicHash;
      // Without its hash the extrinsic could not be found again, nor seen to be used.
      if (!extrinsicHash) throw new OwnerUnavailable(unavailable(verdict.reason));
      return {
        genesisHash: verdict.genesisHash ?? (await genesisOf(deps)),
        blockHash: verdict.blockHash ?? named.blockHash,
        extrinsicHash,
        extrinsicIndex: verdict.extrinsicIndex ?? null,
        blockNumber: verdict.blockNumber ?? null,
        amountRao: null,
        payer: null,
        status: 'pending',
        reason: verdict.reason,
      };
    }
    case 'rejected':
      throw rejected(verdict.message);
    case 'unavailable':
      throw new OwnerUnavailable(unavailable(verdict.message));
  }
}

async function genesisOf(deps: ApiDeps): Promise<string> {
  const genesis = (await deps.chain?.health())?.genesisHash;
  if (!genesis) throw new OwnerUnavailable(unavailable('the node does not name its genesis block'));
  return genesis;
}

const rejected = (reason: string): HttpError => new HttpError(400, `fee verification failed: ${reason}`);

const unavailable = (why: string): string =>
  `the fee cannot be verified now: ${why}; nothing was stored and the payment is not used up: ` +
  'sign and send the submission again in a minute';
