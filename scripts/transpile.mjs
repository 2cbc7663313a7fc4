/** TypeScript to JavaScript, file by file: types are checked by `npm run typecheck`, not by the build. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { Failure } from './child.mjs';

// The same as jest's, so that what is tested is what runs; `import()` stays, since some packages need it.
const OPTIONS = (name) => ({
  swcrc: false,
  sourceMaps: true,
  module: { type: 'commonjs', ignoreDynamic: true },
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', tsx: name.endsWith('.tsx') },
    transform: { react: { runtime: 'automatic', importSource: 'hono/jsx' } },
    keepClassNames: true,
  },
});
const AT_ONCE = 16;

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const outputsOf = (name) =>
  /\.tsx?$/.test(name) ? [name.replace(/\.tsx?$/, '.js'), name.replace(/\.tsx?$/, '.js.map')] : [name];

/** Removes files of `out` that no source has made, so that a deleted module cannot still be loaded. */
function removeStale(out, kept) {
  if (!existsSync(out)) return;
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && /\.(js|js\.map|json)$/.test(entry.name) && !kept.has(relative(out, path))) {
      rmSync(path, { force: true });
    }
  }
  const emptied = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort((a, b) => b.length - a.length);
  for (const dir of emptied) if (readdirSync(dir).length === 0) rmdirSync(dir);
}

/**
 * Translates the sources that changed since the last time and copies JSON files beside them.
 * @param {string} root the checkout
 * @param {string} out where the result goes, laid out as the sources are
 * @param {string[]} sources absolute paths of `.ts`, `.tsx` and `.json` files
 * @param {Record<string, string>} before digests by source name, as returned by the last call
 * @param {Set<string>} foreign files of `out` that others make
 * @param {(count: number) => (work: () => Promise<void>) => Promise<void>} progress shows work on `count` files
 * @returns {Promise<Record<string, string>>} digests by source name
 */
export async function transpile(root, out, sources, before, foreign, progress) {
  const require = createRequire(join(root, 'package.json'));
  const compiler = `${require('@swc/core/package.json').version} ${JSON.stringify(OPTIONS('.tsx'))}`;
  const digests = {};
  const pending = [];
  for (const path of sources) {
    const name = relative(root, path);
    let bytes;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      // Deleted since the folder was listed.
      if (error.code === 'ENOENT') continue;
      throw error;
    }
    digests[name] = sha256(`${compiler}\0${sha256(bytes)}`);
    const present = outputsOf(name).every((output) => existsSync(join(out, output)));
    if (before[name] !== digests[name] || !present)
      pending.push({ name, path, text: bytes.toString('utf8') });
  }
  if (pending.length > 0) {
    await progress(pending.length)(async () => {
      const swc = require('@swc/core');
      const errors = [];
      const one = async ({ name, path, text }) => {
        const [code, map] = outputsOf(name).map((output) => join(out, output));
        mkdirSync(dirname(code), { recursive: true });
        if (!map) return writeFileSync(code, text);
        try {
          const filename = path;
          const sourceFileName = relative(dirname(map), path);
          const result = await swc.transform(text, { ...OPTIONS(name), filename, sourceFileName });
          writeFileSync(map, result.map);
          writeFileSync(code, `${result.code}//# sourceMappingURL=${code.split('/').at(-1)}.map\n`);
        } catch (error) {
          delete digests[name];
          errors.push(`${name}: ${error.message}`);
        }
      };
      for (let index = 0; index < pending.length; index += AT_ONCE) {
        await Promise.all(pending.slice(index, index + AT_ONCE).map(one));
      }
      if (errors.length > 0) throw new Failure(`these files are not valid TypeScript:\n${errors.join('\n')}`);
    });
  }
  removeStale(out, new Set([...foreign, ...Object.keys(digests).flatMap(outputsOf)]));
  return digests;
}
