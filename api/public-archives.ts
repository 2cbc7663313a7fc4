/** The source viewer: archives of completed runs, for everybody (decision 25). */
import { inspectArchive } from '../adapters/archive/archive';
import { inflate } from '../adapters/archive/inflate';
import { readTar } from '../adapters/archive/tar-reader';
import { HttpError } from '../domain/http-errors';
import type { ApiDeps } from './deps';

/** Bytes of a file that the viewer shows at most. */
export const VIEW_LIMIT_BYTES = 5 * 1024 * 1024;

export interface PublicArchive {
  submissionId: string;
  artifactId: string;
  storageKey: string;
  sha256: string;
}

/**
 * The archive of a submission that was scored in a completed run.
 * @throws HttpError 404 for everything else, without saying which: an archive is private until then
 */
export async function publicArchive(
  deps: ApiDeps,
  runId: string,
  submissionId: string,
): Promise<PublicArchive> {
  const [run, record] = await Promise.all([
    deps.db.evaluationRun.findUnique({ where: { id: runId } }),
    deps.db.deploymentScoreRecord.findFirst({
      where: { runId, submissionId },
      include: { submission: { include: { artifact: true } } },
    }),
  ]);
  if (run?.status !== 'completed' || !record) throw new HttpError(404, 'not found');
  const { artifact } = record.submission;
  return { submissionId, artifactId: artifact.id, storageKey: artifact.storageKey, sha256: artifact.sha256 };
}

/** The files of an archive, by path. */
export async function listFiles(
  deps: ApiDeps,
  archive: PublicArchive,
): Promise<{ path: string; size_bytes: number }[]> {
  const source = await deps.objectStore.get(archive.storageKey);
  const report = await inspectArchive(source, deps.config.submission.archive);
  return report.entries.map((entry) => ({ path: entry.path, size_bytes: entry.size }));
}

/**
 * The text of one file.
 * @throws HttpError 404, 413 over the view limit, 415 for what is not UTF-8
 */
export async function readFileText(
  deps: ApiDeps,
  archive: PublicArchive,
  path: string,
): Promise<{ path: string; size_bytes: number; content: string }> {
  const bytes = await readEntry(deps, archive, path);
  if (!bytes) throw new HttpError(404, 'file not found');
  try {
    const content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { path, size_bytes: bytes.length, content };
  } catch {
    throw new HttpError(415, 'binary file');
  }
}

async function readEntry(deps: ApiDeps, archive: PublicArchive, path: string): Promise<Buffer | null> {
  const limits = deps.config.submission.archive;
  const source = await deps.objectStore.get(archive.storageKey);
  const found: Buffer[] = [];
  let seen = false;
  try {
    const plain = inflate(source, limits, { sizeBytes: 0, unpackedBytes: 0, sha256: '' });
    await readTar(plain, limits, async (entry, content) => {
      if (entry.kind !== 'file' || entry.path !== path) return;
      if (entry.size > VIEW_LIMIT_BYTES) throw new HttpError(413, 'file too large to view');
      seen = true;
      for await (const piece of content) found.push(piece);
    });
  } finally {
    source.destroy();
  }
  return seen ? Buffer.concat(found) : null;
}
