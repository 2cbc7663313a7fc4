import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The directory that holds the package's own `package.json`, whether this runs from source or from `build/`.
 * @returns an absolute path without a trailing slash
 * @throws Error when no parent directory has a `package.json`
 */
export function projectRoot(from: string = __dirname): string {
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (dirname(directory) === directory) throw new Error(`no package.json in ${from} or above it`);
  }
}
