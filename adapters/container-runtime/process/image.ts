/** Turns an archive into a read-only, content-addressed directory with a plan of how to start what is in it. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import type { ArchiveLimits } from '../../archive';
import type { SubmissionManifest } from '../../../domain/contracts/manifest';
import { type BuildSpec, type BuiltImage, MinerFault, OwnerFault } from '../types';
import {
  type CopyStep,
  type DockerfilePlan,
  readDockerfile,
  startsInExecForm,
  startWords,
} from './dockerfile';
import { unpackSource } from '../unpack';
import { copyTree, makeReadOnly, makeWritable, pathExists, readIfExists, writeAtomically } from './files';

const PREFIX = 'process:';
const PLAN_FILE = 'plan.json';
/** The tree that a deployment gets a copy of. */
const TREE = 'tree';

const planSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sdk'), module: z.string(), object: z.string() }),
  z.object({
    kind: z.literal('dockerfile'),
    words: z.array(z.string()).min(1),
    /** Relative to the tree. */
    workdir: z.string(),
    env: z.record(z.string(), z.string()),
    notes: z.array(z.string()),
  }),
]);
/** How to start: an application object by our launcher, or the Dockerfile's own words. */
export type StartPlan = z.output<typeof planSchema>;

export interface Image {
  tree: string;
  plan: StartPlan;
}

/** Where the image of an archive is. */
function imageDirectory(root: string, sha256: string): string {
  return join(root, 'images', sha256);
}

/** @throws OwnerFault when the reference is not ours or nothing is there: the submission must be built again */
export async function openImage(root: string, imageRef: string): Promise<Image> {
  const sha256 = imageRef.startsWith(PREFIX) ? imageRef.slice(PREFIX.length) : '';
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new OwnerFault(
      'image_unknown',
      `image ${JSON.stringify(imageRef)} was not built by the process backend`,
    );
  }
  const directory = imageDirectory(root, sha256);
  const text = await readIfExists(join(directory, PLAN_FILE));
  if (text === null)
    throw new OwnerFault('image_missing', `image ${imageRef} is not on this node: build it again`);
  return { tree: join(directory, TREE), plan: planSchema.parse(JSON.parse(text)) };
}

/**
 * Builds an image, once per archive digest.
 * @throws MinerFault when the archive or its start command is at fault; OwnerFault when the bytes are not the ones
 *   that were accepted, or the disk fails
 */
export async function buildProcessImage(
  root: string,
  spec: BuildSpec,
  limits: ArchiveLimits,
): Promise<BuiltImage> {
  const log = new BuildLog(spec.onLog);
  const imageRef = `${PREFIX}${spec.archiveSha256}`;
  const directory = imageDirectory(root, spec.archiveSha256);
  if (!/^[0-9a-f]{64}$/.test(spec.archiveSha256)) {
    throw new OwnerFault(
      'bad_digest',
      `archive digest ${JSON.stringify(spec.archiveSha256)} is not a SHA-256`,
    );
  }
  if (await pathExists(join(directory, PLAN_FILE))) {
    log.write(`image ${imageRef} exists already`);
    return { imageRef, cached: true };
  }
  spec.signal?.throwIfAborted();
  const work = join(root, 'images', `.build-${randomBytes(8).toString('hex')}`);
  try {
    await mkdir(work, { recursive: true, mode: 0o700 });
    await unpackSource(spec, join(work, 'source'), limits, log, spec.signal);
    spec.signal?.throwIfAborted();
    spec.heartbeat?.('unpacked');
    const plan = await layOut(spec.manifest, join(work, 'source'), join(work, TREE), log);
    await rm(join(work, 'source'), { recursive: true, force: true });
    await writeAtomically(join(work, PLAN_FILE), JSON.stringify(plan));
    await makeReadOnly(join(work, TREE));
    await publish(work, directory);
    log.write(`image ${imageRef} is ready`);
    return { imageRef, cached: false };
  } catch (error) {
    if (error instanceof MinerFault) throw new MinerFault(error.code, error.message, log.tail());
    throw error;
  } finally {
    if (await pathExists(work)) {
      if (await pathExists(join(work, TREE))) await makeWritable(join(work, TREE));
      await rm(work, { recursive: true, force: true });
    }
  }
}

/** Passes lines on and remembers the last ones for a fault. */
class BuildLog {
  private readonly lines: string[] = [];
  constructor(private readonly sink: (line: string) => void) {}
  write(line: string): void {
    this.lines.push(line);
    if (this.lines.length > 50) this.lines.shift();
    this.sink(line);
  }
  tail(): string[] {
    return [...this.lines];
  }
}

/** Decides how the submission starts and lays its files out for that. */
async function layOut(
  manifest: SubmissionManifest,
  source: string,
  tree: string,
  log: BuildLog,
): Promise<StartPlan> {
  const context = inside(source, manifest.build.context, 'build.context');
  const dockerfileText = await readIfExists(
    inside(context, manifest.build.dockerfile, 'build.dockerfile'),
  ).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return null;
    throw error;
  });
  const dockerfile = dockerfileText === null ? null : readDockerfile(dockerfileText);
  const entry = manifest.sdk_runtime.entry_module;
  const hasApp =
    (await pathExists(join(source, 'app.py'))) || (await pathExists(join(source, 'app', '__init__.py')));
  const isSdk = entry !== null || hasApp;
  if (isSdk && (dockerfile === null || !startsInExecForm(dockerfile))) {
    const module = entry ?? 'app';
    if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(module)) {
      throw new MinerFault(
        'bad_entry_module',
        `sdk_runtime.entry_module ${JSON.stringify(module)} is not a module name`,
      );
    }
    await rename(source, tree);
    log.write(`starts ${module}:${manifest.sdk_runtime.app_object} with the miner SDK's runtime`);
    return { kind: 'sdk', module, object: manifest.sdk_runtime.app_object };
  }
  const words = dockerfile === null ? null : startWords(dockerfile);
  if (dockerfile === null || words === null) {
    throw new MinerFault(
      'no_start_command',
      dockerfile === null
        ? 'nothing says how to start the agent: put an app.py at the root, name sdk_runtime.entry_module, or add a Dockerfile'
        : `${manifest.build.dockerfile} has neither CMD nor ENTRYPOINT, and there is no app.py`,
    );
  }
  for (const note of dockerfile.notes) log.write(note);
  await layOutRoot(dockerfile, context, tree, log);
  log.write(`starts ${JSON.stringify(words)} in ${dockerfile.workdir}`);
  return {
    kind: 'dockerfile',
    words,
    workdir: dockerfile.workdir.slice(1),
    env: dockerfile.env,
    notes: dockerfile.notes,
  };
}

/** Carries out the COPY instructions below `tree`, which stands for the image's root directory. */
async function layOutRoot(plan: DockerfilePlan, context: string, tree: string, log: BuildLog): Promise<void> {
  await mkdir(join(tree, plan.workdir), { recursive: true });
  for (const step of plan.copies) {
    const found = await Promise.all(step.sources.map((source) => expandSource(context, source)));
    const sources = found.flat();
    if (sources.length === 0) {
      throw new MinerFault('copy_failed', `COPY ${step.sources.join(' ')}: no such file in the archive`);
    }
    for (const source of sources)
      await copyInto(source, step, join(tree, step.destination), sources.length > 1);
    log.write(`copied ${step.sources.join(' ')} to ${step.destination}`);
  }
}

async function copyInto(source: string, step: CopyStep, target: string, several: boolean): Promise<void> {
  if ((await stat(source)).isDirectory()) {
    // Docker copies a directory's content, not the directory.
    await mergeTree(source, target);
    return;
  }
  const intoDirectory = several || step.destination.endsWith('/') || (await isDirectory(target));
  const file = intoDirectory ? join(target, basename(source)) : target;
  await mkdir(dirname(file), { recursive: true });
  await copyFile(source, file);
}

async function mergeTree(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  if (!(await pathExists(target))) return copyTree(source, target, null);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (entry.isDirectory()) await mergeTree(join(source, entry.name), join(target, entry.name));
    else await copyFile(join(source, entry.name), join(target, entry.name));
  }
}

/** The files that a COPY source names; `*` and `?` match within one directory. */
async function expandSource(context: string, pattern: string): Promise<string[]> {
  const path = inside(context, pattern.replace(/^\/+/, '') || '.', 'COPY');
  if (!/[*?]/.test(pattern)) return (await pathExists(path)) ? [path] : [];
  const directory = dirname(path);
  const expression = basename(path)
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => new RegExp(`^${expression}$`).test(name))
    .map((name) => join(directory, name));
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

async function isDirectory(path: string): Promise<boolean> {
  return (await pathExists(path)) && (await stat(path)).isDirectory();
}

/** Moves a finished build into place; another that was faster is as good. */
async function publish(work: string, directory: string): Promise<void> {
  try {
    await rename(work, directory);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await readFile(join(directory, PLAN_FILE));
  }
}
