/** Leases that nobody holds any more, and rows that a closing run leaves behind (decisions 6, 7 and 20). */
import { closingFate, exhaustedReason, type ClosingFate } from '../../domain/tasks/closing';
import { Prisma, type Db, type DbTx } from './index';
import { present, sqlNow } from './sql';

export interface ReapOutcome {
  /** Leases that ran out. */
  expiredClaims: number;
  /** Rows back in the pool. */
  returnedRows: number;
  /** Rows whose attempts are used up. */
  unscoredRows: number;
}

/** Tasks settled in one transaction, so that no lock is held for long. */
const REAP_BATCH = 200;

/**
 * Ends leases that have run out: their rows go back to the pool, or become `unscored` with a reason when their attempts
 * are used up; rows that came back to the pool for the last time are settled likewise. Safe to run at any time and from
 * several processes; a second call finds nothing.
 */
export async function reapExpired(
  db: Db,
  options: { now?: Date; maxAttempts: number },
): Promise<ReapOutcome> {
  const total: ReapOutcome = { expiredClaims: 0, returnedRows: 0, unscoredRows: 0 };
  for (;;) {
    const batch = await db.$transaction((tx) => reapBatch(tx, options.now, options.maxAttempts));
    if (batch === null) return total;
    total.expiredClaims += batch.expiredClaims;
    total.returnedRows += batch.returnedRows;
    total.unscoredRows += batch.unscoredRows;
  }
}

async function reapBatch(
  tx: DbTx,
  given: Date | undefined,
  maxAttempts: number,
): Promise<ReapOutcome | null> {
  // One moment for all of it: a lease that ends meanwhile must not lose its claim and keep its rows.
  const now = given ?? (await present(tx));
  const due = Prisma.sql`(
    (m.status = 'claimed' AND m.claim_expires_at <= ${sqlNow(now)})
    OR (m.status = 'pending' AND m.attempt_count > 0 AND m.attempt_count - m.judgment_count >= ${maxAttempts}::int))`;
  const tasks = await tx.$queryRaw<{ id: string }[]>(Prisma.sql`
    SELECT t.id FROM task_evaluations t
    WHERE t.id IN (
      SELECT c.task_evaluation_id FROM task_claims c WHERE c.status = 'claimed' AND c.expires_at <= ${sqlNow(now)}
      UNION ALL
      SELECT r.id FROM task_evaluations r WHERE r.retry_rows > 0 AND EXISTS (
        SELECT 1 FROM miner_evaluation_tasks m WHERE m.task_evaluation_id = r.id AND ${due}))
    ORDER BY t.id LIMIT ${REAP_BATCH}::int FOR UPDATE OF t SKIP LOCKED`);
  if (tasks.length === 0) return null;
  const ids = Prisma.join(tasks.map((task) => task.id));
  const rows = await tx.$queryRaw<DueRow[]>(Prisma.sql`
    SELECT m.id, m.status, m.status_reason, m.attempt_count,
      m.attempt_count - m.judgment_count >= ${maxAttempts}::int AS exhausted
    FROM miner_evaluation_tasks m WHERE m.task_evaluation_id IN (${ids}) AND ${due} ORDER BY m.id FOR UPDATE OF m`);
  const exhausted = rows.filter((row) => row.exhausted);
  const returned = rows.filter((row) => !row.exhausted);
  await returnRows(tx, returned, 'the lease ran out', now);
  for (const [reason, ids] of groupByReason(exhausted))
    await endRows(tx, ids, { status: 'unscored', reason }, now);
  // By task and not by row: a lease can have lost its rows.
  const expiredClaims = await tx.$executeRaw(Prisma.sql`
    UPDATE task_claims c SET status = 'expired', release_reason = 'the lease ran out', ended_at = ${sqlNow(now)}
    WHERE c.task_evaluation_id IN (${ids}) AND c.status = 'claimed' AND c.expires_at <= ${sqlNow(now)}`);
  return { expiredClaims, returnedRows: returned.length, unscoredRows: exhausted.length };
}

interface DueRow {
  id: string;
  status: string;
  status_reason: string | null;
  attempt_count: number;
  exhausted: boolean;
}

function groupByReason(rows: readonly DueRow[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const row of rows) {
    const last = row.status === 'claimed' ? 'the lease ran out' : row.status_reason;
    const reason = exhaustedReason(row.attempt_count, last);
    groups.set(reason, [...(groups.get(reason) ?? []), row.id]);
  }
  return groups;
}

export interface ExpireOutcome {
  expiredClaims: number;
  /** Rows that count as a missing answer. */
  expiredRows: number;
  /** Rows that leave the denominators. */
  unscoredRows: number;
  /** Rows under leases that still run; always 0 in mode `now`. */
  liveRows: number;
}

/**
 * Settles what a closing run leaves: every pending row, and every claimed one whose lease is over or, in mode `now`,
 * still runs. In mode `drain` running leases are left alone and counted, so that the caller waits and calls again.
 * Idempotent. Each row's end is decided by `closingFate`.
 */
export async function expireRunRows(
  db: Db,
  runId: string,
  options: { mode: 'now' | 'drain'; now?: Date },
): Promise<ExpireOutcome> {
  return db.$transaction(
    async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM task_evaluations WHERE epoch_id = ${runId} ORDER BY id FOR UPDATE`;
      const rows = await tx.$queryRaw<ClosingRow[]>(Prisma.sql`
        SELECT m.id, m.status, m.attempt_count, m.claim_fencing, d.status AS deployment_status, d.health_status,
          coalesce(m.status = 'claimed' AND m.claim_expires_at > ${sqlNow(options.now)}, false) AS live
        FROM miner_evaluation_tasks m LEFT JOIN managed_deployments d ON d.id = m.deployment_id
        WHERE m.epoch_id = ${runId} AND m.status IN ('pending', 'claimed') ORDER BY m.id FOR UPDATE OF m`);
      const ending = rows.filter((row) => options.mode === 'now' || !row.live);
      const fates = new Map<string, { fate: ClosingFate; ids: string[] }>();
      for (const row of ending) {
        const fate = closingFate({
          status: row.status,
          attemptCount: row.attempt_count,
          deploymentStatus: row.deployment_status,
          healthStatus: row.health_status,
        });
        const key = `${fate.status} ${fate.reason}`;
        const group = fates.get(key) ?? { fate, ids: [] };
        group.ids.push(row.id);
        fates.set(key, group);
      }
      for (const { fate, ids } of fates.values()) await endRows(tx, ids, fate, options.now);
      const claimed = ending.filter((row) => row.status === 'claimed');
      const expiredClaims = await endClaims(tx, fencings(claimed), 'run closed', options.now);
      const count = (status: string) =>
        [...fates.values()].reduce(
          (sum, { fate, ids }) => sum + (fate.status === status ? ids.length : 0),
          0,
        );
      return {
        expiredClaims,
        expiredRows: count('expired'),
        unscoredRows: count('unscored'),
        liveRows: rows.length - ending.length,
      };
    },
    { timeout: 120_000 },
  );
}

interface ClosingRow {
  id: string;
  status: 'pending' | 'claimed';
  attempt_count: number;
  claim_fencing: bigint | null;
  deployment_status: string | null;
  health_status: string | null;
  live: boolean;
}

function fencings(rows: readonly { status: string; claim_fencing: bigint | null }[]): bigint[] {
  const held = rows.filter((row) => row.status === 'claimed').map((row) => row.claim_fencing);
  return [...new Set(held.filter((fencing) => fencing !== null))];
}

async function returnRows(
  tx: DbTx,
  rows: readonly { id: string }[],
  reason: string,
  now?: Date,
): Promise<void> {
  if (rows.length === 0) return;
  await tx.$executeRaw(Prisma.sql`
    UPDATE miner_evaluation_tasks SET status = 'pending', status_reason = ${reason}, claimed_by_validator = NULL,
      claimed_at = NULL, claim_expires_at = NULL, updated_at = ${sqlNow(now)}
    WHERE id = ANY(${rows.map((row) => row.id)}::text[])`);
}

async function endRows(tx: DbTx, ids: readonly string[], fate: ClosingFate, now?: Date): Promise<void> {
  await tx.$executeRaw(Prisma.sql`
    UPDATE miner_evaluation_tasks SET status = ${fate.status}, status_reason = ${fate.reason},
      claimed_by_validator = NULL, claimed_at = NULL, claim_expires_at = NULL, updated_at = ${sqlNow(now)}
    WHERE id = ANY(${[...ids]}::text[])`);
}

async function endClaims(tx: DbTx, held: readonly bigint[], reason: string, now?: Date): Promise<number> {
  if (held.length === 0) return 0;
  return tx.$executeRaw(Prisma.sql`
    UPDATE task_claims SET status = 'expired', release_reason = ${reason}, ended_at = ${sqlNow(now)}
    WHERE status = 'claimed' AND fencing IN (${Prisma.join([...held])})`);
}
