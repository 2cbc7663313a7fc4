/** The loop of one validator. */
import type { LoopMemory, LoopSettings, TaskEnding } from '../validator/loop';
import type { PublicationStatusView } from './publication';

export interface ValidatorLoopInput {
  hotkey: string;
  settings: LoopSettings;
  /** Carried over when the loop continues as new. */
  memory?: LoopMemory;
  /** For tests: continue as new after so many ended tasks. */
  renewAfterTasks?: number;
}

export type ValidatorPhase = 'claiming' | 'idle' | 'working' | 'paused' | 'cooling' | 'renewing' | 'off';

export interface ValidatorTaskView {
  taskEvaluationId: string;
  taskId: string;
  runId: string;
  familyId: string;
  fencing: number | null;
  step: 'evaluating' | 'submitting' | 'releasing';
  miners: number;
  claimedAt: string;
}

/** How the validator's loop stands. */
export interface ValidatorProgressView {
  hotkey: string;
  phase: ValidatorPhase;
  /** What it does, or why it waits, in words. */
  reason: string;
  paused: { reason: string; since: string } | null;
  activeTasks: ValidatorTaskView[];
  /** Since the loop was first started. */
  ended: Record<TaskEnding, number>;
  lastClaimAt: string | null;
  lastError: { message: string; at: string } | null;
  /** The latest publication of weights, null before the first. */
  publication: {
    workflowId: string;
    runId: string;
    interval: number;
    startedAt: string;
    /** Where it ended, null while it runs. */
    step: PublicationStatusView['step'] | null;
    reason: string | null;
  } | null;
}

export const VALIDATOR_MESSAGES = {
  /** Signal `SteerRequest`: no new claims; what is leased is finished. */
  pause: 'pause',
  /** Signal `SteerRequest`. */
  resume: 'resume',
  /** Signal `LoopSettings`: sent by the engine at every start. */
  configure: 'configure',
  /** Query: `ValidatorProgressView`. */
  progress: 'progress',
} as const;
