/** Backoff of a crashing agent: the retry policy that stands where a circuit breaker stood. */

const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/**
 * How long to wait before the next start.
 * @param consecutiveFailures crashes since the agent was last stable, from 1
 * @returns milliseconds: half a second, doubling, one minute at the most
 */
export function restartDelayMs(consecutiveFailures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, consecutiveFailures - 1));
}

const STEP_FIRST_MS = 5_000;

/**
 * How long a workflow waits before it tries a failing step again.
 * @param failures rounds that have failed, from 1
 * @returns milliseconds: five seconds, doubling, one minute at the most
 */
export function stepDelayMs(failures: number): number {
  return Math.min(LONGEST_MS, STEP_FIRST_MS * 2 ** Math.max(0, failures - 1));
}
