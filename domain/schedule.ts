/** Boundaries of runs (decision 17). */

export interface RunWindow {
  startsAt: Date;
  endsAt: Date;
}

/**
 * The window of the run that follows one which ended.
 * Boundaries stay on the grid that the previous run's end and the duration make. After downtime longer than a whole run,
 * the missed windows are left out: the next run is the one whose window contains now, so that none is replayed empty.
 * @param previousEnd when the previous run was due to end; @param durationMs length of a run; @param now current time
 */
export function nextRunWindow(previousEnd: Date, durationMs: number, now: Date): RunWindow {
  const missed = Math.max(0, Math.floor((now.getTime() - previousEnd.getTime()) / durationMs));
  const start = previousEnd.getTime() + missed * durationMs;
  return { startsAt: new Date(start), endsAt: new Date(start + durationMs) };
}
