/** What a miner polls: its own submissions with their newest deployments, by prepared statements. */
import { Prisma, type Db } from './index';
import { prepared } from './prepared';
import type { SubmissionRow } from './submissions';

type Row = Record<string, unknown>;

/** Columns are the fields' names in snake case; the models have no exception. */
function fieldsOf(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

/** Submissions of one hotkey with their newest deployment, newest first; as `listSubmissions` has them. */
export async function listOwnSubmissions(db: Db, hotkey: string, limit: number): Promise<SubmissionRow[]> {
  const submissions = await prepared<Row>(
    db,
    Prisma.sql`
    SELECT * FROM managed_miner_submissions WHERE miner_hotkey = ${hotkey}::text
    ORDER BY created_at DESC, submission_seq DESC LIMIT ${limit}::int`,
  );
  if (submissions.length === 0) return [];
  const deployments = await prepared<Row>(
    db,
    Prisma.sql`
    SELECT DISTINCT ON (submission_id) * FROM managed_deployments
    WHERE submission_id = ANY (${submissions.map(({ id }) => id)}::text[])
    ORDER BY submission_id, created_at DESC`,
  );
  const newest = new Map(deployments.map((row) => [row.submission_id, fieldsOf(row)]));
  return submissions.map((row) => {
    const deployment = newest.get(row.id);
    return { ...fieldsOf(row), deployments: deployment ? [deployment] : [] } as unknown as SubmissionRow;
  });
}
