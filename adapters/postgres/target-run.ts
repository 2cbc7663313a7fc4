import type { DbTx } from './index';
import { nextRunWindow } from '../../domain/schedule';
import { createScheduledRun } from './runs';

/** What a run is created with; times in seconds, scores 0..1. */
export interface TargetRunPolicy {
  /** Start of the first run; null starts it when the first submission comes. */
  firstStart: Date | null;
  durationSeconds: number;
  taskQuorum: number;
  scoringVersion: number;
  minScores: Record<string, number>;
}

export interface TargetRun {
  id: string;
  sequence: number;
}

/**
 * The run that a submission made now takes part in: the next one that has not begun to open, created when there is none.
 * The row stays share-locked until the transaction ends, so the run cannot freeze its members in between and miss one.
 * @throws Error when other transactions keep opening runs faster than this one can join them
 */
export async function ensureTargetRun(tx: DbTx, policy: TargetRunPolicy, now: Date): Promise<TargetRun> {
  for (let round = 0; round < 5; round += 1) {
    const [scheduled] = await tx.$queryRaw<TargetRun[]>`
      SELECT id, sequence FROM evaluation_runs
      WHERE status = 'scheduled' AND phase = 'scheduled'
      ORDER BY sequence LIMIT 1 FOR SHARE`;
    if (scheduled) return scheduled;
    await createNextRun(tx, policy, now);
  }
  throw new Error('no run could be joined: runs are being opened as fast as they are created');
}

/** Creates the run after the latest one; does nothing when another transaction was faster. */
async function createNextRun(tx: DbTx, policy: TargetRunPolicy, now: Date): Promise<void> {
  const latest = await tx.evaluationRun.findFirst({ orderBy: { sequence: 'desc' } });
  const durationMs = policy.durationSeconds * 1000;
  const first = policy.firstStart ?? now;
  const window = latest
    ? nextRunWindow(latest.endsAt, durationMs, now)
    : { startsAt: first, endsAt: new Date(first.getTime() + durationMs) };
  await createScheduledRun(tx, {
    sequence: (latest?.sequence ?? 0) + 1,
    ...window,
    scoringVersion: policy.scoringVersion,
    taskQuorum: policy.taskQuorum,
    minScores: policy.minScores,
  });
}
