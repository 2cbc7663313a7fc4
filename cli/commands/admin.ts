/** `eirel-ai admin ...`: the owner's commands as the original has them (api.md section 6). */
import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import type { Api } from '../api';
import { UsageError } from '../exit-codes';
import { wholeNumber } from '../options';
import { fields, listTable } from '../output';
import { Session } from '../session';
import { deploymentsTable, submissionsTable } from './columns';
import type * as Addresses from '../../adapters/keys/address';

// Loaded when it is needed, since the cryptography behind it takes longer than most commands.
const load = createRequire(__filename);
const addresses = () => load('../../adapters/keys/address') as typeof Addresses;

/** Opening the next run may start deployments. */
const ADVANCE_MS = 300_000;

interface ChangeOptions {
  yes?: boolean;
  dryRun?: boolean;
}

/** Adds `eirel-ai admin`. */
export function registerAdmin(program: Command): void {
  const admin = program.command('admin').description("the owner's commands; signed with the owner's wallet");
  registerWhoami(admin);
  registerValidators(admin);
  registerRuns(admin);
  registerNeurons(admin);
  const submissions = admin.command('submissions').description('what miners have submitted');
  listCommand(submissions, readSubmissions, submissionsTable);
  const deployments = admin.command('deployments').description('agents and where they run');
  listCommand(deployments, readDeployments, deploymentsTable);
}

/** Submissions of everybody, latest first. */
export const readSubmissions = ({ owner }: Api, limit: number): Promise<Schema<'AdminSubmission'>[]> =>
  answerOf(owner.GET('/v1/admin/submissions', { params: { query: { limit } } }));

/** Deployments of everybody, recently updated first. */
export const readDeployments = ({ owner }: Api, limit: number): Promise<Schema<'AdminDeployment'>[]> =>
  answerOf(owner.GET('/v1/admin/deployments', { params: { query: { limit } } }));

/** Adds `list [--limit N]` of an admin list to a group; `eirel-ai submissions list` is the same command. */
export function listCommand<T>(
  group: Command,
  read: (api: Api, limit: number) => Promise<T[]>,
  asTable: (rows: T[]) => string,
): void {
  group
    .command('list')
    .description('list them, latest first')
    .option('--limit <n>', 'how many, 1 to 200', wholeNumber(1), 50)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const session = new Session(command);
      session.printer.data(await session.withApi('owner', (api) => read(api, limit)), asTable);
    });
}

function registerWhoami(admin: Command): void {
  admin
    .command('whoami')
    .description('check that the wallet is the owner that the server knows')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const whoami = await session.withApi('owner', ({ owner }) => answerOf(owner.GET('/v1/admin/whoami')));
      session.printer.data(whoami, (me) =>
        fields([
          ['role', me.role],
          ['hotkey', me.hotkey],
          ['network', me.network],
          ['netuid', me.netuid],
          ['coldkey', me.coldkey ?? 'unknown'],
          ['uid', me.uid ?? 'none'],
          ['permit', me.validator_permit],
          ['stake', me.stake_tao === null ? 'unknown' : `${me.stake_tao} TAO`],
          ['missing', me.missing.length === 0 ? 'nothing' : me.missing.join('; ')],
        ]),
      );
    });
}

const validatorsTable = listTable<Schema<'Validator'>>(
  [
    { head: 'UID', value: (row) => row.uid, right: true },
    { head: 'HOTKEY', value: (row) => row.hotkey },
    { head: 'STAKE', value: (row) => row.stake, right: true },
    { head: 'ACTIVE', value: (row) => row.is_active },
    { head: 'SYNCED', value: (row) => row.last_synced_at },
  ],
  'no validators',
);

const VALIDATOR = '/v1/admin/validators/{hotkey}';
const validatorPath = (hotkey: string): string => VALIDATOR.replace('{hotkey}', encodeURIComponent(hotkey));

function registerValidators(admin: Command): void {
  const validators = admin.command('validators').description('who may judge');
  validators
    .command('list')
    .description('list them by uid')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const rows = await session.withApi('owner', ({ owner }) => answerOf(owner.GET('/v1/admin/validators')));
      session.printer.data(rows, validatorsTable);
    });
  changing(validators.command('add <hotkey>').description('add a validator, or enable and update one'))
    .option('--uid <n>', 'its uid on the subnet', wholeNumber(0), 0)
    .option('--stake <n>', 'its stake', wholeNumber(0), 0)
    .action(
      async (hotkey: string, options: ChangeOptions & { uid: number; stake: number }, command: Command) => {
        const body = { hotkey: checkedHotkey(hotkey), uid: options.uid, stake: options.stake };
        await change(command, options, {
          request: { method: 'POST', path: '/v1/admin/validators', body },
          send: ({ owner }) => answerOf(owner.POST('/v1/admin/validators', { body })),
        });
      },
    );
  changing(validators.command('remove <hotkey>').description('take a validator off the list')).action(
    async (hotkey: string, options: ChangeOptions, command: Command) => {
      await change(command, options, {
        request: { method: 'DELETE', path: validatorPath(hotkey), body: null },
        send: ({ owner }) => answerOf(owner.DELETE(VALIDATOR, { params: { path: { hotkey } } })),
        question: `Remove validator ${hotkey}?`,
      });
    },
  );
  for (const [verb, is_active] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    changing(
      validators.command(`${verb} <hotkey>`).description(`${verb} a validator without losing its row`),
    ).action(async (hotkey: string, options: ChangeOptions, command: Command) => {
      const body = { is_active };
      await change(command, options, {
        request: { method: 'PATCH', path: validatorPath(hotkey), body },
        send: ({ owner }) => answerOf(owner.PATCH(VALIDATOR, { params: { path: { hotkey } }, body })),
        ...(is_active ? {} : { question: `Disable validator ${hotkey}?` }),
      });
    });
  }
}

function checkedHotkey(hotkey: string): string {
  if (addresses().isSs58Address(hotkey)) return hotkey;
  throw new UsageError(`${JSON.stringify(hotkey)} is not an SS58 address with prefix 42`, [
    'check it for a missing or swapped character',
  ]);
}

function changing(command: Command): Command {
  return command.option('--yes', 'do not ask').option('--dry-run', 'show the request and send nothing');
}

interface Change {
  /** What `--dry-run` shows. */
  request: { method: 'POST' | 'PATCH' | 'DELETE'; path: string; body: object | null };
  send: (api: Api) => Promise<object>;
  /** Asked first where something is taken away. */
  question?: string;
}

/**
 * Sends a change. On a terminal it asks first where something is taken away; without one it acts at once, as scripts
 * written for the original expect.
 */
async function change(
  command: Command,
  options: ChangeOptions,
  { request, send, question }: Change,
): Promise<void> {
  const session = new Session(command);
  const asTable = (value: object): string => fields(Object.entries(value));
  if (options.dryRun) return session.printer.data<object>({ dry_run: true, ...request }, asTable);
  if (question !== undefined && session.canAsk) await session.confirm(question, options.yes);
  session.printer.data(await session.withApi('owner', send), asTable);
}

const adminRunsTable = listTable<Schema<'AdminRun'>>(
  [
    { head: 'RUN', value: (row) => row.id },
    { head: 'SEQ', value: (row) => row.sequence, right: true },
    { head: 'STATUS', value: (row) => row.status },
    { head: 'STARTED', value: (row) => row.started_at },
    { head: 'ENDS', value: (row) => row.ends_at },
    { head: 'CLOSED', value: (row) => row.closed_at },
  ],
  'no runs',
);

function registerRuns(admin: Command): void {
  const runs = admin.command('runs').description('evaluation runs');
  runs
    .command('list')
    .description('the last 20 runs')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const rows = await session.withApi('owner', ({ owner }) => answerOf(owner.GET('/v1/admin/runs')));
      session.printer.data(rows, adminRunsTable);
    });
  runs
    .command('current')
    .description('the open run')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const current = await session.withApi('owner', ({ owner }) =>
        answerOf(owner.GET('/v1/admin/runs/current')),
      );
      session.printer.data(current, (run) =>
        run.status === 'no_open_run' ? 'no run is open' : fields(Object.entries(run)),
      );
    });
  changing(runs.command('advance').description('end the open run now and open the next one')).action(
    async (options: ChangeOptions, command: Command) => {
      await change(command, options, {
        request: { method: 'POST', path: '/v1/admin/runs/advance', body: null },
        send: (api) => answerOf(api.within(ADVANCE_MS).POST('/v1/admin/runs/advance')),
        question: 'End the open run now and open the next one?',
      });
    },
  );
}

function registerNeurons(admin: Command): void {
  const neuronsTable = listTable<Schema<'Neuron'>>(
    [
      { head: 'UID', value: (row) => row.uid, right: true },
      { head: 'HOTKEY', value: (row) => row.hotkey },
      { head: 'STAKE', value: (row) => row.stake_tao, right: true },
      { head: 'PERMIT', value: (row) => row.validator_permit },
      { head: 'ACTIVE', value: (row) => row.active },
      { head: 'UPDATED', value: (row) => row.last_update_block, right: true },
      { head: 'AXON', value: (row) => row.axon ?? '' },
      { head: 'BLOCK', value: (row) => row.block, right: true },
      { head: 'SYNCED', value: (row) => row.last_synced_at },
    ],
    'no neurons: the metagraph was not read yet',
  );
  const neurons = admin.command('neurons').description('hotkeys registered on the subnet');
  neurons
    .command('sync')
    .description('read them from the chain now, beside the schedule')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const synced = await session.withApi('owner', ({ owner }) =>
        answerOf(owner.POST('/v1/admin/neurons/sync')),
      );
      session.printer.data(synced, ({ block, neurons: count }) => `${count} neurons as of block ${block}`);
    });
  neurons
    .command('list')
    .description('list them by uid')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const rows = await session.withApi('owner', ({ owner }) => answerOf(owner.GET('/v1/admin/neurons')));
      session.printer.data(rows, neuronsTable);
    });
}
