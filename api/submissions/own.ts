/** Reads that only the row's own hotkey may make. */
import { loadScorecards } from '../../adapters/postgres/runs-read';
import { findSubmission } from '../../adapters/postgres/submissions';
import type { SubmissionRow } from '../../adapters/postgres/submissions';
import type { ScorecardPayload } from '../../domain/contracts/scorecards';
import { HttpError } from '../../domain/http-errors';
import type { ApiDeps } from '../deps';

/**
 * A submission that the signer owns.
 * @param refusal text of the 403
 * @throws HttpError 404, 403
 */
export async function ownSubmission(
  deps: ApiDeps,
  id: string,
  hotkey: string,
  refusal = 'access denied',
): Promise<SubmissionRow> {
  const row = await findSubmission(deps.db, id);
  if (!row) throw new HttpError(404, 'submission not found');
  if (row.minerHotkey !== hotkey) throw new HttpError(403, refusal);
  return row;
}

/** As `ownSubmission`, and the owner of the subnet may too. */
export async function ownOrOwnersSubmission(
  deps: ApiDeps,
  id: string,
  hotkey: string,
): Promise<SubmissionRow> {
  const row = await findSubmission(deps.db, id);
  if (!row) throw new HttpError(404, 'submission not found');
  if (row.minerHotkey !== hotkey && hotkey !== deps.ownerHotkey) throw new HttpError(403, 'access denied');
  return row;
}

/** The newest scorecard of each submission. */
export async function latestScorecards(
  deps: ApiDeps,
  rows: readonly SubmissionRow[],
): Promise<Map<string, ScorecardPayload>> {
  const cards = await loadScorecards(deps.db, { submissionIds: rows.map((row) => row.id) });
  const latest = new Map<string, ScorecardPayload>();
  // Newest first, so the first of a submission is its latest.
  for (const card of cards) if (!latest.has(card.submission_id)) latest.set(card.submission_id, card);
  return latest;
}
