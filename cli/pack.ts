/** Makes a miner's archive out of a folder, and checks one as the server will. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { archiveLimitsFromEnv, inspectArchive, isJunk, type ArchiveReport } from '../adapters/archive';
import { parseManifest, type SubmissionManifest } from '../domain/contracts/manifest';
import { CliError, EXIT, UsageError } from './exit-codes';

export interface PackedArchive {
  bytes: Buffer;
  report: ArchiveReport;
  manifest: SubmissionManifest;
  /** Files of the folder that were left out on purpose. */
  leftOut: string[];
}

/**
 * An archive ready to be sent: a folder is packed, a file is taken as it is; both are checked by the server's rules.
 * @throws UsageError when there is nothing to read at `path`, ArchiveRefused or CliError (3) for what the server would refuse
 */
export async function readyArchive(path: string, env: NodeJS.ProcessEnv): Promise<PackedArchive> {
  let isFolder: boolean;
  try {
    isFolder = lstatSync(join(path, '.')).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') isFolder = false;
    else throw new UsageError(`cannot read ${path}: ${code ?? 'unknown error'}`);
  }
  const { bytes, leftOut } = isFolder
    ? await packFolder(path)
    : { bytes: readFileSync(path), leftOut: [] as string[] };
  const report = await inspectArchive(Readable.from([bytes]), archiveLimitsFromEnv(env));
  const parsed = parseManifest(report.manifestText);
  if (!parsed.ok) throw new CliError(`invalid submission manifest: ${parsed.message}`, EXIT.refused);
  return { bytes, report, manifest: parsed.manifest, leftOut };
}

/** Archives become public after their run, and such files hold keys. */
const isSecret = (path: string): boolean => /^\.env(\.|$)/.test(basename(path));

/**
 * Packs a folder as gzip tar: regular files in order of their names, without dates and owners, so that the same files
 * give the same bytes. Caches, repositories and installed packages are left out, and so are `.env` files.
 */
async function packFolder(folder: string): Promise<{ bytes: Buffer; leftOut: string[] }> {
  const leftOut: string[] = [];
  const archive = pack();
  const collected = collect(archive.pipe(createGzip({ level: 9 })));
  const visit = (below: string): void => {
    const names = readdirSync(join(folder, below)).sort((a, b) => (a < b ? -1 : 1));
    for (const name of names) {
      const path = below === '' ? name : `${below}/${name}`;
      if (isJunk(path)) continue;
      const stat = lstatSync(join(folder, path));
      if (stat.isDirectory()) visit(path);
      else if (!stat.isFile()) {
        throw new CliError(`${path} is neither a file nor a folder`, EXIT.refused, [
          'links and devices are not taken: put a copy of the file in its place',
        ]);
      } else if (isSecret(path)) leftOut.push(path);
      else {
        const mode = stat.mode & 0o111 ? 0o755 : 0o644;
        archive.entry({ name: path, mode, mtime: new Date(0) }, readFileSync(join(folder, path)));
      }
    }
  };
  visit('');
  archive.finalize();
  return { bytes: await collected, leftOut };
}

async function collect(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
