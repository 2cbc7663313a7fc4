/**
 * The native sr25519 module: built from `native/` where Rust's cargo is installed, kept with the other tools under the
 * digest of its sources, and copied to `build/native/`. Without it signatures are verified in WebAssembly, which is slower
 * and otherwise the same, so nothing that goes wrong here stops anybody.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { say } from './progress.mjs';

const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', join('src', 'lib.rs')];
/** Compiling takes about 40 s of processor time; whoever waits longer than this goes on without. */
const LIMIT_MS = 240_000;
/** A build that failed (no network, an old compiler) is tried again after a day. */
const RETRY_MS = 24 * 3600_000;

function place(root) {
  const hash = createHash('sha256');
  for (const name of SOURCES) hash.update(readFileSync(join(root, 'native', name))).update('\0');
  const key = `${hash.digest('hex').slice(0, 16)}-${process.platform}-${process.arch}`;
  const tools = join(process.env.EIREL_TOOLS_DIR ?? join(root, '.eirel', 'tools'), 'native');
  return { tools, kept: join(tools, `${key}.node`), failed: join(tools, `${key}.failed`) };
}

function library() {
  return (
    { darwin: 'libeirel_native.dylib', win32: 'eirel_native.dll' }[process.platform] ?? 'libeirel_native.so'
  );
}

/** Whether the module can be loaded by this Node at all. */
const loads = (path) =>
  spawnSync(process.execPath, ['-e', `require(${JSON.stringify(path)}).verifyPackedSync(Buffer.alloc(0))`])
    .status === 0;

/** Runs cargo to its end. @returns {Promise<string | null>} why it failed, or null */
function cargo(root, target) {
  return new Promise((resolve) => {
    const args = [
      'build',
      '--release',
      '--locked',
      '--quiet',
      '--manifest-path',
      join(root, 'native', 'Cargo.toml'),
    ];
    const child = spawn('cargo', args, {
      env: { ...process.env, CARGO_TARGET_DIR: target },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, so that its compilers end with it.
      detached: true,
    });
    const kill = () => {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    };
    let tail = '';
    child.stderr.on('data', (chunk) => (tail = `${tail}${chunk}`.slice(-2000)));
    const timer = setTimeout(kill, LIMIT_MS);
    // Ends with this process, whatever that ends by.
    process.once('exit', kill);
    const settle = (reason) => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve(reason);
    };
    child.once('error', (error) =>
      settle(error.code === 'ENOENT' ? 'cargo is not installed' : error.message),
    );
    child.once('close', (code, signal) =>
      settle(
        code === 0 ? null : signal ? `ended by ${signal}` : tail.trim().split('\n').slice(-5).join('\n'),
      ),
    );
  });
}

/**
 * Starts to bring `build/native/sr25519.node` up to date, while the caller does something else.
 * @param {string} root the checkout
 * @returns {Promise<void>} never rejects
 */
export async function ensureNative(root) {
  if (process.env.EIREL_SR25519 === 'wasm' || !existsSync(join(root, 'native', 'Cargo.lock'))) return;
  try {
    const { tools, kept, failed } = place(root);
    if (!existsSync(kept)) {
      if (
        existsSync(failed) &&
        Date.now() - Number(readFileSync(failed, 'utf8').split('\n', 1)[0]) < RETRY_MS
      )
        return;
      mkdirSync(tools, { recursive: true });
      await withLock(join(tools, '.lock'), () => compile(root, { tools, kept, failed }));
    }
    if (existsSync(kept)) install(root, kept);
  } catch (error) {
    say(`signatures will be verified in WebAssembly: ${error.message}`);
  }
}

async function compile(root, { tools, kept, failed }) {
  if (existsSync(kept)) return;
  const target = join(tools, 'target');
  const began = Date.now();
  let reason = await cargo(root, target);
  const made = join(target, 'release', library());
  if (reason === null) {
    const draft = `${kept}.${process.pid}.node`;
    copyFileSync(made, draft);
    if (loads(draft)) renameSync(draft, kept);
    else reason = 'what was built cannot be loaded';
    rmSync(draft, { force: true });
  }
  rmSync(failed, { force: true });
  if (reason === null) {
    say(`native signature verification built in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    return;
  }
  writeFileSync(failed, `${Date.now()}\n${reason}\n`);
  say(`signatures will be verified in WebAssembly, which is slower: ${reason}`);
}

function install(root, kept) {
  const dir = join(root, 'build', 'native');
  const path = join(dir, 'sr25519.node');
  if (existsSync(path) && readFileSync(path).equals(readFileSync(kept))) return;
  mkdirSync(dir, { recursive: true });
  // Renamed into place: a process that has the old one loaded keeps it.
  const draft = `${path}.${process.pid}`;
  copyFileSync(kept, draft);
  renameSync(draft, path);
}
