/** A run from its scheduled start to its published weights, and how operators steer it. */
import type { RunPhase } from '../status';
import type { SteerRequest } from './steer';

export interface RunEpochInput {
  runId: string;
  sequence: number;
  familyId: string;
  /** Carried over when the workflow continues as new. */
  state?: RunEpochState;
  /** Continues as new after this many events, where the server would only suggest it later. */
  historyLimit?: number;
}

/** All that a run's workflow knows. Times are epoch milliseconds. */
export interface RunEpochState {
  phase: RunPhase;
  startsAt: number;
  endsAt: number;
  pausedAt: number | null;
  /** True once a scheduled run was told to open. */
  opened: boolean;
  closing: 'now' | 'drain' | null;
  /** What the run consists of, in words, once it is seeded. */
  summary: string;
  stuck: StuckStep | null;
  /** Ids of the latest orders that were carried out. */
  orders: string[];
  /** How often it has continued as new. */
  continued: number;
}

/** A step that keeps failing: what an operator has to mend. Times are epoch milliseconds. */
export interface StuckStep {
  step: string;
  /** Times it was tried. */
  failures: number;
  error: string;
  since: number;
  nextAttemptAt: number;
}

/** What `eirel-ai run watch` shows and the Web UI answers. Counts are per (miner, task). */
export interface RunProgressView {
  runId: string;
  phase: RunPhase;
  reason: string;
  /** ISO times. */
  startsAt: string;
  endsAt: string;
  pausedAt: string | null;
  remainingSeconds: number;
  /** True once it was told to close. */
  closing: boolean;
  /** What keeps it from going on; null as a rule. ISO times. */
  stuck: { step: string; failures: number; error: string; since: string; nextAttempt: string } | null;
  /** How often it has continued as new. */
  continued: number;
}

/**
 * Every action is a signal and an update of the same name, so that the API, the `temporal` CLI and the Web UI all reach it.
 * Each takes a `SteerRequest`, or whatever `readOrder` understands, and is answered (an update) with a `SteerAnswer`.
 */
export const RUN_MESSAGES = {
  /** No new claims, leases run out gracefully, the timer stands still. */
  pause: 'pause',
  resume: 'resume',
  /** `CloseRequest` */
  close: 'close',
  /** `ExtendRequest` */
  extend: 'extend',
  /** Open a scheduled run now. */
  open: 'open',
  /** Try the step that is stuck again now. */
  retry: 'retry',
  /** Query: `RunProgressView`. */
  progress: 'progress',
} as const;

export interface CloseRequest extends SteerRequest {
  /** `now` expires what is claimed; `drain` lets running leases finish first. */
  mode?: 'now' | 'drain';
}
/** Either by how much, or until when. */
export interface ExtendRequest extends SteerRequest {
  seconds?: number;
  /** ISO time */
  until?: string;
}

/** What came of an order. A refused update fails instead, with the message. */
export interface SteerAnswer {
  outcome: 'applied' | 'unchanged' | 'refused';
  message: string;
  progress: RunProgressView;
}
