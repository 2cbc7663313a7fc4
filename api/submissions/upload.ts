/**
 * Receives a multipart upload without holding it in memory: the raw bytes are hashed for the signature while the archive
 * inside them goes to a file, which is gone again unless its request is admitted.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Transform, Writable } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import busboy from 'busboy';
import type { Request } from 'express';
import { HttpError } from '../../domain/http-errors';
import { BodyTooLarge, refuseAnnouncedLength } from '../body';

const BAD_BODY = 'There was an error parsing the body';
const ARCHIVE_FIELD = 'archive';
const TEXT_FIELDS = new Set(['extrinsic_hash', 'extrinsic_index', 'block_hash']);

export interface UploadLimits {
  maxBodyBytes: number;
  maxArchiveBytes: number;
  /** Directory for the spool; null is the system's temporary one. */
  spoolDir: string | null;
}

export interface SpooledArchive {
  sizeBytes: number;
  /** True when it was larger than the limit and the rest was let go. */
  tooLarge: boolean;
  open(): Readable;
}

export interface Upload {
  /** Hex SHA-256 of the whole body as sent. */
  bodySha256: string;
  /** null when no file part of that name came. */
  archive: SpooledArchive | null;
  /** True when a part named `archive` came that is not a file. */
  archiveIsText: boolean;
  fields: { extrinsic_hash?: string; extrinsic_index?: string; block_hash?: string };
  /** Removes what was spooled; safe to call more than once. */
  discard(): Promise<void>;
}

/**
 * Reads an upload to its end.
 * @throws BodyTooLarge over the body cap, HttpError 400 for what is not a well-formed multipart body
 */
export async function receiveUpload(req: Request, limits: UploadLimits): Promise<Upload> {
  refuseAnnouncedLength(req, limits.maxBodyBytes);
  const dir = await mkdtemp(join(limits.spoolDir ?? tmpdir(), 'eirel-upload-'));
  const discard = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    const parts = new Parts(join(dir, 'archive'), limits.maxArchiveBytes);
    const bodySha256 = await feed(req, sinkFor(req, parts), limits.maxBodyBytes);
    await parts.finished();
    return {
      bodySha256,
      archive: parts.archive,
      archiveIsText: parts.archiveIsText,
      fields: parts.fields,
      discard,
    };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** A parser for a multipart body, a drain for any other, whose bytes only count for the signature. */
function sinkFor(req: Request, parts: Parts): Writable {
  const type = req.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\b/i.test(type)) {
    return new Writable({ write: (_chunk, _encoding, done) => done() });
  }
  try {
    const parser = busboy({
      headers: req.headers,
      limits: { fileSize: parts.maxArchiveBytes + 1, files: 4, fields: 16, parts: 20, fieldSize: 4096 },
    });
    parser.on('file', (name, file, info) => parts.takeFile(name, file, info.filename));
    parser.on('field', (name, value) => parts.takeField(name, value));
    return parser;
  } catch {
    throw new HttpError(400, BAD_BODY);
  }
}

/** Sends the request's bytes to the sink, hashing and counting them. */
async function feed(req: Request, sink: Writable, maxBytes: number): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > maxBytes) return done(new BodyTooLarge());
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const cut = (): void => {
    if (!req.complete) meter.destroy(new HttpError(400, 'the request ended before its body was complete'));
  };
  req.once('close', cut);
  // Piped rather than put into the pipeline: a pipeline that fails would destroy the request, and with it the answer.
  req.pipe(meter);
  try {
    await pipeline(meter, sink);
  } catch (error) {
    req.unpipe(meter);
    req.resume();
    if (error instanceof BodyTooLarge || error instanceof HttpError) throw error;
    if (isDiskError(error)) throw noRoom();
    throw new HttpError(400, BAD_BODY);
  } finally {
    req.off('close', cut);
  }
  return hash.digest('hex');
}

class Parts {
  archive: SpooledArchive | null = null;
  archiveIsText = false;
  readonly fields: Upload['fields'] = {};
  private readonly writes: Promise<void>[] = [];

  constructor(
    private readonly file: string,
    readonly maxArchiveBytes: number,
  ) {}

  takeField(name: string, value: string): void {
    if (name === ARCHIVE_FIELD) this.archiveIsText = true;
    else if (TEXT_FIELDS.has(name)) this.fields[name as keyof Upload['fields']] = value;
  }

  takeFile(name: string, stream: Readable, filename: string | undefined): void {
    if (name !== ARCHIVE_FIELD || filename === undefined || this.archive) {
      stream.resume();
      return;
    }
    const path = this.file;
    const archive: SpooledArchive = { sizeBytes: 0, tooLarge: false, open: () => createReadStream(path) };
    this.archive = archive;
    const counter = new PassThrough();
    counter.on('data', (chunk: Buffer) => (archive.sizeBytes += chunk.length));
    const write = pipeline(stream, counter, createWriteStream(path, { flags: 'wx', mode: 0o600 })).then(
      () => {
        archive.tooLarge = archive.sizeBytes > this.maxArchiveBytes;
      },
    );
    // A failed write must not be an unhandled rejection while the body is still being read.
    write.catch(() => stream.resume());
    this.writes.push(write);
  }

  async finished(): Promise<void> {
    try {
      await Promise.all(this.writes);
    } catch (error) {
      throw isDiskError(error) ? noRoom() : new HttpError(400, BAD_BODY);
    }
  }
}

function isDiskError(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function noRoom(): HttpError {
  return new HttpError(
    503,
    'the owner has no room to receive uploads at the moment, nothing was stored: try again later',
    {},
    { 'retry-after': '60' },
  );
}

/** Uploads that are being received at once by this process are bounded, since each holds disk and a connection. */
export class UploadSlots {
  private taken = 0;

  constructor(private readonly limit: number) {}

  /** @throws HttpError 503 when all are taken */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.taken >= this.limit) {
      throw new HttpError(
        503,
        `the owner is receiving ${this.limit} uploads already, nothing was stored: try again in a moment`,
        {},
        { 'retry-after': '10' },
      );
    }
    this.taken += 1;
    try {
      return await work();
    } finally {
      this.taken -= 1;
    }
  }
}
