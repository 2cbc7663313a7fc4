import { type ArchiveLimits, ArchiveRefused, unpackArchive } from '../archive';
import { type BuildSpec, MinerFault, OwnerFault } from './types';

/**
 * Unpacks the archive of a build into a directory that does not exist yet.
 * @throws MinerFault `archive_refused`; OwnerFault `archive_digest_mismatch` when the stored bytes are not the
 *   accepted ones; the signal's reason when it was aborted
 */
export async function unpackSource(
  spec: BuildSpec,
  directory: string,
  limits: ArchiveLimits,
  log: { write(line: string): void },
  signal: AbortSignal | undefined,
): Promise<void> {
  const archive = await spec.archive();
  const abort = (): void => void archive.destroy(signal?.reason as Error | undefined);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const report = await unpackArchive(archive, directory, limits);
    if (report.sha256 !== spec.archiveSha256) {
      throw new OwnerFault(
        'archive_digest_mismatch',
        `the stored archive of submission ${spec.submissionId} has SHA-256 ${report.sha256}, accepted was ${spec.archiveSha256}`,
      );
    }
    const left = report.skipped > 0 ? `, ${report.skipped} files left out as junk` : '';
    log.write(`unpacked ${report.entries.length} files, ${report.unpackedBytes} bytes${left}`);
  } catch (error) {
    if (error instanceof ArchiveRefused) {
      log.write(error.message);
      throw new MinerFault('archive_refused', `the archive was refused: ${error.message}`);
    }
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
