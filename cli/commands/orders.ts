/** `eirel-ai submission ban|unban`, `deployment drain|undrain`, `task re-enrich`, `enrichments list`, `weights publish|cancel`, `admin actions|stuck`. */
import { Option, type Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import { UsageError } from '../exit-codes';
import { wholeNumber } from '../options';
import { commandGroup, giveOrder, withOrderOptions, type OrderOptions } from '../order-command';
import { listTable, table } from '../output';
import { runIdOf } from '../run-api';
import { Session } from '../session';

/** Adds the orders to their commands; call it after those that make the commands. */
export function registerOrders(program: Command): void {
  registerBans(commandGroup(program, 'submission', 'one submission'));
  registerDrains(commandGroup(program, 'deployment', 'one deployment'));
  registerReEnrich(commandGroup(program, 'task', 'one task of a run'));
  registerPublications(commandGroup(program, 'weights', 'the weights of a run'));
  registerEnrichments(commandGroup(program, 'enrichments', 'tasks whose truth oracles are asked for'));
  const admin = commandGroup(program, 'admin', 'the owner');
  registerActions(admin);
  registerStuck(admin);
}

function registerBans(submission: Command): void {
  withOrderOptions(submission.command('ban <id>'))
    .description('refuse its hotkey from now on, with the reason, and withdraw what it has submitted')
    .action(async (id: string, options: OrderOptions, command: Command) => {
      if (options.reason.trim() === '') throw new UsageError('a ban needs its --reason: the miner is told');
      await giveOrder(command, options, `Ban the hotkey of submission ${id}?`, (owner, body) =>
        answerOf(owner.POST('/v1/admin/submissions/{id}/ban', { params: { path: { id } }, body })),
      );
    });
  withOrderOptions(submission.command('unban <hotkey>'))
    .description('let a banned hotkey submit again')
    .action((hotkey: string, options: OrderOptions, command: Command) =>
      giveOrder(command, options, `Lift the ban of ${hotkey}?`, (owner, body) =>
        answerOf(owner.POST('/v1/admin/hotkeys/{hotkey}/unban', { params: { path: { hotkey } }, body })),
      ),
    );
}

function registerDrains(deployment: Command): void {
  withOrderOptions(deployment.command('drain <id>'))
    .description('no new tasks; running leases finish, then it stops until it is let go')
    .action((id: string, options: OrderOptions, command: Command) =>
      giveOrder(command, options, `Drain deployment ${id}?`, (owner, body) =>
        answerOf(owner.POST('/v1/admin/deployments/{id}/drain', { params: { path: { id } }, body })),
      ),
    );
  withOrderOptions(deployment.command('undrain <id>'))
    .description('let runs start a drained deployment again')
    .action((id: string, options: OrderOptions, command: Command) =>
      giveOrder(command, options, `Let deployment ${id} run again?`, (owner, body) =>
        answerOf(owner.POST('/v1/admin/deployments/{id}/undrain', { params: { path: { id } }, body })),
      ),
    );
}

function registerReEnrich(task: Command): void {
  withOrderOptions(task.command('re-enrich <run> <task>'))
    .description('ask the oracles again about a task whose truth is not settled')
    .action((run: string, taskId: string, options: OrderOptions, command: Command) =>
      giveOrder(command, options, `Ask the oracles about ${taskId} of ${run} again?`, (owner, body) =>
        answerOf(
          owner.POST('/v1/admin/runs/{id}/tasks/{task_id}/re-enrich', {
            params: { path: { id: run, task_id: taskId } },
            body,
          }),
        ),
      ),
    );
}

const enrichmentsTable = listTable<Schema<'Enrichment'>>(
  [
    { head: 'TASK', value: (row) => row.task_id },
    { head: 'STATUS', value: (row) => row.status },
    { head: 'ORACLES', value: (row) => row.oracle_status },
    { head: 'COST USD', value: (row) => row.cost_usd.toFixed(4), right: true },
    { head: 'SETTLED', value: (row) => row.settled_at },
    { head: 'WHY', value: (row) => row.reason },
  ],
  'no task of this run depends on oracles',
);

function registerEnrichments(enrichments: Command): void {
  enrichments
    .command('list [run]')
    .description('how far the oracles are with each task of a run (the current one), why, and what it cost')
    .addOption(new Option('--status <status>', 'only these').choices(['pending', 'ready', 'failed']))
    .action(
      async (
        argument: string | undefined,
        options: { status?: 'pending' | 'ready' | 'failed' },
        command: Command,
      ) => {
        const session = new Session(command);
        const rows = await session.withApi('owner', async (api) => {
          const id = await runIdOf(api, argument);
          const query = options.status ? { status: options.status } : {};
          return answerOf(
            api.owner.GET('/v1/admin/runs/{id}/enrichments', { params: { path: { id }, query } }),
          );
        });
        session.printer.data(rows, enrichmentsTable);
      },
    );
}

function registerPublications(weights: Command): void {
  withOrderOptions(weights.command('publish <run>'))
    .description('have the weights of a closed run published now, by the validators that publish from here')
    .option('--hotkey <ss58>', 'only by this validator')
    .action((run: string, options: OrderOptions & { hotkey?: string }, command: Command) =>
      giveOrder(command, options, `Publish the weights of ${run}?`, (owner, body) =>
        answerOf(
          owner.POST('/v1/admin/publications/publish', {
            body: { ...body, run_id: run, ...(options.hotkey ? { hotkey: options.hotkey } : {}) },
          }),
        ),
      ),
    );
  withOrderOptions(weights.command('cancel <run>'))
    .description('have running publications give up before their next extrinsic')
    .option('--hotkey <ss58>', 'only those of this validator')
    .action((run: string, options: OrderOptions & { hotkey?: string }, command: Command) =>
      giveOrder(command, options, `Cancel the publications of ${run}?`, (owner, body) =>
        answerOf(
          owner.POST('/v1/admin/publications/cancel', {
            body: { ...body, run_id: run, ...(options.hotkey ? { hotkey: options.hotkey } : {}) },
          }),
        ),
      ),
    );
}

function registerActions(admin: Command): void {
  admin
    .command('actions')
    .description('what operators ordered, latest first: who, when, why, by which way, and what came of it')
    .option('--target <id>', 'only about this run, submission or deployment')
    .option('--limit <n>', 'rows at the most', wholeNumber(1, 200), 50)
    .action(async (options: { target?: string; limit: number }, command: Command) => {
      const session = new Session(command);
      const query = { limit: options.limit, ...(options.target ? { target: options.target } : {}) };
      const rows = await session.withApi('owner', ({ owner }) =>
        answerOf(owner.GET('/v1/admin/actions', { params: { query } })),
      );
      session.printer.data(rows, (actions) => actionsText(actions));
    });
}

function registerStuck(admin: Command): void {
  admin
    .command('stuck')
    .description('what is stuck and why: workflows that something keeps from going on')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const rows = await session.withApi('owner', ({ owner }) => answerOf(owner.GET('/v1/admin/stuck')));
      session.printer.data(rows, stuckText);
    });
}

function stuckText(rows: Schema<'StuckWorkflow'>[]): string {
  if (rows.length === 0) return 'nothing is stuck';
  return table(rows, [
    { head: 'WORKFLOW', value: (row) => row.workflow_id },
    { head: 'STATUS', value: (row) => row.status ?? '' },
    { head: 'STEP', value: (row) => row.step },
    { head: 'WHY', value: (row) => row.reason },
  ]);
}

function actionsText(rows: Schema<'OperatorAction'>[]): string {
  if (rows.length === 0) return 'nobody has ordered anything';
  return table(rows, [
    { head: 'WHEN', value: (row) => row.at },
    { head: 'ACTION', value: (row) => row.action },
    { head: 'TARGET', value: (row) => row.target },
    { head: 'RESULT', value: (row) => row.outcome },
    { head: 'BY', value: (row) => row.actor },
    { head: 'VIA', value: (row) => row.via },
    { head: 'WHY', value: (row) => row.reason },
    { head: 'MESSAGE', value: (row) => row.message },
  ]);
}
