import type { Command } from 'commander';
import { registerRunSteering } from './run-steer';
import { registerRunVerify } from './run-verify';
import { registerRunWatch } from './run-watch';

/** Adds `eirel-ai run watch|pause|resume|close|extend|open|retry|verify`. */
export function registerRun(program: Command): void {
  const run = program.command('run').description('one run: follow, steer, verify');
  registerRunWatch(run);
  registerRunSteering(run);
  registerRunVerify(run);
}
