/** The servers of a bench, with their full guarantees (fsync on), and processes of the product on them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  controlPlaneEnv,
  freePort,
  onTermination,
  projectRoot,
  startParts,
} from '../../adapters/local-stack';
import type { ControlPlaneEnv, Parts, ProcessSpec } from '../../adapters/local-stack';
import { createLogger } from '../../adapters/logging';
import { migrate } from '../../adapters/postgres/migrate';

export interface BenchStack {
  parts: Parts;
  env: ControlPlaneEnv;
  databaseUrl: string;
  apiUrl: string;
  dataDir: string;
  /** Starts one more process of the product and waits until it is ready. */
  start(spec: ProcessSpec): Promise<number>;
  /** Of a process or part of this stack; 0 where it was not started here. */
  pidOf(name: string): number;
  stop(): Promise<void>;
}

/**
 * PostgreSQL, Redis and Temporal of the bench's own, migrated and empty.
 * @param settings environment of the product's processes
 */
export async function startBenchStack(settings: Record<string, string> = {}): Promise<BenchStack> {
  const dataDir = mkdtempSync(join(tmpdir(), 'eirel-bench-'));
  // Addresses in the environment may be those of real data.
  const { TEMPORAL_ADDRESS: _t, DATABASE_URL: _d, REDIS_URL: _r, ...own } = process.env;
  const logger = createLogger('bench', 'warn');
  const running: { parts?: Parts } = {};
  const stop = async (): Promise<void> => {
    await running.parts?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  // A bench that is told to end leaves neither servers nor data.
  const leave = onTermination(stop, { logger });
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const parts = await startParts({
    dataDir,
    toolsDir: process.env.EIREL_TOOLS_DIR ?? join(projectRoot(), '.eirel', 'tools'),
    ports: 'free',
    logger,
    onProgress: say,
    env: own,
    purpose: 'bench',
  });
  running.parts = parts;
  try {
    const databaseUrl = parts.databaseUrl as string;
    await migrate(databaseUrl, { migrationsDir: join(projectRoot(), 'prisma', 'migrations') });
    const port = String(await freePort());
    const env = controlPlaneEnv(
      {
        ...own,
        ...parts.env,
        OWNER_API_PORT: port,
        EIREL_PROVIDER_PROXY_PORT: String(await freePort()),
        ...settings,
      },
      dataDir,
    );
    return {
      parts,
      env,
      databaseUrl,
      apiUrl: `http://127.0.0.1:${port}`,
      dataDir,
      start: async (spec) => {
        parts.supervisor.add(spec);
        await parts.supervisor.start([spec.name]);
        return parts.supervisor.pidOf(spec.name) ?? 0;
      },
      pidOf: (name) => parts.supervisor.pidOf(name) ?? 0,
      stop: async () => {
        leave();
        await stop();
      },
    };
  } catch (error) {
    leave();
    await stop();
    throw error;
  }
}

/** A compiled entry point of the product as a process. */
export function nodeProcess(
  stack: BenchStack,
  name: string,
  entry: string,
  ready: ProcessSpec['ready'],
  nodeArgs: readonly string[] = [],
): ProcessSpec {
  return {
    name,
    command: process.execPath,
    args: [...nodeArgs, join(projectRoot(), 'build', ...entry.split('/'))],
    env: stack.env,
    cwd: projectRoot(),
    logFile: join(stack.dataDir, `${name}.log`),
    ready,
    stopGraceSeconds: 25,
  };
}
