/** Gives each deployment on this machine a user id that nobody else has, across all runtimes and checkouts. */
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { OwnerFault } from '../types';
import { withLock } from './lock';
import { allProcesses } from './procfs';
import type { DeploymentFiles } from './state';

const WAIT_SECONDS = 30;
const holderSchema = z.object({ uid: z.number().nullable() });

/**
 * Takes an id for a deployment, the one it had before if it is still its own.
 * @throws OwnerFault `no_free_uid`
 */
export async function acquireUid(
  range: { from: number; count: number },
  files: DeploymentFiles,
): Promise<number> {
  const registry = openRegistry();
  return withLock(join(registry, 'lock'), WAIT_SECONDS, async () => {
    const inUse = new Set(allProcesses().map((entry) => entry.uid));
    const start = createHash('sha256').update(files.state).digest().readUInt32BE(0) % range.count;
    for (let step = 0; step < range.count; step += 1) {
      const uid = range.from + ((start + step) % range.count);
      const claim = join(registry, String(uid));
      const holder = existsSync(claim) ? readFileSync(claim, 'utf8') : null;
      if (holder === files.state) return uid;
      if (inUse.has(uid) || (holder !== null && stillHolds(holder, uid))) continue;
      writeFileSync(claim, files.state, { mode: 0o600 });
      return uid;
    }
    throw new OwnerFault('no_free_uid', `no free user id among ${range.count} from ${range.from}`);
  });
}

/** Gives an id back once nothing runs under it. */
export async function releaseUid(uid: number, files: DeploymentFiles): Promise<void> {
  const registry = openRegistry();
  await withLock(join(registry, 'lock'), WAIT_SECONDS, async () => {
    const claim = join(registry, String(uid));
    if (existsSync(claim) && readFileSync(claim, 'utf8') === files.state) rmSync(claim);
  });
}

/** A deployment that was removed, or whose data were, holds nothing any more. */
function stillHolds(stateFile: string, uid: number): boolean {
  if (!existsSync(stateFile)) return existsSync(dirname(stateFile)) && isRecent(dirname(stateFile));
  try {
    return holderSchema.parse(JSON.parse(readFileSync(stateFile, 'utf8'))).uid === uid;
  } catch {
    // A state file that cannot be read is not a reason to hand its files to another miner.
    return true;
  }
}

/** Between taking an id and writing its state a deployment is a directory only. */
function isRecent(path: string): boolean {
  return Date.now() - lstatSync(path).mtimeMs < 60_000;
}

function openRegistry(): string {
  const directory = join(isWritable('/run') ? '/run' : tmpdir(), 'eirel-agent-uids');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const entry = lstatSync(directory);
  if (!entry.isDirectory() || entry.uid !== process.getuid?.() || (entry.mode & 0o022) !== 0) {
    throw new OwnerFault(
      'uid_registry_unsafe',
      `${directory} does not belong to this service alone: remove it`,
    );
  }
  return directory;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
