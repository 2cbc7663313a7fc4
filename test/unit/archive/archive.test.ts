import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { inspectArchive, unpackArchive } from '../../../adapters/archive/archive';
import { archiveLimitsFromEnv, ArchiveRefused, type ArchiveLimits } from '../../../adapters/archive/limits';
import { hostileArchives } from './hostile';
import { END, header, MANIFEST, padded, pax, type RawEntry, record, tar, targz } from './tar-builder';

const LIMITS = archiveLimitsFromEnv({});
const stream = (bytes: Buffer, chunk = 4096): Readable =>
  Readable.from(
    (function* () {
      for (let offset = 0; offset < bytes.length; offset += chunk)
        yield bytes.subarray(offset, offset + chunk);
    })(),
  );
const inspect = (bytes: Buffer, limits: ArchiveLimits = LIMITS) => inspectArchive(stream(bytes), limits);

async function refusal(bytes: Buffer, limits: ArchiveLimits = LIMITS): Promise<ArchiveRefused> {
  try {
    await inspect(bytes, limits);
  } catch (error) {
    if (error instanceof ArchiveRefused) return error;
    throw error;
  }
  throw new Error('the archive was accepted');
}

let scratch: string;
beforeEach(() => (scratch = mkdtempSync(join(tmpdir(), 'eirel-archive-'))));
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

describe('archives that miners really make', () => {
  const LONG = `${'deep/'.repeat(30)}${'l'.repeat(90)}.txt`;
  const source = (): string => {
    const dir = join(scratch, 'src');
    const put = (path: string, body: string | Buffer): void => {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), body);
    };
    put('submission.yaml', MANIFEST.body as string);
    put('app.py', 'print("hi")\n');
    put('pkg/data.bin', randomBytes(100_000));
    put('pkg/\u00e9t\u00e9 \u65e5\u672c.txt', 'unicode');
    put(LONG, 'long');
    put('run.sh', '#!/bin/sh\n');
    chmodSync(join(dir, 'run.sh'), 0o755);
    put('empty.txt', '');
    return dir;
  };
  const expectContent = async (archive: string, dir: string): Promise<void> => {
    const bytes = readFileSync(archive);
    const target = join(scratch, 'out');
    const report = await unpackArchive(stream(bytes, 1000), target, LIMITS);
    expect(report.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(report.sizeBytes).toBe(bytes.length);
    expect(report.manifestText).toBe(MANIFEST.body);
    const paths = [
      'app.py',
      LONG,
      'empty.txt',
      'pkg/data.bin',
      'pkg/\u00e9t\u00e9 \u65e5\u672c.txt',
      'run.sh',
      'submission.yaml',
    ];
    expect(report.entries.map((entry) => entry.path)).toEqual([...paths].sort());
    for (const path of paths) {
      expect(readFileSync(join(target, path))).toEqual(readFileSync(join(dir, path)));
    }
    expect(statSync(join(target, 'run.sh')).mode & 0o777).toBe(0o755);
    expect(statSync(join(target, 'app.py')).mode & 0o777).toBe(0o644);
    expect(await inspectArchive(stream(bytes), LIMITS)).toEqual(
      expect.objectContaining({
        sha256: report.sha256,
        entries: report.entries,
        entryCount: report.entryCount,
      }),
    );
  };

  test.each(['PAX', 'GNU', 'USTAR'])('Python tarfile, %s format, packed like the SDK', async (format) => {
    const dir = source();
    const archive = join(scratch, 'py.tar.gz');
    execFileSync('python3', [
      '-c',
      `import sys, tarfile, pathlib
root = pathlib.Path(sys.argv[1])
with tarfile.open(sys.argv[2], "w:gz", format=tarfile.${format}_FORMAT) as tar:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            tar.add(path, arcname=path.relative_to(root))
`,
      dir,
      archive,
    ]);
    await expectContent(archive, dir);
  });

  test.each([
    ['gnu', '.'],
    ['pax', '.'],
    ['posix', '*'],
  ])('the tar command, %s format, %s', async (format, what) => {
    const dir = source();
    const archive = join(scratch, 'cli.tar.gz');
    execFileSync('sh', ['-c', `tar --format=${format} -czf "$1" ${what}`, 'sh', archive], { cwd: dir });
    await expectContent(archive, dir);
  });

  test('junk is checked but not unpacked', async () => {
    const target = join(scratch, 'out');
    const report = await unpackArchive(
      stream(
        targz(
          MANIFEST,
          { name: '.git/config', body: 'x' },
          { name: 'a/__pycache__/b.pyc', body: 'x' },
          { name: 'node_modules/', type: '5' },
          { name: 'a/.DS_Store', body: 'x' },
          { name: 'a/keep.txt', body: 'x' },
        ),
      ),
      target,
      LIMITS,
    );
    expect(report.skipped).toBe(3);
    expect(report.entries).toHaveLength(5);
    expect(readdirSync(target).sort()).toEqual(['a', 'submission.yaml']);
    expect(readdirSync(join(target, 'a'))).toEqual(['keep.txt']);
  });

  test('chunk borders do not matter', async () => {
    const bytes = targz(MANIFEST, pax(record('path', 'x/'.repeat(20) + 'y')), {
      name: 'short',
      body: 'z'.repeat(1500),
    });
    const whole = await inspect(bytes);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 700 }), async (chunk) => {
        expect(await inspectArchive(stream(bytes, chunk), LIMITS)).toEqual(whole);
      }),
      { numRuns: 25 },
    );
  });

  test('gzip padding and several gzip members pass', async () => {
    const whole = tar([MANIFEST]);
    const members = Buffer.concat([
      gzipSync(whole.subarray(0, 700)),
      gzipSync(whole.subarray(700)),
      Buffer.alloc(600),
    ]);
    const report = await inspect(members);
    expect(report.sha256).toBe(createHash('sha256').update(members).digest('hex'));
  });

  test('an archive far larger than memory held is streamed', async () => {
    const big = 48 * 1024 * 1024;
    const gzip = createGzip({ level: 0 });
    const source = Readable.from(
      (function* () {
        yield Buffer.concat([
          header(MANIFEST),
          padded(MANIFEST.body as string),
          header({ name: 'big', size: big }),
        ]);
        const piece = randomBytes(1024 * 1024);
        for (let done = 0; done < big; done += piece.length) yield piece;
        yield END;
      })(),
    ).pipe(gzip);
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 5);
    const report = await inspectArchive(gzip, LIMITS).finally(() => clearInterval(timer));
    source.destroy();
    expect(report.entries).toContainEqual({ path: 'big', size: big });
    expect(peak - before).toBeLessThan(big / 2);
  });
});

describe('archives that are refused', () => {
  test.each(hostileArchives())('$what: $code', async ({ code, entry, bytes, limits }) => {
    const refused = await refusal(bytes, limits);
    expect(refused.code).toBe(code);
    if (entry !== null) expect(refused.entry).toBe(entry);
    expect(refused.message).toMatch(/^(archive|entry|entries|submission\.yaml) /);
    // Nothing of the entry's name may move a terminal's cursor.
    expect(refused.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    // And nothing may be left behind.
    const target = join(scratch, 'out');
    await expect(unpackArchive(stream(bytes), target, limits ?? LIMITS)).rejects.toMatchObject({ code });
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('names the missing manifest as documented', async () => {
    expect((await refusal(targz({ name: 'a' }))).message).toBe(
      'submission.yaml is missing at the archive root',
    );
  });

  test('a directory in use is not unpacked into', async () => {
    writeFileSync(join(scratch, 'mine'), 'x');
    await expect(unpackArchive(stream(targz(MANIFEST)), scratch, LIMITS)).rejects.toThrow('not empty');
    expect(readFileSync(join(scratch, 'mine'), 'utf8')).toBe('x');
  });

  test('an error of the source passes through and nothing is left', async () => {
    const broken = Readable.from(
      (function* () {
        yield targz(MANIFEST).subarray(0, 40);
        throw new Error('connection lost');
      })(),
    );
    await expect(unpackArchive(broken, join(scratch, 'out'), LIMITS)).rejects.toThrow('connection lost');
    expect(readdirSync(scratch)).toEqual([]);
  });

  test('no name escapes the directory, whatever it is made of', async () => {
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'a',
      'B',
      '\\',
      'C:',
      '\u0000',
      'e\u0301',
      '/',
      'submission.yaml',
      ' ',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 5 }), async (parts) => {
        const target = join(scratch, 'jail', 'out');
        const name = parts.join('/');
        const bytes = targz(MANIFEST, pax(record('path', name)), { name: 'x', body: 'content' });
        await unpackArchive(stream(bytes), target, LIMITS).catch((error: unknown) => {
          if (!(error instanceof ArchiveRefused)) throw error;
        });
        expect(readdirSync(scratch)).toEqual(existsSync(join(scratch, 'jail')) ? ['jail'] : []);
        if (existsSync(join(scratch, 'jail')))
          expect(readdirSync(join(scratch, 'jail'))).toEqual(existsSync(target) ? ['out'] : []);
        rmSync(join(scratch, 'jail'), { recursive: true, force: true });
      }),
      { numRuns: 150 },
    );
  });

  test('flipping any byte is refused or harmless, never a crash', async () => {
    const good = tar([MANIFEST, { name: 'app.py', body: 'x' }] as RawEntry[]);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (index, mask) => {
        const bytes = Buffer.from(good);
        bytes[index] = (bytes[index] as number) ^ mask;
        try {
          await inspect(gzipSync(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiveRefused);
        }
      }),
      { numRuns: 200 },
    );
  });
});

test('limits are read from the environment and bad ones named', () => {
  expect(archiveLimitsFromEnv({ EIREL_SUBMISSION_MAX_ENTRIES: '7', EIREL_SUBMISSION_MAX_DEPTH: '' })).toEqual(
    {
      maxBytes: 209715200,
      maxUnpackedBytes: 1073741824,
      maxEntries: 7,
      maxDepth: 32,
      maxRatio: 200,
    },
  );
  expect(() => archiveLimitsFromEnv({ EIREL_SUBMISSION_MAX_RATIO: 'lots' })).toThrow(
    'EIREL_SUBMISSION_MAX_RATIO must be a positive whole number, not "lots"',
  );
});
