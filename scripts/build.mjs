/** The build: Prisma client, TypeScript, Temporal workflow bundle; each step only when its inputs changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative, sep } from 'node:path';
import { quietly } from './child.mjs';
import { withLock } from './lock.mjs';
import { say, step } from './progress.mjs';
import { transpile } from './transpile.mjs';

const BUNDLE = 'workflow-bundle.js';
const OWN_OUTPUTS = new Set([BUNDLE, `${BUNDLE}.map`]);

/** Every file below `dir` for which `accept(path)` holds, sorted, as absolute paths. */
function filesBelow(dir, accept) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter(accept)
    .sort();
}

/** One digest over names and contents, so that the same text at another time is the same build. */
function digestOf(root, paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    if (!existsSync(path)) continue;
    hash.update(relative(root, path)).update('\0').update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

/** The TypeScript and JSON files that tsconfig.json includes, but for the tests: jest translates those itself. */
function sourcesOf(root) {
  const { include, exclude } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const excluded = (exclude ?? []).map((path) => join(root, path) + sep);
  const accept = (path) =>
    /\.(tsx?|json)$/.test(path) &&
    !path.endsWith('.d.ts') &&
    !excluded.some((prefix) => path.startsWith(prefix));
  const built = include.filter((path) => path !== 'test');
  return built.flatMap((path) => {
    const full = join(root, path);
    return extname(path) === '' ? filesBelow(full, accept) : existsSync(full) ? [full] : [];
  });
}

/**
 * Brings `build/` up to date with the sources.
 * Steps that have nothing to do are silent. Safe to call from several processes at once: they take turns.
 * @param {string} root the checkout
 */
export async function build(root) {
  const out = join(root, 'build');
  mkdirSync(out, { recursive: true });
  await withLock(
    join(out, '.lock'),
    () => buildSteps(root, out),
    (pid) => say(`waiting for another build (process ${pid})`),
  );
}

async function buildSteps(root, out) {
  const stampFile = join(out, '.stamps.json');
  let stamps = {};
  try {
    stamps = JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
  }
  const stamp = (name, digest) => {
    stamps[name] = digest;
    writeFileSync(stampFile, JSON.stringify(stamps, null, 2));
  };
  const require = createRequire(join(root, 'package.json'));
  const versionOf = (name) =>
    JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version;

  const schema = join(root, 'prisma', 'schema.prisma');
  if (existsSync(schema)) {
    const digest = `${versionOf('prisma')} ${digestOf(root, [schema, join(root, 'prisma.config.ts')])}`;
    const generated = join(root, 'adapters', 'postgres', 'generated');
    if (stamps.prisma !== digest || !existsSync(generated)) {
      await step('Prisma client', () =>
        quietly(
          process.execPath,
          [join(dirname(require.resolve('prisma/package.json')), 'build', 'index.js'), 'generate'],
          {
            cwd: root,
            what: 'prisma generate',
            // `generate` never runs the schema engine, it only wants one to be there instead of downloading it.
            env: {
              PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
              ...process.env,
              CHECKPOINT_DISABLE: '1',
              PRISMA_HIDE_UPDATE_MESSAGE: '1',
            },
          },
        ),
      );
      stamp('prisma', digest);
    }
  }

  const label = (count) => (work) => step(`TypeScript (${count} ${count === 1 ? 'file' : 'files'})`, work);
  stamp('sources', await transpile(root, out, sourcesOf(root), stamps.sources ?? {}, OWN_OUTPUTS, label));

  const bundler = join(out, 'workers', 'bundle.js');
  if (existsSync(bundler)) {
    const isScript = (path) => path.endsWith('.js');
    const inputs = ['workflows', 'domain', 'activities'].flatMap((dir) =>
      filesBelow(join(out, dir), isScript),
    );
    const bundleDigest = digestOf(root, [join(root, 'package-lock.json'), bundler, ...inputs]);
    if (stamps.bundle !== bundleDigest || !existsSync(join(out, BUNDLE))) {
      await step('Temporal workflow bundle', () =>
        quietly(process.execPath, [bundler], { cwd: root, what: 'the workflow bundle' }),
      );
      stamp('bundle', bundleDigest);
    }
  }
}
