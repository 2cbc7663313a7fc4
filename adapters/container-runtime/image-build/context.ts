import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack, type Pack } from 'tar-stream';

/**
 * The tar stream of a build context: sorted, without owners and times, so that equal files make equal layers and an
 * engine's cache holds. Files given in `extra` replace those of the directory.
 * @param extra content by path relative to the context
 */
export function contextStream(directory: string, extra: Readonly<Record<string, string>>): Readable {
  const tar = pack();
  const write = async (): Promise<void> => {
    await addDirectory(tar, directory, '', extra);
    for (const [name, body] of Object.entries(extra)) {
      tar.entry({ ...PLAIN, name, mode: 0o644 }, body);
    }
    tar.finalize();
  };
  // Whoever reads the stream learns of the error.
  write().catch((error: unknown) => tar.destroy(error as Error));
  return Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false });
}

const PLAIN = { uid: 0, gid: 0, mtime: new Date(0) };

async function addDirectory(
  tar: Pack,
  root: string,
  below: string,
  extra: Readonly<Record<string, string>>,
): Promise<void> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      tar.entry({ ...PLAIN, name: `${name}/`, type: 'directory', mode: 0o755 });
      await addDirectory(tar, root, name, extra);
    } else if (entry.isFile() && !(name in extra)) {
      const { size, mode } = await stat(join(root, name));
      const target = tar.entry({ ...PLAIN, name, size, mode: (mode & 0o100) !== 0 ? 0o755 : 0o644 });
      await pipeline(createReadStream(join(root, name)), target);
    }
  }
}
