/** `eirel-ai runs|submissions|deployments|weights`: what there is. */
import type { Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import { wholeNumber } from '../options';
import { fields, listTable, table } from '../output';
import { Session } from '../session';
import { listCommand, readDeployments, readSubmissions } from './admin';
import { deploymentsTable, submissionsTable } from './columns';

/** Adds `runs`, `submissions list`, `deployments` and `weights`; `submissions` is given back for its other verbs. */
export function registerLists(program: Command): void {
  registerRuns(program);
  listCommand(
    program.command('submissions').description('what miners have submitted (signed by the owner)'),
    readSubmissions,
    submissionsTable,
  );
  listCommand(
    program.command('deployments').description('agents and where they run (signed by the owner)'),
    readDeployments,
    deploymentsTable,
  );
  registerWeights(program);
}

/** Hotkeys of a run's winners; empty while it is open. */
function winnersOf(run: Schema<'Run'>): string {
  return Object.values(run.family_results)
    .map(({ winner_hotkey }) => winner_hotkey ?? 'none')
    .join(', ');
}

const runsTable = listTable<Schema<'Run'>>(
  [
    { head: 'RUN', value: (row) => row.run_id },
    { head: 'SEQ', value: (row) => row.sequence, right: true },
    { head: 'STATUS', value: (row) => row.status },
    { head: 'STARTED', value: (row) => row.started_at },
    { head: 'ENDS', value: (row) => row.ends_at },
    { head: 'CLOSED', value: (row) => row.closed_at },
    { head: 'WINNER', value: winnersOf },
  ],
  'no runs',
);

function registerRuns(program: Command): void {
  const runs = program.command('runs').description('evaluation runs (public, no wallet needed)');
  runs
    .command('list')
    .description('list them, latest first')
    .option('--limit <n>', 'how many, 1 to 200', wholeNumber(1, 200), 50)
    .option('--offset <n>', 'how many to leave out', wholeNumber(0), 0)
    .action(async (page: { limit: number; offset: number }, command: Command) => {
      const session = new Session(command);
      const { limit, offset } = page;
      const params = { query: { limit, offset } };
      session.printer.data(
        await session.withApi(null, ({ owner }) => answerOf(owner.GET('/v1/runs', { params }))),
        runsTable,
      );
    });
  runs
    .command('current')
    .description('the current run')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const run = await session.withApi(null, ({ owner }) => answerOf(owner.GET('/v1/runs/current')));
      session.printer.data(run, (row) =>
        fields([
          ['run', row.run_id],
          ['sequence', row.sequence],
          ['status', row.status],
          ['started', row.started_at],
          ['ends', row.ends_at],
          ['closed', row.closed_at],
          ['winner', winnersOf(row)],
        ]),
      );
    });
}

function registerWeights(program: Command): void {
  program
    .command('weights')
    .description('what a run pays (public)')
    .command('show')
    .description('the weights of a run, or of the latest completed one')
    .option('--run <run>', 'id of the run')
    .action(async (options: { run?: string }, command: Command) => {
      const session = new Session(command);
      const params = { query: options.run === undefined ? {} : { run_id: options.run } };
      session.printer.data(
        await session.withApi(null, ({ owner }) => answerOf(owner.GET('/v1/weights', { params }))),
        weightsText,
      );
    });
}

function weightsText(answer: Schema<'Weights'>): string {
  if (!answer.ready) {
    return `no weights${answer.run_id ? ` for ${answer.run_id}` : ''} yet: they are computed when a run closes`;
  }
  const assigned = Object.values(answer.weights).reduce((sum, weight) => sum + weight, 0);
  const rows = Object.entries(answer.weights).sort(([, a], [, b]) => b - a);
  const head = fields([
    ['run', answer.run_id],
    ['evidence sha256', answer.evidence_sha256],
    ['signed by', answer.signature ? answer.signer_hotkey : 'nobody'],
  ]);
  const weights = table(
    [...rows, ['burned to uid 0', Math.max(0, 1 - assigned)] as const],
    [
      { head: 'HOTKEY', value: ([hotkey]) => hotkey },
      { head: 'WEIGHT', value: ([, weight]) => weight, right: true },
    ],
  );
  const winners = table(answer.family_winners, [
    { head: 'FAMILY', value: (row) => row.family_id },
    { head: 'WINNER', value: (row) => row.winner_hotkey ?? 'none' },
    { head: 'SHARE', value: (row) => row.family_weight, right: true },
    { head: 'SCORE', value: (row) => row.official_family_score, right: true },
  ]);
  return [head, weights, winners].join('\n\n');
}
