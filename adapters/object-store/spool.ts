import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { ObjectCorrupt, ObjectTooLarge } from './types';

/**
 * Writes a stream into an open file while hashing it, then flushes it to the disk.
 * @throws ObjectTooLarge, errors of the source or of the disk; the source is destroyed in every case of failure
 */
export async function spool(
  source: Readable,
  file: FileHandle,
  key: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<{ sha256: string; sizeBytes: number }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    for await (const piece of source as AsyncIterable<Buffer | string>) {
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new ObjectTooLarge(key, maxBytes);
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } catch (error) {
    source.destroy();
    throw error;
  }
  await file.sync();
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** Passes bytes through and fails at the end when they are not those that were recorded. */
export class DigestCheck extends Transform {
  private readonly hash = createHash('sha256');

  constructor(
    private readonly key: string,
    private readonly expected: string,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.hash.update(chunk);
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const actual = this.hash.digest('hex');
    done(actual === this.expected ? null : new ObjectCorrupt(this.key, this.expected, actual));
  }
}

/** Reads a stream into memory. @throws ObjectTooLarge when there are more than `maxBytes` */
export async function collect(
  source: Readable,
  key: string,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of source as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) throw new ObjectTooLarge(key, maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Bytes as a stream. */
export function streamOf(bytes: Uint8Array): Readable {
  return Readable.from([Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)], {
    objectMode: false,
  });
}
