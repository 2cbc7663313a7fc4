/**
 * Activities that fail by the owner's side and are tried again where it can be seen. Their own retries are visible only inside
 * their workflow; so an activity tries a few times quickly, and then its workflow says what is wrong, waits, and tries again.
 */
import { ActivityFailure, ApplicationFailure, condition, isCancellation } from '@temporalio/workflow';
import type { RetryPolicy } from '@temporalio/common';
import { FINAL_FAULTS } from '../domain/faults';
import { stepDelayMs } from '../domain/restart';

/** Retry policy of an activity that is insisted on: a few attempts, seconds apart. */
export const QUICK_RETRIES: RetryPolicy = {
  initialInterval: '1 second',
  backoffCoefficient: 1.5,
  maximumInterval: '10 seconds',
  maximumAttempts: 5,
  nonRetryableErrorTypes: [...FINAL_FAULTS],
};

export interface Trouble {
  /** Rounds that failed so far. */
  failures: number;
  message: string;
  /** ISO-8601; when it is tried again. */
  nextAttempt: string;
}

/**
 * Repeats `act` until it succeeds, fails for a final reason, or has failed for longer than `patienceMs`.
 * @param options.onTrouble told after each round that failed; @param options.wake ends a wait early
 * @throws the last error, unchanged
 */
export async function insist<T>(
  act: (round: number) => Promise<T>,
  options: { patienceMs: number; onTrouble: (trouble: Trouble) => void; wake: () => unknown },
): Promise<T> {
  const since = Date.now();
  for (let round = 1; ; round += 1) {
    const seen = options.wake();
    try {
      return await act(round);
    } catch (error) {
      if (isCancellation(error) || isFinal(error) || Date.now() - since > options.patienceMs) throw error;
      const delay = stepDelayMs(round);
      options.onTrouble({
        failures: round,
        message: causeOf(error),
        nextAttempt: new Date(Date.now() + delay).toISOString(),
      });
      await condition(() => options.wake() !== seen, delay);
    }
  }
}

/** What a person is told of it. */
export function troubleText({ message, failures, nextAttempt }: Trouble): string {
  return `${message} Failed ${failures} ${failures === 1 ? 'time' : 'times'}; tried again at ${nextAttempt}.`;
}

function isFinal(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) return false;
  return cause.nonRetryable === true || (FINAL_FAULTS as readonly string[]).includes(cause.type ?? '');
}

function causeOf(error: unknown): string {
  const cause = error instanceof ActivityFailure && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
