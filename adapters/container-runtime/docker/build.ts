/** Builds a submission's image through the engine's build API, once per archive digest. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { projectRoot } from '../../project-root';
import {
  BuildLog,
  type BuildPlan,
  contextStream,
  declareArguments,
  externalImages,
  GENERATED_DOCKERFILE,
  type ImageBuildConfig,
  LAUNCHER_IN_CONTEXT,
  mirrorArguments,
  planBuild,
  sdkDockerfile,
  unpackSource,
} from '../image-build';
import { type BuildSpec, type BuiltImage, MinerFault, OwnerFault } from '../types';
import { baseImageFault, ensureBaseImage, jsonLines } from './base-images';
import type { DockerRuntimeConfig } from './config';
import { gone, isConflict, orNull } from './engine';
import { identity, LABEL } from './names';

const REPOSITORY = 'eirel-agent';
const HEARTBEAT_MS = 2000;
const DISK_CHECK_MS = 3000;

/** The image's name on the engine. The scope is in it, since a build belongs to one control plane's policy. */
export function imageName(scope: string, sha256: string): string {
  return `${REPOSITORY}/${scope}:${sha256}`;
}

/**
 * @throws MinerFault `archive_refused`, `bad_path`, `bad_entry_module`, `no_start_command`, `base_image_missing`,
 *   `build_failed`, `build_timeout`, `image_too_large`, each with the last lines of the log; OwnerFault when the
 *   archive's bytes, the registry, the package mirror, the disk or the engine are at fault; the signal's reason
 */
export async function buildDockerImage(
  docker: Docker,
  config: DockerRuntimeConfig,
  spec: BuildSpec,
): Promise<BuiltImage> {
  if (!/^[0-9a-f]{64}$/.test(spec.archiveSha256)) {
    throw new OwnerFault(
      'bad_digest',
      `archive digest ${JSON.stringify(spec.archiveSha256)} is not a SHA-256`,
    );
  }
  const log = new BuildLog(spec.onLog);
  const imageRef = imageName(config.scope, spec.archiveSha256);
  const present = await orNull(docker.getImage(imageRef).inspect());
  if (present?.Config.Labels?.[LABEL.archive] === spec.archiveSha256) {
    log.write(`image ${imageRef} exists already`);
    return { imageRef, cached: true };
  }
  const timeout = new MinerFault(
    'build_timeout',
    `the build took longer than ${config.build.timeoutSeconds} s`,
  );
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(timeout), config.build.timeoutSeconds * 1000);
  const cancel = (): void => ending.abort(spec.signal?.reason);
  spec.signal?.addEventListener('abort', cancel, { once: true });
  const beat = setInterval(() => spec.heartbeat?.(log.tail().at(-1) ?? 'building'), HEARTBEAT_MS);
  const work = join(config.build.workDirectory, `build-${randomBytes(8).toString('hex')}`);
  try {
    if (spec.signal?.aborted) cancel();
    ending.signal.throwIfAborted();
    await mkdir(work, { recursive: true, mode: 0o700 });
    const source = join(work, 'source');
    await unpackSource(spec, source, config.build.archiveLimits, log, ending.signal);
    spec.heartbeat?.('unpacked');
    const plan = await planBuild(source, spec.manifest);
    await runBuild(docker, config, spec, { plan, log, imageRef, ending });
    log.write(`image ${imageRef} is ready`);
    return { imageRef, cached: false };
  } catch (error) {
    log.flush();
    const cause: unknown = ending.signal.aborted ? ending.signal.reason : error;
    if (cause instanceof MinerFault) {
      log.write(cause.message);
      throw new MinerFault(cause.code, cause.message, log.tail());
    }
    throw cause;
  } finally {
    clearTimeout(timer);
    clearInterval(beat);
    spec.signal?.removeEventListener('abort', cancel);
    await rm(work, { recursive: true, force: true });
  }
}

interface Run {
  plan: BuildPlan;
  log: BuildLog;
  imageRef: string;
  ending: AbortController;
}

async function runBuild(
  docker: Docker,
  config: DockerRuntimeConfig,
  spec: BuildSpec,
  run: Run,
): Promise<void> {
  const { plan, log, imageRef, ending } = run;
  const mirrors = mirrorArguments(config.build);
  const { dockerfile, extra, images } = await prepare(plan, config.build, Object.keys(mirrors), log);
  for (const image of images) {
    await ensureBaseImage(docker, image, log, ending.signal).catch((error: unknown) => {
      // The owner's own runtime image is never the miner's fault.
      if (plan.kind !== 'sdk' || !(error instanceof MinerFault)) throw error;
      throw new OwnerFault(
        'runtime_image_missing',
        `OWNER_MINER_RUNTIME_IMAGE=${image} is not on the engine: build it (see deploy/images) or name another`,
        { cause: error },
      );
    });
  }
  const build = config.build;
  const period = 100_000;
  const context = contextStream(plan.context, extra);
  const stream = await docker.buildImage(context, {
    t: imageRef,
    dockerfile,
    rm: true,
    forcerm: true,
    networkmode: build.network,
    memory: build.memoryBytes,
    memswap: build.memoryBytes,
    cpuperiod: period,
    cpuquota: Math.max(1000, Math.round((build.cpuMillis * period) / 1000)),
    buildargs: mirrors,
    labels: {
      ...identity(config.scope, 'image'),
      [LABEL.submissionId]: spec.submissionId,
      [LABEL.archive]: spec.archiveSha256,
    },
    ulimits: JSON.stringify([
      { Name: 'fsize', Soft: build.fileMaxBytes, Hard: build.fileMaxBytes },
      { Name: 'core', Soft: 0, Hard: 0 },
    ]),
    abortSignal: ending.signal,
  } as Docker.ImageBuildOptions);
  await follow(docker, config, stream, run);
  await checkImage(docker, build, imageRef, plan);
}

/** The Dockerfile's name in the context, the files that are added there, and the images that must be present. */
async function prepare(
  plan: BuildPlan,
  config: ImageBuildConfig,
  mirrors: string[],
  log: BuildLog,
): Promise<{ dockerfile: string; extra: Record<string, string>; images: string[] }> {
  if (plan.kind === 'dockerfile') {
    const text = declareArguments(plan.text, mirrors);
    log.write(`building from ${plan.dockerfile}`);
    const images = externalImages(plan.text);
    const extra = text === plan.text ? {} : { [plan.dockerfile]: text };
    return { dockerfile: plan.dockerfile, extra, images };
  }
  log.write(`starts ${plan.module}:${plan.object} with the miner SDK's runtime`);
  const install = plan.requirements && config.network !== 'none';
  if (plan.requirements && !install) {
    log.write(
      'requirements.txt is not installed: builds have no network; the runtime image is used as it is',
    );
  }
  const launcher = await readFile(
    join(projectRoot(), 'adapters', 'container-runtime', 'process', 'launcher.py'),
    'utf8',
  );
  const text = sdkDockerfile(config.runtimeImage, plan.module, plan.object, install);
  return {
    dockerfile: GENERATED_DOCKERFILE,
    extra: { [GENERATED_DOCKERFILE]: declareArguments(text, mirrors), [LAUNCHER_IN_CONTEXT]: launcher },
    images: [config.runtimeImage],
  };
}

/** Reads the build's progress to its end, with an eye on what its steps write. */
async function follow(
  docker: Docker,
  config: DockerRuntimeConfig,
  stream: NodeJS.ReadableStream,
  { plan, log, imageRef, ending }: Run,
): Promise<void> {
  const abort = (): void => void (stream as NodeJS.ReadableStream & { destroy(): void }).destroy();
  ending.signal.addEventListener('abort', abort, { once: true });
  const containers: string[] = [];
  const layers: string[] = [];
  const watch = setInterval(() => {
    const step = containers.at(-1);
    if (step !== undefined) void checkStep(docker, step, config.build.imageMaxBytes, ending);
  }, DISK_CHECK_MS);
  try {
    for await (const event of jsonLines(stream)) {
      if (typeof event.stream === 'string') {
        log.append(event.stream);
        const step = /^ ---> Running in ([0-9a-f]{12,64})/m.exec(event.stream)?.[1];
        if (step !== undefined) containers.push(step);
        const layer = /^ ---> ([0-9a-f]{12,64})\s*$/m.exec(event.stream)?.[1];
        if (layer !== undefined) layers.push(layer);
      }
      if (typeof event.error === 'string') throw await buildFault(event.error, plan, config.build, log);
    }
    ending.signal.throwIfAborted();
    log.flush();
  } catch (error) {
    // The engine removes the steps of a build that fails, and those of one that was hung up on a moment later.
    for (const step of containers) await gone(docker.getContainer(step).remove({ force: true, v: true }));
    await forgetLayers(docker, layers, imageRef);
    throw error;
  } finally {
    clearInterval(watch);
    ending.signal.removeEventListener('abort', abort);
  }
}

/** Ends a build whose current step has written too much. */
async function checkStep(
  docker: Docker,
  step: string,
  maxBytes: number,
  ending: AbortController,
): Promise<void> {
  try {
    const options = { size: true } as Docker.ContainerInspectOptions;
    const { SizeRw } = (await docker.getContainer(step).inspect(options)) as { SizeRw?: number };
    if ((SizeRw ?? 0) > maxBytes) ending.abort(tooLarge('a step of the build wrote', maxBytes));
  } catch {
    // The step has ended in between; the next look is at the next one.
  }
}

function tooLarge(what: string, maxBytes: number): MinerFault {
  return new MinerFault('image_too_large', `${what} more than ${Math.round(maxBytes / 1024 / 1024)} MiB`);
}

async function buildFault(
  message: string,
  plan: BuildPlan,
  config: ImageBuildConfig,
  log: BuildLog,
): Promise<MinerFault | OwnerFault> {
  log.flush();
  if (/no space left on device|disk quota exceeded/i.test(message)) {
    return new OwnerFault('disk_full', `the engine's disk is full: ${message}`);
  }
  if (/pull access denied|manifest unknown|error pulling image|registry/i.test(message)) {
    return baseImageFault('of the build', new Error(message), log);
  }
  for (const mirror of [config.pipIndex, config.npmRegistry]) {
    if (mirror !== '' && config.network !== 'none' && !(await answers(mirror))) {
      return new OwnerFault(
        'package_mirror_unreachable',
        `the build failed while the package mirror ${new URL(mirror).host} does not answer: ${message}`,
      );
    }
  }
  if (plan.kind === 'sdk' && !plan.requirements) {
    return new OwnerFault(
      'runtime_image_unusable',
      `${config.runtimeImage} cannot carry submissions: ${message}`,
    );
  }
  log.write(message);
  return new MinerFault('build_failed', `the build failed: ${message}`);
}

/** Whether anybody listens at an address. */
function answers(address: string): Promise<boolean> {
  const url = new URL(address);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port, timeout: 3000 });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => settle(true));
    socket.on('timeout', () => settle(false));
    socket.on('error', () => settle(false));
  });
}

/** Layers of a failed build that carry no name; those that another image is built on stay. */
async function forgetLayers(docker: Docker, layers: string[], imageRef: string): Promise<void> {
  for (const id of [...layers].reverse()) {
    const layer = await orNull(docker.getImage(id).inspect());
    if (layer === null) continue;
    if ((layer.RepoTags ?? []).some((tag) => tag !== imageRef)) return;
    try {
      await docker.getImage(id).remove({ force: false });
    } catch (error) {
      // In use by another image or container: a shared layer, which is not ours to remove.
      if (isConflict(error)) return;
      await gone(Promise.reject(error as Error));
    }
  }
}

/** A finished image must start with something and be within its size, or it goes again. */
async function checkImage(
  docker: Docker,
  config: ImageBuildConfig,
  imageRef: string,
  plan: BuildPlan,
): Promise<void> {
  const image = await docker.getImage(imageRef).inspect();
  const refuse = async (fault: MinerFault): Promise<never> => {
    await gone(docker.getImage(imageRef).remove({ force: true }));
    throw fault;
  };
  const words = [...((image.Config.Entrypoint as string[] | null) ?? []), ...(image.Config.Cmd ?? [])];
  if (words.length === 0) {
    const name = plan.kind === 'dockerfile' ? plan.dockerfile : GENERATED_DOCKERFILE;
    await refuse(
      new MinerFault(
        'no_start_command',
        `nothing says how to start the agent: neither ${name} nor its base image has a CMD or ENTRYPOINT`,
      ),
    );
  }
  if (image.Size > config.imageMaxBytes) await refuse(tooLarge('the image has', config.imageMaxBytes));
}
