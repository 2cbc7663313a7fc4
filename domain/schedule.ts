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

/**
 * The window in which a run opens that was due earlier: its own while that lasts, else the one on the same grid that
 * contains now. Windows that passed while nothing could open are left out, so that no run is replayed empty.
 * @returns the window and how many were left out
 */
export function currentWindow(planned: RunWindow, now: Date): RunWindow & { missed: number } {
  const durationMs = planned.endsAt.getTime() - planned.startsAt.getTime();
  if (now < planned.endsAt || durationMs <= 0) return { ...planned, missed: 0 };
  const window = nextRunWindow(planned.startsAt, durationMs, now);
  return {
    ...window,
    missed: Math.round((window.startsAt.getTime() - planned.startsAt.getTime()) / durationMs),
  };
}
