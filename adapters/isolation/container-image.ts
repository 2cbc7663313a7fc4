import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import type Docker from 'dockerode';
import tar from 'tar-stream';
import { isNotFound } from '../container-runtime/docker/engine';
import { realPath, type PythonRuntime } from './python-runtime';

const REPOSITORY = 'eirel-sandbox';
const MOUNT_POINTS = ['/dev', '/etc', '/proc', '/sys', '/tmp'];

interface Entry {
  /** Path inside, absolute. */
  path: string;
  source: string;
  kind: 'file' | 'directory' | 'symlink';
  size: number;
  /** Part of what the image is named by. */
  mark: string;
}

/**
 * Makes an image of nothing but this machine's interpreter, its standard library and its shared libraries: what
 * bubblewrap would show, without a shell, and without a registry to ask. One that is there already is used.
 * @returns its name
 */
export async function ensurePythonImage(docker: Docker, python: PythonRuntime): Promise<string> {
  const entries = entriesOf(python);
  const digest = createHash('sha256');
  for (const { path, mark } of entries) digest.update(`${path}\0${mark}\n`);
  const tag = digest.digest('hex').slice(0, 24);
  const name = `${REPOSITORY}:${tag}`;
  try {
    await docker.getImage(name).inspect();
    return name;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const pack = tar.pack();
  const written = write(pack, entries);
  const [answer] = await Promise.all([
    docker.importImage(pack as unknown as NodeJS.ReadableStream, { repo: REPOSITORY, tag }),
    written,
  ]);
  answer.resume();
  await finished(answer);
  await docker.getImage(name).inspect();
  return name;
}

function entriesOf({ visible, covered }: PythonRuntime): Entry[] {
  const hidden = new Set(covered);
  const found = new Map<string, Entry>();
  const add = (path: string, source: string): void => {
    if (hidden.has(path) || found.has(path)) return;
    const info = lstatSync(source);
    const mark = `${info.mode} ${info.size} ${info.mtimeMs}`;
    if (info.isSymbolicLink()) found.set(path, { path, source, kind: 'symlink', size: 0, mark });
    else if (info.isFile()) found.set(path, { path, source, kind: 'file', size: info.size, mark });
    else if (info.isDirectory()) {
      found.set(path, { path, source, kind: 'directory', size: 0, mark: 'directory' });
      for (const name of readdirSync(source).sort()) add(join(path, name), join(source, name));
    }
  };
  // What is named is shown under its own name, also where that is a link.
  for (const path of visible) add(path, realPath(path));
  for (const path of [...found.keys(), ...MOUNT_POINTS.map((point) => join(point, '.'))]) {
    for (let parent = dirname(path); parent !== '/'; parent = dirname(parent)) {
      if (!found.has(parent)) {
        found.set(parent, { path: parent, source: parent, kind: 'directory', size: 0, mark: 'directory' });
      }
    }
  }
  for (const path of MOUNT_POINTS) {
    if (!found.has(path))
      found.set(path, { path, source: path, kind: 'directory', size: 0, mark: 'directory' });
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function write(pack: tar.Pack, entries: readonly Entry[]): Promise<void> {
  try {
    for (const { path, source, kind, size } of entries) {
      const name = path.slice(1);
      if (kind === 'directory') pack.entry({ name: `${name}/`, type: 'directory', mode: 0o755 });
      else if (kind === 'symlink') pack.entry({ name, type: 'symlink', linkname: readlinkSync(source) });
      else {
        const executable = (statSync(source).mode & 0o111) !== 0;
        const entry = pack.entry({ name, size, mode: executable ? 0o755 : 0o644 });
        await pipeline(createReadStream(source), entry);
      }
    }
    pack.finalize();
  } catch (error) {
    pack.destroy(error as Error);
    throw error;
  }
}
