/**
 * Steps that are repeated until they succeed, visibly. An activity's own retries are seen only among the pending activities
 * of its workflow, one workflow at a time; so an activity tries a few times quickly, and then the workflow takes over: it
 * knows the error, says it where a list shows it, waits, and can be told to try again now.
 */
import {
  ActivityCancellationType,
  ActivityFailure,
  CancellationScope,
  condition,
  isCancellation,
} from '@temporalio/workflow';
import type { ActivityOptions } from '@temporalio/workflow';
import { FINAL_FAULTS } from '../domain/faults';
import { stepDelayMs } from '../domain/restart';
import type { StuckStep } from '../domain/messages';

/** What activities of such a step are proxied with: a few quick attempts, and no second one beside one that still runs. */
export const STEP_OPTIONS = {
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: {
    initialInterval: '500 ms',
    maximumInterval: '2 seconds',
    maximumAttempts: 4,
    nonRetryableErrorTypes: [...FINAL_FAULTS],
  },
} satisfies ActivityOptions;

/** How the workflow that owns the step takes part in it. */
export interface StepOwner {
  /** The step that keeps failing, if any; kept by the owner so that it survives continue-as-new. */
  stuck: StuckStep | null;
  /** Grows whenever somebody asks for another attempt now. */
  readonly retries: number;
  /** True when the history is long enough to leave the step between two attempts. */
  readonly full: boolean;
  /** Told at every failure and when the step goes on. */
  tell(): void;
}

/** Thrown by a step that did not succeed: it was given up, or the workflow has to continue as new first. */
export class StepLeft extends Error {
  override readonly name = 'StepLeft';
}

/**
 * Repeats `act` until it succeeds.
 * @param giveUp ends the step: an attempt that runs is cancelled and waited for, and counts if it succeeded after all
 * @throws StepLeft
 */
export async function retriedStep<T>(
  owner: StepOwner,
  step: string,
  act: () => Promise<T>,
  giveUp: () => boolean = () => false,
): Promise<T> {
  if (owner.stuck?.step !== step) owner.stuck = null;
  for (;;) {
    if (giveUp()) return leave(owner, step);
    const result = await attempt(act, giveUp);
    if (!(result instanceof Failed)) {
      if (owner.stuck !== null) {
        owner.stuck = null;
        owner.tell();
      }
      return result.value;
    }
    if (giveUp()) return leave(owner, step);
    const failures = (owner.stuck?.failures ?? 0) + 1;
    const delay = stepDelayMs(failures);
    const now = Date.now();
    owner.stuck = {
      step,
      failures,
      error: result.message,
      since: owner.stuck?.since ?? now,
      nextAttemptAt: now + delay,
    };
    owner.tell();
    const seen = owner.retries;
    await condition(() => owner.retries !== seen || giveUp() || owner.full, delay);
    if (owner.full && !giveUp()) throw new StepLeft(`${step}: the history is full`);
  }
}

class Failed {
  constructor(readonly message: string) {}
}

async function attempt<T>(act: () => Promise<T>, giveUp: () => boolean): Promise<{ value: T } | Failed> {
  const scope = new CancellationScope();
  const work = scope.run(act).then(
    (value) => ({ value }),
    (error: unknown) => new Failed(messageOf(error)),
  );
  const left = scope
    .run(() => condition(giveUp))
    .catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
  await Promise.race([work, left]);
  // Ends whichever lost: the attempt that is given up, or the condition that nobody needs any more.
  scope.cancel();
  return work;
}

function leave(owner: StepOwner, step: string): never {
  owner.stuck = null;
  throw new StepLeft(`${step} was given up`);
}

function messageOf(error: unknown): string {
  const cause = error instanceof ActivityFailure && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
