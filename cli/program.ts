import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { projectRoot } from '../adapters/project-root';
import { registerAdmin } from './commands/admin';
import { registerCompletion } from './commands/completion';
import { registerDeployment } from './commands/deployment';
import { registerLists } from './commands/lists';
import { registerMiner } from './commands/miner';
import { registerOrders } from './commands/orders';
import { registerRun } from './commands/run';
import { registerSubmission } from './commands/submission';
import { registerValidator } from './commands/validator';
import { FORMATS } from './output';
import type * as StartCommand from './commands/start';
import type * as MigrateCommand from './commands/migrate';

const load = createRequire(__filename);

/**
 * The command line. Errors are thrown, never exited on.
 * @param argv what will be run: `start` and `migrate` bring much of the product along, and are left out where another
 *   command is called; without it, everything is there
 */
export function buildProgram(argv: readonly string[] = []): Command {
  const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('eirel-ai')
    .description('Runs and steers the owner control-plane of the EIREL subnet.')
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError()
    .configureHelp({ showGlobalOptions: true })
    .addOption(
      new Option(
        '-o, --output <format>',
        'how data is printed (a table on a terminal, JSON elsewhere)',
      ).choices(FORMATS),
    )
    .option('--api-url <url>', 'address of the owner API')
    .option('--profile <name>', 'settings from profiles.yaml')
    .option('--wallet-name <name>', 'wallet that signs')
    .option('--hotkey-name <name>', 'its hotkey')
    .option('--wallet-path <path>', 'folder of the wallets');
  registerRun(program);
  registerLists(program);
  registerSubmission(program);
  registerDeployment(program);
  registerMiner(program);
  registerAdmin(program);
  registerValidator(program);
  registerOrders(program);
  const called = argv.find((argument) => !argument.startsWith('-'));
  if (!program.commands.some((command) => command.name() === called)) registerServer(program);
  registerCompletion(program);
  return program;
}

function registerServer(program: Command): void {
  const { registerStart } = load('./commands/start') as typeof StartCommand;
  const { registerMigrate } = load('./commands/migrate') as typeof MigrateCommand;
  registerStart(program);
  registerMigrate(program);
}
