import { randomBytes } from 'node:crypto';
import { chown, copyFile, constants, lstat, mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** Writes a file so that a reader, or a machine that lost power, sees the old or the new content, never a part. */
export async function writeAtomically(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** The file's text, or null when there is none. */
export async function readIfExists(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** True when something is at the path, a broken link included. */
export async function pathExists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}

/**
 * Copies a tree of files and directories, sharing blocks where the file system can.
 * @param uid owner and group of the copies; null leaves them to the caller's user
 */
export async function copyTree(from: string, to: string, uid: number | null): Promise<void> {
  await mkdir(to, { mode: 0o755 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      await copyTree(source, target, uid);
    } else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_FICLONE);
      const executable = ((await lstat(source)).mode & 0o100) !== 0;
      const file = await open(target, constants.O_RDONLY);
      await file.chmod(executable ? 0o755 : 0o644).finally(() => file.close());
      if (uid !== null) await chown(target, uid, uid);
    }
  }
  if (uid !== null) await chown(to, uid, uid);
}

/** Takes the write permission from everything in a tree. */
export async function makeReadOnly(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await makeReadOnly(path);
    else await setMode(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o444 : 0o555);
  }
  await setMode(directory, 0o555);
}

/** Gives the owner the write permission back, so that the tree can be removed. */
export async function makeWritable(directory: string): Promise<void> {
  await setMode(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}

async function setMode(path: string, mode: number): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  await file.chmod(mode).finally(() => file.close());
}
