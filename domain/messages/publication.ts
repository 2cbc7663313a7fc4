/** One publication of a run's weights by one hotkey. */
import type { WeightMode } from '../weights/outcomes';

export interface ChainPublicationInput {
  /** Run whose weights are published; null lets the activity take the latest the owner serves. */
  runId: string | null;
  hotkey: string;
  netuid: number;
}

export interface PublicationStatusView {
  runId: string | null;
  hotkey: string;
  step:
    | 'reading'
    | 'submitting'
    | 'waiting'
    | 'finalising'
    | 'revealing'
    | 'verifying'
    | 'done'
    | 'failed'
    | 'cancelled';
  reason: string;
  /** True while it waits, and would try now if an operator said so. */
  waits: boolean;
  /** What became of the last attempt, by its label (`TOO_SOON`, `RPC_DOWN`, ...); null before the first. */
  outcome: string | null;
  /** How weights get on chain here; null until the subnet's setting was read. */
  mode: WeightMode | null;
  attempt: number;
  blockNumber: number | null;
  blockHash: string | null;
  extrinsicHash: string | null;
}

export const PUBLICATION_MESSAGES = {
  /** Signal: give up before the next extrinsic. */
  cancel: 'cancel',
  /** Signal: try now what it waits for. */
  retry: 'retry',
  /** Query: `PublicationStatusView`. */
  status: 'status',
} as const;
