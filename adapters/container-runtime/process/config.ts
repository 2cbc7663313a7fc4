import { hostname } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { type ArchiveLimits, archiveLimitsFromEnv } from '../../archive';

export interface ProcessRuntimeConfig {
  /** Absolute directory of images and deployments. */
  root: string;
  /** Interpreter of Python agents, a name on PATH or a path; it must have the miner SDK for SDK submissions. */
  python: string;
  /** Loopback ports are given out from this range, both ends included. */
  ports: { from: number; to: number };
  /** User and group ids for agents, one for each; used when the service runs as root. */
  uids: { from: number; count: number };
  /** Lets agents run as root where the service does and the host gives them no user of their own. */
  allowRoot: boolean;
  /** Bytes of output kept per deployment. */
  logMaxBytes: number;
  /** Bytes that an agent may write into one file. */
  fileMaxBytes: number;
  /** Processes and threads of one agent. */
  maxProcesses: number;
  /** Agents on this machine at most, as reported by `capacity`. */
  maxPods: number;
  nodeName: string;
  archiveLimits: ArchiveLimits;
}

const blankIsAbsent = (value: unknown): unknown => (value === '' ? undefined : value);
const count = (fallback: number) =>
  z.preprocess(blankIsAbsent, z.coerce.number().int().positive().default(fallback));
const word = (fallback: string) => z.preprocess(blankIsAbsent, z.string().default(fallback));

const environment = z.object({
  EIREL_DATA_DIR: word('.eirel'),
  EIREL_PROCESS_RUNTIME_ROOT: z.preprocess(blankIsAbsent, z.string().optional()),
  EIREL_PROCESS_RUNTIME_PYTHON: word('python3'),
  EIREL_PROCESS_RUNTIME_PORT_FROM: count(20_000),
  EIREL_PROCESS_RUNTIME_PORT_TO: count(29_999),
  // A range that Linux distributions leave unused; see the table in systemd's description of user ids.
  EIREL_PROCESS_RUNTIME_UID_FROM: count(60_706),
  EIREL_PROCESS_RUNTIME_UID_COUNT: count(478),
  EIREL_PROCESS_RUNTIME_ALLOW_ROOT: z.preprocess(
    blankIsAbsent,
    z
      .enum(['true', 'false'])
      .default('false')
      .transform((value) => value === 'true'),
  ),
  EIREL_PROCESS_RUNTIME_LOG_MAX_BYTES: count(8 * 1024 * 1024),
  EIREL_PROCESS_RUNTIME_FILE_MAX_BYTES: count(256 * 1024 * 1024),
  EIREL_PROCESS_RUNTIME_MAX_PROCESSES: count(512),
  EIREL_PROCESS_RUNTIME_MAX_PODS: count(64),
});

/**
 * Reads `EIREL_PROCESS_RUNTIME_*`; the root defaults to `runtime` in the data directory (`EIREL_DATA_DIR`).
 * @throws Error naming the variable with a bad value
 */
export function processRuntimeConfigFromEnv(env: NodeJS.ProcessEnv): ProcessRuntimeConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    throw new Error(`${name} has a bad value: ${JSON.stringify(env[name])}`);
  }
  const { data } = parsed;
  const ports = { from: data.EIREL_PROCESS_RUNTIME_PORT_FROM, to: data.EIREL_PROCESS_RUNTIME_PORT_TO };
  if (ports.from < 1024 || ports.to > 65_535 || ports.from > ports.to) {
    throw new Error('EIREL_PROCESS_RUNTIME_PORT_FROM and _TO must be a range within 1024..65535');
  }
  const root = resolve(data.EIREL_PROCESS_RUNTIME_ROOT ?? join(data.EIREL_DATA_DIR, 'runtime'));
  const python = data.EIREL_PROCESS_RUNTIME_PYTHON;
  return {
    root,
    python: python.includes('/') && !isAbsolute(python) ? resolve(python) : python,
    ports,
    uids: { from: data.EIREL_PROCESS_RUNTIME_UID_FROM, count: data.EIREL_PROCESS_RUNTIME_UID_COUNT },
    allowRoot: data.EIREL_PROCESS_RUNTIME_ALLOW_ROOT,
    logMaxBytes: data.EIREL_PROCESS_RUNTIME_LOG_MAX_BYTES,
    fileMaxBytes: data.EIREL_PROCESS_RUNTIME_FILE_MAX_BYTES,
    maxProcesses: data.EIREL_PROCESS_RUNTIME_MAX_PROCESSES,
    maxPods: data.EIREL_PROCESS_RUNTIME_MAX_PODS,
    nodeName: hostname(),
    archiveLimits: archiveLimitsFromEnv(env),
  };
}
