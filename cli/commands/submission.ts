/** `eirel-ai submission show|withdraw`: one submission. */
import { Option, type Command } from 'commander';
import type { z } from 'zod';
import {
  ownSubmissionPayload,
  submissionJourneyPayload,
  withdrawPayload,
} from '../../domain/contracts/submissions';
import { fields, table } from '../output';
import type { Api } from '../api';
import { Session } from '../session';
import type { Role } from '../settings';

const READ_MS = 30_000;

const submissionAnswer = ownSubmissionPayload
  .pick({ id: true, miner_hotkey: true, submission_seq: true, family_id: true, introduced_run_id: true })
  .extend(ownSubmissionPayload.pick({ status: true, archive_sha256: true, created_at: true }).shape)
  .extend({ deployment: ownSubmissionPayload.shape.deployment })
  .loose();
type SubmissionAnswer = z.output<typeof submissionAnswer>;
type Journey = z.output<typeof submissionJourneyPayload>;

/** A submission and how it came to be where it is. */
export interface SubmissionStory {
  submission: SubmissionAnswer;
  journey: Journey;
}

const asOption = (): Option =>
  new Option('--as <role>', 'whose wallet signs').choices(['owner', 'miner']).default('owner');

/** Adds `eirel-ai submission`. */
export function registerSubmission(program: Command): void {
  const submission = program.command('submission').description('one submission');
  submission
    .command('show <id>')
    .description('where it stands, why, and every step so far')
    .addOption(asOption())
    .action(async (id: string, options: { as: Role }, command: Command) => {
      const session = new Session(command);
      session.printer.data(await session.withApi(options.as, (api) => submissionStory(api, id)), storyText);
    });
  submission
    .command('withdraw <id>')
    .description('take it out of the evaluation for good')
    .addOption(asOption())
    .option('--reason <text>', 'why; kept with the submission', '')
    .option('--dry-run', 'show where it stands and change nothing')
    .option('--yes', 'do not ask')
    .action(withdraw);
}

async function withdraw(
  id: string,
  options: { as: Role; reason: string; dryRun?: boolean; yes?: boolean },
  command: Command,
): Promise<void> {
  const session = new Session(command);
  await session.withApi(options.as, async (api) => {
    if (options.dryRun) {
      const { submission } = await submissionStory(api, id);
      const would = {
        dry_run: true,
        submission_id: submission.id,
        status: submission.status,
        reason: options.reason,
      };
      return session.printer.data(would, (value) => fields(Object.entries(value)));
    }
    await session.confirm(`Withdraw submission ${id} for good?`, options.yes);
    const answer = await api.client.send({
      method: 'POST',
      path: `/v1/submissions/${encodeURIComponent(id)}/withdraw`,
      json: { reason: options.reason },
      answer: withdrawPayload.loose(),
      timeoutMs: 60_000,
      idempotent: false,
    });
    session.printer.data(answer, (value) => fields(Object.entries(value)));
  });
}

/** Reads a submission and its events. */
export async function submissionStory(api: Api, id: string): Promise<SubmissionStory> {
  const path = `/v1/submissions/${encodeURIComponent(id)}`;
  const read = { method: 'GET', timeoutMs: READ_MS, idempotent: true } as const;
  const [submission, journey] = await Promise.all([
    api.client.send({ ...read, path, answer: submissionAnswer }),
    api.client.send({ ...read, path: `${path}/events`, answer: submissionJourneyPayload.loose() }),
  ]);
  return { submission, journey };
}

/** A story for people. */
export function storyText({ submission, journey }: SubmissionStory): string {
  const { deployment } = submission;
  const head = fields([
    ['submission', submission.id],
    ['miner', submission.miner_hotkey],
    ['number', submission.submission_seq],
    ['family', submission.family_id],
    ['run', submission.introduced_run_id],
    ['status', submission.status],
    ['reason', journey.reason],
    ['now', journey.now ? `${journey.now.step}: ${journey.now.reason}` : null],
    ['archive sha256', submission.archive_sha256],
    ['received', submission.created_at],
    ['deployment', deployment?.id],
    ['deployed as', deployment ? `${deployment.status}, ${deployment.health_status}` : null],
  ]);
  if (journey.events.length === 0) return head;
  const events = table(journey.events, [
    { head: 'WHEN', value: (row) => row.created_at },
    { head: 'STEP', value: (row) => row.step },
    { head: 'OUTCOME', value: (row) => row.outcome },
    { head: 'REASON', value: (row) => row.reason },
  ]);
  return `${head}\n\n${events}`;
}
