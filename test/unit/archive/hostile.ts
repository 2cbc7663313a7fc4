/** Archives that nobody may get past the owner: what each is, how it is refused, and which entry is named. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { archiveLimitsFromEnv, type ArchiveLimits } from '../../../adapters/archive/limits';
import { END, header, MANIFEST, pax, record, tar, targz } from './tar-builder';

const LIMITS = archiveLimitsFromEnv({});

export interface HostileArchive {
  what: string;
  code: string;
  /** Null where no single entry is at fault. */
  entry: string | null;
  bytes: Buffer;
  /** Absent where the owner's defaults refuse it. */
  limits?: ArchiveLimits;
}

export function hostileArchives(): HostileArchive[] {
  const small: ArchiveLimits = { ...LIMITS, maxEntries: 5, maxDepth: 4, maxUnpackedBytes: 20 * 1024 * 1024 };
  const evil: [string, string, string | null, Buffer, ArchiveLimits?][] = [
    [
      'a symbolic link',
      'link',
      'evil',
      targz(MANIFEST, { name: 'evil', type: '2', linkname: '/etc/passwd' }),
    ],
    [
      'a hard link',
      'link',
      'evil',
      targz(MANIFEST, { name: 'evil', type: '1', linkname: 'submission.yaml' }),
    ],
    [
      'a link with a long target',
      'link',
      'evil',
      targz(
        MANIFEST,
        { name: '././@LongLink', type: 'K', body: 'x'.repeat(200) },
        { name: 'evil', type: '2' },
      ),
    ],
    [
      'a manifest that is a link',
      'link',
      'submission.yaml',
      targz({ name: 'submission.yaml', type: '2', linkname: 'x' }),
    ],
    ['a character device', 'device', 'null', targz(MANIFEST, { name: 'null', type: '3' })],
    ['a block device', 'device', 'sda', targz(MANIFEST, { name: 'sda', type: '4' })],
    ['a pipe', 'device', 'fifo', targz(MANIFEST, { name: 'fifo', type: '6' })],
    ['an unknown type', 'unsupported_type', 'x', targz(MANIFEST, { name: 'x', type: 'M' })],
    ['a GNU sparse file', 'sparse', 'x', targz(MANIFEST, { name: 'x', type: 'S' })],
    [
      'a PAX sparse file',
      'sparse',
      null,
      targz(MANIFEST, pax(record('GNU.sparse.major', '1')), { name: 'x' }),
    ],
    ['an absolute path', 'absolute_path', '/etc/x', targz(MANIFEST, { name: '/etc/x' })],
    ['a drive letter', 'absolute_path', 'C:x', targz(MANIFEST, { name: 'C:x' })],
    ['a parent path', 'parent_path', '../x', targz(MANIFEST, { name: '../x' })],
    ['a hidden parent path', 'parent_path', 'a/./../../x', targz(MANIFEST, { name: 'a/./../../x' })],
    [
      'a parent path in a PAX name',
      'parent_path',
      'a/../../x',
      targz(MANIFEST, pax(record('path', 'a/../../x')), { name: 'ok' }),
    ],
    [
      'a parent path in a GNU name',
      'parent_path',
      '../y',
      targz(MANIFEST, { name: 'L', type: 'L', body: '../y\0' }, { name: 'ok' }),
    ],
    ['a parent path in the prefix', 'parent_path', '../x', targz(MANIFEST, { name: 'x', prefix: '..' })],
    ['a parent directory', 'parent_path', '..', targz(MANIFEST, { name: '..', type: '5' })],
    ['a backslash', 'backslash', 'a\\..\\x', targz(MANIFEST, { name: 'a\\..\\x' })],
    ['a NUL', 'bad_name', 'a\0b', targz(MANIFEST, pax(record('path', 'a\0b')), { name: 'ok' })],
    ['a newline', 'bad_name', 'a\nb', targz(MANIFEST, { name: 'a\nb' })],
    ['an escape character', 'bad_name', 'a\u001b[2J', targz(MANIFEST, { name: 'a\u001b[2J' })],
    ['a text direction override', 'bad_name', 'a\u202etxt.py', targz(MANIFEST, { name: 'a\u202etxt.py' })],
    ['a name that is not UTF-8', 'bad_name', 'a\u00ff', targz(MANIFEST, { name: Buffer.from([0x61, 0xff]) })],
    ['no name', 'bad_name', '', targz(MANIFEST, { name: '' })],
    [
      'a long name',
      'name_too_long',
      null,
      targz(MANIFEST, pax(record('path', 'n'.repeat(300))), { name: 'x' }),
    ],
    [
      'a long path',
      'name_too_long',
      null,
      targz(MANIFEST, pax(record('path', `${'n'.repeat(200)}/`.repeat(7) + 'x')), { name: 'x' }),
    ],
    ['a deep path', 'too_deep', 'a/b/c/d/e', targz(MANIFEST, { name: 'a/b/c/d/e' }), small],
    ['the same file twice', 'duplicate', 'a/x', targz(MANIFEST, { name: 'a/x' }, { name: 'a/x' })],
    [
      'the same file by another path',
      'duplicate',
      'a/x',
      targz(MANIFEST, { name: 'a/x' }, { name: './a//x' }),
    ],
    ['two manifests', 'duplicate', 'submission.yaml', targz(MANIFEST, { name: './submission.yaml' })],
    ['names that differ in case', 'collision', 'a/X', targz(MANIFEST, { name: 'a/x' }, { name: 'a/X' })],
    [
      'names that fold alike',
      'collision',
      'stra\u00dfe',
      targz(MANIFEST, { name: 'strasse' }, { name: 'stra\u00dfe' }),
    ],
    [
      'names that compose alike',
      'collision',
      'e\u0301',
      targz(MANIFEST, { name: '\u00e9' }, { name: 'e\u0301' }),
    ],
    ['directories that differ in case', 'collision', 'A', targz(MANIFEST, { name: 'a/x' }, { name: 'A/y' })],
    ['a file used as a directory', 'collision', 'a', targz(MANIFEST, { name: 'a' }, { name: 'a/x' })],
    ['a directory used as a file', 'collision', 'a', targz(MANIFEST, { name: 'a/x' }, { name: 'a' })],
    [
      'too many entries',
      'too_many_entries',
      null,
      targz(MANIFEST, ...Array.from({ length: 9 }, (_, i) => ({ name: `f${i}` }))),
      small,
    ],
    [
      'too many bytes',
      'unpacked_too_large',
      null,
      gzipSync(
        tar([MANIFEST, { name: 'a', body: randomBytes(2000) }, { name: 'b', body: randomBytes(2000) }]),
      ),
      { ...LIMITS, maxUnpackedBytes: 5000 },
    ],
    [
      'a declared size over the limit',
      'unpacked_too_large',
      'big',
      targz(MANIFEST, { name: 'big', size: 8 ** 11 - 1 }),
    ],
    [
      'a bomb',
      'ratio_too_high',
      null,
      gzipSync(tar([MANIFEST, { name: 'zeros', body: Buffer.alloc(12 * 1024 * 1024) }])),
    ],
    [
      'a bomb behind the end marker',
      'ratio_too_high',
      null,
      gzipSync(tar([MANIFEST], Buffer.alloc(16 * 1024 * 1024))),
    ],
    [
      'too many compressed bytes',
      'too_large',
      null,
      targz(MANIFEST, { name: 'a', body: randomBytes(3000) }),
      { ...LIMITS, maxBytes: 2000 },
    ],
    [
      'a size that is no number',
      'bad_size',
      'x',
      targz(MANIFEST, { name: 'x', sizeField: Buffer.from('99999999999\0') }),
    ],
    ['a negative size', 'bad_size', 'x', targz(MANIFEST, { name: 'x', sizeField: Buffer.alloc(12, 0xff) })],
    [
      'a size beyond counting',
      'bad_size',
      'x',
      targz(MANIFEST, { name: 'x', sizeField: Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0xff)]) }),
    ],
    [
      'a PAX size that is no number',
      'bad_size',
      null,
      targz(MANIFEST, pax(record('size', '-5')), { name: 'x' }),
    ],
    ['a directory with content', 'bad_size', 'd', targz(MANIFEST, { name: 'd', type: '5', body: 'x' })],
    [
      'a size larger than the rest',
      'truncated',
      'x',
      gzipSync(
        Buffer.concat([
          tar([MANIFEST], Buffer.alloc(0)),
          header({ name: 'x', size: 5000 }),
          Buffer.alloc(600),
        ]),
      ),
    ],
    [
      'a PAX size that shifts the next header',
      'corrupt',
      null,
      targz(MANIFEST, pax(record('size', '100')), { name: 'x', body: 'y'.repeat(700) }),
    ],
    [
      'a huge extended header',
      'header_too_large',
      'PaxHeader',
      targz(MANIFEST, { name: 'PaxHeader', type: 'x', size: 10_000_000 }),
    ],
    [
      'a PAX record with a false length',
      'corrupt',
      null,
      targz(MANIFEST, { name: 'p', type: 'x', body: '99 path=x\n' }, { name: 'x' }),
    ],
    [
      'a global name',
      'corrupt',
      null,
      targz({ name: 'g', type: 'g', body: record('path', 'submission.yaml') }, MANIFEST),
    ],
    ['an ambiguous prefix', 'corrupt', 'x', targz(MANIFEST, { name: 'x', prefix: 'p', magic: 'ustar  ' })],
    ['a wrong checksum', 'corrupt', null, targz(MANIFEST, { name: 'x', badChecksum: true })],
    [
      'entries behind the end marker',
      'trailing_garbage',
      null,
      gzipSync(Buffer.concat([tar([MANIFEST]), tar([{ name: 'x' }])])),
    ],
    [
      'bytes behind the gzip stream',
      'trailing_garbage',
      null,
      Buffer.concat([targz(MANIFEST), Buffer.from('hello')]),
    ],
    [
      'bytes behind gzip padding',
      'trailing_garbage',
      null,
      Buffer.concat([targz(MANIFEST), Buffer.alloc(9000), Buffer.from('hello')]),
    ],
    [
      'a cut gzip stream',
      'truncated',
      null,
      targz(MANIFEST, { name: 'a', body: randomBytes(3000) }).subarray(0, -30),
    ],
    [
      'a cut tar inside gzip',
      'truncated',
      null,
      gzipSync(tar([MANIFEST, { name: 'x' }], Buffer.alloc(0)).subarray(0, 1500 - 212)),
    ],
    [
      'a damaged gzip stream',
      'corrupt',
      null,
      (() => {
        const bytes = targz(MANIFEST, { name: 'a', body: randomBytes(3000) });
        bytes.writeUInt32LE(1, bytes.length - 8);
        return bytes;
      })(),
    ],
    ['a zip file', 'not_gzip', null, Buffer.from('PK\u0003\u0004 not gzip at all')],
    ['a plain tar file', 'not_gzip', null, tar([MANIFEST])],
    ['nothing', 'not_gzip', null, Buffer.alloc(0)],
    ['gzip of something else', 'corrupt', null, gzipSync('hello')],
    ['gzip of nothing', 'corrupt', null, gzipSync('')],
    ['an archive of zeros', 'manifest_missing', null, gzipSync(END)],
    ['no manifest', 'manifest_missing', null, targz({ name: 'app.py', body: 'x' })],
    [
      'a manifest one level down',
      'manifest_missing',
      null,
      targz({ ...MANIFEST, name: 'agent/submission.yaml' }),
    ],
    [
      'a manifest that is a directory',
      'manifest_missing',
      null,
      targz({ name: 'submission.yaml', type: '5' }),
    ],
    [
      'a huge manifest',
      'manifest_too_large',
      'submission.yaml',
      targz({ name: 'submission.yaml', body: ' '.repeat(300_000) }),
    ],
    [
      'a binary manifest',
      'manifest_not_text',
      'submission.yaml',
      targz({ name: 'submission.yaml', body: Buffer.from([0x80, 0xff]) }),
    ],
  ];
  return evil.map(([what, code, entry, bytes, limits]) => ({ what, code, entry, bytes, limits }));
}
