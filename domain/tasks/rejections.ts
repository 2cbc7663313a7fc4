/** Why a validator's call about a claim is refused: the original's status and word first, then what to do (api.md 4.2). */
import { HttpError } from '../http-errors';
import { naiveIso } from '../time';

/** 403: no such task. */
export function rejectedNotFound(): HttpError {
  return new HttpError(403, 'rejected_not_found');
}

/** 403: the signer never held this task. */
export function rejectedWrongValidator(): HttpError {
  return new HttpError(403, 'rejected_wrong_validator');
}

/** A lease as its refusal needs it. */
export interface EndedClaim {
  fencing: bigint;
  status: string;
  releaseReason: string | null;
  expiresAt: Date;
  endedAt: Date | null;
}

/** 409: the lease is over; says why, when, and what to do. */
export function rejectedNotClaimed(claim: EndedClaim): HttpError {
  return new HttpError(409, `rejected_not_claimed: ${whyEnded(claim)}`);
}

function whyEnded(claim: EndedClaim): string {
  const lease = `the lease with fencing ${claim.fencing}`;
  const when = naiveIso(claim.endedAt ?? claim.expiresAt);
  const reason = claim.releaseReason ? ` (${claim.releaseReason})` : '';
  switch (claim.status) {
    case 'settled':
      return `${lease} was settled by its result at ${when}; claim again for another task`;
    case 'released':
      return `${lease} was released at ${when}${reason}; nothing was stored, claim the task again`;
    default:
      return (
        `${lease} expired at ${naiveIso(claim.expiresAt)}${reason}; nothing was stored. ` +
        'Claim again, and send heartbeats to keep a lease longer'
      );
  }
}

/** 409: the run takes no more results. */
export function rejectedRunClosed(runId: string): HttpError {
  return new HttpError(
    409,
    `rejected_not_claimed: run ${runId} is closed and takes no more results; nothing was stored`,
  );
}

/** 400: entries for miners that the claim did not offer, by name (decision 26). */
export function rejectedNotOffered(strangers: readonly string[], offered: readonly string[]): HttpError {
  return new HttpError(
    400,
    `rejected_not_offered: this claim did not offer ${strangers.join(', ')}; nothing was stored. ` +
      `Send entries only for: ${offered.join(', ') || '(none)'}`,
  );
}

/** 400: two statements about one miner in one body. */
export function rejectedDuplicate(hotkeys: readonly string[]): HttpError {
  return new HttpError(
    400,
    `rejected_duplicate_miner: ${hotkeys.join(', ')} named more than once; nothing was stored. ` +
      'Send one entry, or one release, for each miner',
  );
}
