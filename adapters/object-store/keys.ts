import { BadObjectKey } from './types';

/** Suffix of the files in which the filesystem backend records digests; keys may not end in it. */
export const RECORD_SUFFIX = '.eirel-object';

/**
 * Trims a key, drops leading slashes, and puts the prefix before it unless it is there already.
 * @throws BadObjectKey when the key could name anything but one object below the store's root
 */
export function cleanKey(key: string, prefix = ''): string {
  const trimmed = key.trim().replace(/^\/+/, '');
  const shown = JSON.stringify(key.slice(0, 200));
  if (trimmed === '') throw new BadObjectKey('object key is empty');
  if (/[\u0000-\u001f\u007f\\]/.test(trimmed)) {
    throw new BadObjectKey(`object key ${shown} has a backslash or control character`);
  }
  if (trimmed.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new BadObjectKey(`object key ${shown} has an empty, "." or ".." component`);
  }
  if (trimmed.endsWith(RECORD_SUFFIX)) throw new BadObjectKey(`object key ${shown} ends in ${RECORD_SUFFIX}`);
  if (Buffer.byteLength(trimmed) > 900)
    throw new BadObjectKey(`object key ${shown} is longer than 900 bytes`);
  const base = prefix.trim().replace(/^\/+|\/+$/g, '');
  if (base === '' || trimmed === base || trimmed.startsWith(`${base}/`)) return trimmed;
  return `${base}/${trimmed}`;
}

/** The key of content under its own digest. */
export function contentKey(prefix: string, sha256: string, ext: string): string {
  return `${prefix.replace(/\/+$/, '')}/${sha256}${ext}`;
}
