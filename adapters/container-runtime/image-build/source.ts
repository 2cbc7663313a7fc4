/** From an accepted archive to a directory with a decision on how its image is made. */
import { lstat, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { SubmissionManifest } from '../../../domain/contracts/manifest';
import { readDockerfile, startWords } from '../process/dockerfile';
import { MinerFault } from '../types';

export type BuildPlan =
  /** The miner's own Dockerfile; `dockerfile` is its path relative to `context`, with forward slashes. */
  | { kind: 'dockerfile'; context: string; dockerfile: string; text: string }
  /** An application object, served by the owner's launcher on the owner's runtime image. */
  | { kind: 'sdk'; context: string; module: string; object: string; requirements: boolean };

/**
 * Decides how an unpacked submission becomes an image. A Dockerfile with a start command is followed; an SDK
 * application without one is put on the owner's runtime image; a Dockerfile without either may still inherit its
 * start command from its base image, which only the build can tell.
 * @throws MinerFault `bad_path`, `bad_entry_module`, `no_start_command`
 */
export async function planBuild(source: string, manifest: SubmissionManifest): Promise<BuildPlan> {
  const context = inside(source, manifest.build.context, 'build.context');
  const path = inside(context, manifest.build.dockerfile, 'build.dockerfile');
  const text = (await isFile(path)) ? await readFile(path, 'utf8') : null;
  const starts = text !== null && startWords(readDockerfile(text)) !== null;
  const entry = manifest.sdk_runtime.entry_module;
  const isSdk =
    entry !== null ||
    (await isFile(join(source, 'app.py'))) ||
    (await isFile(join(source, 'app', '__init__.py')));
  if (text !== null && (starts || !isSdk)) {
    return { kind: 'dockerfile', context, dockerfile: relative(context, path).split(sep).join('/'), text };
  }
  if (!isSdk) {
    throw new MinerFault(
      'no_start_command',
      'nothing says how to start the agent: put an app.py at the root, name sdk_runtime.entry_module, or add a Dockerfile',
    );
  }
  const module = entry ?? 'app';
  const object = manifest.sdk_runtime.app_object;
  if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(module)) {
    throw new MinerFault(
      'bad_entry_module',
      `sdk_runtime.entry_module ${JSON.stringify(module)} is not a module name`,
    );
  }
  const requirements = await isFile(join(source, 'requirements.txt'));
  return { kind: 'sdk', context: source, module, object, requirements };
}

/** @throws MinerFault when the path leads out of `base` */
function inside(base: string, path: string, what: string): string {
  const target = join(base, path);
  const way = relative(base, target);
  if (path.includes('\0') || way === '..' || way.startsWith(`..${sep}`)) {
    throw new MinerFault('bad_path', `${what} ${JSON.stringify(path)} leads out of the archive`);
  }
  return target;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
