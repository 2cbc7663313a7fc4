import { ApplicationFailure, Context } from '@temporalio/activity';
import { ChainUnavailable } from '../adapters/chain/errors';
import type { ChainClient, UidWeight, WeightOutcome, WeightState } from '../adapters/chain/types';
import type { Hotkey } from '../adapters/keys/types';
import { messageOf } from '../adapters/logging';
import type { PublicationLedger, PublicationRow } from '../adapters/publication-ledger';
import { FAULTS } from '../domain/faults';
import { planWeights } from '../domain/weights/plan';
import { rowFractions } from '../domain/weights/u16';
import { ownerFault } from './failures';
import { pause } from './waiting';

export interface VectorPlan {
  uid: number;
  uids: number[];
  values: number[];
  versionKey: string;
  /** Block of the uid's last update when the plan was made; a later one means that something was published since. */
  lastUpdate: number;
  /** 0 when the chain takes weights now. */
  waitSeconds: number;
  untilBlock: number;
}

export interface Included {
  blockNumber: number;
  blockHash: string;
  extrinsicHash: string;
}

export type SubmitOutcome =
  | { kind: 'included'; included: Included }
  | { kind: 'too_soon'; untilBlock: number; waitSeconds: number }
  | { kind: 'again'; message: string; waitSeconds: number };

export interface PublicationActivities {
  loadWeights(input: {
    runId: string | null;
  }): Promise<{ runId: string | null; weights: Record<string, number> }>;
  planVector(input: { hotkey: string; netuid: number; weights: Record<string, number> }): Promise<VectorPlan>;
  submitVector(input: {
    workflowId: string;
    attempt: number;
    runId: string | null;
    hotkey: string;
    netuid: number;
    plan: VectorPlan;
  }): Promise<SubmitOutcome>;
  awaitFinality(input: Included): Promise<{ finalized: boolean; message: string; waitSeconds: number }>;
  verifyVector(input: {
    netuid: number;
    uid: number;
    uids: number[];
    values: number[];
  }): Promise<{ message: string }>;
}

export interface PublicationDeps {
  chain: ChainClient;
  /** The publishing key; it never leaves this process. */
  signer: Hotkey;
  ledger: PublicationLedger;
  /** Base address of the owner's API, which serves the weights. */
  ownerApiUrl: string;
  blockSeconds: number;
  /** Mortality of a weights extrinsic, in blocks. */
  eraPeriod: number;
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}

/** Tolerance of the read-back on fractions of the row's sum (chain.md section 4). */
const TOLERANCE = 1e-4;
const FINALITY_TIMEOUT_BLOCKS = 50;

/** Puts weights on chain with one hotkey: the worker that runs these holds the key. */
export function createPublicationActivities(deps: PublicationDeps): PublicationActivities {
  const { chain, signer, ledger } = deps;

  return {
    /** What the owner serves for a run; not ready is retried until the run's weights are there. */
    async loadWeights({ runId }) {
      const url = new URL('/v1/weights', deps.ownerApiUrl);
      if (runId) url.searchParams.set('run_id', runId);
      const response = await fetch(url, { signal: AbortSignal.timeout(15_000) }).catch((error: unknown) => {
        throw ownerFault(`the owner's API does not answer at ${url.origin}: ${messageOf(error)}`, error);
      });
      if (!response.ok) throw ownerFault(`the owner's API answered ${response.status} to ${url.pathname}`);
      const body = (await response.json()) as {
        ready: boolean;
        run_id: string | null;
        weights: Record<string, number>;
      };
      if (!body.ready) {
        throw ApplicationFailure.create({
          type: FAULTS.notReady,
          message: runId ? `the weights of ${runId} are not ready` : 'no run has completed yet',
        });
      }
      return { runId: body.run_id, weights: body.weights };
    },

    /** Resolves hotkeys to uids at the block the plan is made for, and says whether the chain takes weights now. */
    async planVector({ hotkey, netuid, weights }) {
      const state = await online(() => chain.weightState(netuid, hotkey));
      const uid = mayPublish(state, hotkey, netuid);
      const { neurons } = await online(() => chain.listNeurons(netuid));
      const plan = planWeights({
        weights,
        uidOf: new Map(neurons.map((neuron) => [neuron.hotkey, neuron.uid])),
        burnUid: 0,
      });
      const { row } = plan;
      const until = state.lastUpdate === 0 ? 0 : state.lastUpdate + state.rateLimitBlocks;
      const blocks = Math.max(0, until - state.block.number);
      return {
        uid,
        uids: row.uids,
        values: row.values,
        versionKey: state.versionKey.toString(),
        lastUpdate: state.lastUpdate,
        waitSeconds: blocks * deps.blockSeconds,
        untilBlock: until,
      };
    },

    /**
     * Signs and sends one attempt, once: the attempt is written down first, and an attempt that was begun before is looked
     * for on chain until its signature can no longer be included, before it is sent again.
     */
    async submitVector({ workflowId, attempt, runId, hotkey, netuid, plan }) {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 2000);
      try {
        const begun = await ledger.find(workflowId, attempt);
        const row: PublicationRow = {
          workflowId,
          attempt,
          runId,
          hotkey,
          netuid,
          uids: plan.uids,
          values: plan.values,
          outcome: 'submitting',
          message: null,
          blockNumber: null,
          blockHash: null,
          extrinsicHash: null,
        };
        if (
          begun?.outcome === 'included' &&
          begun.blockHash &&
          begun.extrinsicHash &&
          begun.blockNumber !== null
        ) {
          return {
            kind: 'included',
            included: pick(begun.blockNumber, begun.blockHash, begun.extrinsicHash),
          };
        }
        if (begun) {
          const found = await searchEarlier(deps, netuid, hotkey, plan);
          if (found) {
            await ledger.record({ ...row, outcome: 'included', message: 'found on chain', ...found });
            return { kind: 'included', included: found };
          }
        }
        const state = await online(() => chain.weightState(netuid, hotkey));
        await ledger.record(row);
        const outcome = await chain.submitWeights({
          netuid,
          uids: plan.uids,
          values: plan.values,
          versionKey: BigInt(plan.versionKey),
          signer,
          eraPeriod: deps.eraPeriod,
          deadlineMs: (deps.eraPeriod + 4) * deps.blockSeconds * 1000,
        });
        await ledger.record({ ...row, ...outcomeRow(outcome) });
        return settle(outcome, deps.blockSeconds, state.block.number);
      } finally {
        clearInterval(beat);
      }
    },

    async awaitFinality({ blockHash, blockNumber }) {
      const context = Context.current();
      const until = Date.now() + FINALITY_TIMEOUT_BLOCKS * deps.blockSeconds * 1000;
      while (Date.now() < until) {
        if (await online(() => chain.isFinalized(blockHash, blockNumber))) {
          return { finalized: true, message: 'final', waitSeconds: 0 };
        }
        context.heartbeat({ blockNumber });
        await pause(Math.max(250, deps.blockSeconds * 500), deps.stopping);
      }
      return {
        finalized: false,
        message: `block ${blockNumber} did not become final: it was re-organised away, or finality stalls`,
        waitSeconds: deps.blockSeconds,
      };
    },

    /** Compares the stored row with what was sent. */
    async verifyVector({ netuid, uid, uids, values }) {
      const stored = await online(() => chain.readWeights(netuid, uid, 'finalized'));
      const worst = difference({ uids, values }, stored);
      if (worst > TOLERANCE) {
        throw ApplicationFailure.nonRetryable(
          `the row of uid ${uid} on chain differs from what was sent by ${worst.toFixed(6)}: ${JSON.stringify(stored)}`,
          FAULTS.publicationRefused,
        );
      }
      return { message: `read back and equal (${stored.length} entries)` };
    },
  };
}

/** Waits out the mortality of an earlier signature, and reports the publication if that one made it after all. */
async function searchEarlier(
  deps: PublicationDeps,
  netuid: number,
  hotkey: string,
  plan: VectorPlan,
): Promise<Included | null> {
  const start = (await online(() => deps.chain.weightState(netuid, hotkey))).block.number;
  for (;;) {
    const state = await online(() => deps.chain.weightState(netuid, hotkey));
    if (state.lastUpdate > plan.lastUpdate) {
      const stored = await online(() => deps.chain.readWeights(netuid, plan.uid, 'best'));
      // Somebody else's vector under the same key is not ours: send again when the chain lets us.
      if (difference(plan, stored) > TOLERANCE) return null;
      return pick(state.lastUpdate, state.block.hash, '');
    }
    if (state.block.number > start + deps.eraPeriod) return null;
    await pause(deps.blockSeconds * 1000, deps.stopping);
  }
}

function pick(blockNumber: number, blockHash: string, extrinsicHash: string): Included {
  return { blockNumber, blockHash, extrinsicHash };
}

/** The uid that publishes. @throws PublicationRefused, final, with what an operator must do */
function mayPublish(state: WeightState, hotkey: string, netuid: number): number {
  if (state.uid === null) {
    throw refused(
      `hotkey ${hotkey} is not registered on netuid ${netuid}: register it before it can publish weights`,
    );
  }
  if (!state.validatorPermit) {
    throw refused(`uid ${state.uid} has no validator permit on netuid ${netuid}: more stake is needed`);
  }
  if (state.commitRevealEnabled) {
    throw refused(`netuid ${netuid} has commit-reveal on, which this release does not publish through`);
  }
  return state.uid;
}

function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAULTS.publicationRefused);
}

/** What the workflow does about each outcome; only what an operator must mend is final. */
function settle(outcome: WeightOutcome, blockSeconds: number, block: number): SubmitOutcome {
  switch (outcome.kind) {
    case 'included':
      return {
        kind: 'included',
        included: pick(outcome.blockNumber, outcome.blockHash, outcome.extrinsicHash),
      };
    case 'too_soon': {
      const waitSeconds = Math.max(1, outcome.untilBlock - block) * blockSeconds;
      return { kind: 'too_soon', untilBlock: outcome.untilBlock, waitSeconds };
    }
    case 'outdated':
    case 'rpc_down':
      return { kind: 'again', message: `${outcome.kind}: ${outcome.message}`, waitSeconds: blockSeconds };
    case 'unknown_outcome':
      // The activity is retried under the same attempt, which looks on chain first.
      throw ownerFault(`it is not known whether the extrinsic was included: ${outcome.message}`);
    case 'no_permit':
    case 'not_registered':
    case 'stake_too_low':
    case 'bad_version_key':
    case 'length_too_low':
    case 'max_weight_exceeded':
    case 'commit_reveal_enabled':
    case 'refused':
      throw refused(`${outcome.kind}: ${outcome.message}`);
  }
}

function outcomeRow(outcome: WeightOutcome): Partial<PublicationRow> {
  if (outcome.kind === 'included') {
    const { blockNumber, blockHash, extrinsicHash } = outcome;
    return { outcome: 'included', blockNumber, blockHash, extrinsicHash };
  }
  return {
    outcome: outcome.kind,
    message: outcome.kind === 'too_soon' ? `too soon until block ${outcome.untilBlock}` : outcome.message,
  };
}

/** Largest difference of two rows as fractions of their sums. */
function difference(sent: { uids: number[]; values: number[] }, stored: UidWeight[]): number {
  const a = rowFractions({ uids: sent.uids, values: sent.values });
  const b = rowFractions({ uids: stored.map((w) => w.uid), values: stored.map((w) => w.value) });
  const uids = new Set([...a.keys(), ...b.keys()]);
  return Math.max(0, ...[...uids].map((uid) => Math.abs((a.get(uid) ?? 0) - (b.get(uid) ?? 0))));
}

async function online<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ChainUnavailable)
      throw ownerFault(`the chain does not answer: ${error.message}`, error);
    throw error;
  }
}
