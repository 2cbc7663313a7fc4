import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnerFault } from '../types';
import { readIfExists } from './files';
import { isAlive, ownIdentity } from './procfs';

const RETRY_MS = 50;

/**
 * Runs work while holding a lock file that names its holder; a lock whose holder has died is taken over.
 * @param waitSeconds how long to wait for another holder
 * @throws OwnerFault `busy` when the wait was in vain
 */
export async function withLock<T>(path: string, waitSeconds: number, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { pid, startTicks } = ownIdentity();
  const mine = `${pid} ${startTicks} ${randomBytes(8).toString('hex')}`;
  const deadline = Date.now() + waitSeconds * 1000;
  while (!(await tryAcquire(path, mine))) {
    if (Date.now() > deadline)
      throw new OwnerFault('busy', `another operation has held ${path} for ${waitSeconds} s`);
    await sleep(RETRY_MS);
  }
  try {
    return await work();
  } finally {
    if ((await readIfExists(path)) === mine) await rm(path, { force: true });
  }
}

async function tryAcquire(path: string, mine: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(mine).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const held = await readIfExists(path);
  if (held === null) return false;
  const [pid, startTicks] = held.split(' ');
  // An empty file is a holder between its two steps, or one that died there; the next look tells.
  if (!pid || !startTicks) await sleep(RETRY_MS * 4);
  else if (isAlive({ pid: Number(pid), startTicks })) return false;
  if ((await readIfExists(path)) !== held) return false;
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  await rename(path, aside).catch(() => undefined);
  // Another waiter may have replaced the dead lock by its own just before; give that one back.
  const taken = await readIfExists(aside);
  if (taken !== null && taken !== held) await rename(aside, path);
  else await rm(aside, { force: true });
  return false;
}
