import { cpus } from 'node:os';
import { z } from 'zod';
import type { IsolationConfig } from '../../adapters/isolation';
import { usdToMicro } from '../../domain/pricing/cost';
import { intEnv, numberEnv, optionalEnv, parseEnv, textEnv } from '../http';
import { toolConfigFromEnv, type ToolServiceConfig } from '../tools';

/** Settings of the sandbox service beside those of every tool. */
export interface SandboxConfig extends ToolServiceConfig {
  isolation: Omit<IsolationConfig, 'tag'>;
  priceMicroUsd: number;
  /** Of the code in UTF-8. */
  maxCodeBytes: number;
  /** Of a request as a whole, attachments included. */
  maxBodyBytes: number;
  /** Of the writable directory of one sandbox, beside its attachments. */
  diskBytes: number;
  /** Of one file that code writes. */
  maxFileBytes: number;
  maxProcesses: number;
  /** Thousandths of a core for one sandbox. */
  cpuMillis: number;
  /** Executions at one time, and how many more may wait. */
  concurrency: number;
  maxWaiting: number;
  sessions: {
    /** Seconds without an execution after which a session ends. */
    idleSeconds: number;
    max: number;
    maxPerJob: number;
  };
  /** Refuse imports that are of no use inside, with a clear error; the walls stand without it. */
  importGuard: boolean;
}

const MIB = 1024 * 1024;

/**
 * Reads the service's configuration.
 * @throws Error that names the variables which are missing or wrong
 */
export function sandboxConfigFromEnv(env: NodeJS.ProcessEnv): SandboxConfig {
  const values = parseEnv(
    {
      EIREL_SANDBOX_BACKEND: optionalEnv(z.enum(['auto', 'bubblewrap', 'container']).default('auto')),
      EIREL_SANDBOX_BWRAP: textEnv(),
      EIREL_SANDBOX_IMAGE: textEnv(),
      EIREL_DOCKER_HOST: textEnv(),
      DOCKER_HOST: textEnv(),
      DOCKER_CERT_PATH: textEnv(),
      EIREL_SANDBOX_PYTHON: textEnv(),
      EIREL_SANDBOX_PER_EXECUTION_COST_USD: numberEnv(0, 0, 1000),
      EIREL_SANDBOX_TOOL_MAX_CODE_BYTES: intEnv(65_536, 1, 1_048_576),
      EIREL_SANDBOX_MAX_BODY_BYTES: intEnv(64 * MIB, 65_536, 512 * MIB),
      EIREL_SANDBOX_DISK_MB: intEnv(64, 1, 4096),
      EIREL_SANDBOX_MAX_FILE_BYTES: intEnv(MIB, 4096, 1024 * MIB),
      EIREL_SANDBOX_MAX_PROCESSES: intEnv(8, 1, 256),
      EIREL_SANDBOX_CPUS: numberEnv(1, 0.05, 64),
      EIREL_SANDBOX_CONCURRENCY: intEnv(Math.max(2, cpus().length * 2), 1, 256),
      EIREL_SANDBOX_MAX_WAITING: intEnv(128, 0, 10_000),
      EIREL_SANDBOX_SESSION_IDLE_SECONDS: numberEnv(300, 1, 86_400),
      EIREL_SANDBOX_MAX_SESSIONS: intEnv(32, 1, 1024),
      EIREL_SANDBOX_MAX_SESSIONS_PER_JOB: intEnv(2, 1, 64),
      EIREL_SANDBOX_IMPORT_GUARD: optionalEnv(z.enum(['true', 'false']).default('true')),
    },
    env,
  );
  return {
    ...toolConfigFromEnv(
      {
        port: 'EIREL_SANDBOX_TOOL_PORT',
        defaultPort: 8091,
        token: 'EIREL_SANDBOX_TOOL_API_TOKEN',
        maxRequests: 'EIREL_SANDBOX_TOOL_MAX_REQUESTS',
        defaultMaxRequests: 12,
      },
      env,
    ),
    isolation: {
      backend: values.EIREL_SANDBOX_BACKEND,
      bwrap: values.EIREL_SANDBOX_BWRAP,
      python: values.EIREL_SANDBOX_PYTHON,
      container: {
        host: values.EIREL_DOCKER_HOST ?? values.DOCKER_HOST,
        certificates: values.DOCKER_CERT_PATH,
        image: values.EIREL_SANDBOX_IMAGE,
      },
    },
    priceMicroUsd: usdToMicro(values.EIREL_SANDBOX_PER_EXECUTION_COST_USD),
    maxCodeBytes: values.EIREL_SANDBOX_TOOL_MAX_CODE_BYTES,
    maxBodyBytes: values.EIREL_SANDBOX_MAX_BODY_BYTES,
    diskBytes: values.EIREL_SANDBOX_DISK_MB * MIB,
    maxFileBytes: values.EIREL_SANDBOX_MAX_FILE_BYTES,
    maxProcesses: values.EIREL_SANDBOX_MAX_PROCESSES,
    cpuMillis: Math.round(values.EIREL_SANDBOX_CPUS * 1000),
    concurrency: values.EIREL_SANDBOX_CONCURRENCY,
    maxWaiting: values.EIREL_SANDBOX_MAX_WAITING,
    sessions: {
      idleSeconds: values.EIREL_SANDBOX_SESSION_IDLE_SECONDS,
      max: values.EIREL_SANDBOX_MAX_SESSIONS,
      maxPerJob: values.EIREL_SANDBOX_MAX_SESSIONS_PER_JOB,
    },
    importGuard: values.EIREL_SANDBOX_IMPORT_GUARD === 'true',
  };
}
