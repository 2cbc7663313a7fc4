/**
 * The one way into a miner's archive: upload, build and publication all read it through here, under one policy
 * (practice.md P4 to P6). Streams throughout; the only content held in memory is `submission.yaml`.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { inflate, type Meter } from './inflate';
import { type ArchiveLimits, ArchiveRefused, MAX_MANIFEST_BYTES } from './limits';
import { isJunk } from './names';
import { readTar, type TarVisitor } from './tar-reader';

export const MANIFEST_NAME = 'submission.yaml';

export interface ArchiveEntry {
  path: string;
  /** Bytes. */
  size: number;
}

export interface ArchiveReport {
  /** Lower-case hex SHA-256 of the archive as sent. */
  sha256: string;
  /** Bytes as sent. */
  sizeBytes: number;
  /** Bytes after decompression, tar headers and padding included. */
  unpackedBytes: number;
  /** Files and directories. */
  entryCount: number;
  manifestText: string;
  /** The files, sorted by path. */
  entries: ArchiveEntry[];
}

export interface UnpackReport extends ArchiveReport {
  /** Files that were left out as junk (caches, repositories, installed packages). */
  skipped: number;
}

/**
 * Reads an archive to its end without writing anything.
 * @param archive the bytes as sent; destroyed when the archive is refused
 * @throws ArchiveRefused naming the rule and the entry that breaks it
 */
export async function inspectArchive(archive: Readable, limits: ArchiveLimits): Promise<ArchiveReport> {
  return walkArchive(archive, limits, async () => undefined);
}

/**
 * Unpacks an archive into a new directory: files 0644 or 0755, directories 0755, junk left out.
 * @param directory must not exist, or be empty; it appears whole or, on any error, not at all
 * @throws ArchiveRefused as `inspectArchive` does; file system errors as they are
 */
export async function unpackArchive(
  archive: Readable,
  directory: string,
  limits: ArchiveLimits,
): Promise<UnpackReport> {
  const staging = `${directory}.partial-${randomBytes(6).toString('hex')}`;
  let skipped = 0;
  try {
    await removeIfEmpty(directory);
    await mkdir(staging, { recursive: true, mode: 0o755 });
    const report = await walkArchive(archive, limits, async (entry, content) => {
      if (isJunk(entry.path)) {
        if (entry.kind === 'file') skipped += 1;
        return;
      }
      const target = join(staging, entry.path);
      if (entry.kind === 'directory') await mkdir(target, { recursive: true, mode: 0o755 });
      else await writeEntry(target, entry.executable ? 0o755 : 0o644, content);
    });
    await rename(staging, directory);
    return { ...report, skipped };
  } catch (error) {
    archive.destroy();
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function walkArchive(
  archive: Readable,
  limits: ArchiveLimits,
  visit: TarVisitor,
): Promise<ArchiveReport> {
  const meter: Meter = { sizeBytes: 0, unpackedBytes: 0, sha256: '' };
  const entries: ArchiveEntry[] = [];
  let entryCount = 0;
  let manifestText: string | undefined;
  await readTar(inflate(archive, limits, meter), limits, async (entry, content) => {
    entryCount += 1;
    if (entry.kind === 'file') entries.push({ path: entry.path, size: entry.size });
    if (entry.path !== MANIFEST_NAME || entry.kind !== 'file') return visit(entry, content);
    const bytes = await readManifest(entry.size, content);
    manifestText = decodeManifest(bytes);
    return visit(entry, once(bytes));
  });
  if (manifestText === undefined) {
    throw new ArchiveRefused('manifest_missing', null, `${MANIFEST_NAME} is missing at the archive root`);
  }
  // By code unit, so that the order is the same in every locale.
  entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { ...meter, entryCount, manifestText, entries };
}

async function readManifest(size: number, content: AsyncGenerator<Buffer>): Promise<Buffer> {
  if (size > MAX_MANIFEST_BYTES) {
    throw new ArchiveRefused(
      'manifest_too_large',
      MANIFEST_NAME,
      `${MANIFEST_NAME} is larger than ${MAX_MANIFEST_BYTES} bytes`,
    );
  }
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

function decodeManifest(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ArchiveRefused('manifest_not_text', MANIFEST_NAME, `${MANIFEST_NAME} is not UTF-8 text`);
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function writeEntry(target: string, mode: number, content: AsyncGenerator<Buffer>): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  // `wx` refuses an existing file and does not follow a link.
  const file = await open(target, 'wx', mode);
  try {
    for await (const piece of content) await file.writeFile(piece);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (names.length > 0) throw new Error(`cannot unpack into ${directory}: it is not empty`);
  await rmdir(directory);
}
