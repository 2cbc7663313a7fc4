/** Decompresses a gzip stream while it is hashed, counted and held against the limits. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type ArchiveLimits, ArchiveRefused, RATIO_FREE_BYTES } from './limits';

/** The first two bytes of every gzip stream, in hex. */
const GZIP_MAGIC = '1f8b';

/** What is known of the compressed stream; complete once the generator has ended. */
export interface Meter {
  sizeBytes: number;
  unpackedBytes: number;
  /** Lower-case hex SHA-256 of the compressed bytes, set at the end. */
  sha256: string;
}

/**
 * Yields the decompressed bytes. Reads the source to its end, and destroys it when a limit is passed.
 * @param meter filled in while reading
 * @throws ArchiveRefused `not_gzip`, `truncated`, `corrupt`, `trailing_garbage`, `too_large`,
 *   `unpacked_too_large`, `ratio_too_high`; errors of the source itself pass through unchanged
 */
export async function* inflate(
  source: Readable,
  limits: ArchiveLimits,
  meter: Meter,
): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const hash = createHash('sha256');
  let ended = false;
  let lastContent = -1;
  let magic = '';
  let sourceError: unknown;
  gunzip.once('end', () => (ended = true));
  // A write refused after an early end is expected; the errors that matter reach the loop below.
  gunzip.on('error', () => (ended = true));

  const feed = async (): Promise<void> => {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (magic.length < 4) magic += chunk.toString('hex', 0, 2).slice(0, 4 - magic.length);
      const trailing = lastNonZero(chunk);
      if (trailing >= 0) lastContent = meter.sizeBytes + trailing;
      meter.sizeBytes += chunk.length;
      if (meter.sizeBytes > limits.maxBytes) {
        throw new ArchiveRefused('too_large', null, `archive is larger than ${limits.maxBytes} bytes`);
      }
      hash.update(chunk);
      if (ended || gunzip.destroyed || gunzip.write(chunk)) continue;
      const waiting = new AbortController();
      await Promise.race(
        ['drain', 'end', 'close'].map((event) => once(gunzip, event, { signal: waiting.signal })),
      )
        .catch(() => undefined)
        .finally(() => waiting.abort());
    }
    if (!gunzip.destroyed) gunzip.end();
  };
  const feeding = feed().catch((error: unknown) => {
    sourceError = error;
    gunzip.destroy();
  });

  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      meter.unpackedBytes += chunk.length;
      checkExpansion(limits, meter);
      yield chunk;
    }
    await feeding;
    if (sourceError !== undefined) throw sourceError;
    // zlib stops without an error at a zero byte after the last gzip member; padding is fine, content is not.
    if (lastContent >= gunzip.bytesWritten) {
      throw new ArchiveRefused(
        'trailing_garbage',
        null,
        'archive has bytes after the end of its gzip stream',
      );
    }
    meter.sha256 = hash.digest('hex');
  } catch (error) {
    if (sourceError !== undefined) throw sourceError;
    throw asRefusal(error, meter, magic === GZIP_MAGIC);
  } finally {
    gunzip.destroy();
    source.destroy();
    await feeding;
  }
}

function checkExpansion(limits: ArchiveLimits, meter: Meter): void {
  if (meter.unpackedBytes > limits.maxUnpackedBytes) {
    throw new ArchiveRefused(
      'unpacked_too_large',
      null,
      `archive unpacks to more than ${limits.maxUnpackedBytes} bytes`,
    );
  }
  if (meter.unpackedBytes > RATIO_FREE_BYTES && meter.unpackedBytes > meter.sizeBytes * limits.maxRatio) {
    throw new ArchiveRefused(
      'ratio_too_high',
      null,
      `archive unpacks to more than ${limits.maxRatio} times its compressed size`,
    );
  }
}

function asRefusal(error: unknown, meter: Meter, gzip: boolean): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'Z_BUF_ERROR':
      return meter.sizeBytes === 0
        ? new ArchiveRefused('not_gzip', null, 'archive is empty; expected a gzip-compressed tar file')
        : new ArchiveRefused('truncated', null, 'archive ends in the middle of its gzip stream');
    case 'Z_DATA_ERROR':
      if (!gzip) {
        return new ArchiveRefused(
          'not_gzip',
          null,
          'archive is not gzip; expected a gzip-compressed tar file',
        );
      }
      return (error as Error).message.includes('header')
        ? new ArchiveRefused('trailing_garbage', null, 'archive has bytes after the end of its gzip stream')
        : new ArchiveRefused('corrupt', null, 'archive is damaged: its gzip stream does not check out');
    default:
      return error;
  }
}

function lastNonZero(chunk: Buffer): number {
  for (let index = chunk.length - 1; index >= 0; index -= 1) if (chunk[index] !== 0) return index;
  return -1;
}
