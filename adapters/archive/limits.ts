/** How large, how deep and how many: the bounds of what a miner may upload, and the error that names a breach. */
import { z } from 'zod';

export interface ArchiveLimits {
  /** Compressed bytes. */
  maxBytes: number;
  /** Bytes after decompression, headers and padding included. */
  maxUnpackedBytes: number;
  /** Files and directories. */
  maxEntries: number;
  /** Path components of one entry. */
  maxDepth: number;
  /** Unpacked bytes per compressed byte; not judged below `RATIO_FREE_BYTES`. */
  maxRatio: number;
}

/** A small archive of empty or repetitive files compresses without bound and harms nobody. */
export const RATIO_FREE_BYTES = 8 * 1024 * 1024;
/** Bytes of `submission.yaml` at most, since it is the only member read into memory. */
export const MAX_MANIFEST_BYTES = 256 * 1024;
/** UTF-8 bytes of one path component, and of a whole path: what common file systems take. */
export const MAX_NAME_BYTES = 255;
export const MAX_PATH_BYTES = 1024;
/** Bytes of one extended header (long names, PAX records). */
export const MAX_EXTENDED_HEADER_BYTES = 64 * 1024;

const count = (fallback: number) =>
  z.preprocess(
    (value) => (value === '' ? undefined : value),
    z.coerce.number().int().positive().default(fallback),
  );

const environment = z.object({
  EIREL_SUBMISSION_MAX_BYTES: count(209_715_200),
  EIREL_SUBMISSION_MAX_UNPACKED_BYTES: count(1024 ** 3),
  EIREL_SUBMISSION_MAX_ENTRIES: count(20_000),
  EIREL_SUBMISSION_MAX_DEPTH: count(32),
  EIREL_SUBMISSION_MAX_RATIO: count(200),
});

/**
 * Reads the limits from `EIREL_SUBMISSION_MAX_{BYTES,UNPACKED_BYTES,ENTRIES,DEPTH,RATIO}`.
 * @throws Error naming the variable that is not a positive whole number
 */
export function archiveLimitsFromEnv(env: NodeJS.ProcessEnv): ArchiveLimits {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    throw new Error(`${name} must be a positive whole number, not ${JSON.stringify(env[name])}`);
  }
  return {
    maxBytes: parsed.data.EIREL_SUBMISSION_MAX_BYTES,
    maxUnpackedBytes: parsed.data.EIREL_SUBMISSION_MAX_UNPACKED_BYTES,
    maxEntries: parsed.data.EIREL_SUBMISSION_MAX_ENTRIES,
    maxDepth: parsed.data.EIREL_SUBMISSION_MAX_DEPTH,
    maxRatio: parsed.data.EIREL_SUBMISSION_MAX_RATIO,
  };
}

/** Why an archive was refused; a stable word for programs. */
export type ArchiveRefusal =
  | 'not_gzip'
  | 'truncated'
  | 'corrupt'
  | 'trailing_garbage'
  | 'too_large'
  | 'unpacked_too_large'
  | 'ratio_too_high'
  | 'too_many_entries'
  | 'too_deep'
  | 'name_too_long'
  | 'bad_name'
  | 'absolute_path'
  | 'parent_path'
  | 'backslash'
  | 'link'
  | 'device'
  | 'sparse'
  | 'unsupported_type'
  | 'duplicate'
  | 'collision'
  | 'bad_size'
  | 'header_too_large'
  | 'manifest_missing'
  | 'manifest_too_large'
  | 'manifest_not_text';

/** The archive breaks a rule; nothing of it was kept. */
export class ArchiveRefused extends Error {
  override readonly name = 'ArchiveRefused';
  /** `entry`: the offending entry's name as far as it could be read, or null when the whole archive is at fault. */
  constructor(
    readonly code: ArchiveRefusal,
    readonly entry: string | null,
    message: string,
  ) {
    super(message);
  }
}

/** An entry's name for a message: control characters shown as escapes, long names abridged. */
export function quoteEntry(name: string): string {
  const shown = JSON.stringify(name.length > 120 ? `${name.slice(0, 100)}...` : name);
  return shown.replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
