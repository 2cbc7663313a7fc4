/** What a miner polls: its own submissions with their newest deployments, by one prepared statement. */
import { Prisma, type Db } from './index';
import { prepared } from './prepared';
import type { SubmissionRow } from './submissions';

const PREFIX = 'deployment.';

/** The fields of a model as a list of columns; each is its field's name in snake case, without exception in these two. */
function columns(fields: Readonly<Record<string, string>>, table: string, prefix = ''): string {
  return Object.values(fields)
    .map(
      (field) =>
        `${table}.${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} AS "${prefix}${field}"`,
    )
    .join(', ');
}

const COLUMNS = Prisma.raw(
  `${columns(Prisma.ManagedMinerSubmissionScalarFieldEnum, 's')}, ` +
    columns(Prisma.ManagedDeploymentScalarFieldEnum, 'd', PREFIX),
);

/** Submissions of one hotkey with their newest deployment, newest first; as `listSubmissions` has them. */
export async function listOwnSubmissions(db: Db, hotkey: string, limit: number): Promise<SubmissionRow[]> {
  const rows = await prepared<Record<string, unknown>>(
    db,
    Prisma.sql`
    SELECT ${COLUMNS} FROM managed_miner_submissions s LEFT JOIN LATERAL (
      SELECT * FROM managed_deployments WHERE submission_id = s.id ORDER BY created_at DESC LIMIT 1) d ON true
    WHERE s.miner_hotkey = ${hotkey}::text
    ORDER BY s.created_at DESC, s.submission_seq DESC LIMIT ${limit}::int`,
  );
  return rows.map(submissionRow);
}

function submissionRow(row: Record<string, unknown>): SubmissionRow {
  const submission: Record<string, unknown> = {};
  const deployment: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (name.startsWith(PREFIX)) deployment[name.slice(PREFIX.length)] = value;
    else submission[name] = value;
  }
  const deployments = deployment.id === null ? [] : [deployment];
  return { ...submission, deployments } as unknown as SubmissionRow;
}
