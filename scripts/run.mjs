/**
 * The one entry of the npm scripts: makes a clean clone work with nothing set up but Node.
 * usage: node scripts/run.mjs <build|demo|start|test|cli> [arguments]
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { Failure, foreground } from './child.mjs';
import { ensurePackages } from './install.mjs';
import { ensureNative } from './native.mjs';
import { say } from './progress.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_NEEDED = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = NODE_NEEDED;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new Failure(
    `Node ${process.versions.node} is too old: ${NODE_NEEDED.join('.')} or newer is needed. ` +
      'Get it from https://nodejs.org or with your version manager (for example `nvm install 22`).',
  );
}

/** Runs a compiled entry point in the foreground and returns its exit code. */
function program(entry, args) {
  const path = join(ROOT, 'build', ...entry.split('/'));
  if (!existsSync(path))
    throw new Failure(`build/${entry} was not built: this checkout has no source for it`);
  return foreground(process.execPath, ['--enable-source-maps', path, ...args], { cwd: process.cwd() });
}

const VERBS = {
  build: async () => 0,
  demo: (args) => program('demo/main.js', args),
  start: (args) => program('cli/main.js', ['start', ...args]),
  cli: (args) => program('cli/main.js', args),
  test: async (args) => (await import('./test.mjs')).runTests(ROOT, args),
};

async function main() {
  const [verb, ...args] = process.argv.slice(2);
  const run = Object.hasOwn(VERBS, verb ?? '') ? VERBS[verb] : undefined;
  if (!run) {
    say(`usage: node scripts/run.mjs <${Object.keys(VERBS).join('|')}> [arguments]`);
    return 2;
  }
  checkNode();
  // Compiled beside the downloads.
  const native = ensureNative(ROOT);
  await ensurePackages(ROOT);
  await build(ROOT);
  await native;
  return run(args);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    say(error instanceof Failure ? error.message : (error?.stack ?? String(error)));
    process.exitCode = error instanceof Failure ? error.exitCode : 1;
  },
);
