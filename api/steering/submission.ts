/** Taking submissions back and refusing their hotkeys. */
import type { SubmissionRow } from '../../adapters/postgres/submissions';
import { findSubmission } from '../../adapters/postgres/submissions';
import { HttpError } from '../../domain/http-errors';
import { SUBMISSION_MESSAGES, workflowIds } from '../../domain/messages';
import type { SubmissionStatusView, WithdrawRequest } from '../../domain/messages';
import { TERMINAL_SUBMISSION_STATUSES } from '../../domain/status';
import type { SubmissionStatus } from '../../domain/status';
import type { ApiDeps } from '../deps';
import { updateWorkflow } from '../temporal-control';
import { audited, senderOf, type OrderBody } from './audit';

const WITHDRAW_MS = 15_000;

const ended = (row: { status: string }): boolean =>
  TERMINAL_SUBMISSION_STATUSES.includes(row.status as SubmissionStatus);

/**
 * Takes a submission back, for its miner or the owner.
 * @throws HttpError 409 when it has ended in another way, 503 when its workflow is silent
 */
export async function withdrawSubmission(deps: ApiDeps, row: SubmissionRow, hotkey: string, body: OrderBody) {
  const answer = (status: string, reason: string) => ({ submission_id: row.id, status, reason });
  if (row.status !== 'withdrawn' && ended(row)) {
    throw new HttpError(
      409,
      `submission is ${row.status} and cannot be withdrawn: ${row.statusReason ?? ''}`,
    );
  }
  if (body.dry_run) {
    const would = row.status === 'withdrawn' ? 'it is withdrawn already' : 'would be withdrawn';
    return { ...answer(row.status, `${would}; nothing was changed`), dry_run: true };
  }
  const actor = hotkey === row.minerHotkey ? 'the miner' : 'the owner';
  await audited(
    deps,
    { ...senderOf(body, hotkey), action: 'submission.withdraw', target: row.id },
    async () => {
      if (row.status === 'withdrawn')
        return { outcome: 'unchanged', message: row.statusReason ?? 'withdrawn' };
      const view = await endSubmission(deps, row.id, { actor, reason: body.reason, via: 'api' });
      return { outcome: 'applied', message: view.reason };
    },
  );
  const after = (await findSubmission(deps.db, row.id)) ?? row;
  return answer(after.status, after.statusReason ?? '');
}

function endSubmission(deps: ApiDeps, id: string, request: WithdrawRequest): Promise<SubmissionStatusView> {
  return updateWorkflow(
    deps.temporal,
    workflowIds.submission(id),
    SUBMISSION_MESSAGES.withdraw,
    request,
    WITHDRAW_MS,
  );
}

/**
 * Refuses a hotkey from now on, with the reason, and takes back what it has submitted.
 * @throws HttpError 404, 422 without a reason, 503 when a workflow is silent (the ban itself holds then)
 */
export async function banSubmission(deps: ApiDeps, id: string, actor: string, body: OrderBody) {
  const named = await findSubmission(deps.db, id);
  if (!named) throw new HttpError(404, 'submission not found');
  const hotkey = named.minerHotkey;
  const ban = await deps.db.bannedHotkey.findUnique({ where: { hotkey } });
  const banned = ban !== null && ban.liftedAt === null;
  const live = await deps.db.managedMinerSubmission.findMany({
    where: { minerHotkey: hotkey, status: { notIn: [...TERMINAL_SUBMISSION_STATUSES] } },
  });
  const answer = (changed: boolean, message: string) => ({
    submission_id: id,
    hotkey,
    action: 'ban',
    changed,
    dry_run: body.dry_run,
    withdrawn: live.map((row) => row.id),
    message,
  });
  const already = `${hotkey} is banned already: ${ban?.reason ?? ''}`;
  if (body.dry_run) {
    return banned && live.length === 0
      ? answer(false, `${already}; nothing was changed`)
      : answer(false, `would ban ${hotkey} and withdraw ${live.length} submission(s); nothing was changed`);
  }
  const reason = banned ? ban.reason : body.reason;
  const done = await audited(
    deps,
    { ...senderOf(body, actor), action: 'submission.ban', target: id },
    async () => {
      if (banned && live.length === 0) return { outcome: 'unchanged', message: already };
      if (!banned) {
        const row = { hotkey, reason, bannedBy: actor, createdAt: deps.clock(), liftedAt: null };
        await deps.db.bannedHotkey.upsert({ where: { hotkey }, create: row, update: row });
      }
      for (const row of live) {
        await endSubmission(deps, row.id, { actor: 'the owner', reason: `banned: ${reason}`, via: 'api' });
      }
      return { outcome: 'applied', message: `${hotkey} is banned: ${reason}` };
    },
  );
  return answer(done.outcome === 'applied', done.message);
}

/** Lifts a ban; what was withdrawn stays so. @throws HttpError 404 when the hotkey was never banned */
export async function unbanHotkey(deps: ApiDeps, hotkey: string, actor: string, body: OrderBody) {
  const ban = await deps.db.bannedHotkey.findUnique({ where: { hotkey } });
  if (!ban) throw new HttpError(404, `${hotkey} is not banned`);
  const answer = (changed: boolean, message: string) => ({
    hotkey,
    action: 'unban',
    changed,
    dry_run: body.dry_run,
    message,
  });
  if (body.dry_run) {
    const would = ban.liftedAt
      ? 'its ban was lifted before'
      : `would lift the ban of ${hotkey} (${ban.reason})`;
    return answer(false, `${would}; nothing was changed`);
  }
  const done = await audited(
    deps,
    { ...senderOf(body, actor), action: 'hotkey.unban', target: hotkey },
    async () => {
      const { count } = await deps.db.bannedHotkey.updateMany({
        where: { hotkey, liftedAt: null },
        data: { liftedAt: deps.clock() },
      });
      return count > 0
        ? { outcome: 'applied', message: `${hotkey} may submit again` }
        : { outcome: 'unchanged', message: 'its ban was lifted before' };
    },
  );
  return answer(done.outcome === 'applied', done.message);
}
