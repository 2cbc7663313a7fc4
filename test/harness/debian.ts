/** Programs of Debian packages, taken out of them without installing anything. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { TOOLS } from './tools';

/**
 * Directory with the content of a Debian package, fetched at the first call and kept in the cache of the tests.
 * @returns null where no Debian mirror can be asked
 */
export function debianPackage(name: string): string | null {
  const place = join(TOOLS, 'debian', name);
  if (existsSync(place)) return place;
  mkdirSync(join(TOOLS, 'debian'), { recursive: true });
  const stage = mkdtempSync(join(TOOLS, 'debian', `.${name}-`));
  try {
    const fetched = (): boolean =>
      spawnSync('apt-get', ['download', '-q', name], { cwd: stage, timeout: 120_000 }).status === 0;
    if (!fetched()) {
      // A fresh container has no lists of packages.
      spawnSync('apt-get', ['update', '-q'], { timeout: 120_000 });
      if (!fetched()) return null;
    }
    const file = readdirSync(stage).find((one) => one.endsWith('.deb'));
    if (file === undefined) return null;
    const unpacked = spawnSync('dpkg-deb', ['-x', file, 'x'], { cwd: stage });
    if (unpacked.status !== 0) return null;
    renameSync(join(stage, 'x'), place);
    return place;
  } catch (error) {
    // Another test process was quicker.
    if (existsSync(place)) return place;
    throw error;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Path of a program in the search path, or null. */
export function installed(program: string): string | null {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return directories.map((place) => join(place, program)).find((path) => existsSync(path)) ?? null;
}
