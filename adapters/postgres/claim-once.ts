/** Claims that may be asked for again: an answer that was lost on its way must not leave tasks leased that nobody works on. */
import { BASELINE_TTL_SECONDS } from '../../domain/tasks/claim-item';
import { claimTasks, toClaimedTask, type ClaimOutcome, type ClaimRequest, type ClaimRow } from './claims';
import { isUniqueViolation, Prisma, type Db } from './index';
import { prepared } from './prepared';
import { sqlNow } from './sql';
import { remainingTaskCount } from './task-progress';

/**
 * `claimTasks`, once per (validator, claim key): the first request under a key that gets any task is the claim, and later
 * ones get what of it is still leased, under the same fencing numbers and jobs, whatever else they ask for. Tasks of it
 * that were settled, released or have expired are left out, and no others are leased in their place. A request that
 * found nothing to lease does not use its key up. Without a key it is `claimTasks`.
 */
export async function claimOnce(db: Db, request: ClaimRequest): Promise<ClaimOutcome> {
  const { claimKey } = request;
  if (claimKey == null) return claimTasks(db, request);
  try {
    const outcome = await claimTasks(db, request);
    if (outcome.tasks.length > 0) return outcome;
  } catch (error) {
    // The key was used before: the slot's unique index undid this statement, and the earlier claim stands.
    if (!isKeyTaken(error)) throw error;
  }
  const held = await prepared<ClaimRow>(db, leasedUnder(request, claimKey));
  const [first] = held;
  return {
    tasks: held.map(toClaimedTask),
    remainingTaskCount: first ? await remainingTaskCount(db, first.epoch_id, request.familyId) : 0,
  };
}

/** The unique index of a key's slots has spoken, in Prisma's words or the server's. */
function isKeyTaken(error: unknown): boolean {
  if (isUniqueViolation(error)) return true;
  const { code, meta } = error as { code?: unknown; meta?: { code?: unknown; driverAdapterError?: unknown } };
  return code === '23505' || (code === 'P2010' && JSON.stringify(meta ?? {}).includes('23505'));
}

/** What the claim under a key still leases, as the claim itself answered it. */
function leasedUnder(request: ClaimRequest, claimKey: string): Prisma.Sql {
  return Prisma.sql`
    WITH clock AS MATERIALIZED (SELECT ${sqlNow(request.now)} AS now)
    SELECT t.id AS task_evaluation_id, t.epoch_id, t.family_id, t.task_id, t.task_index, t.payload_json,
      r.rubric_version, r.benchmark_version, r.scoring_version, c.fencing, c.claimed_at, c.expires_at,
      t.expected_claims_json, t.must_not_claim_json, t.oracle_status,
      CASE WHEN t.baseline_cached_at > clock.now - make_interval(secs => ${BASELINE_TTL_SECONDS}::float8)
        THEN t.baseline_response_json END AS cached_baseline,
      rows.miners, 0::bigint AS remaining
    FROM clock, task_claims c
      JOIN task_evaluations t ON t.id = c.task_evaluation_id
      JOIN evaluation_runs r ON r.id = c.epoch_id
      CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('rowId', m.id, 'hotkey', m.miner_hotkey, 'deploymentId', m.deployment_id,
          'jobId', m.job_id, 'attempt', m.attempt_count) ORDER BY d.created_at, d.id) AS miners
        FROM miner_evaluation_tasks m JOIN managed_deployments d ON d.id = m.deployment_id
        WHERE m.task_evaluation_id = c.task_evaluation_id AND m.claim_fencing = c.fencing AND m.status = 'claimed'
      ) rows
    WHERE c.validator_hotkey = ${request.validatorHotkey} AND c.claim_key = ${claimKey}
      AND c.family_id = ${request.familyId} AND c.status = 'claimed' AND c.expires_at > clock.now
      AND rows.miners IS NOT NULL
    ORDER BY t.task_index, t.id`;
}
