/** Walks a tar stream entry by entry under the archive policy; holds one chunk in memory at a time. */
import { BLOCK, decodeName, parseHeader, parsePax, type TarHeader } from './tar-header';
import { type ArchiveLimits, ArchiveRefused, MAX_EXTENDED_HEADER_BYTES, quoteEntry } from './limits';
import { cleanPath, NameRegistry } from './names';

export interface TarEntry {
  /** Clean path below the root. */
  path: string;
  kind: 'file' | 'directory';
  size: number;
  /** True when the owner's execute bit is set. */
  executable: boolean;
}

/** Called for each entry in order; `content` must be read to its end or left untouched. */
export type TarVisitor = (entry: TarEntry, content: AsyncGenerator<Buffer>) => Promise<void>;

/** Takes exact numbers of bytes from a stream of chunks. */
class ByteReader {
  private pending: Buffer = Buffer.alloc(0);
  private readonly chunks: AsyncIterator<Buffer>;

  constructor(source: AsyncIterable<Buffer>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Up to `limit` bytes; null at the end. */
  async some(limit: number): Promise<Buffer | null> {
    while (this.pending.length === 0) {
      const next = await this.chunks.next();
      if (next.done) return null;
      this.pending = next.value;
    }
    const piece = this.pending.subarray(0, limit);
    this.pending = this.pending.subarray(piece.length);
    return piece;
  }

  /** Exactly `length` bytes; fewer only at the end of the stream. */
  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.some(missing);
      if (piece === null) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  /** Lets the source clean up when the walk stops early. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }
}

/** What extended headers said about the next entry. */
interface Extended {
  name?: string;
  size?: number;
}

/**
 * Reads the whole stream, calling `visit` for each file and directory.
 * @throws ArchiveRefused for the first entry that breaks a rule, and whatever `visit` throws
 */
export async function readTar(
  source: AsyncIterable<Buffer>,
  limits: ArchiveLimits,
  visit: TarVisitor,
): Promise<void> {
  const reader = new ByteReader(source);
  try {
    await walk(reader, limits, visit);
  } finally {
    await reader.close();
  }
}

async function walk(reader: ByteReader, limits: ArchiveLimits, visit: TarVisitor): Promise<void> {
  const names = new NameRegistry();
  let entries = 0;
  let extended: Extended = {};
  for (;;) {
    const block = await reader.exactly(BLOCK);
    // Some writers leave the end marker out; ending between two entries is not ambiguous.
    if (block.length === 0 && entries > 0) return;
    if (block.length < BLOCK) {
      throw new ArchiveRefused(
        entries === 0 ? 'corrupt' : 'truncated',
        null,
        entries === 0 ? 'archive is not a tar file' : 'archive ends in the middle of a header',
      );
    }
    const header = parseHeader(block);
    if (header === null) return expectZeros(reader);
    if ('xgLK'.includes(header.type)) {
      extended = await readExtended(reader, header, extended);
      continue;
    }
    entries += 1;
    if (entries > limits.maxEntries) {
      throw new ArchiveRefused(
        'too_many_entries',
        null,
        `archive has more than ${limits.maxEntries} entries`,
      );
    }
    const entry = admit(header, extended, limits);
    extended = {};
    if (entry.path === '') continue;
    if (entry.kind === 'directory') names.addDirectory(entry.path);
    else names.addFile(entry.path);
    await visitContent(reader, entry, visit);
  }
}

/** Nothing may follow the end marker: readers disagree about whether entries there exist. */
async function expectZeros(reader: ByteReader): Promise<void> {
  for (let piece = await reader.some(BLOCK * 128); piece !== null; piece = await reader.some(BLOCK * 128)) {
    if (piece.some((byte) => byte !== 0)) {
      throw new ArchiveRefused(
        'trailing_garbage',
        null,
        'archive has content after its end-of-archive marker',
      );
    }
  }
}

async function visitContent(reader: ByteReader, entry: TarEntry, visit: TarVisitor): Promise<void> {
  let left = entry.size;
  async function* content(): AsyncGenerator<Buffer> {
    while (left > 0) {
      const piece = await reader.some(left);
      if (piece === null) {
        throw new ArchiveRefused(
          'truncated',
          entry.path,
          `archive ends within entry ${quoteEntry(entry.path)}`,
        );
      }
      left -= piece.length;
      yield piece;
    }
  }
  const stream = content();
  await visit(entry, stream);
  // What the visitor left unread is passed over.
  for await (const _ of content()) continue;
  const padding = (BLOCK - (entry.size % BLOCK)) % BLOCK;
  if ((await reader.exactly(padding)).length < padding) {
    throw new ArchiveRefused('truncated', entry.path, `archive ends within entry ${quoteEntry(entry.path)}`);
  }
}

async function readExtended(reader: ByteReader, header: TarHeader, before: Extended): Promise<Extended> {
  if (header.size > MAX_EXTENDED_HEADER_BYTES) {
    throw new ArchiveRefused(
      'header_too_large',
      header.name,
      `archive has an extended header of more than ${MAX_EXTENDED_HEADER_BYTES} bytes`,
    );
  }
  const padded = Math.ceil(header.size / BLOCK) * BLOCK;
  const bytes = await reader.exactly(padded);
  if (bytes.length < padded)
    throw new ArchiveRefused('truncated', null, 'archive ends within an extended header');
  const body = bytes.subarray(0, header.size);
  // Overlong link names belong to links, which are refused when they come.
  if (header.type === 'K') return before;
  if (header.type === 'L') {
    const end = body.indexOf(0);
    return { ...before, name: decodeName(end < 0 ? body : body.subarray(0, end)) };
  }
  const records = parsePax(body);
  const sparse = [...records.keys()].find((key) => key.startsWith('GNU.sparse.'));
  if (sparse !== undefined)
    throw new ArchiveRefused('sparse', null, 'archive has a sparse file; write it without --sparse');
  if (header.type === 'g') {
    // Comments and times for all entries are harmless; a name or size for all of them is an attack.
    if (records.has('path') || records.has('size') || records.has('linkpath')) {
      throw new ArchiveRefused(
        'corrupt',
        null,
        'archive sets the name or size of all entries in a global header',
      );
    }
    return before;
  }
  return { ...before, ...paxFields(records) };
}

function paxFields(records: Map<string, Buffer>): Extended {
  const fields: Extended = {};
  const path = records.get('path');
  if (path !== undefined) fields.name = decodeName(path);
  const size = records.get('size')?.toString('latin1');
  if (size !== undefined) {
    if (!/^\d{1,15}$/.test(size)) {
      throw new ArchiveRefused('bad_size', null, 'archive has an extended header with an impossible size');
    }
    fields.size = Number(size);
  }
  return fields;
}

function admit(header: TarHeader, extended: Extended, limits: ArchiveLimits): TarEntry {
  const raw = extended.name ?? header.name;
  const shown = quoteEntry(raw);
  switch (header.type) {
    case '0':
    case '5':
      break;
    case '1':
    case '2':
      throw new ArchiveRefused('link', raw, `entry ${shown} is a link; put the file itself into the archive`);
    case '3':
    case '4':
    case '6':
      throw new ArchiveRefused(
        'device',
        raw,
        `entry ${shown} is a device or pipe; only files and directories may be sent`,
      );
    case 'S':
      throw new ArchiveRefused('sparse', raw, `entry ${shown} is a sparse file; write it without --sparse`);
    default:
      throw new ArchiveRefused(
        'unsupported_type',
        raw,
        `entry ${shown} has type ${quoteEntry(header.type)}; only files and directories may be sent`,
      );
  }
  const path = cleanPath(raw, limits);
  const size = extended.size ?? header.size;
  // Before POSIX a directory was a file whose name ends in a slash.
  const directory = header.type === '5' || raw.endsWith('/') || path === '';
  if (directory && size !== 0) {
    throw new ArchiveRefused('bad_size', raw, `entry ${shown} is a directory that declares ${size} bytes`);
  }
  if (size > limits.maxUnpackedBytes) {
    throw new ArchiveRefused(
      'unpacked_too_large',
      raw,
      `entry ${shown} declares ${size} bytes; the archive may unpack to ${limits.maxUnpackedBytes}`,
    );
  }
  return { path, kind: directory ? 'directory' : 'file', size, executable: (header.mode & 0o100) !== 0 };
}
