import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '../../domain/tasks/clean-json';

/** Judgements that outlive the process, by the digest of everything that was asked. */
export interface JudgementStore {
  get(key: string): Promise<object | null>;
  /** Keeps a judgement. @returns the one that is kept: an earlier one where another process was faster */
  keep(key: string, judgement: object): Promise<object>;
  /** Drops what is older. @returns how many were dropped */
  prune(maxAgeMs: number): Promise<number>;
}

/** One file a judgement, so that several judges may share a folder and none can leave half of one. */
export function judgementFiles(root: string): JudgementStore {
  const folder = (key: string): string => join(root, key.slice(0, 2));
  const file = (key: string): string => join(folder(key), `${key}.json`);

  async function get(key: string): Promise<object | null> {
    let text: string;
    try {
      text = await readFile(file(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      const value: unknown = JSON.parse(text);
      return isObject(value) ? value : null;
    } catch {
      // A file that a full disk cut short; the judgement is made again and takes its place.
      return null;
    }
  }

  return {
    get,
    async keep(key, judgement) {
      await mkdir(folder(key), { recursive: true });
      const temporary = join(folder(key), `.${randomUUID()}`);
      await writeFile(temporary, JSON.stringify(judgement));
      try {
        await link(temporary, file(key));
        return judgement;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const present = await get(key);
        if (present) return present;
        await rename(temporary, file(key));
        return judgement;
      } finally {
        await rm(temporary, { force: true });
      }
    },
    async prune(maxAgeMs) {
      let dropped = 0;
      const oldest = Date.now() - maxAgeMs;
      await mkdir(root, { recursive: true });
      for (const name of await readdir(root)) {
        if (!/^[0-9a-f]{2}$/.test(name)) continue;
        for (const entry of await readdir(join(root, name))) {
          const path = join(root, name, entry);
          const found = await stat(path).catch(() => null);
          if (!found || found.mtimeMs >= oldest) continue;
          await rm(path, { force: true });
          dropped += 1;
        }
      }
      return dropped;
    },
  };
}
