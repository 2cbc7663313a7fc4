/** One 512-byte tar header, read strictly: anything that two programs could read in two ways is refused. */
import { ArchiveRefused, quoteEntry } from './limits';

export const BLOCK = 512;

export interface TarHeader {
  /** Raw name; extended headers may replace it. */
  name: string;
  /** Bytes of content that follow. */
  size: number;
  /** The type flag's character; NUL and `7` are given as `0`. */
  type: string;
  mode: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Decodes UTF-8 strictly. @throws ArchiveRefused `bad_name` */
export function decodeName(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    const shown = Buffer.from(bytes).toString('latin1');
    throw new ArchiveRefused('bad_name', shown, `entry ${quoteEntry(shown)} has a name that is not UTF-8`);
  }
}

/**
 * @param block exactly 512 bytes
 * @returns null for a block of zeros, which marks the end of the archive
 * @throws ArchiveRefused `corrupt`, `bad_size`, `bad_name`
 */
export function parseHeader(block: Buffer): TarHeader | null {
  if (block.every((byte) => byte === 0)) return null;
  const sum = readNumber(block, 148, 8);
  if (sum === null || (sum !== checksum(block, false) && sum !== checksum(block, true))) {
    throw new ArchiveRefused(
      'corrupt',
      null,
      'archive is not a tar file or is damaged: a header does not check out',
    );
  }
  const short = decodeName(field(block, 0, 100));
  const size = readNumber(block, 124, 12);
  if (size === null || size < 0 || !Number.isSafeInteger(size)) {
    throw new ArchiveRefused('bad_size', short, `entry ${quoteEntry(short)} declares an impossible size`);
  }
  const flag = String.fromCharCode(block[156] ?? 0);
  return {
    name: withPrefix(block, short),
    size,
    type: flag === '\0' || flag === '7' ? '0' : flag,
    mode: readNumber(block, 100, 8) ?? 0o644,
  };
}

function withPrefix(block: Buffer, short: string): string {
  const prefix = field(block, 345, 155);
  if (prefix.length === 0) return short;
  // POSIX archives keep the front of a long path here; GNU and old ones keep other things, which some readers
  // take for a path all the same.
  if (block.toString('latin1', 257, 263) !== 'ustar\0') {
    throw new ArchiveRefused(
      'corrupt',
      short,
      `entry ${quoteEntry(short)} has a header that can be read in two ways`,
    );
  }
  return `${decodeName(prefix)}/${short}`;
}

/** The bytes of a text field up to its NUL. */
function field(block: Buffer, offset: number, length: number): Buffer {
  const bytes = block.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** An octal or base-256 number; null when it is neither. */
function readNumber(block: Buffer, offset: number, length: number): number | null {
  const first = block[offset] ?? 0;
  if (first === 0x80) {
    let value = 0;
    for (const byte of block.subarray(offset + 1, offset + length)) value = value * 256 + byte;
    return value;
  }
  if (first > 0x80) return null;
  const text = field(block, offset, length).toString('latin1').trim();
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : null;
}

function checksum(block: Buffer, signed: boolean): number {
  let sum = 0;
  for (let index = 0; index < BLOCK; index += 1) {
    const byte = index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
    sum += signed && byte > 127 ? byte - 256 : byte;
  }
  return sum;
}

/**
 * Reads PAX records (`length key=value\n`).
 * @throws ArchiveRefused `corrupt` when a record's length is a lie
 */
export function parsePax(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  let offset = 0;
  while (offset < bytes.length) {
    const space = bytes.indexOf(0x20, offset);
    const digits = space < 0 ? '' : bytes.toString('latin1', offset, space);
    const length = /^[1-9]\d{0,6}$/.test(digits) ? Number(digits) : 0;
    const end = offset + length;
    const equals = bytes.indexOf(0x3d, space);
    if (length === 0 || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 0 || equals >= end) {
      // Some writers pad with NULs.
      if (bytes.subarray(offset).every((byte) => byte === 0)) break;
      throw new ArchiveRefused(
        'corrupt',
        null,
        'archive is damaged: an extended header has a malformed record',
      );
    }
    records.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1));
    offset = end;
  }
  return records;
}
