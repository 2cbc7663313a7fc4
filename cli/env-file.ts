import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { UsageError } from './exit-codes';

/**
 * Adds the variables of `.env` files to an environment. What is set already stays as it is, and an earlier folder
 * wins over a later one.
 * @param env changed in place
 * @param folders searched in order; one without a `.env` is skipped
 * @returns the files that were read
 * @throws UsageError for a file that is there and cannot be read
 */
export function loadEnvFiles(env: NodeJS.ProcessEnv, folders: readonly string[]): string[] {
  const read: string[] = [];
  for (const file of new Set(folders.map((folder) => join(resolve(folder), '.env')))) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'EISDIR') continue;
      throw new UsageError(`cannot read ${file}: ${code ?? (error as Error).message}`);
    }
    for (const [name, value] of Object.entries(parseEnv(text))) env[name] ??= value;
    read.push(file);
  }
  return read;
}
