/** What the publishing activities share: their inputs and outcomes, and how they ask the chain. */
import { ChainUnavailable } from '../adapters/chain/errors';
import type { ChainClient, SentExtrinsic } from '../adapters/chain/types';
import type { Hotkey } from '../adapters/keys/types';
import type { ActionRecord } from '../adapters/postgres/operator-actions';
import type { PublicationLedger } from '../adapters/publication-ledger';
import type { WeightMode } from '../domain/weights/outcomes';
import type { CommitPreference } from '../domain/weights/rules';
import { ownerFault } from './failures';

export interface VectorPlan {
  uid: number;
  uids: number[];
  values: number[];
  versionKey: string;
  mode: WeightMode;
  /** Block of the uid's last update when the plan was made. */
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

/** An attempt that made it into a block; by `sent` it is found again after a re-organisation. */
export interface Attempted extends Included {
  sent: SentExtrinsic;
  /** Hash of the commit, null for weights that count at once. */
  commitHash: string | null;
}

export type SubmitOutcome =
  | { kind: 'included'; included: Attempted }
  /** To be tried again after a wait; `once`, when the same label twice is final. */
  | { kind: 'again'; label: string; message: string; waitSeconds: number; once: boolean; counts: boolean };

export type Finality =
  | { kind: 'final' }
  | { kind: 'moved'; included: Attempted }
  | { kind: 'gone'; message: string }
  | { kind: 'stalled'; message: string };

/** Where a commit stands: `open` asks for the reveal, which only commits by hash need. */
export interface RevealState {
  kind: 'revealed' | 'waiting' | 'open' | 'lost';
  message: string;
  waitSeconds: number;
}

export interface AttemptKey {
  workflowId: string;
  attempt: number;
  runId: string | null;
  hotkey: string;
  netuid: number;
  plan: VectorPlan;
}

export interface PublicationActivities {
  loadWeights(input: {
    runId: string | null;
  }): Promise<{ runId: string | null; weights: Record<string, number> }>;
  planVector(input: { hotkey: string; netuid: number; weights: Record<string, number> }): Promise<VectorPlan>;
  submitVector(input: AttemptKey): Promise<SubmitOutcome>;
  submitReveal(input: AttemptKey & { commitAttempt: number }): Promise<SubmitOutcome>;
  awaitFinality(input: { netuid: number; hotkey: string; included: Attempted }): Promise<Finality>;
  checkReveal(input: {
    hotkey: string;
    netuid: number;
    plan: VectorPlan;
    commitHash: string;
  }): Promise<RevealState>;
  verifyVector(input: { netuid: number; plan: VectorPlan }): Promise<{ message: string }>;
  recordOrder(order: ActionRecord): Promise<void>;
}

export interface PublicationDeps {
  chain: ChainClient;
  /** The publishing key; it never leaves this process. */
  signer: Hotkey;
  ledger: PublicationLedger;
  /** Base address of the owner's API, which serves the weights. */
  ownerApiUrl: string;
  /** Whose signature the weights must carry; null takes that of whoever they name. */
  ownerHotkey: string | null;
  /** Seconds between blocks; null to measure them on the chain. */
  blockSeconds: number | null;
  /** Mortality of a weights extrinsic, in blocks. */
  eraPeriod: number;
  tipRao: bigint;
  /** Kind of commits where the subnet has commit-reveal on. */
  commits: CommitPreference;
  /** Aborted when this worker drains: whoever waits hands over. */
  stopping: AbortSignal;
}

/** Seconds between blocks, as set or measured. */
export async function blockSeconds(deps: PublicationDeps): Promise<number> {
  return deps.blockSeconds ?? online(() => deps.chain.blockSeconds());
}

/** Runs a read; a silent node is the owner's fault, retried. */
export async function online<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ChainUnavailable)
      throw ownerFault(`the chain does not answer: ${error.message}`, error);
    throw error;
  }
}
