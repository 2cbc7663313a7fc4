import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../project-root';
import { bubblewrapIsolation } from './bubblewrap-isolation';
import { containerIsolation } from './container-isolation';
import { IsolationUnavailable } from './errors';
import type { Isolation, IsolationConfig } from './types';

/**
 * Finds out whether untrusted code can be isolated on this machine, by doing it: looks for bubblewrap or a container
 * engine and an interpreter, and runs a program in them that looks for holes.
 * @throws IsolationUnavailable with what is missing and how to get it
 */
export async function createIsolation(config: IsolationConfig): Promise<Isolation> {
  const runner = readFileSync(join(projectRoot(), 'adapters', 'isolation', 'runner.py'), 'utf8');
  const backend = config.bwrap ? 'bubblewrap' : (config.backend ?? 'auto');
  if (backend === 'bubblewrap') return bubblewrapIsolation(config, runner);
  if (backend === 'container') return containerIsolation(config, runner);
  const failures: string[] = [];
  for (const isolate of [bubblewrapIsolation, containerIsolation]) {
    try {
      const isolation = await isolate(config, runner);
      return { ...isolation, warnings: [...failures, ...isolation.warnings] };
    } catch (error) {
      if (!(error instanceof IsolationUnavailable)) throw error;
      failures.push(error.message);
    }
  }
  throw new IsolationUnavailable(failures.join('\nA container in its place: '));
}
