/** What the two `start` commands have in common: both keep processes up on this machine until they are told to stop. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { choosePort, type Parts } from '../adapters/local-stack';
import type { Logger } from '../adapters/logging';
import { projectRoot } from '../adapters/project-root';
import { EXIT } from './exit-codes';

export const say = (text: string) => process.stderr.write(`${text}\n`);

/** Those of the entry points, as paths below `build/`, that were not built. */
export function notBuilt(entries: readonly string[]): string[] {
  return entries.filter((entry) => !existsSync(join(projectRoot(), 'build', ...entry.split('/'))));
}

/**
 * Ports of the product's own processes, unless the environment names them: the usual ones, or free ones if taken.
 * @param variables the usual port by the variable that names another
 */
export async function choosePorts(
  env: NodeJS.ProcessEnv,
  variables: Readonly<Record<string, number>>,
): Promise<Record<string, string>> {
  const chosen: Record<string, string> = {};
  for (const [name, usual] of Object.entries(variables)) {
    if (env[name]) continue;
    const port = await choosePort([usual]);
    if (port !== usual) say(`port ${usual} is taken: ${name} is ${port}`);
    chosen[name] = String(port);
  }
  return chosen;
}

/** Says when a process ends that should not have, and when it is back. */
export function sayWhatEnds(supervisor: Parts['supervisor']): void {
  supervisor.on('exited', ({ name, reason, expected }) => {
    if (!expected) say(`${name} ${reason} (log: ${supervisor.logFileOf(name)})`);
  });
  supervisor.on('restarted', ({ name, pid, restarts }) =>
    say(`${name} was restarted (process ${pid}, restart ${restarts})`),
  );
}

/** Says why it ends, stops what runs, and ends the process with the exit code (that of a failure where stopping fails too). */
export function failAfter(
  stop: () => Promise<void>,
  logger: Logger,
): (message: string, exitCode?: number) => void {
  return (message, exitCode: number = EXIT.failed) => {
    say(message);
    void stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.error('stopping failed', { error });
        process.exit(EXIT.failed);
      },
    );
  };
}
