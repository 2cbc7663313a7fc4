/** The object store against a real S3 server. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { objectStoreFromEnv } from '../../../adapters/object-store';
import type { S3ObjectStore } from '../../../adapters/object-store/s3';
import {
  ObjectCorrupt,
  ObjectNotFound,
  ObjectStoreError,
  ObjectTooLarge,
} from '../../../adapters/object-store/types';
import { ACCESS_KEY, Minio, minioMissing, SECRET_KEY } from '../../harness/minio';

jest.setTimeout(120_000);

const missing = minioMissing();
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

if (missing !== null) test.skip(`the s3 store on MinIO (skipped: ${missing})`, () => undefined);
else {
  describe('the s3 store on MinIO', () => {
    const minio = new Minio();
    const root = mkdtempSync(join(tmpdir(), 'eirel-minio-spool-'));
    let store: S3ObjectStore;
    let raw: S3Client;
    const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
      OBJECT_STORAGE_BACKEND: 's3',
      ARTIFACT_STORAGE_BUCKET: 'bucket',
      ARTIFACT_STORAGE_ROOT: root,
      OBJECT_STORAGE_ENDPOINT_URL: minio.endpoint,
      OBJECT_STORAGE_ACCESS_KEY_ID: ACCESS_KEY,
      OBJECT_STORAGE_SECRET_ACCESS_KEY: SECRET_KEY,
      OBJECT_STORAGE_PREFIX: 'eirel',
      ...more,
    });

    beforeAll(async () => {
      await minio.start();
      store = objectStoreFromEnv(env()) as S3ObjectStore;
      raw = new S3Client({
        endpoint: minio.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
      });
      await raw.send(new CreateBucketCommand({ Bucket: 'bucket' }));
    });
    afterAll(async () => {
      store.close();
      raw.destroy();
      await minio.stop();
      rmSync(root, { recursive: true, force: true });
    });

    test('gives back what was put, with its digest, and forgets what was deleted', async () => {
      const bytes = randomBytes(100_000);
      const stored = await store.putStream('a/b c+é.bin', Readable.from([bytes]), {
        contentType: 'application/gzip',
      });
      expect(stored).toMatchObject({ key: 'eirel/a/b c+é.bin', sha256: sha(bytes), sizeBytes: bytes.length });
      expect(await store.getBytes(stored.key)).toEqual(bytes);
      expect(await store.head('a/b c+é.bin')).toEqual({
        key: stored.key,
        sizeBytes: bytes.length,
        sha256: sha(bytes),
        contentType: 'application/gzip',
      });
      await expect(store.getBytes(stored.key, 1000)).rejects.toBeInstanceOf(ObjectTooLarge);
      await store.delete(stored.key);
      await store.delete(stored.key);
      expect(await store.exists(stored.key)).toBe(false);
      await expect(store.get(stored.key)).rejects.toBeInstanceOf(ObjectNotFound);
      await store.put('empty', Buffer.alloc(0));
      expect(await store.getBytes('empty')).toEqual(Buffer.alloc(0));
    });

    test('files content under its own digest', async () => {
      const bytes = randomBytes(5000);
      const first = await store.putContentAddressed('archives', Readable.from([bytes]), '.tar.gz');
      expect(first.key).toBe(`eirel/archives/${sha(bytes)}.tar.gz`);
      expect(await store.putContentAddressed('archives', Readable.from([bytes]), '.tar.gz')).toEqual(first);
    });

    test('sends large objects in parts, whole or not at all', async () => {
      const bytes = randomBytes(20 * 1024 * 1024);
      await store.put('large', bytes);
      expect(sha(await store.getBytes('large'))).toBe(sha(bytes));
      const { ETag } = await raw.send(new HeadObjectCommand({ Bucket: 'bucket', Key: 'eirel/large' }));
      expect(ETag).toMatch(/-3"$/);
      const broken = Readable.from(
        (function* () {
          yield randomBytes(9 * 1024 * 1024);
          throw new Error('client went away');
        })(),
      );
      await expect(store.putStream('large', broken)).rejects.toThrow('client went away');
      expect(sha(await store.getBytes('large'))).toBe(sha(bytes));
      const { Uploads } = await raw.send(new ListMultipartUploadsCommand({ Bucket: 'bucket' }));
      expect(Uploads ?? []).toEqual([]);
      expect(readdirSync(join(root, '.spool'))).toEqual([]);
    });

    test('bytes that are not the recorded ones are refused', async () => {
      const bytes = Buffer.from('what was accepted');
      await store.put('kept', bytes);
      await raw.send(
        new PutObjectCommand({
          Bucket: 'bucket',
          Key: 'eirel/kept',
          Body: 'something else',
          Metadata: { sha256: sha(bytes) },
        }),
      );
      await expect(store.getBytes('kept')).rejects.toBeInstanceOf(ObjectCorrupt);
    });

    test('a download link works for its object, unchanged and for its time only', async () => {
      await store.put('runs/1/a b+c.json', Buffer.from('{"public":true}'));
      const link = await store.downloadLink('runs/1/a b+c.json', { expiresSeconds: 60 });
      const answer = await fetch(link);
      expect([answer.status, await answer.text()]).toEqual([200, '{"public":true}']);
      await store.put('secret', Buffer.from('not for everybody'));
      expect((await fetch(link.replace('runs/1/a%20b%2Bc.json', 'secret'))).status).toBe(403);
      expect((await fetch(link.replace('X-Amz-Expires=60', 'X-Amz-Expires=6000'))).status).toBe(403);
      expect((await fetch(link, { method: 'PUT', body: 'x' })).status).toBe(403);
      const short = await store.downloadLink('secret', { expiresSeconds: 1 });
      await sleep(2500);
      expect((await fetch(short)).status).toBe(403);
      expect(link).not.toContain(SECRET_KEY);
    });

    test('wrong credentials are an error that keeps the secret, not a missing object', async () => {
      const wrong = objectStoreFromEnv(
        env({ OBJECT_STORAGE_SECRET_ACCESS_KEY: 'another-secret' }),
      ) as S3ObjectStore;
      const error: unknown = await wrong.getBytes('kept').catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ObjectStoreError);
      expect(error).not.toBeInstanceOf(ObjectNotFound);
      expect(String(error)).not.toContain('another-secret');
      wrong.close();
    });
  });
}
