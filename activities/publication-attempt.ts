/** One attempt to get an extrinsic about weights on chain, at most once, whatever ends the process in between. */
import { ApplicationFailure } from '@temporalio/activity';
import { makeCommit } from '../adapters/chain/commit';
import type { SentExtrinsic, WeightCall, WeightOutcome } from '../adapters/chain/types';
import type { PublicationDetails, PublicationRow } from '../adapters/publication-ledger';
import { FAULTS } from '../domain/faults';
import { WEIGHT_OUTCOMES } from '../domain/weights/outcomes';
import type { WeightOutcomeKind } from '../domain/weights/outcomes';
import { ownerFault } from './failures';
import { blockSeconds, online } from './publication-parts';
import type { AttemptKey, PublicationDeps, SubmitOutcome } from './publication-parts';

interface Built {
  mode: PublicationRow['mode'];
  call: WeightCall;
  details: PublicationDetails;
}

/** Sends weights openly or as a commit, as the plan says. */
export function submitCommitOrSet(deps: PublicationDeps, key: AttemptKey): Promise<SubmitOutcome> {
  const { plan, hotkey, netuid } = key;
  const { uids, values, mode } = plan;
  const versionKey = BigInt(plan.versionKey);
  return attemptOnce(deps, key, async () => {
    if (mode === 'set') return { mode, call: { mode, uids, values, versionKey }, details: {} };
    const { commitReveal: state } = await online(() => deps.chain.weightState(netuid, hotkey));
    const commit = makeCommit({
      mode,
      netuid,
      hotkey,
      row: { uids, values },
      versionKey,
      state,
      blockSeconds: await blockSeconds(deps),
      now: Date.now() / 1000,
    });
    const details: PublicationDetails = { commitHash: commit.hash };
    if (commit.salt) details.salt = commit.salt;
    if (commit.revealRound !== null) details.revealRound = commit.revealRound;
    return { mode, call: commit.call, details };
  });
}

/** Reveals the commit of an earlier attempt, with the salt that was written down before it was sent. */
export function submitReveal(
  deps: PublicationDeps,
  key: AttemptKey & { commitAttempt: number },
): Promise<SubmitOutcome> {
  return attemptOnce(deps, key, async () => {
    const { uids, values, versionKey } = key.plan;
    const committed = await deps.ledger.find(key.workflowId, key.commitAttempt);
    const { salt, commitHash } = committed?.details ?? {};
    if (!salt || !commitHash) {
      throw refused(
        'commit_lost',
        `the salt of attempt ${key.commitAttempt} is not in the ledger: its commit cannot be revealed, keep the ledger file with this worker`,
      );
    }
    const call: WeightCall = { mode: 'reveal', uids, values, salt, versionKey: BigInt(versionKey) };
    return { mode: 'reveal', call, details: { commitHash } };
  });
}

/**
 * The attempt is written down before anything is signed, and the signed extrinsic's hash and life before it is sent. Found
 * again after a crash, it is followed on chain until its life is over; one that was never signed was never sent.
 */
async function attemptOnce(
  deps: PublicationDeps,
  key: AttemptKey,
  build: () => Promise<Built>,
): Promise<SubmitOutcome> {
  const { ledger, chain } = deps;
  const { hotkey, netuid, plan } = key;
  const seconds = await blockSeconds(deps);
  const deadlineMs = (deps.eraPeriod + 4) * seconds * 1000;
  const begun = await ledger.find(key.workflowId, key.attempt);
  if (begun && begun.outcome !== 'submitting') return again(deps, begun, seconds);
  const sentBefore = begun && sentOf(begun);
  if (begun && sentBefore) {
    const outcome = await chain.followWeights({ netuid, hotkey, sent: sentBefore, deadlineMs });
    return settle(deps, begun, outcome, seconds);
  }
  const { mode, call, details } = await build();
  let row: PublicationRow = {
    workflowId: key.workflowId,
    attempt: key.attempt,
    runId: key.runId,
    hotkey,
    netuid,
    uids: plan.uids,
    values: plan.values,
    outcome: 'submitting',
    message: null,
    blockNumber: null,
    blockHash: null,
    extrinsicHash: null,
    mode,
    details: { ...details, versionKey: plan.versionKey },
  };
  await ledger.record(row);
  const outcome = await chain.submitWeights({
    netuid,
    call,
    signer: deps.signer,
    eraPeriod: deps.eraPeriod,
    tipRao: deps.tipRao,
    deadlineMs,
    onSigned: async ({ hash, birth, death }) => {
      row = { ...row, extrinsicHash: hash, details: { ...row.details, birth, death } };
      await ledger.record(row);
    },
  });
  return settle(deps, row, outcome, seconds);
}

function sentOf({ extrinsicHash, details }: PublicationRow): SentExtrinsic | null {
  const { birth, death } = details;
  if (!extrinsicHash || birth === undefined || death === undefined) return null;
  return { hash: extrinsicHash, birth, death };
}

/** The answer for an attempt whose end was written down, but whose answer was lost. */
function again(deps: PublicationDeps, row: PublicationRow, seconds: number): Promise<SubmitOutcome> {
  const kind = row.outcome as WeightOutcomeKind;
  const message = row.message ?? '';
  if (kind !== 'included') {
    const outcome: WeightOutcome = kind === 'too_soon' ? { kind: 'outdated', message } : { kind, message };
    return settle(deps, row, outcome, seconds);
  }
  const { blockHash, blockNumber, extrinsicHash } = row;
  if (!blockHash || blockNumber === null || !extrinsicHash)
    throw ownerFault(`attempt ${row.attempt} is in the ledger as included, without its block`);
  return settle(deps, row, { kind, blockHash, blockNumber, extrinsicHash }, seconds);
}

/** Writes down how an attempt ended, and says what the workflow does about it. */
async function settle(
  deps: PublicationDeps,
  row: PublicationRow,
  outcome: WeightOutcome,
  seconds: number,
): Promise<SubmitOutcome> {
  const { label, retry } = WEIGHT_OUTCOMES[outcome.kind];
  if (outcome.kind === 'included') {
    const { blockHash, blockNumber, extrinsicHash } = outcome;
    await deps.ledger.record({ ...row, outcome: outcome.kind, blockHash, blockNumber, extrinsicHash });
    const sent = sentOf(row);
    if (!sent)
      throw ownerFault(`attempt ${row.attempt} was included, but its signature was not written down`);
    const commitHash = row.mode === 'set' ? null : (row.details.commitHash ?? null);
    return { kind: 'included', included: { blockHash, blockNumber, extrinsicHash, sent, commitHash } };
  }
  if (retry === 'look_first') {
    // The row stays as it is: the next try of this activity follows what was sent.
    throw ownerFault(`it is not known whether the extrinsic was included: ${outcome.message}`);
  }
  const message =
    outcome.kind === 'too_soon'
      ? `the chain takes it from block ${outcome.untilBlock} on: ${outcome.message}`
      : outcome.message;
  await deps.ledger.record({ ...row, outcome: outcome.kind, message });
  if (retry === 'final') throw refused(outcome.kind, message);
  const waitSeconds =
    outcome.kind === 'too_soon' ? await secondsUntil(deps, row, outcome.untilBlock, seconds) : seconds;
  // Only what a better signature may mend uses up tries; waiting for a block or a node may take as long as it takes.
  const counts = retry === 'next_block' || retry === 'once';
  return { kind: 'again', label, message, waitSeconds, once: retry === 'once', counts };
}

async function secondsUntil(
  deps: PublicationDeps,
  { netuid, hotkey }: PublicationRow,
  block: number,
  seconds: number,
): Promise<number> {
  const state = await online(() => deps.chain.weightState(netuid, hotkey));
  return Math.max(1, block - state.block.number) * seconds;
}

/** A refusal that only an operator can mend. */
export function refused(kind: WeightOutcomeKind, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `${WEIGHT_OUTCOMES[kind].label}: ${message}`,
    FAULTS.publicationRefused,
  );
}
