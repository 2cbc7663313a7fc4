import { ApplicationFailure } from '@temporalio/activity';
import type { ChainClient, FeeVerdict } from '../adapters/chain/types';
import type { Db } from '../adapters/postgres';
import { FAULTS } from '../domain/faults';
import { badState, ownerFault } from './failures';

export interface FeePolicy {
  /** Empty disables the fee. */
  treasury: string;
  minimumRao: bigint;
  maxAgeBlocks: number;
}

export interface ChainActivityDeps {
  db: Db;
  /** Null when no chain is configured; then only a disabled fee can pass. */
  chain: ChainClient | null;
  fee: FeePolicy;
}

export interface ChainActivities {
  verifySubmissionFee(submissionId: string): Promise<{ status: 'verified' | 'disabled' }>;
}

/** Activities that read the chain for submissions. */
export function createChainActivities({ db, chain, fee }: ChainActivityDeps): ChainActivities {
  return {
    /**
     * Checks a submission's fee until it is final (decision 22). A pending payment and a silent node are retried.
     * @throws FeeRejected, final, with the reason of the wire
     */
    async verifySubmissionFee(submissionId) {
      const submission = await db.managedMinerSubmission.findUnique({
        where: { id: submissionId },
        include: { fee: true },
      });
      if (!submission) throw badState(`submission ${submissionId} does not exist`);
      if (!submission.fee) {
        await note(db, submissionId, 'passed', 'no fee was required when it was received');
        return { status: 'disabled' };
      }
      if (submission.fee.status === 'verified') return { status: 'verified' };
      if (!chain)
        throw ownerFault('the fee cannot be checked: no chain endpoint is configured (BITTENSOR_NETWORK)');
      const verdict = await chain.verifyFee({
        hotkey: submission.minerHotkey,
        treasury: fee.treasury,
        minimumRao: fee.minimumRao,
        maxAgeBlocks: fee.maxAgeBlocks,
        extrinsicHash: submission.fee.extrinsicHash,
        blockHash: submission.fee.blockHash,
      });
      return settle(db, submissionId, verdict);
    },
  };
}

async function settle(db: Db, submissionId: string, verdict: FeeVerdict): Promise<{ status: 'verified' }> {
  switch (verdict.kind) {
    case 'verified':
      await db.submissionFee.update({
        where: { submissionId },
        data: {
          status: 'verified',
          blockHash: verdict.blockHash,
          blockNumber: BigInt(verdict.blockNumber),
          extrinsicIndex: verdict.extrinsicIndex,
          amountRao: verdict.amountRao,
          payer: verdict.from,
          verifiedAt: new Date(),
          reason: null,
        },
      });
      await note(
        db,
        submissionId,
        'passed',
        `${verdict.amountRao} rao in final block ${verdict.blockNumber}`,
      );
      return { status: 'verified' };
    case 'rejected':
      await db.submissionFee.update({
        where: { submissionId },
        data: { status: 'rejected', reason: verdict.message },
      });
      await note(db, submissionId, 'failed', verdict.message);
      throw ApplicationFailure.nonRetryable(
        `fee verification failed: ${verdict.message}`,
        FAULTS.feeRejected,
      );
    case 'pending':
      throw ApplicationFailure.create({
        type: FAULTS.feePending,
        message: `fee not final yet: ${verdict.reason}`,
      });
    case 'unavailable':
      throw ownerFault(`the chain could not be asked about the fee: ${verdict.message}`);
  }
}

async function note(db: Db, submissionId: string, outcome: string, reason: string): Promise<void> {
  await db.submissionEvent.upsert({
    where: { submissionId_step_outcome: { submissionId, step: 'fee', outcome } },
    create: { submissionId, step: 'fee', outcome, reason },
    update: { reason },
  });
}
