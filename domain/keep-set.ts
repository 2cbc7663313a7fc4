/** Who stays after a run and who goes (evaluation.md 1.8, data-model.md 3.1 rule 8): a pure decision for each deployment. */

/** What is known of a deployment when the run is over. */
export interface Standing {
  /** Place among those that the run keeps, from 0; -1 outside of them. */
  rank: number;
  /** The run that it was submitted for, against the run that is over. */
  introduced: 'earlier' | 'this' | 'later';
  /** Its miner has a newer submission, or took it back. */
  superseded: boolean;
  /** It was frozen into the run that is over. */
  member: boolean;
  /** At least one of its tasks was not left unscored by the owner's side. */
  served: boolean;
}

/**
 * - `promote`: among the best, it takes part in the next run;
 * - `put_off`: it never had its turn, so it has not lost: it takes part in the next run;
 * - `stay`: it was submitted for this run and lost. It is let go cold and takes part in no further run by itself; it is
 *   retired when the next run closes;
 * - `retire`;
 * - `leave`: none of this run's business.
 */
export type Fate = 'promote' | 'put_off' | 'stay' | 'retire' | 'leave';

/**
 * @param run.keeps whether the run keeps anybody; one that could rank nobody retires nobody
 * @param run.servedAny whether anybody had its turn
 */
export function fateAfterRun(standing: Standing, run: { keeps: boolean; servedAny: boolean }): Fate {
  const { rank, introduced, superseded, member, served } = standing;
  // It was kept only because this run had frozen it (decision 8).
  if (superseded) return member ? 'retire' : 'leave';
  if (rank >= 0) return 'promote';
  if (introduced === 'later') return 'leave';
  if (member && run.servedAny && !served) return 'put_off';
  if (!run.keeps) return 'leave';
  if (introduced === 'this') return member ? 'stay' : 'leave';
  return 'retire';
}
