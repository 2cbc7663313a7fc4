import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type ArchiveLimits, archiveLimitsFromEnv } from '../../archive';

/** How miners' images are built, on whichever engine. */
export interface ImageBuildConfig {
  /** Absolute directory for unpacked archives while they are built. */
  workDirectory: string;
  /** Seconds that one build may take, base images included. */
  timeoutSeconds: number;
  cpuMillis: number;
  memoryBytes: number;
  /** Bytes that a finished image, or the changes of one build step, may have. */
  imageMaxBytes: number;
  /** Bytes that a build step may write into one file. */
  fileMaxBytes: number;
  /** Network of RUN steps as the engine names it: `none`, `host`, or a network that holds only a mirror. */
  network: string;
  /** Package mirrors that RUN steps are told of by build arguments; empty for none. */
  pipIndex: string;
  npmRegistry: string;
  /** Image with Python and the miner SDK; SDK submissions without a start command of their own are built on it. */
  runtimeImage: string;
  archiveLimits: ArchiveLimits;
}

const MIB = 1024 * 1024;
const blankIsAbsent = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value;
const count = (fallback: number) =>
  z.preprocess(blankIsAbsent, z.coerce.number().int().positive().default(fallback));
const word = (fallback: string) => z.preprocess(blankIsAbsent, z.string().trim().default(fallback));
const address = z.preprocess(
  blankIsAbsent,
  z
    .string()
    .trim()
    .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text))
    .default(''),
);

const environment = z.object({
  EIREL_DATA_DIR: word('.eirel'),
  EIREL_BUILD_WORK_DIR: z.preprocess(blankIsAbsent, z.string().optional()),
  EIREL_BUILD_TIMEOUT_SECONDS: count(900),
  EIREL_BUILD_CPU_MILLIS: count(2000),
  EIREL_BUILD_MEMORY_MB: count(2048),
  EIREL_BUILD_IMAGE_MAX_MB: count(4096),
  EIREL_BUILD_FILE_MAX_MB: count(2048),
  EIREL_BUILD_NETWORK: word('none'),
  EIREL_BUILD_PIP_INDEX: address,
  EIREL_BUILD_NPM_REGISTRY: address,
  OWNER_MINER_RUNTIME_IMAGE: word('eirel-miner-runtime:latest'),
});

/**
 * Reads `EIREL_BUILD_*` and `OWNER_MINER_RUNTIME_IMAGE`.
 * @throws Error naming the variable with a bad value
 */
export function imageBuildConfigFromEnv(env: NodeJS.ProcessEnv): ImageBuildConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    throw new Error(`${name} has a bad value: ${JSON.stringify(env[name])}`);
  }
  const { data } = parsed;
  if (data.EIREL_BUILD_NETWORK.startsWith('container:')) {
    throw new Error('EIREL_BUILD_NETWORK must be none, host or a network; a build may not join a container');
  }
  return {
    workDirectory: resolve(data.EIREL_BUILD_WORK_DIR ?? join(data.EIREL_DATA_DIR, 'builds')),
    timeoutSeconds: data.EIREL_BUILD_TIMEOUT_SECONDS,
    cpuMillis: data.EIREL_BUILD_CPU_MILLIS,
    memoryBytes: data.EIREL_BUILD_MEMORY_MB * MIB,
    imageMaxBytes: data.EIREL_BUILD_IMAGE_MAX_MB * MIB,
    fileMaxBytes: data.EIREL_BUILD_FILE_MAX_MB * MIB,
    network: data.EIREL_BUILD_NETWORK,
    pipIndex: data.EIREL_BUILD_PIP_INDEX,
    npmRegistry: data.EIREL_BUILD_NPM_REGISTRY,
    runtimeImage: data.OWNER_MINER_RUNTIME_IMAGE,
    archiveLimits: archiveLimitsFromEnv(env),
  };
}
