import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { FilesystemObjectStore } from './filesystem';
import { S3ObjectStore } from './s3';
import type { ObjectStore } from './types';

const optional = z
  .string()
  .trim()
  .transform((value) => (value === '' ? undefined : value))
  .optional();

const environment = z.object({
  OBJECT_STORAGE_BACKEND: z.preprocess(
    (value) => (typeof value === 'string' ? value.trim().toLowerCase() || undefined : value),
    z.enum(['filesystem', 's3']).default('filesystem'),
  ),
  ARTIFACT_STORAGE_ROOT: optional,
  ARTIFACT_STORAGE_BUCKET: optional,
  OBJECT_STORAGE_ENDPOINT_URL: optional,
  OBJECT_STORAGE_REGION: optional,
  OBJECT_STORAGE_ACCESS_KEY_ID: optional,
  OBJECT_STORAGE_SECRET_ACCESS_KEY: optional,
  OBJECT_STORAGE_PREFIX: optional,
  OBJECT_STORAGE_USE_SSL: z.preprocess(
    (value) => (value === '' || value === undefined ? 'true' : String(value).toLowerCase()),
    z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1'),
  ),
  OBJECT_STORAGE_ADDRESSING_STYLE: z.preprocess(
    (value) => (value === '' ? undefined : value),
    z.enum(['auto', 'path', 'virtual']).default('auto'),
  ),
});

export type ObjectStoreConfig = z.output<typeof environment>;

/**
 * Reads the object store's settings (runtime-and-tools.md section 5.2).
 * @throws Error naming the variable with a bad value
 */
export function objectStoreConfigFromEnv(env: NodeJS.ProcessEnv): ObjectStoreConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]);
    throw new Error(`${name}: ${issue?.message ?? 'bad value'}`);
  }
  const { data } = parsed;
  if (
    (data.OBJECT_STORAGE_ACCESS_KEY_ID === undefined) !==
    (data.OBJECT_STORAGE_SECRET_ACCESS_KEY === undefined)
  ) {
    throw new Error('OBJECT_STORAGE_ACCESS_KEY_ID and OBJECT_STORAGE_SECRET_ACCESS_KEY must be set together');
  }
  return data;
}

/**
 * The store that the environment names.
 * @throws Error as `objectStoreConfigFromEnv` does
 */
export function objectStoreFromEnv(env: NodeJS.ProcessEnv): ObjectStore {
  return createObjectStore(objectStoreConfigFromEnv(env));
}

/** The store that a configuration names; nothing is contacted before the first call. */
export function createObjectStore(config: ObjectStoreConfig): ObjectStore {
  const bucket = config.ARTIFACT_STORAGE_BUCKET ?? 'eirel-managed';
  const prefix = config.OBJECT_STORAGE_PREFIX ?? '';
  const root = config.ARTIFACT_STORAGE_ROOT ?? join(tmpdir(), 'eirel-managed-artifacts');
  if (config.OBJECT_STORAGE_BACKEND === 'filesystem')
    return new FilesystemObjectStore({ root, bucket, prefix });
  const endpoint = config.OBJECT_STORAGE_ENDPOINT_URL;
  const scheme = config.OBJECT_STORAGE_USE_SSL ? 'https' : 'http';
  const url = endpoint === undefined || endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`;
  return new S3ObjectStore({
    bucket,
    prefix,
    spoolDirectory: join(root, '.spool'),
    ...(url === undefined ? {} : { endpoint: url }),
    client: {
      region: config.OBJECT_STORAGE_REGION ?? 'us-east-1',
      ...(url === undefined ? { tls: config.OBJECT_STORAGE_USE_SSL } : { endpoint: url }),
      // Stores on one address rarely have a name per bucket.
      forcePathStyle:
        config.OBJECT_STORAGE_ADDRESSING_STYLE === 'path' ||
        (config.OBJECT_STORAGE_ADDRESSING_STYLE === 'auto' && url !== undefined),
      ...(config.OBJECT_STORAGE_ACCESS_KEY_ID === undefined ||
      config.OBJECT_STORAGE_SECRET_ACCESS_KEY === undefined
        ? {}
        : {
            credentials: {
              accessKeyId: config.OBJECT_STORAGE_ACCESS_KEY_ID,
              secretAccessKey: config.OBJECT_STORAGE_SECRET_ACCESS_KEY,
            },
          }),
    },
  });
}
