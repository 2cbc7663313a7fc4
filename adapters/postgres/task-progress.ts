/** How far the tasks of a run are. */
import { Prisma, type Db } from './index';
import { prepared } from './prepared';

/** Tasks of one run and family by where they stand, and judgments by miner. */
export interface TaskProgress {
  total: number;
  pending: number;
  claimed: number;
  evaluated: number;
  miners: { hotkey: string; judgments: number }[];
}

/** Tasks of which at least one miner's row is pending or claimed, from counters that are kept. */
export async function remainingTaskCount(db: Db, runId: string, familyId: string): Promise<number> {
  const sql = Prisma.sql`SELECT open_task_count(${runId}::text, ${familyId}::text) AS n`;
  const [row] = await prepared<{ n: bigint }>(db, sql);
  return Number(row?.n ?? 0);
}

/**
 * A task counts as claimed while any row of it is, else as pending while any row is, else as evaluated if any row is;
 * tasks that ended without a score count in the total only.
 */
export async function taskProgress(db: Db, runId: string, familyId: string): Promise<TaskProgress> {
  const [counts] = await db.$queryRaw<Record<'total' | 'pending' | 'claimed' | 'evaluated', bigint>[]>`
    SELECT count(*) AS total,
      count(*) FILTER (WHERE claimed) AS claimed,
      count(*) FILTER (WHERE pending AND NOT claimed) AS pending,
      count(*) FILTER (WHERE evaluated AND NOT claimed AND NOT pending) AS evaluated
    FROM (
      SELECT t.id, coalesce(bool_or(m.status = 'claimed'), false) AS claimed,
        coalesce(bool_or(m.status = 'pending'), false) AS pending,
        coalesce(bool_or(m.status = 'evaluated'), false) AS evaluated
      FROM task_evaluations t LEFT JOIN miner_evaluation_tasks m ON m.task_evaluation_id = t.id
      WHERE t.epoch_id = ${runId} AND t.family_id = ${familyId} GROUP BY t.id
    ) per_task`;
  const miners = await db.$queryRaw<{ hotkey: string; judgments: bigint }[]>`
    SELECT miner_hotkey AS hotkey, sum(judgment_count) AS judgments FROM miner_evaluation_tasks
    WHERE epoch_id = ${runId} AND family_id = ${familyId} AND judgment_count > 0
    GROUP BY miner_hotkey ORDER BY miner_hotkey COLLATE "C"`;
  return {
    total: Number(counts?.total ?? 0),
    pending: Number(counts?.pending ?? 0),
    claimed: Number(counts?.claimed ?? 0),
    evaluated: Number(counts?.evaluated ?? 0),
    miners: miners.map(({ hotkey, judgments }) => ({ hotkey, judgments: Number(judgments) })),
  };
}

/**
 * The run that a validator means: the one named, else the open one, else the latest.
 * @returns null when there is no such run
 */
export async function findRun(db: Db, runId: string | null): Promise<{ id: string; status: string } | null> {
  const [run] = await prepared<{ id: string; status: string }>(
    db,
    Prisma.sql`
    SELECT id, status FROM evaluation_runs WHERE ${runId}::text IS NULL OR id = ${runId}::text
    ORDER BY (status = 'open') DESC, sequence DESC LIMIT 1`,
  );
  return run ?? null;
}
