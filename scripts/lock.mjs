/** A lock file that holds the pid of its owner, so that two builds of the same checkout wait for one another. */
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const holderOf = (path) => {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
};

function tryTake(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, `${process.pid}\n`);
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead owner's lock away, and puts it back if a living process took it over in the meantime. */
function removeAbandoned(path) {
  const moved = `${path}.${process.pid}.abandoned`;
  try {
    renameSync(path, moved);
    const holder = holderOf(moved);
    if (holder !== undefined && !Number.isNaN(holder) && isAlive(holder)) linkSync(moved, path);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(moved, { force: true });
  }
}

/**
 * Runs `work` while holding the lock at `path`. Waits while a living process holds it; a lock left by a dead
 * process is taken over.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @param {(pid: number) => void} [onWait] called once when there is somebody to wait for
 * @returns {Promise<T>}
 */
export async function withLock(path, work, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  let emptySince;
  while (!tryTake(path)) {
    const holder = holderOf(path);
    if (holder === process.pid) throw new Error(`${path} is already held by this process`);
    // An empty file is one whose owner is between creating and writing it; only a lasting one is a leftover.
    const empty = Number.isNaN(holder);
    emptySince = empty ? (emptySince ?? Date.now()) : undefined;
    const abandoned = empty ? Date.now() - emptySince > 2000 : holder !== undefined && !isAlive(holder);
    if (abandoned) removeAbandoned(path);
    else if (holder !== undefined && !empty && !told) {
      told = true;
      onWait(holder);
    }
    await sleep(abandoned ? Math.random() * 50 : 200);
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
