/** Where the archive of a submission waits for the init container that unpacks it. */
import { ArchiveRefused, inspectArchive, type ArchiveLimits } from '../../archive';
import { createObjectStore } from '../../object-store/from-env';
import type { ObjectStore } from '../../object-store/types';
import { type BuildSpec, type BuiltImage, MinerFault, OwnerFault } from '../types';
import type { ImageSource } from './config';

const PREFIX = 'kubernetes-source:';
const DIGEST = /^[0-9a-f]{64}$/;

/** The digest in a reference of ours; null for a reference to an image in a registry. */
export function sourceDigest(imageRef: string): string | null {
  return imageRef.startsWith(PREFIX) ? imageRef.slice(PREFIX.length) : null;
}

export class Sources {
  private readonly store: ObjectStore;

  constructor(
    private readonly source: Extract<ImageSource, { kind: 'archive' }>,
    private readonly limits: ArchiveLimits,
  ) {
    this.store = createObjectStore(source.store);
  }

  /**
   * Checks the archive, decides that it can start without an image of its own, and puts it under its digest.
   * @throws MinerFault `archive_refused`, `bad_entry_module`; OwnerFault `registry_needed`, `archive_digest_mismatch`
   */
  async prepare(spec: BuildSpec): Promise<BuiltImage> {
    const { archiveSha256, signal } = spec;
    if (!DIGEST.test(archiveSha256)) {
      throw new OwnerFault('bad_digest', `archive digest ${JSON.stringify(archiveSha256)} is not a SHA-256`);
    }
    const imageRef = `${PREFIX}${archiveSha256}`;
    const key = keyOf(archiveSha256);
    if ((await this.store.head(key))?.sha256 === archiveSha256) {
      spec.onLog(`source ${imageRef} is in object storage already`);
      return { imageRef, cached: true };
    }
    signal?.throwIfAborted();
    const pending = `runtime/incoming/${archiveSha256}.tar.gz`;
    const archive = await spec.archive();
    const abort = (): void => void archive.destroy(signal?.reason as Error | undefined);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const stored = await this.store.putStream(pending, archive, { contentType: 'application/gzip' });
      if (stored.sha256 !== archiveSha256) {
        throw new OwnerFault(
          'archive_digest_mismatch',
          `the stored archive of submission ${spec.submissionId} has SHA-256 ${stored.sha256}, accepted was ${archiveSha256}`,
        );
      }
      spec.heartbeat?.('stored');
      await this.inspect(spec, pending);
      signal?.throwIfAborted();
      // Only what was found in order stands under the name that `head` looks for.
      await this.store.putStream(key, await this.store.get(pending), { contentType: 'application/gzip' });
    } finally {
      signal?.removeEventListener('abort', abort);
      await this.store.delete(pending);
    }
    spec.onLog(`source ${imageRef} is ready for the init container`);
    return { imageRef, cached: false };
  }

  /** @throws OwnerFault when the archive is gone: the submission must be built again */
  async link(digest: string): Promise<string> {
    const key = keyOf(digest);
    if (!DIGEST.test(digest) || !(await this.store.exists(key))) {
      throw new OwnerFault(
        'image_missing',
        `source ${PREFIX}${digest} is not in object storage: build it again`,
      );
    }
    const { endpoint, urlTtlSeconds } = this.source;
    const link = await this.store.downloadLink(key, { expiresSeconds: urlTtlSeconds, endpoint });
    if (link === null)
      throw new OwnerFault('storage_without_links', 'the object store gives no download links');
    return link;
  }

  private async inspect(spec: BuildSpec, key: string): Promise<void> {
    try {
      const report = await inspectArchive(await this.store.get(key), this.limits);
      spec.onLog(`${report.entries.length} files, ${report.unpackedBytes} bytes unpacked`);
      const { entry_module: entry, app_object: object } = spec.manifest.sdk_runtime;
      const paths = new Set(report.entries.map((file) => file.path));
      if (entry === null && !paths.has('app.py') && !paths.has('app/__init__.py')) {
        throw new OwnerFault(
          'registry_needed',
          `submission ${spec.submissionId} has to be built into an image, and no registry is set: ` +
            'set EIREL_OWNER_RUNTIME_REGISTRY',
        );
      }
      if (entry !== null && !/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(entry)) {
        throw new MinerFault(
          'bad_entry_module',
          `sdk_runtime.entry_module ${JSON.stringify(entry)} is not a module name`,
        );
      }
      spec.onLog(`starts ${entry ?? 'app'}:${object} on the owner's runtime image`);
    } catch (error) {
      if (!(error instanceof ArchiveRefused)) throw error;
      spec.onLog(error.message);
      throw new MinerFault('archive_refused', `the archive was refused: ${error.message}`, [error.message]);
    }
  }
}

function keyOf(digest: string): string {
  return `runtime/sources/${digest}.tar.gz`;
}
