import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Random text of 256 bits that needs no quoting in a URL or a shell. */
function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * Reads named secrets from a JSON file, making those that are not there yet. The file is readable by its owner
 * only, and is created whole: two processes at once end up with the same secrets.
 * @param path of the file
 * @param names the secrets wanted
 * @throws Error when the file cannot be read as such; it is then left alone
 */
export function keptSecrets<Name extends string>(path: string, names: readonly Name[]): Record<Name, string> {
  for (;;) {
    let present: Record<string, unknown> | undefined;
    try {
      present = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw new Error(
          `${path} cannot be read as a file of secrets (${(error as Error).name}); restore or remove it`,
        );
      }
    }
    const missing = names.filter((name) => typeof present?.[name] !== 'string' || present[name] === '');
    if (present && missing.length === 0) {
      const found = present;
      return Object.fromEntries(names.map((name) => [name, found[name]])) as Record<Name, string>;
    }
    const complete = { ...present, ...Object.fromEntries(missing.map((name) => [name, randomSecret()])) };
    mkdirSync(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}.draft`;
    writeFileSync(draft, JSON.stringify(complete, null, 2), { mode: 0o600 });
    try {
      if (present) rmSync(path);
      linkSync(draft, path);
    } catch (error) {
      // Somebody else wrote it first: theirs counts, and is read in the next turn.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EEXIST' && code !== 'ENOENT') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
