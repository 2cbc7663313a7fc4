import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, isRunning } from './process-table';
import type { ProcessIdentity } from './process-table';

/** Who holds a lock. */
export interface LockHolder extends ProcessIdentity {
  /** What the holder does, for messages. */
  purpose: string;
}

/** Thrown when a lock is held by a living process. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
  constructor(
    readonly path: string,
    readonly holder: LockHolder,
  ) {
    super(`${path} is held by process ${holder.pid} (${holder.purpose})`);
  }
}

function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockHolder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The living holder of the lock at `path`, if there is one. */
export function lockHolder(path: string): LockHolder | undefined {
  const holder = readHolder(path);
  return holder && isRunning(holder) ? holder : undefined;
}

/**
 * Takes the lock at `path` for this process. A lock whose holder is dead is taken over.
 * @param purpose what the holder does, shown to whoever finds the lock taken
 * @returns a function that gives the lock back
 * @throws LockHeldError when a living process holds it (this one included)
 */
export function acquireLock(path: string, purpose: string): () => void {
  const self = identify(process.pid);
  if (!self) throw new Error(`process ${process.pid} is not in the process table; is /proc mounted?`);
  mkdirSync(dirname(path), { recursive: true });
  // The content is complete before the lock becomes visible under its name: link() fails if the name exists.
  const mine = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(mine, JSON.stringify({ ...self, purpose } satisfies LockHolder), { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(mine, path);
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = lockHolder(path);
      if (holder) throw new LockHeldError(path, holder);
      removeAbandoned(path, mine);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  const release = () => {
    process.off('exit', release);
    const holder = readHolder(path);
    if (holder?.pid === self.pid && holder.startTime === self.startTime) rmSync(path, { force: true });
  };
  process.once('exit', release);
  return release;
}

/**
 * Removes a lock whose holder is dead. It is moved away first and looked at again, because between looking and
 * removing somebody else may have taken it over: then it is put back.
 */
function removeAbandoned(path: string, mine: string): void {
  const moved = `${mine}.abandoned`;
  try {
    renameSync(path, moved);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    if (lockHolder(moved)) linkSync(moved, path);
  } finally {
    rmSync(moved, { force: true });
  }
}

/**
 * Runs `work` while holding the lock at `path`, waiting for its holder as long as that lives.
 * @param onWait called once when there is somebody to wait for
 */
export async function withFileLock<T>(
  path: string,
  purpose: string,
  work: () => Promise<T>,
  onWait: (holder: LockHolder) => void = () => undefined,
): Promise<T> {
  let told = false;
  let release: (() => void) | undefined;
  while (!release) {
    try {
      release = acquireLock(path, purpose);
    } catch (error) {
      if (!(error instanceof LockHeldError)) throw error;
      if (!told) {
        told = true;
        onWait(error.holder);
      }
      await sleep(200);
    }
  }
  try {
    return await work();
  } finally {
    release();
  }
}
