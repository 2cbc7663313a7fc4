import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import type { Logger } from '../logging';
import { connectTemporal, ensureSearchAttributes, temporalConfigFromEnv } from '../temporal';
import { acquireLock, LockHeldError, lockHolder } from './file-lock';
import { choosePort } from './ports';
import { postgresProcess, postgresUrl } from './postgres';
import { PartUnavailableError } from './programs';
import { pingRedis, redisProcess, redisUrl } from './redis';
import { keptSecrets } from './secrets';
import { Supervisor } from './supervisor';
import { temporalProcess } from './temporal';
import { obtainRedis, obtainTemporal } from './tools';

/** The outside parts that the product stands on. */
export type PartName = 'temporal' | 'postgres' | 'redis';

/** The TCP ports of 127.0.0.1 that the parts listen on. */
export interface PartPorts {
  temporal: number;
  temporalUi: number;
  postgres: number;
  redis: number;
}

/** Where the parts listen unless something else already does. */
export const DEFAULT_PORTS: PartPorts = { temporal: 7233, temporalUi: 8233, postgres: 15432, redis: 16379 };

/** What `startParts` is to do. */
export interface StartPartsOptions {
  /** holds the data of the parts, their logs, and what a restart needs; used by one process at a time */
  dataDir: string;
  /** where downloaded programs are kept (`<dataDir>/tools`) */
  toolsDir?: string;
  want?: readonly PartName[];
  /** preferred ports, or `free` for any (tests); a taken one is replaced by a free one, and said so */
  ports?: Partial<PartPorts> | 'free';
  logger: Logger;
  /** told in a few words what is going on */
  onProgress?: (message: string) => void;
  /** addresses of parts that run already are taken from here: TEMPORAL_ADDRESS, DATABASE_URL, REDIS_URL */
  env?: NodeJS.ProcessEnv;
  /** fewer guarantees and more speed, for data that a test throws away: no fsync, Temporal in memory, 512 Redis databases */
  throwaway?: boolean;
  /** what this process does, shown to whoever finds the data directory in use */
  purpose?: string;
}

/** The running parts. */
export interface Parts {
  temporalAddress?: string;
  /** undefined for a Temporal server of somebody else, whose Web UI is not known */
  temporalUiUrl?: string;
  databaseUrl?: string;
  redisUrl?: string;
  /** the addresses as environment variables, for child processes */
  env: Record<string, string>;
  /** what keeps the parts running; further processes may be added to it */
  supervisor: Supervisor;
  /** parts that were started here, in contrast to those whose address was given */
  started: PartName[];
  /** adds variables to what `runningStackEnv` tells other processes, such as the address of the API */
  announce(env: Record<string, string>): void;
  /** stops everything that the supervisor runs and gives the data directory back */
  stop(): Promise<void>;
}

/** Thrown when another process uses the data directory. */
export class DataDirBusyError extends Error {
  override readonly name = 'DataDirBusyError';
  constructor(
    readonly dataDir: string,
    readonly pid: number,
    readonly purpose: string,
  ) {
    super(`${dataDir} is in use by process ${pid} (${purpose})`);
  }
}

const lockPath = (dataDir: string) => join(dataDir, 'owner.json');
const stackPath = (dataDir: string) => join(dataDir, 'stack.json');

interface StackRecord {
  ports: Partial<PartPorts>;
  env: Record<string, string>;
}

function readStack(dataDir: string): StackRecord | undefined {
  try {
    return JSON.parse(readFileSync(stackPath(dataDir), 'utf8')) as StackRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`${stackPath(dataDir)} cannot be read: ${(error as Error).message}`);
  }
}

function writeStack(dataDir: string, record: StackRecord): void {
  // The addresses carry passwords.
  const draft = `${stackPath(dataDir)}.draft`;
  writeFileSync(draft, JSON.stringify(record, null, 2), { mode: 0o600 });
  renameSync(draft, stackPath(dataDir));
}

/**
 * The data directory that the environment names: EIREL_DATA_DIR, else `.eirel` in the working directory.
 * @returns an absolute path
 */
export function dataDirFromEnv(env: NodeJS.ProcessEnv): string {
  return resolve(env.EIREL_DATA_DIR || '.eirel');
}

/**
 * The addresses of the stack that runs on a data directory now, as environment variables.
 * @returns undefined when none runs there
 */
export function runningStackEnv(dataDir: string): Record<string, string> | undefined {
  return lockHolder(lockPath(dataDir)) ? readStack(dataDir)?.env : undefined;
}

const PART_VARIABLES = {
  temporal: 'TEMPORAL_ADDRESS',
  postgres: 'DATABASE_URL',
  redis: 'REDIS_URL',
} as const;

/**
 * Brings up Temporal, PostgreSQL and Redis: a part whose address is in the environment is used as it is, any
 * other is found or fetched and started with its data in `dataDir`. Returns when all of them answer.
 * @throws DataDirBusyError when another process uses `dataDir`
 * @throws PartUnavailableError when a part cannot be had or its given address does not answer
 * @throws ProcessFailedError when a part does not come up
 */
export async function startParts(options: StartPartsOptions): Promise<Parts> {
  const { logger, want = ['temporal', 'postgres', 'redis'], env = process.env } = options;
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  let release: () => void;
  try {
    release = acquireLock(lockPath(dataDir), options.purpose ?? 'the local stack');
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new DataDirBusyError(dataDir, error.holder.pid, error.holder.purpose);
  }
  let supervisor: Supervisor | undefined;
  const stop = async () => {
    try {
      await supervisor?.stopAll();
      supervisor?.dispose();
    } finally {
      release();
    }
  };
  try {
    supervisor = new Supervisor({ dataDir, logger });
    await supervisor.recover();
    const given = want.filter((part) => env[PART_VARIABLES[part]]);
    const own = want.filter((part) => !given.includes(part));
    const found = await Promise.all([
      ...given.map((part) => useGiven(part, env)),
      planOwn(own, { ...options, dataDir, env }, supervisor),
    ]);
    const partEnv: Record<string, string> = Object.assign({ EIREL_DATA_DIR: dataDir }, ...found);
    await supervisor.start();
    writeStack(dataDir, { ports: readStack(dataDir)?.ports ?? {}, env: partEnv });
    return {
      temporalAddress: partEnv.TEMPORAL_ADDRESS,
      temporalUiUrl: partEnv.TEMPORAL_UI_URL,
      databaseUrl: partEnv.DATABASE_URL,
      redisUrl: partEnv.REDIS_URL,
      env: partEnv,
      supervisor,
      started: own,
      announce: (more) => {
        const record = readStack(dataDir);
        writeStack(dataDir, { ports: record?.ports ?? {}, env: { ...record?.env, ...more } });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const THROWAWAY_SETTINGS: Record<string, string> = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
};

/** Finds the programs, chooses the ports and adds the processes; returns the addresses to be. */
async function planOwn(
  parts: readonly PartName[],
  options: StartPartsOptions & { env: NodeJS.ProcessEnv },
  supervisor: Supervisor,
): Promise<Record<string, string>> {
  const { dataDir, env, throwaway = false, onProgress = () => undefined } = options;
  const tools = { toolsDir: options.toolsDir ?? join(dataDir, 'tools'), env, onProgress };
  const ports = await choosePorts(parts, options);
  const secrets = keptSecrets(join(dataDir, 'stack-secrets.json'), ['postgresPassword', 'redisPassword']);
  const plans: Record<PartName, () => Promise<Record<string, string>>> = {
    temporal: async () => {
      const { path } = await obtainTemporal(tools);
      supervisor.add(
        temporalProcess({
          program: path,
          databaseFile: join(dataDir, 'temporal.db'),
          port: ports.temporal,
          uiPort: ports.temporalUi,
          inMemory: throwaway,
        }),
      );
      return {
        TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
        TEMPORAL_NAMESPACE: 'default',
        TEMPORAL_UI_URL: `http://127.0.0.1:${ports.temporalUi}`,
      };
    },
    postgres: async () => {
      const plan = {
        dataDir: join(dataDir, 'postgres'),
        port: ports.postgres,
        user: 'eirel',
        password: secrets.postgresPassword,
        database: 'eirel',
        settings: throwaway ? THROWAWAY_SETTINGS : {},
        onProgress,
      };
      supervisor.add(await postgresProcess(plan));
      return { DATABASE_URL: postgresUrl(plan) };
    },
    redis: async () => {
      const { path } = await obtainRedis(tools);
      const plan = {
        program: path,
        dataDir: join(dataDir, 'redis'),
        port: ports.redis,
        password: secrets.redisPassword,
        databases: throwaway ? 512 : 16,
      };
      supervisor.add(redisProcess(plan));
      return { REDIS_URL: redisUrl(plan) };
    },
  };
  const results = await Promise.allSettled(parts.map((part) => plans[part]()));
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  if (reasons.length === 1) throw reasons[0];
  if (reasons.length > 1) throw new PartUnavailableError(reasons.map(({ message }) => message).join('\n\n'));
  return Object.assign(
    {},
    ...results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
  );
}

async function choosePorts(parts: readonly PartName[], options: StartPartsOptions): Promise<PartPorts> {
  const needed = parts.flatMap((part): (keyof PartPorts)[] =>
    part === 'temporal' ? ['temporal', 'temporalUi'] : [part],
  );
  const before = readStack(options.dataDir)?.ports ?? {};
  const chosen: Partial<PartPorts> = {};
  for (const name of needed) {
    const asked = options.ports === 'free' ? undefined : (options.ports?.[name] ?? DEFAULT_PORTS[name]);
    const explicit = options.ports !== 'free' && options.ports?.[name] !== undefined;
    const wishes = (explicit ? [asked, before[name]] : [before[name], asked]).filter(
      (port) => port !== undefined,
    );
    const taken = Object.values(chosen);
    do chosen[name] = await choosePort(wishes.filter((port) => !taken.includes(port)));
    while (taken.includes(chosen[name]));
    if (wishes.length > 0 && !wishes.includes(chosen[name])) {
      options.onProgress?.(`port ${wishes.join(' and ')} is taken: ${name} uses ${chosen[name]}`);
    }
  }
  writeStack(options.dataDir, { ports: { ...before, ...chosen }, env: {} });
  return { ...DEFAULT_PORTS, ...chosen };
}

/** Checks that a part whose address was given answers there, and returns the address. */
async function useGiven(part: PartName, env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const variable = PART_VARIABLES[part];
  const value = env[variable] ?? '';
  try {
    switch (part) {
      case 'temporal': {
        const config = temporalConfigFromEnv(env);
        const client = await connectTemporal(config);
        try {
          await ensureSearchAttributes(client);
        } finally {
          await client.connection.close();
        }
        return { TEMPORAL_ADDRESS: config.address, TEMPORAL_NAMESPACE: config.namespace };
      }
      case 'postgres': {
        const client = new Client({ connectionString: value, connectionTimeoutMillis: 5000 });
        await client.connect();
        await client.end();
        return { DATABASE_URL: value };
      }
      case 'redis': {
        const url = new URL(value);
        // A TLS server is left to the client library to judge.
        if (url.protocol === 'redis:') {
          const password = url.password ? decodeURIComponent(url.password) : undefined;
          const username = url.username ? decodeURIComponent(url.username) : undefined;
          await pingRedis({ host: url.hostname, port: Number(url.port || 6379), username, password });
        }
        return { REDIS_URL: value };
      }
    }
  } catch (error) {
    throw new PartUnavailableError(
      `${variable} is set, but the server there cannot be used: ${(error as Error).message || String(error)}. ` +
        `Start it or correct the address; without ${variable} a server is started here.`,
    );
  }
}
