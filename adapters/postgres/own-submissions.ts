/** What miners poll: their own submissions with the newest deployments, those that ask at the moment by one statement. */
import { Prisma, type Db } from './index';
import { laneOf } from './lane';
import { byPlace, columns, prepared } from './prepared';
import type { SubmissionRow } from './submissions';

const PREFIX = 'deployment.';

/** The fields of a model as a list of columns; each is its field's name in snake case, without exception in these two. */
function selected(fields: Readonly<Record<string, string>>, table: string, prefix = ''): string {
  return Object.values(fields)
    .map(
      (field) =>
        `${table}.${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} AS "${prefix}${field}"`,
    )
    .join(', ');
}

const COLUMNS = Prisma.raw(
  `${selected(Prisma.ManagedMinerSubmissionScalarFieldEnum, 's')}, ` +
    selected(Prisma.ManagedDeploymentScalarFieldEnum, 'd', PREFIX),
);

/** Submissions of one hotkey with their newest deployment, newest first; as `listSubmissions` has them. */
export async function listOwnSubmissions(db: Db, hotkey: string, limit: number): Promise<SubmissionRow[]> {
  return ownLane(db).submit({ hotkey, limit });
}

const ownLane = laneOf(readOwn, { statements: 2, most: 16, weight: () => 1 });

async function readOwn(
  db: Db,
  readers: readonly { hotkey: string; limit: number }[],
): Promise<SubmissionRow[][]> {
  const rows = await prepared<Record<string, unknown> & { at: number }>(
    db,
    Prisma.sql`
    SELECT i.at::int, ${COLUMNS} FROM unnest(${columns(readers, [
      ['text', ({ hotkey }) => hotkey],
      ['int4', ({ limit }) => limit],
    ])}) WITH ORDINALITY AS i(hotkey, most, at)
      CROSS JOIN LATERAL (SELECT * FROM managed_miner_submissions WHERE miner_hotkey = i.hotkey
        ORDER BY created_at DESC, submission_seq DESC LIMIT i.most) s
      LEFT JOIN LATERAL (SELECT * FROM managed_deployments WHERE submission_id = s.id
        ORDER BY created_at DESC LIMIT 1) d ON true
    ORDER BY i.at, s.created_at DESC, s.submission_seq DESC`,
  );
  return byPlace(rows, readers).map((own) => own.map(({ at: _place, ...row }) => submissionRow(row)));
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
