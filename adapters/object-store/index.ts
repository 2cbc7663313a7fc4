export { FilesystemObjectStore } from './filesystem';
export {
  createObjectStore,
  objectStoreConfigFromEnv,
  objectStoreFromEnv,
  type ObjectStoreConfig,
} from './from-env';
export { cleanKey } from './keys';
export { S3ObjectStore, type S3StoreOptions } from './s3';
export {
  BadObjectKey,
  ObjectCorrupt,
  ObjectNotFound,
  ObjectStoreError,
  ObjectTooLarge,
  type ObjectHead,
  type ObjectStore,
  type PutOptions,
  type StoredObject,
} from './types';
