import { randomBytes } from 'node:crypto';
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, type Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
  type CompletedPart,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { cleanKey, contentKey } from './keys';
import { presignGet } from './presign';
import { collect, DigestCheck, spool, streamOf } from './spool';
import {
  type DownloadLinkOptions,
  type ObjectHead,
  ObjectNotFound,
  type ObjectStore,
  ObjectStoreError,
  type PutOptions,
  type StoredObject,
} from './types';

export interface S3StoreOptions {
  bucket: string;
  prefix: string;
  client: S3ClientConfig;
  /** Base address of the store; absent for AWS itself. */
  endpoint?: string;
  /** Where streams are spooled until their digest and length are known. */
  spoolDirectory: string;
  /** Bytes per part; S3 wants at least 5 MiB of all but the last. */
  partBytes?: number;
}

const DEFAULT_PART_BYTES = 8 * 1024 * 1024;

/** Objects in an S3-compatible bucket; the digest travels as object metadata. */
export class S3ObjectStore implements ObjectStore {
  readonly backend = 's3';
  private readonly client: S3Client;
  private readonly partBytes: number;

  constructor(private readonly options: S3StoreOptions) {
    this.client = new S3Client({
      // Compatible stores differ in the newer checksums; ours are SHA-256 over the whole object.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...options.client,
    });
    this.partBytes = options.partBytes ?? DEFAULT_PART_BYTES;
  }

  async putStream(key: string, source: Readable, options: PutOptions = {}): Promise<StoredObject> {
    const full = this.clean(key, source);
    return this.spooled(source, options, full, async (file, written) => {
      await this.upload(full, file, written, options);
      return full;
    });
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
    return this.spooled(source, options, probe, async (file, written) => {
      const key = cleanKey(contentKey(prefix, written.sha256, ext), this.options.prefix);
      const known = await this.head(key);
      if (known?.sizeBytes !== written.sizeBytes || known.sha256 !== written.sha256) {
        await this.upload(key, file, written, options);
      }
      return key;
    });
  }

  async get(key: string): Promise<Readable> {
    const full = cleanKey(key, this.options.prefix);
    const response = await this.send(full, () =>
      this.client.send(new GetObjectCommand({ Bucket: this.options.bucket, Key: full })),
    );
    const body = response.Body as Readable | undefined;
    if (body === undefined) throw new ObjectStoreError(`object store answered without a body for ${full}`);
    const recorded = response.Metadata?.sha256;
    if (recorded === undefined) return body;
    return pipeline(body, new DigestCheck(full, recorded), () => undefined);
  }

  async getBytes(key: string, maxBytes?: number): Promise<Buffer> {
    const stream = await this.get(key);
    return collect(stream, cleanKey(key, this.options.prefix), maxBytes);
  }

  async head(key: string): Promise<ObjectHead | null> {
    const full = cleanKey(key, this.options.prefix);
    try {
      const head = await this.send(full, () =>
        this.client.send(new HeadObjectCommand({ Bucket: this.options.bucket, Key: full })),
      );
      return {
        key: full,
        sizeBytes: head.ContentLength ?? 0,
        sha256: head.Metadata?.sha256 ?? null,
        contentType: head.ContentType ?? null,
      };
    } catch (error) {
      if (error instanceof ObjectNotFound) return null;
      throw error;
    }
  }

  async downloadLink(key: string, options: DownloadLinkOptions): Promise<string> {
    const path = cleanKey(key, this.options.prefix);
    const { config } = this.client;
    const [credentials, region] = await Promise.all([config.credentials(), config.region()]);
    const { bucket } = this.options;
    const base = new URL(options.endpoint ?? this.options.endpoint ?? `https://s3.${region}.amazonaws.com`);
    const byPath = config.forcePathStyle && !/\.amazonaws\.com$/.test(base.hostname);
    if (byPath) base.pathname = `${base.pathname.replace(/\/+$/, '')}/${bucket}`;
    else base.hostname = `${bucket}.${base.hostname}`;
    return presignGet({
      url: new URL(`${base.href.replace(/\/+$/, '')}/${path}`),
      region,
      ...credentials,
      expiresSeconds: options.expiresSeconds,
      now: new Date(),
    });
  }

  async exists(key: string): Promise<boolean> {
    return (await this.head(key)) !== null;
  }

  async delete(key: string): Promise<void> {
    const full = cleanKey(key, this.options.prefix);
    try {
      await this.send(full, () =>
        this.client.send(new DeleteObjectCommand({ Bucket: this.options.bucket, Key: full })),
      );
    } catch (error) {
      if (!(error instanceof ObjectNotFound)) throw error;
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.client.destroy();
  }

  private async spooled(
    source: Readable,
    options: PutOptions,
    shown: string,
    store: (file: FileHandle, written: { sha256: string; sizeBytes: number }) => Promise<string>,
  ): Promise<StoredObject> {
    await mkdir(this.options.spoolDirectory, { recursive: true });
    const path = join(this.options.spoolDirectory, `upload-${randomBytes(12).toString('hex')}`);
    const file = await open(path, 'wx+', 0o600);
    try {
      const written = await spool(source, file, shown, options.maxBytes);
      const key = await store(file, written);
      return { key, ...written, uri: `s3://${this.options.bucket}/${key}` };
    } finally {
      source.destroy();
      await file.close();
      await rm(path, { force: true });
    }
  }

  private async upload(
    key: string,
    file: FileHandle,
    written: { sha256: string; sizeBytes: number },
    options: PutOptions,
  ): Promise<void> {
    const target = { Bucket: this.options.bucket, Key: key };
    const described = {
      ...target,
      ContentType: options.contentType ?? 'application/octet-stream',
      Metadata: { sha256: written.sha256 },
    };
    // Buffers rather than streams, so that the client can send a part again.
    if (written.sizeBytes <= this.partBytes) {
      const Body = await readAt(file, 0, written.sizeBytes);
      await this.send(key, () => this.client.send(new PutObjectCommand({ ...described, Body })));
      return;
    }
    const started = await this.send(key, () => this.client.send(new CreateMultipartUploadCommand(described)));
    const upload = { ...target, UploadId: started.UploadId };
    try {
      const Parts: CompletedPart[] = [];
      for (let offset = 0; offset < written.sizeBytes; offset += this.partBytes) {
        const Body = await readAt(file, offset, Math.min(this.partBytes, written.sizeBytes - offset));
        const PartNumber = Parts.length + 1;
        const part = await this.send(key, () =>
          this.client.send(new UploadPartCommand({ ...upload, PartNumber, Body })),
        );
        Parts.push({ PartNumber, ETag: part.ETag });
      }
      await this.send(key, () =>
        this.client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })),
      );
    } catch (error) {
      // Parts of an abandoned upload are billed until someone aborts it; the first error is the one to report.
      await this.client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
      throw error;
    }
  }

  private async send<T>(key: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (
        error instanceof S3ServiceException &&
        error.$metadata.httpStatusCode === 404 &&
        error.name !== 'NoSuchBucket'
      ) {
        throw new ObjectNotFound(key);
      }
      throw new ObjectStoreError(
        `object store failed on ${JSON.stringify(key)}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }

  private clean(key: string, source: Readable): string {
    try {
      return cleanKey(key, this.options.prefix);
    } catch (error) {
      source.destroy();
      throw error;
    }
  }
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, offset + done);
    if (bytesRead === 0) throw new ObjectStoreError('a spooled upload is shorter than it was');
    done += bytesRead;
  }
  return buffer;
}
