/** Which entry names pass, and what two of them may not have in common. */
import {
  type ArchiveLimits,
  ArchiveRefused,
  type ArchiveRefusal,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  quoteEntry,
} from './limits';

// Control characters, lone surrogates, and the invisible ones that reorder or hide parts of a name.
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]|\p{Cs}/u;

/**
 * Normalises an entry's name to `a/b/c` below the archive's root.
 * @returns the clean path; the empty string for the root directory itself
 * @throws ArchiveRefused with the rule that the name breaks
 */
export function cleanPath(raw: string, limits: ArchiveLimits): string {
  const refuse = (code: ArchiveRefusal, why: string): never => {
    throw new ArchiveRefused(code, raw, `entry ${quoteEntry(raw)} ${why}`);
  };
  if (raw === '') refuse('bad_name', 'has no name');
  if (UNPRINTABLE.test(raw)) refuse('bad_name', 'has a control or invisible character in its name');
  if (raw.includes('\\')) refuse('backslash', 'has a backslash in its name');
  if (raw.startsWith('/') || /^[a-z]:/i.test(raw)) refuse('absolute_path', 'has an absolute path');
  const parts = raw.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) refuse('parent_path', 'leads out of the archive with ".."');
  if (parts.length > limits.maxDepth) refuse('too_deep', `is more than ${limits.maxDepth} levels deep`);
  if (parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES)) {
    refuse('name_too_long', `has a name of more than ${MAX_NAME_BYTES} bytes`);
  }
  const path = parts.join('/');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    refuse('name_too_long', `has a path of more than ${MAX_PATH_BYTES} bytes`);
  return path;
}

/** Two names with one key are the same file on some file system: case and Unicode composition do not count. */
export function collisionKey(path: string): string {
  return path.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

/** Remembers the names of one archive and refuses the second of two that clash. */
export class NameRegistry {
  private readonly seen = new Map<string, { path: string; directory: boolean }>();

  /** @throws ArchiveRefused `duplicate` or `collision` */
  addFile(path: string): void {
    this.addParents(path);
    this.add(path, false);
  }

  /** A directory may be listed again. @throws ArchiveRefused `collision` */
  addDirectory(path: string): void {
    this.addParents(path);
    this.add(path, true);
  }

  private addParents(path: string): void {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      this.add(path.slice(0, slash), true);
    }
  }

  private add(path: string, directory: boolean): void {
    const key = collisionKey(path);
    const known = this.seen.get(key);
    if (known === undefined) {
      this.seen.set(key, { path, directory });
      return;
    }
    if (known.path !== path) {
      throw new ArchiveRefused(
        'collision',
        path,
        `entries ${quoteEntry(known.path)} and ${quoteEntry(path)} are the same name but for case or composition`,
      );
    }
    if (known.directory !== directory) {
      throw new ArchiveRefused('collision', path, `entry ${quoteEntry(path)} is both a file and a directory`);
    }
    if (!directory) throw new ArchiveRefused('duplicate', path, `entry ${quoteEntry(path)} appears twice`);
  }
}

const JUNK_DIRECTORIES = new Set([
  '__pycache__',
  '.git',
  '.venv',
  'venv',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  'node_modules',
  '.DS_Store',
  'Thumbs.db',
]);
const JUNK_SUFFIX = /\.(pyc|pyo|pyd|swp|swo)$/;

/** True for what the SDK's packer leaves out and no agent needs (runtime-and-tools.md section 1.2). */
export function isJunk(path: string): boolean {
  return path.split('/').some((part) => JUNK_DIRECTORIES.has(part)) || JUNK_SUFFIX.test(path);
}
