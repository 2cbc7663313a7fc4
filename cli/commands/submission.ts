/** `eirel-ai submission show|withdraw`: one submission. */
import { Option, type Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import type { Api } from '../api';
import { orderBodyOf, type OrderOptions } from '../order-command';
import { fields, printable, table } from '../output';
import { Session } from '../session';
import type { Role } from '../settings';
import { shown } from '../watch';
import { readDeployments, readSubmissions } from './admin';

/** The workflow may be in the middle of a step. */
const WITHDRAW_MS = 60_000;

/** A submission and how it came to be where it is. */
export interface SubmissionStory {
  /** null for the owner when it is not among the latest 200. */
  submission: Schema<'AdminSubmission'> | null;
  deployment: Pick<Schema<'AdminDeployment'>, 'id' | 'status' | 'health_status'> | null;
  journey: Schema<'SubmissionJourney'>;
}

export const asOption = (): Option =>
  new Option('--as <role>', 'whose wallet signs').choices(['owner', 'miner']).default('owner');

/** Adds `eirel-ai submission`. */
export function registerSubmission(program: Command): void {
  const submission = program.command('submission').description('one submission');
  submission
    .command('show <id>')
    .description('where it stands, why, and every step so far')
    .addOption(asOption())
    .option('--watch', 'look again until it has ended or is ready to be evaluated')
    .action(async (id: string, options: { as: Role; watch?: boolean }, command: Command) => {
      const session = new Session(command);
      await session.withApi(options.as, (api) =>
        shown(session, options.watch, () => submissionStory(api, id, options.as), storyText, hasSettled),
      );
    });
  submission
    .command('logs <id>')
    .description('what its build printed, also while it runs')
    .addOption(asOption())
    .action(async (id: string, options: { as: Role }, command: Command) => {
      const session = new Session(command);
      const log = await session.withApi(options.as, ({ owner }) =>
        answerOf(owner.GET('/v1/submissions/{id}/build-log', { params: { path: { id } }, parseAs: 'text' })),
      );
      session.printer.data({ submission_id: id, lines: log.replace(/\n$/, '').split('\n') }, ({ lines }) =>
        lines.map(printable).join('\n'),
      );
    });
  submission
    .command('withdraw <id>')
    .description('take it out of the evaluation for good')
    .addOption(asOption())
    .option('--reason <text>', 'why; kept with the submission', '')
    .option('--dry-run', 'say what it would do and change nothing')
    .option('--yes', 'do not ask')
    .option('--order-id <id>', 'name of this order: sent twice, it is carried out once')
    .action(withdraw);
}

async function withdraw(id: string, options: OrderOptions & { as: Role }, command: Command): Promise<void> {
  const session = new Session(command);
  const body = orderBodyOf(options);
  await session.withApi(options.as, async (api) => {
    if (!options.dryRun) await session.confirm(`Withdraw submission ${id} for good?`, options.yes);
    const answer = await answerOf(
      api.within(WITHDRAW_MS).POST('/v1/submissions/{id}/withdraw', { params: { path: { id } }, body }),
    );
    session.printer.data(answer, (value) => fields(Object.entries(value)));
  });
}

function readJourney(api: Api, id: string): Promise<SubmissionStory['journey']> {
  return answerOf(api.owner.GET('/v1/submissions/{id}/events', { params: { path: { id } } }));
}

const SETTLED = ['deployed_for_eval', 'build_failed', 'rejected', 'withdrawn', 'retired'];

/** True once nothing more happens to a submission before its run. */
export const hasSettled = (story: SubmissionStory | null): boolean =>
  story !== null && SETTLED.includes(story.journey.status);

/**
 * Reads a submission and its events.
 * @param role who signs: a miner reads its own submission, the owner reads the lists of all
 */
export async function submissionStory(api: Api, id: string, role: Role): Promise<SubmissionStory> {
  const journey = await readJourney(api, id);
  if (role === 'miner') {
    const params = { path: { id } };
    const { deployment, ...submission } = await answerOf(api.owner.GET('/v1/submissions/{id}', { params }));
    return { submission, deployment, journey };
  }
  const [submissions, deployments] = await Promise.all([
    readSubmissions(api, 200),
    readDeployments(api, 200),
  ]);
  return {
    submission: submissions.find((row) => row.id === id) ?? null,
    deployment: deployments.find((row) => row.submission_id === id) ?? null,
    journey,
  };
}

/** A story for people. */
export function storyText({ submission, deployment, journey }: SubmissionStory): string {
  const head = fields([
    ['submission', journey.submission_id],
    ...(submission
      ? ([
          ['miner', submission.miner_hotkey],
          ['number', submission.submission_seq],
          ['family', submission.family_id],
          ['run', submission.introduced_run_id],
          ['received', submission.created_at],
        ] as const)
      : []),
    ['status', journey.status],
    ['reason', journey.reason],
    ['now', journey.now ? `${journey.now.step}: ${journey.now.reason}` : null],
    ['deployment', deployment ? `${deployment.id}, ${deployment.status}, ${deployment.health_status}` : null],
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
