import { ApplicationFailure, Context } from '@temporalio/activity';
import type { UidWeight } from '../adapters/chain/types';
import { checkWeightsSignature } from '../adapters/keys/weights-signature';
import { messageOf } from '../adapters/logging';
import { weightsSchema } from '../adapters/owner-client/contracts';
import { FAULTS } from '../domain/faults';
import { outcomeMessage } from '../domain/weights/outcomes';
import { planWeights } from '../domain/weights/plan';
import { refusalOf, weightMode } from '../domain/weights/rules';
import { rowFractions } from '../domain/weights/u16';
import { ownerFault } from './failures';
import { refused, submitCommitOrSet, submitReveal } from './publication-attempt';
import { blockSeconds, online } from './publication-parts';
import type { PublicationActivities, PublicationDeps } from './publication-parts';
import { pause } from './waiting';

/** Tolerance of the read-back on fractions of the row's sum (chain.md section 4). */
const TOLERANCE = 1e-4;
const FINALITY_TIMEOUT_BLOCKS = 50;
const BURN_UID = 0;

/** Puts weights on chain with one hotkey: the worker that runs these holds the key. */
export function createPublicationActivities(deps: PublicationDeps): PublicationActivities {
  const { chain } = deps;

  return {
    /**
     * What the owner serves for a run; not ready is retried until the run's weights are there.
     * @throws PublicationRefused, final, when the owner did not sign them
     */
    async loadWeights({ runId }) {
      const url = new URL('/v1/weights', deps.ownerApiUrl);
      if (runId) url.searchParams.set('run_id', runId);
      const response = await fetch(url, { signal: AbortSignal.timeout(15_000) }).catch((error: unknown) => {
        throw ownerFault(`the owner's API does not answer at ${url.origin}: ${messageOf(error)}`, error);
      });
      if (!response.ok) throw ownerFault(`the owner's API answered ${response.status} to ${url.pathname}`);
      const answer = weightsSchema.safeParse(await response.json().catch(() => null));
      if (!answer.success) throw ownerFault(`the owner's API answered no weights to ${url.pathname}`);
      const body = answer.data;
      if (!body.ready) {
        throw ApplicationFailure.create({
          type: FAULTS.notReady,
          message: runId ? `the weights of ${runId} are not ready` : 'no run has completed yet',
        });
      }
      const signed = checkWeightsSignature(body, deps.ownerHotkey);
      const problem = 'problem' in signed ? signed.problem : null;
      const other = runId && body.run_id !== runId ? `asked for ${runId}, was given ${body.run_id}` : null;
      if (problem ?? other)
        throw refused('bad_owner_signature', outcomeMessage('bad_owner_signature', `${problem ?? other}`));
      return { runId: body.run_id, weights: body.weights };
    },

    /**
     * Resolves hotkeys to uids, and says how the subnet takes weights and whether it does now.
     * @throws PublicationRefused, final, where the chain would refuse the row whenever it comes
     */
    async planVector({ hotkey, netuid, weights }) {
      const state = await online(() => chain.weightState(netuid, hotkey));
      const { neurons } = await online(() => chain.listNeurons(netuid));
      const uidOf = new Map(neurons.map((neuron) => [neuron.hotkey, neuron.uid]));
      const { row } = planWeights({ weights, uidOf, burnUid: BURN_UID });
      const refusal = refusalOf(state, row);
      if (refusal) throw refused(refusal.kind, outcomeMessage(refusal.kind, refusal.said));
      const mode = weightMode(state.commitReveal, deps.commits);
      if (!mode || state.uid === null) {
        const kind = 'commit_reveal_unsupported';
        throw refused(kind, outcomeMessage(kind, `subnet ${netuid}, commits: ${deps.commits}`));
      }
      const until = state.lastUpdate === 0 ? 0 : state.lastUpdate + state.rateLimitBlocks;
      const blocks = Math.max(0, until - state.block.number);
      return {
        uid: state.uid,
        uids: row.uids,
        values: row.values,
        versionKey: state.versionKey.toString(),
        mode,
        lastUpdate: state.lastUpdate,
        waitSeconds: blocks * (await blockSeconds(deps)),
        untilBlock: until,
      };
    },

    recordOrder: (order) => deps.ledger.recordOrder(order),
    submitVector: (input) => beating(() => submitCommitOrSet(deps, input)),
    submitReveal: (input) => beating(() => submitReveal(deps, input)),

    /** Waits until the block is final, following the extrinsic into another block when the first is left. */
    awaitFinality: ({ netuid, hotkey, included }) =>
      beating(async () => {
        const seconds = await blockSeconds(deps);
        const end = Date.now() + FINALITY_TIMEOUT_BLOCKS * seconds * 1000;
        while (Date.now() < end) {
          const finality = await online(() => chain.finality(included.blockHash, included.blockNumber));
          if (finality === 'final') return { kind: 'final' };
          if (finality === 'reorganised') {
            const deadlineMs = FINALITY_TIMEOUT_BLOCKS * seconds * 1000;
            const { sent } = included;
            const now = await chain.followWeights({ netuid, hotkey, sent, deadlineMs });
            if (now.kind === 'unknown_outcome') throw ownerFault(now.message);
            if (now.kind !== 'included') {
              const what = `block ${included.blockNumber} was re-organised away`;
              const said = now.message;
              return { kind: 'gone', message: `${what}, and its weights with it: ${said}` };
            }
            const { blockHash, blockNumber } = now;
            return { kind: 'moved', included: { ...included, blockHash, blockNumber } };
          }
          await pause(Math.max(250, seconds * 500), deps.stopping);
        }
        return {
          kind: 'stalled',
          message: `block ${included.blockNumber} is not final yet: finality stalls`,
        };
      }),

    /** Where a commit stands at the finalised head. */
    async checkReveal({ hotkey, netuid, plan, commitHash }) {
      const seconds = await blockSeconds(deps);
      const pending = await online(() => chain.pendingCommits(netuid, hotkey, 'finalized'));
      const commit = pending.find(({ hash }) => hash === commitHash);
      if (!commit) {
        // Read after the commits: a row that equals another, older publication proves nothing while ours waits.
        const stored = await online(() => chain.readWeights(netuid, plan.uid, 'finalized'));
        const worst = difference(plan, stored);
        return worst <= TOLERANCE
          ? { kind: 'revealed', message: `read back and equal (${stored.length} entries)`, waitSeconds: 0 }
          : {
              kind: 'lost',
              message: `the commit is gone and the row differs by ${worst.toFixed(6)}`,
              waitSeconds: 0,
            };
      }
      const { block } = await online(() => chain.weightState(netuid, hotkey));
      if (block.number > commit.until) {
        const message = `its reveal epoch, blocks ${commit.from} to ${commit.until}, passed without a reveal`;
        return { kind: 'lost', message, waitSeconds: 0 };
      }
      // A reveal is included in the next block at the earliest.
      const blocks = Math.max(0, commit.from - 1 - block.number);
      const window = `blocks ${commit.from} to ${commit.until}`;
      if (blocks > 0)
        return { kind: 'waiting', message: `revealed in ${window}`, waitSeconds: blocks * seconds };
      return commit.mode === 'commit'
        ? { kind: 'open', message: `may be revealed now, in ${window}`, waitSeconds: 0 }
        : { kind: 'waiting', message: `the chain reveals it in ${window}`, waitSeconds: seconds };
    },

    /** Compares the stored row with what was sent. */
    async verifyVector({ netuid, plan }) {
      const stored = await online(() => chain.readWeights(netuid, plan.uid, 'finalized'));
      const worst = difference(plan, stored);
      if (worst > TOLERANCE) {
        throw ApplicationFailure.nonRetryable(
          `the row of uid ${plan.uid} on chain differs from what was sent by ${worst.toFixed(6)}: ${JSON.stringify(stored)}`,
          FAULTS.publicationRefused,
        );
      }
      return { message: `read back and equal (${stored.length} entries)` };
    },
  };
}

/** Largest difference of two rows as fractions of their sums. */
function difference(sent: { uids: number[]; values: number[] }, stored: UidWeight[]): number {
  const a = rowFractions({ uids: sent.uids, values: sent.values });
  const b = rowFractions({ uids: stored.map((w) => w.uid), values: stored.map((w) => w.value) });
  const uids = new Set([...a.keys(), ...b.keys()]);
  return Math.max(0, ...[...uids].map((uid) => Math.abs((a.get(uid) ?? 0) - (b.get(uid) ?? 0))));
}

/** Heartbeats while work waits for blocks. */
async function beating<T>(work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 2000);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}
