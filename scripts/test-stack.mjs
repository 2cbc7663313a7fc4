/**
 * Keeps one stack of real servers for tests that are run without `npm test` (an editor, `npx jest`).
 * It is started by the harness when it is needed, shared by all test processes of the checkout, and ends by
 * itself a minute after the last of them. usage: node scripts/test-stack.mjs (the address file is
 * .eirel/test/shared/addresses.json, its users are the files in .eirel/test/shared/users)
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { ensurePackages } from './install.mjs';
import { ensureNative } from './native.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const HOME = join(ROOT, '.eirel', 'test', 'shared');
const ADDRESSES = join(HOME, 'addresses.json');
const USERS = join(HOME, 'users');
const IDLE_MS = 60_000;

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Forgets users that are gone and says whether any is left. */
function inUse() {
  const users = readdirSync(USERS);
  const alive = users.filter((name) => isAlive(Number(name)));
  for (const name of users) if (!alive.includes(name)) rmSync(join(USERS, name), { force: true });
  return alive.length > 0;
}

async function main() {
  mkdirSync(USERS, { recursive: true });
  rmSync(ADDRESSES, { force: true });
  await ensurePackages(ROOT);
  await build(ROOT);
  await ensureNative(ROOT);
  const require = createRequire(join(ROOT, 'package.json'));
  const { startParts, onTermination, DataDirBusyError } = require(
    join(ROOT, 'build', 'adapters', 'local-stack'),
  );
  const { createLogger } = require(join(ROOT, 'build', 'adapters', 'logging'));
  const logger = createLogger('test-stack', 'warn');
  let parts;
  const stop = async () => {
    rmSync(ADDRESSES, { force: true });
    await parts?.stop();
  };
  onTermination(stop, { logger });
  try {
    parts = await startParts({
      dataDir: join(HOME, 'data'),
      toolsDir: join(ROOT, '.eirel', 'tools'),
      ports: 'free',
      logger,
      onProgress: (message) => process.stderr.write(`${message}\n`),
      throwaway: true,
      purpose: 'test stack',
    });
  } catch (error) {
    if (!(error instanceof DataDirBusyError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return;
  }
  const draft = `${ADDRESSES}.draft`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, ...parts.env }), { mode: 0o600 });
  renameSync(draft, ADDRESSES);
  let lastUse = Date.now();
  const timer = setInterval(() => {
    if (inUse()) lastUse = Date.now();
    // A user that came in the last moment has touched the folder.
    else if (Date.now() - Math.max(lastUse, statSync(USERS).mtimeMs) > IDLE_MS) {
      clearInterval(timer);
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    }
  }, 2000);
}

main().catch((error) => {
  process.stderr.write(`${error?.message ?? error}\n`);
  process.exit(1);
});
