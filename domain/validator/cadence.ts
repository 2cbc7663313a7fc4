/** When weights are published (evaluation.md 5.8, decision 24). */

/** What the owner serves at `GET /v1/weights`, as far as the cadence cares. */
export interface WeightsView {
  ready: boolean;
  runId: string | null;
}

/** A publication that is due. */
export interface DuePublication {
  runId: string;
  /** 0 for the first of a run, then counted from when that one began. */
  interval: number;
}

/**
 * Decides what is to be published now. A run that is newly completed is published at once as interval 0, then again in
 * every later interval, counted from when its first publication began, so that a restarted engine counts the same.
 * Nothing is due before the first run has completed.
 * @param firstStartedAt when interval 0 of the served run was begun, null when it was not; ms since the epoch
 */
export function duePublication(input: {
  weights: WeightsView;
  firstStartedAt: number | null;
  now: number;
  intervalMs: number;
}): DuePublication | null {
  const { weights, firstStartedAt } = input;
  if (!weights.ready || weights.runId === null) return null;
  if (firstStartedAt === null) return { runId: weights.runId, interval: 0 };
  const interval = Math.max(0, Math.floor((input.now - firstStartedAt) / input.intervalMs));
  return { runId: weights.runId, interval };
}
