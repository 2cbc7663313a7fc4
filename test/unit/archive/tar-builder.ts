/** Writes tar archives byte by byte, so that tests can lie in any field. */
import { gzipSync } from 'node:zlib';

export interface RawEntry {
  name: string | Buffer;
  type?: string;
  body?: Buffer | string;
  /** Declared size when it differs from the body's. */
  size?: number;
  sizeField?: Buffer;
  mode?: number;
  prefix?: string;
  magic?: string;
  linkname?: string;
  badChecksum?: boolean;
}

export const MANIFEST: RawEntry = {
  name: 'submission.yaml',
  body: 'agent:\n  name: demo\nfamily_id: general_chat\n',
};

export function header(entry: RawEntry): Buffer {
  const block = Buffer.alloc(512);
  const name = Buffer.isBuffer(entry.name) ? entry.name : Buffer.from(entry.name);
  name.copy(block, 0, 0, 100);
  block.write((entry.mode ?? 0o644).toString(8).padStart(7, '0'), 100);
  block.write('0000000', 108);
  block.write('0000000', 116);
  const size = entry.size ?? Buffer.byteLength(entry.body ?? '');
  if (entry.sizeField) entry.sizeField.copy(block, 124, 0, 12);
  else block.write(size.toString(8).padStart(11, '0'), 124);
  block.write('00000000000', 136);
  block.write(entry.type ?? '0', 156, 'latin1');
  block.write(entry.linkname ?? '', 157);
  block.write(entry.magic ?? 'ustar\0', 257, 'latin1');
  block.write('00', 263);
  block.write(entry.prefix ?? '', 345);
  block.fill(0x20, 148, 156);
  let sum = entry.badChecksum ? 1 : 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export function padded(body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export function record(key: string, value: string): string {
  let length = Buffer.byteLength(` ${key}=${value}\n`);
  while (String(length).length + Buffer.byteLength(` ${key}=${value}\n`) !== length) {
    length = String(length).length + Buffer.byteLength(` ${key}=${value}\n`);
  }
  return `${length} ${key}=${value}\n`;
}

export const pax = (...records: string[]): RawEntry => ({
  name: 'PaxHeader',
  type: 'x',
  body: records.join(''),
});

export const END = Buffer.alloc(1024);

export function tar(entries: RawEntry[], end: Buffer = END): Buffer {
  return Buffer.concat([...entries.flatMap((entry) => [header(entry), padded(entry.body ?? '')]), end]);
}

export const targz = (...entries: RawEntry[]): Buffer => gzipSync(tar(entries));
