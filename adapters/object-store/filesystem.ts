import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import { z } from 'zod';
import { cleanKey, contentKey, RECORD_SUFFIX } from './keys';
import { collect, DigestCheck, spool, streamOf } from './spool';
import {
  type ObjectHead,
  ObjectNotFound,
  type ObjectStore,
  ObjectStoreError,
  ObjectTooLarge,
  type PutOptions,
  type StoredObject,
} from './types';

const recordSchema = z.object({
  sha256: z.string(),
  sizeBytes: z.number(),
  contentType: z.string().nullable(),
});
type ObjectRecord = z.output<typeof recordSchema>;

/**
 * Objects as files below a root. Each is written to a temporary file, flushed, and renamed into place; its digest
 * is recorded beside it and checked on every read.
 */
export class FilesystemObjectStore implements ObjectStore {
  readonly backend = 'filesystem';

  /** `bucket` only appears in URIs. */
  constructor(private readonly options: { root: string; bucket: string; prefix?: string }) {}

  async putStream(key: string, source: Readable, options: PutOptions = {}): Promise<StoredObject> {
    const full = this.clean(key, source);
    return this.write(source, options, full, () => full);
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<StoredObject> {
    return this.putStream(key, streamOf(bytes), options);
  }

  async putContentAddressed(
    prefix: string,
    source: Readable,
    ext: string,
    options: PutOptions = {},
  ): Promise<StoredObject> {
    const probe = this.clean(contentKey(prefix, '0'.repeat(64), ext), source);
    return this.write(source, options, probe, (sha256) =>
      cleanKey(contentKey(prefix, sha256, ext), this.options.prefix),
    );
  }

  async get(key: string): Promise<Readable> {
    const full = cleanKey(key, this.options.prefix);
    const file = await this.openFile(full);
    const record = await this.record(full).catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
    const content = file.createReadStream();
    if (record === null) return content;
    // Errors reach the reader through the check, which pipeline destroys.
    return pipeline(content, new DigestCheck(full, record.sha256), () => undefined);
  }

  async getBytes(key: string, maxBytes?: number): Promise<Buffer> {
    const head = await this.head(key);
    if (head === null) throw new ObjectNotFound(cleanKey(key, this.options.prefix));
    if (maxBytes !== undefined && head.sizeBytes > maxBytes) throw new ObjectTooLarge(head.key, maxBytes);
    return collect(await this.get(key), head.key, maxBytes);
  }

  async head(key: string): Promise<ObjectHead | null> {
    const full = cleanKey(key, this.options.prefix);
    const file = await this.openFile(full).catch((error: unknown) => {
      if (error instanceof ObjectNotFound) return null;
      throw error;
    });
    if (file === null) return null;
    try {
      const stat = await file.stat();
      const record = await this.record(full);
      return {
        key: full,
        sizeBytes: stat.size,
        sha256: record?.sha256 ?? null,
        contentType: record?.contentType ?? null,
      };
    } finally {
      await file.close();
    }
  }

  downloadLink(key: string): Promise<null> {
    cleanKey(key, this.options.prefix);
    return Promise.resolve(null);
  }

  async exists(key: string): Promise<boolean> {
    return (await this.head(key)) !== null;
  }

  async delete(key: string): Promise<void> {
    const path = this.path(cleanKey(key, this.options.prefix));
    await guard('delete', async () => {
      await rm(path, { force: true });
      await rm(path + RECORD_SUFFIX, { force: true });
    });
  }

  private async write(
    source: Readable,
    options: PutOptions,
    shown: string,
    keyOf: (sha256: string) => string,
  ): Promise<StoredObject> {
    const staging = join(this.options.root, '.staging');
    const temporary = join(staging, randomBytes(12).toString('hex'));
    try {
      const written = await guard('write', async () => {
        await mkdir(staging, { recursive: true });
        const file = await open(temporary, 'wx', 0o640);
        try {
          return await spool(source, file, shown, options.maxBytes);
        } finally {
          await file.close();
        }
      });
      const key = keyOf(written.sha256);
      await guard('write', () =>
        this.publish(temporary, key, { ...written, contentType: options.contentType ?? null }),
      );
      return { key, ...written, uri: `s3://${this.options.bucket}/${key}` };
    } finally {
      source.destroy();
      await rm(temporary, { force: true });
    }
  }

  /** A crash between the steps leaves an object without a record, never one with another's. */
  private async publish(temporary: string, key: string, record: ObjectRecord): Promise<void> {
    const path = this.path(key);
    const directory = dirname(path);
    await mkdir(directory, { recursive: true });
    const known = await this.record(key);
    if (known?.sha256 !== record.sha256) await rm(path + RECORD_SUFFIX, { force: true });
    await rename(temporary, path);
    await writeFile(`${temporary}.record`, JSON.stringify(record), { flag: 'wx', flush: true });
    await rename(`${temporary}.record`, path + RECORD_SUFFIX);
    const handle = await open(directory, constants.O_RDONLY);
    await handle.sync().finally(() => handle.close());
  }

  private async record(key: string): Promise<ObjectRecord | null> {
    let text: string;
    try {
      text = await readFile(this.path(key) + RECORD_SUFFIX, 'utf8');
    } catch (error) {
      if (isMissing(error)) return null;
      throw failure('read', error);
    }
    try {
      return recordSchema.parse(JSON.parse(text));
    } catch (error) {
      throw new ObjectStoreError(`the record of object ${JSON.stringify(key)} cannot be read`, {
        cause: error,
      });
    }
  }

  private async openFile(key: string) {
    const path = this.path(key);
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
      if (isMissing(error)) throw new ObjectNotFound(key);
      throw failure('read', error);
    });
    if ((await file.stat()).isFile()) return file;
    await file.close();
    throw new ObjectNotFound(key);
  }

  private clean(key: string, source: Readable): string {
    try {
      return cleanKey(key, this.options.prefix);
    } catch (error) {
      source.destroy();
      throw error;
    }
  }

  private path(key: string): string {
    return join(this.options.root, ...key.split('/').flatMap((part) => part.split(sep)));
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

async function guard<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failure(action, error);
  }
}

/** Disk errors become ours; what the source of a stream throws passes unchanged. */
function failure(action: string, error: unknown): unknown {
  const syscall = (error as NodeJS.ErrnoException).syscall;
  if (error instanceof ObjectStoreError || syscall === undefined) return error;
  return new ObjectStoreError(`object store could not ${action}: ${(error as Error).message}`, {
    cause: error,
  });
}
