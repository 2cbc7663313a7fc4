/** `eirel-ai admin ...`: the owner's commands as the original has them (api.md section 6). */
import { createRequire } from 'node:module';
import type { Command } from 'commander';
import { z } from 'zod';
import {
  adminDeploymentPayload,
  adminNeuronPayload,
  adminRunPayload,
  adminSubmissionPayload,
  advancePayload,
  validatorChangePayload,
  validatorPayload,
  whoamiPayload,
} from '../../domain/contracts/admin';
import { UsageError } from '../exit-codes';
import { wholeNumber } from '../options';
import { fields, listTable } from '../output';
import { Session } from '../session';
import { deploymentsTable, submissionsTable } from './columns';
import type * as Addresses from '../../adapters/keys/address';

// Loaded when it is needed, since the cryptography behind it takes longer than most commands.
const load = createRequire(__filename);
const addresses = () => load('../../adapters/keys/address') as typeof Addresses;

const READ_MS = 30_000;
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
  listCommand(submissions, '/v1/admin/submissions', adminSubmissionPayload, submissionsTable);
  const deployments = admin.command('deployments').description('agents and where they run');
  listCommand(deployments, '/v1/admin/deployments', adminDeploymentPayload, deploymentsTable);
}

/** Adds `list [--limit N]` of an admin list to a group; `eirel-ai submissions list` is the same command. */
export function listCommand<T extends z.ZodObject>(
  group: Command,
  path: string,
  row: T,
  asTable: (rows: z.output<T>[]) => string,
): void {
  group
    .command('list')
    .description('list them, latest first')
    .option('--limit <n>', 'how many, 1 to 200', wholeNumber(1), 50)
    .action(async (options: { limit: number }, command: Command) => {
      const session = new Session(command);
      const answer = z.array(row.loose()) as unknown as z.ZodType<z.output<T>[]>;
      const rows = await read(session, path, answer, { limit: options.limit });
      session.printer.data(rows, asTable);
    });
}

function read<T extends z.ZodType>(
  session: Session,
  path: string,
  answer: T,
  query: Record<string, string | number | undefined> = {},
): Promise<z.output<T>> {
  return session.withApi('owner', ({ client }) =>
    client.send({ method: 'GET', path, query, answer, timeoutMs: READ_MS, idempotent: true }),
  );
}

function registerWhoami(admin: Command): void {
  admin
    .command('whoami')
    .description('check that the wallet is the owner that the server knows')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      session.printer.data(await read(session, '/v1/admin/whoami', whoamiPayload.loose()), (me) =>
        fields([
          ['role', me.role],
          ['hotkey', me.hotkey],
          ['network', me.network],
          ['netuid', me.netuid],
        ]),
      );
    });
}

const validatorsTable = listTable<z.output<typeof validatorPayload>>(
  [
    { head: 'UID', value: (row) => row.uid, right: true },
    { head: 'HOTKEY', value: (row) => row.hotkey },
    { head: 'STAKE', value: (row) => row.stake, right: true },
    { head: 'ACTIVE', value: (row) => row.is_active },
    { head: 'SYNCED', value: (row) => row.last_synced_at },
  ],
  'no validators',
);

function registerValidators(admin: Command): void {
  const validators = admin.command('validators').description('who may judge');
  validators
    .command('list')
    .description('list them by uid')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const rows = await read(session, '/v1/admin/validators', z.array(validatorPayload.loose()));
      session.printer.data(rows, validatorsTable);
    });
  changing(validators.command('add <hotkey>').description('add a validator, or enable and update one'))
    .option('--uid <n>', 'its uid on the subnet', wholeNumber(0), 0)
    .option('--stake <n>', 'its stake', wholeNumber(0), 0)
    .action(
      async (hotkey: string, options: ChangeOptions & { uid: number; stake: number }, command: Command) => {
        const json = { hotkey: checkedHotkey(hotkey), uid: options.uid, stake: options.stake };
        await change(command, options, { method: 'POST', path: '/v1/admin/validators', json });
      },
    );
  changing(validators.command('remove <hotkey>').description('take a validator off the list')).action(
    async (hotkey: string, options: ChangeOptions, command: Command) => {
      const path = `/v1/admin/validators/${encodeURIComponent(hotkey)}`;
      await change(command, options, { method: 'DELETE', path }, `Remove validator ${hotkey}?`);
    },
  );
  for (const [verb, is_active] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    changing(
      validators.command(`${verb} <hotkey>`).description(`${verb} a validator without losing its row`),
    ).action(async (hotkey: string, options: ChangeOptions, command: Command) => {
      const path = `/v1/admin/validators/${encodeURIComponent(hotkey)}`;
      const question = is_active ? null : `Disable validator ${hotkey}?`;
      await change(command, options, { method: 'PATCH', path, json: { is_active } }, question);
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

interface Request {
  method: 'POST' | 'PATCH' | 'DELETE';
  path: string;
  json?: object;
}

/**
 * Sends a change. On a terminal it asks first where something is taken away; without one it acts at once, as scripts
 * written for the original expect.
 */
async function change(
  command: Command,
  options: ChangeOptions,
  request: Request,
  question: string | null = null,
  answer: z.ZodType = validatorChangePayload.loose(),
  timeoutMs = READ_MS,
): Promise<void> {
  const session = new Session(command);
  const asTable = (value: unknown): string => fields(Object.entries(value as Record<string, unknown>));
  if (options.dryRun) {
    const { method, path, json } = request;
    return session.printer.data({ dry_run: true, method, path, body: json ?? null }, asTable);
  }
  if (question !== null && session.canAsk) await session.confirm(question, options.yes);
  const done = await session.withApi('owner', ({ client }) =>
    client.send({ ...request, answer, timeoutMs, idempotent: false }),
  );
  session.printer.data(done, asTable);
}

const adminRunsTable = listTable<z.output<typeof adminRunPayload>>(
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
      session.printer.data(
        await read(session, '/v1/admin/runs', z.array(adminRunPayload.loose())),
        adminRunsTable,
      );
    });
  runs
    .command('current')
    .description('the open run')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      const answer = z.union([
        adminRunPayload.omit({ closed_at: true }).loose(),
        z.looseObject({ status: z.literal('no_open_run') }),
      ]);
      session.printer.data(await read(session, '/v1/admin/runs/current', answer), (run) =>
        run.status === 'no_open_run' ? 'no run is open' : fields(Object.entries(run)),
      );
    });
  changing(runs.command('advance').description('end the open run now and open the next one')).action(
    async (options: ChangeOptions, command: Command) => {
      const request = { method: 'POST', path: '/v1/admin/runs/advance' } as const;
      const question = 'End the open run now and open the next one?';
      await change(command, options, request, question, advancePayload.loose(), ADVANCE_MS);
    },
  );
}

function registerNeurons(admin: Command): void {
  const neuronsTable = listTable<z.output<typeof adminNeuronPayload>>(
    [
      { head: 'UID', value: (row) => row.uid, right: true },
      { head: 'HOTKEY', value: (row) => row.hotkey },
      { head: 'SYNCED', value: (row) => row.last_synced_at },
    ],
    'no neurons: the metagraph was not read yet',
  );
  admin
    .command('neurons')
    .description('hotkeys registered on the subnet')
    .command('list')
    .description('list them by uid')
    .action(async (_options: object, command: Command) => {
      const session = new Session(command);
      session.printer.data(
        await read(session, '/v1/admin/neurons', z.array(adminNeuronPayload.loose())),
        neuronsTable,
      );
    });
}
