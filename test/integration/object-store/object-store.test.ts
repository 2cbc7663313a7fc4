import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { objectStoreFromEnv } from '../../../adapters/object-store';
import { cleanKey } from '../../../adapters/object-store/keys';
import { S3ObjectStore } from '../../../adapters/object-store/s3';
import {
  BadObjectKey,
  ObjectCorrupt,
  ObjectNotFound,
  type ObjectStore,
  ObjectStoreError,
  ObjectTooLarge,
} from '../../../adapters/object-store/types';
import { S3Server } from './s3-server';

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const server = new S3Server('access', 'secret/key+');
let endpoint: string;
let root: string;

beforeAll(async () => {
  endpoint = await server.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'eirel-objects-'));
  server.objects.clear();
  server.calls.length = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const s3Env = (): NodeJS.ProcessEnv => ({
  OBJECT_STORAGE_BACKEND: 's3',
  ARTIFACT_STORAGE_BUCKET: 'bucket',
  ARTIFACT_STORAGE_ROOT: root,
  OBJECT_STORAGE_ENDPOINT_URL: endpoint,
  OBJECT_STORAGE_ACCESS_KEY_ID: 'access',
  OBJECT_STORAGE_SECRET_ACCESS_KEY: 'secret/key+',
  OBJECT_STORAGE_PREFIX: 'eirel',
});
const open = (backend: 'filesystem' | 's3'): ObjectStore =>
  objectStoreFromEnv(
    backend === 's3'
      ? s3Env()
      : { ARTIFACT_STORAGE_ROOT: root, ARTIFACT_STORAGE_BUCKET: 'bucket', OBJECT_STORAGE_PREFIX: 'eirel' },
  );

describe.each(['filesystem', 's3'] as const)('the %s store', (backend) => {
  let store: ObjectStore;
  beforeEach(() => (store = open(backend)));
  afterEach(() => {
    if (store instanceof S3ObjectStore) store.close();
  });

  test('gives back what was put, with its digest, size and address', async () => {
    const bytes = randomBytes(100_000);
    const stored = await store.putStream(
      ' /a/b.bin',
      Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]),
      {
        contentType: 'application/gzip',
      },
    );
    expect(stored).toEqual({
      key: 'eirel/a/b.bin',
      sha256: sha(bytes),
      sizeBytes: bytes.length,
      uri: 's3://bucket/eirel/a/b.bin',
    });
    expect(await store.getBytes(stored.key)).toEqual(bytes);
    expect(await store.getBytes('a/b.bin')).toEqual(bytes);
    expect(await store.head('a/b.bin')).toEqual({
      key: 'eirel/a/b.bin',
      sizeBytes: bytes.length,
      sha256: sha(bytes),
      contentType: 'application/gzip',
    });
    await store.put('a/b.bin', Buffer.from('newer'));
    expect((await store.getBytes('a/b.bin')).toString()).toBe('newer');
    expect(await store.exists('a/b.bin')).toBe(true);
    await store.delete('a/b.bin');
    await store.delete('a/b.bin');
    expect(await store.exists('a/b.bin')).toBe(false);
    expect(await store.head('a/b.bin')).toBeNull();
    await expect(store.get('a/b.bin')).rejects.toBeInstanceOf(ObjectNotFound);
    await expect(store.getBytes('a')).rejects.toBeInstanceOf(ObjectNotFound);
  });

  test('keeps empty objects and survives a new store object', async () => {
    await store.put('empty', Buffer.alloc(0));
    expect(await open(backend).getBytes('empty')).toEqual(Buffer.alloc(0));
  });

  test('files content under its own digest, once', async () => {
    const bytes = randomBytes(5000);
    const first = await store.putContentAddressed('archives/', Readable.from([bytes]), '.tar.gz');
    expect(first.key).toBe(`eirel/archives/${sha(bytes)}.tar.gz`);
    const again = await store.putContentAddressed('archives', Readable.from([bytes]), '.tar.gz');
    expect(again).toEqual(first);
    expect(await store.getBytes(first.key)).toEqual(bytes);
    expect(server.calls.filter((call) => call.startsWith('PUT'))).toHaveLength(backend === 's3' ? 1 : 0);
  });

  test('a stream over the limit, or one that breaks, changes nothing and leaves nothing', async () => {
    await store.put('kept', Buffer.from('before'));
    const large = Readable.from([Buffer.alloc(600), Buffer.alloc(600)]);
    await expect(store.putStream('kept', large, { maxBytes: 1000 })).rejects.toBeInstanceOf(ObjectTooLarge);
    expect(large.destroyed).toBe(true);
    const broken = Readable.from(
      (function* () {
        yield Buffer.from('half');
        throw new Error('client went away');
      })(),
    );
    await expect(store.putStream('kept', broken)).rejects.toThrow('client went away');
    expect((await store.getBytes('kept')).toString()).toBe('before');
    await expect(store.getBytes('kept', 3)).rejects.toBeInstanceOf(ObjectTooLarge);
    expect(await store.getBytes('kept', 6)).toHaveLength(6);
    const spool = join(root, backend === 's3' ? '.spool' : '.staging');
    expect(readdirSync(spool)).toEqual([]);
    expect(server.uploads.size).toBe(0);
  });

  test('damage is noticed on reading', async () => {
    const { key } = await store.put('a/file', Buffer.from('original'));
    if (backend === 's3')
      (server.objects.get(`bucket/${key}`) as { bytes: Buffer }).bytes = Buffer.from('tampered');
    else writeFileSync(join(root, key), 'tampered');
    await expect(store.getBytes(key)).rejects.toBeInstanceOf(ObjectCorrupt);
  });

  test('what others put there without a digest is served as it is', async () => {
    if (backend === 's3') server.objects.set('bucket/eirel/raw', { bytes: Buffer.from('raw'), headers: {} });
    else {
      await store.put('neighbour', Buffer.from('x'));
      writeFileSync(join(root, 'eirel/raw'), 'raw');
    }
    expect((await store.getBytes('raw')).toString()).toBe('raw');
    expect((await store.head('raw'))?.sha256).toBeNull();
  });

  test.each(['', ' / ', '../x', 'a/../../x', 'a/./b', 'a//b', 'a\\b', 'a\0b', 'a/x.eirel-object'])(
    'refuses key %j',
    async (key) => {
      const source = Readable.from([Buffer.from('x')]);
      await expect(store.putStream(key, source)).rejects.toBeInstanceOf(BadObjectKey);
      expect(source.destroyed).toBe(true);
      await expect(store.get(key)).rejects.toBeInstanceOf(BadObjectKey);
      await expect(store.delete(key)).rejects.toBeInstanceOf(BadObjectKey);
    },
  );
});

describe('the filesystem store alone', () => {
  test('does not follow a link out of its root', async () => {
    const store = open('filesystem');
    await store.put('a', Buffer.from('x'));
    symlinkSync('/etc/hostname', join(root, 'eirel/link'));
    await expect(store.get('link')).rejects.toBeInstanceOf(ObjectStoreError);
  });

  test('a crash before the digest was recorded leaves a readable object', async () => {
    const store = open('filesystem');
    await store.put('a', Buffer.from('x'));
    rmSync(join(root, 'eirel/a.eirel-object'));
    expect((await store.getBytes('a')).toString()).toBe('x');
  });

  test('two writers of one key leave one whole object', async () => {
    const store = open('filesystem');
    const versions = Array.from({ length: 8 }, () => randomBytes(50_000));
    await Promise.all(versions.map((bytes) => store.putContentAddressed('p', Readable.from([bytes]), '')));
    await Promise.all(versions.map((_, index) => store.put('same', versions[index % 2] as Buffer)));
    expect(versions.slice(0, 2).map(sha)).toContain(sha(readFileSync(join(root, 'eirel/same'))));
    expect(readdirSync(join(root, '.staging'))).toEqual([]);
  });
});

describe('the s3 store alone', () => {
  const parts = (partBytes: number) =>
    new S3ObjectStore({
      bucket: 'bucket',
      prefix: '',
      spoolDirectory: root,
      partBytes,
      client: {
        endpoint,
        region: 'auto',
        forcePathStyle: true,
        credentials: { accessKeyId: 'access', secretAccessKey: 'secret/key+' },
        maxAttempts: 2,
      },
    });

  test('sends large objects in parts and retries a part that failed', async () => {
    const store = parts(1000);
    const bytes = randomBytes(3500);
    server.failures.push(500);
    const stored = await store.putStream('big', Readable.from([bytes]));
    expect(stored.sha256).toBe(sha(bytes));
    expect(await store.getBytes('big')).toEqual(bytes);
    expect(server.calls.filter((call) => call.startsWith('PUT'))).toHaveLength(4);
    expect(server.uploads.size).toBe(0);
    store.close();
  });

  test('aborts an upload that cannot be finished and says so without the secret', async () => {
    const store = parts(1000);
    // The upload opens, then each of the client's two attempts at the first part fails.
    server.failures.push(null, 503, 503);
    const failed = await store
      .putStream('big', Readable.from([randomBytes(2500)]))
      .catch((error: unknown) => error);
    expect(failed).toMatchObject({ name: 'ObjectStoreError' });
    expect(String(failed)).not.toContain('secret/key+');
    expect(await store.head('big')).toBeNull();
    expect(server.uploads.size).toBe(0);
    store.close();
  });

  test('wrong credentials are an error, not a missing object', async () => {
    const store = objectStoreFromEnv({
      ...s3Env(),
      OBJECT_STORAGE_SECRET_ACCESS_KEY: 'wrong',
    }) as S3ObjectStore;
    const failed = await store.getBytes('x').catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ObjectStoreError);
    expect(failed).not.toBeInstanceOf(ObjectNotFound);
    expect(String(failed)).not.toContain('wrong');
    store.close();
  });
});

test('no cleaned key leaves the root', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', ' ', '..', '\0') }), (key) => {
      let clean: string;
      try {
        clean = cleanKey(key, 'p');
      } catch (error) {
        expect(error).toBeInstanceOf(BadObjectKey);
        return;
      }
      expect(join('/root-of-store', clean).startsWith('/root-of-store/p')).toBe(true);
      expect(cleanKey(clean, 'p')).toBe(clean);
    }),
  );
});

test.each([
  [{ OBJECT_STORAGE_BACKEND: 'gcs' }, /^OBJECT_STORAGE_BACKEND/],
  [{ OBJECT_STORAGE_ADDRESSING_STYLE: 'x' }, /^OBJECT_STORAGE_ADDRESSING_STYLE/],
  [{ OBJECT_STORAGE_ACCESS_KEY_ID: 'x' }, /must be set together/],
])('refuses %j at boot', (env, message) => {
  expect(() => objectStoreFromEnv(env)).toThrow(message);
});
