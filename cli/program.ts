import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { projectRoot } from '../adapters/project-root';
import { registerAdmin } from './commands/admin';
import { registerCompletion } from './commands/completion';
import { registerLists } from './commands/lists';
import { registerMigrate } from './commands/migrate';
import { registerMiner } from './commands/miner';
import { registerRun } from './commands/run';
import { registerStart } from './commands/start';
import { registerSubmission } from './commands/submission';
import { FORMATS } from './output';

/** The whole command line. Errors are thrown, never exited on. */
export function buildProgram(): Command {
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
  registerStart(program);
  registerMigrate(program);
  registerRun(program);
  registerLists(program);
  registerSubmission(program);
  registerMiner(program);
  registerAdmin(program);
  registerCompletion(program);
  return program;
}
