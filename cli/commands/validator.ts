/** `eirel-ai validator ...`: what a validator runs on its own machine. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ValidatorProgressView } from '../../domain/messages';
import { CliError, EXIT, UsageError } from '../exit-codes';
import { fields, table } from '../output';
import { Session } from '../session';
import type * as Doctor from '../doctor';
import type * as Start from './validator-start';
import type * as Wallets from '../../adapters/keys/wallet';
import type * as LocalStack from '../../adapters/local-stack';
import type * as Temporal from '../../adapters/temporal';
import type * as Loop from '../../adapters/validator-loop';

// Loaded when they are needed: chain and Temporal take longer to load than most commands take to run.
const load = createRequire(__filename);

interface DataOptions {
  dataDir?: string;
}

/** Adds `eirel-ai validator`. */
export function registerValidator(program: Command): void {
  const validator = program.command('validator').description('run and steer a validator on this machine');
  const dataOption = [
    '--data-dir <path>',
    'where its data is kept (EIREL_VALIDATOR_DATA_DIR, else .eirel/validator)',
  ] as const;

  validator
    .command('start')
    .description(
      'run everything of a validator until Ctrl-C: judge, engine, publisher, and Temporal where none is named',
    )
    .option(...dataOption)
    .action(async (options: DataOptions, command: Command) => {
      const { startValidator } = load('./validator-start') as typeof Start;
      await startValidator(environment(command), dataDirOf(options, process.env));
    });

  validator
    .command('doctor')
    .description('look at everything that a validator needs, and say what to do about what is missing')
    .option(...dataOption)
    .action(async (options: DataOptions, command: Command) => {
      const session = new Session(command);
      const { diagnose } = load('../doctor') as typeof Doctor;
      const { exitCode, ...diagnosis } = await diagnose(
        environment(command),
        dataDirOf(options, process.env),
      );
      session.printer.data(diagnosis, ({ checks }) =>
        table(checks, [
          { head: 'check', value: ({ check }) => check },
          { head: '', value: ({ status }) => status },
          { head: 'found', value: ({ found }) => found },
          { head: 'what to do', value: ({ fix }) => fix ?? '' },
        ]),
      );
      if (session.printer.format === 'table') {
        session.say(diagnosis.ok ? 'nothing stands in the way' : 'mend what failed, then run this again');
      }
      process.exitCode = exitCode;
    });

  validator
    .command('status')
    .description('how the loop stands: tasks under way, endings, the last error, the last publication')
    .option(...dataOption)
    .action(async (options: DataOptions, command: Command) => {
      const session = new Session(command);
      const view = await withLoop(command, options, (loop) => loop.progress());
      session.printer.data(view, progressTable);
    });

  for (const verb of ['pause', 'resume'] as const) {
    validator
      .command(verb)
      .description(verb === 'pause' ? 'claim nothing more; what is leased is finished' : 'claim again')
      .option(...dataOption)
      .option('--reason <text>', 'shown with the status')
      .option('--dry-run', 'say what it would do')
      .action(async (options: DataOptions & { reason?: string; dryRun?: boolean }, command: Command) => {
        const session = new Session(command);
        const view = await withLoop(command, options, async (loop) => {
          if (!options.dryRun) {
            await loop[verb]({ via: 'cli', ...(options.reason ? { reason: options.reason } : {}) });
          }
          return loop.progress();
        });
        if (options.dryRun) session.say(`would ${verb} the validator; nothing was changed`);
        session.printer.data(view, progressTable);
      });
  }
}

/** The environment with the global wallet and address options in the variables that the validator reads. */
function environment(command: Command): NodeJS.ProcessEnv {
  const { walletName, hotkeyName, walletPath, apiUrl } = command.optsWithGlobals<{
    walletName?: string;
    hotkeyName?: string;
    walletPath?: string;
    apiUrl?: string;
  }>();
  const named = walletName ?? hotkeyName ?? walletPath;
  return {
    ...process.env,
    ...(named ? { EIREL_VALIDATOR_MNEMONIC: '' } : {}),
    ...(walletName ? { EIREL_VALIDATOR_WALLET_NAME: walletName } : {}),
    ...(hotkeyName ? { EIREL_VALIDATOR_HOTKEY_NAME: hotkeyName } : {}),
    ...(walletPath ? { EIREL_VALIDATOR_WALLET_PATH: walletPath } : {}),
    ...(apiUrl ? { OWNER_API_URL: apiUrl } : {}),
  };
}

function dataDirOf(options: DataOptions, env: NodeJS.ProcessEnv): string {
  return resolve(options.dataDir || env.EIREL_VALIDATOR_DATA_DIR || join('.eirel', 'validator'));
}

async function withLoop<T>(
  command: Command,
  options: DataOptions,
  work: (loop: Loop.LoopHandle) => Promise<T>,
): Promise<T> {
  const { hotkeyFromEnv } = load('../../adapters/keys/wallet') as typeof Wallets;
  const { runningStackEnv } = load('../../adapters/local-stack') as typeof LocalStack;
  const { connectTemporal, temporalConfigFromEnv } = load('../../adapters/temporal') as typeof Temporal;
  const { LoopHandle } = load('../../adapters/validator-loop') as typeof Loop;
  const env = environment(command);
  const running = runningStackEnv(dataDirOf(options, env));
  if (!env.TEMPORAL_ADDRESS && !running) {
    throw new UsageError('no validator runs here, and TEMPORAL_ADDRESS names no server to ask', [
      'start it with: eirel-ai validator start',
      'or name its data with --data-dir, or its Temporal server in TEMPORAL_ADDRESS',
    ]);
  }
  const hotkey = await hotkeyFromEnv(env, 'EIREL_VALIDATOR');
  const config = temporalConfigFromEnv({ ...running, ...env });
  const client = await connectTemporal(config).catch((error: unknown) => {
    throw new CliError(`Temporal at ${config.address} was not reached`, EXIT.temporary, [], { cause: error });
  });
  try {
    return await work(new LoopHandle(client, hotkey.ss58));
  } catch (error) {
    const name = (error as Error).name;
    if (name === 'WorkflowNotFoundError') {
      throw new CliError(`validator ${hotkey.ss58} was never started on ${config.address}`, EXIT.notFound, [
        'start it with: eirel-ai validator start',
      ]);
    }
    throw new CliError(
      `the loop of ${hotkey.ss58} does not answer: ${(error as Error).message}`,
      EXIT.temporary,
      ['its process may be down: see its log, or start it with: eirel-ai validator start'],
    );
  } finally {
    await client.connection.close();
  }
}

function progressTable(view: ValidatorProgressView): string {
  const { ended, publication } = view;
  const lines = fields([
    ['hotkey', view.hotkey],
    ['phase', view.phase],
    ['reason', view.reason],
    [
      'ended',
      `${ended.submitted} submitted, ${ended.released} given back, ${ended.lost} lost, ${ended.rejected} refused`,
    ],
    ['last claim', view.lastClaimAt ?? 'never'],
    ['last error', view.lastError ? `${view.lastError.at} ${view.lastError.message}` : 'none'],
    [
      'weights',
      publication
        ? `${publication.runId}: ${publication.step ?? 'under way'} ${publication.reason ?? ''}`
        : 'none published yet',
    ],
  ]);
  if (view.activeTasks.length === 0) return lines;
  const tasks = table(view.activeTasks, [
    { head: 'task', value: (task) => task.taskId },
    { head: 'run', value: (task) => task.runId },
    { head: 'step', value: (task) => task.step },
    { head: 'miners', value: (task) => task.miners },
    { head: 'claimed', value: (task) => task.claimedAt },
  ]);
  return `${lines}\n\n${tasks}`;
}
