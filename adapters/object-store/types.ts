/** Where archives, bundles and artifacts are kept as bytes under a key (runtime-and-tools.md section 5.2). */
import type { Readable } from 'node:stream';

export interface StoredObject {
  /** The full key, with the configured prefix. */
  key: string;
  /** Lower-case hex SHA-256 of the bytes. */
  sha256: string;
  sizeBytes: number;
  /** `s3://{bucket}/{key}` with either backend. */
  uri: string;
}

export interface ObjectHead {
  key: string;
  sizeBytes: number;
  /** Null when the object was put there by something that recorded none. */
  sha256: string | null;
  contentType: string | null;
}

export interface PutOptions {
  /** Bytes after which the write is given up with `ObjectTooLarge`. */
  maxBytes?: number;
  /** `application/octet-stream` without one. */
  contentType?: string;
}

export interface DownloadLinkOptions {
  /** At most 604800. */
  expiresSeconds: number;
  /** Base address of the store as the bearer sees it, where that is another one. */
  endpoint?: string;
}

/**
 * Keys are trimmed and lose leading slashes; a key that is empty or has `..`, `.` or empty components, backslashes
 * or control characters is refused with `BadObjectKey`. Other failures are `ObjectStoreError` (retryable).
 */
export interface ObjectStore {
  readonly backend: 'filesystem' | 's3';
  /** Streams to the key while hashing; on any failure what was there before stays. */
  putStream(key: string, source: Readable, options?: PutOptions): Promise<StoredObject>;
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<StoredObject>;
  /** Streams to `<prefix>/<sha256><ext>`; bytes that are already there are not written again. */
  putContentAddressed(
    prefix: string,
    source: Readable,
    ext: string,
    options?: PutOptions,
  ): Promise<StoredObject>;
  /** The stream fails with `ObjectCorrupt` at its end when the bytes do not match the recorded digest. @throws ObjectNotFound */
  get(key: string): Promise<Readable>;
  /** @throws ObjectNotFound, ObjectTooLarge when there are more than `maxBytes`, ObjectCorrupt */
  getBytes(key: string, maxBytes?: number): Promise<Buffer>;
  /** Null when there is no such object. */
  head(key: string): Promise<ObjectHead | null>;
  exists(key: string): Promise<boolean>;
  /**
   * A link by which whoever has it may GET the object until it expires. Nothing is contacted: a link to nothing is
   * given as well.
   * @returns null where the store has no server of its own (`filesystem`): the API hands such objects out itself
   */
  downloadLink(key: string, options: DownloadLinkOptions): Promise<string | null>;
  /** Idempotent. */
  delete(key: string): Promise<void>;
}

export class ObjectStoreError extends Error {
  override readonly name: string = 'ObjectStoreError';
}

export class ObjectNotFound extends ObjectStoreError {
  override readonly name = 'ObjectNotFound';
  constructor(readonly key: string) {
    super(`no object under key ${JSON.stringify(key)}`);
  }
}

export class ObjectTooLarge extends ObjectStoreError {
  override readonly name = 'ObjectTooLarge';
  constructor(
    readonly key: string,
    readonly maxBytes: number,
  ) {
    super(`object ${JSON.stringify(key)} is larger than ${maxBytes} bytes`);
  }
}

export class ObjectCorrupt extends ObjectStoreError {
  override readonly name = 'ObjectCorrupt';
  constructor(
    readonly key: string,
    readonly expected: string,
    readonly actual: string,
  ) {
    super(`object ${JSON.stringify(key)} is damaged: its SHA-256 is ${actual}, recorded was ${expected}`);
  }
}

export class BadObjectKey extends ObjectStoreError {
  override readonly name = 'BadObjectKey';
}
