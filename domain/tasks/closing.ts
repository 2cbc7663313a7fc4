/** What becomes of a (miner, task) that is not settled: whose lapse it was decides (decisions 7 and 20). */
import { SERVABLE_DEPLOYMENT_STATUSES, type DeploymentStatus } from '../status';

/** `expired` counts as a missing answer, 0; `unscored` leaves every miner's denominator. */
export interface ClosingFate {
  status: 'expired' | 'unscored';
  reason: string;
}

/** Statuses that a deployment is in by the owner's doing, or waiting for the owner's capacity. */
const OWNER_HELD: readonly DeploymentStatus[] = [
  'queued',
  'received',
  'pending_capacity',
  'building',
  'draining',
  'standby_cold',
];

/** An unsettled row as its run closes. */
export interface UnsettledRow {
  status: 'pending' | 'claimed';
  attemptCount: number;
  /** Status and health of its deployment, null when the deployment is gone. */
  deploymentStatus: string | null;
  healthStatus: string | null;
}

/**
 * Decides the end of a row that its run closes over.
 *
 * An agent that was not there to be asked (it died, failed to build, or its miner withdrew it) misses the answer: if
 * that were excluded, one dead agent would take its tasks out of everybody's score. All else is the owner's or the
 * validators' lapse and is excluded.
 */
export function closingFate(row: UnsettledRow): ClosingFate {
  const status = row.deploymentStatus as DeploymentStatus | null;
  const servable = status !== null && SERVABLE_DEPLOYMENT_STATUSES.includes(status);
  const ownerHeld = status !== null && OWNER_HELD.includes(status);
  const starting = servable && row.healthStatus === 'starting';
  if (row.status === 'pending' && !ownerHeld && !starting && !(servable && row.healthStatus === 'healthy')) {
    const found = `${status ?? 'gone'}, health ${row.healthStatus ?? 'unknown'}`;
    return { status: 'expired', reason: `the agent was not available when the run closed (${found})` };
  }
  if (row.attemptCount === 0)
    return { status: 'unscored', reason: 'no validator claimed it before the run closed' };
  return {
    status: 'unscored',
    reason: `the run closed with no result after ${row.attemptCount} attempt${row.attemptCount === 1 ? '' : 's'}`,
  };
}

/** Why a row whose attempts are used up is left out of the scores. */
export function exhaustedReason(attempts: number, lastReason: string | null): string {
  return `no result after ${attempts} attempts${lastReason ? `; last: ${lastReason}` : ''}`;
}
