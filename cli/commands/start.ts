import { join } from 'node:path';
import type { Command } from 'commander';
import { containerRuntimeFromEnv } from '../../adapters/container-runtime';
import {
  CONTROL_PLANE_PORT_VARIABLES,
  controlPlaneEnv,
  controlPlaneProcesses,
  prepareSandbox,
  DataDirBusyError,
  dataDirFromEnv,
  onTermination,
  PartUnavailableError,
  ProcessFailedError,
  startParts,
} from '../../adapters/local-stack';
import type { ControlPlaneEnv, Parts } from '../../adapters/local-stack';
import { createLogger } from '../../adapters/logging';
import type { Logger } from '../../adapters/logging';
import { migrate, MigrationError } from '../../adapters/postgres/migrate';
import { choosePorts, failAfter, notBuilt, say, sayWhatEnds } from '../local-stack';
import { migrationsDir } from './migrate';

/** Exit code of a second `start` on the same data directory. */
const ALREADY_RUNNING = 3;
/** Time that miners' agents get to end, in seconds. */
const MINER_GRACE_SECONDS = 5;

/** Adds `eirel-ai start`: brings the control plane up on this machine and keeps it up until it is told to stop. */
export function registerStart(program: Command): void {
  program
    .command('start')
    .description(
      'bring the control plane up on this machine and keep it up: API, workers, provider-proxy, and the servers they need',
    )
    .option('--data-dir <path>', 'where everything is kept (EIREL_DATA_DIR, else .eirel)')
    .action(async (options: { dataDir?: string }) => {
      if (options.dataDir) process.env.EIREL_DATA_DIR = options.dataDir;
      await start(process.env);
    });
}

async function start(env: NodeJS.ProcessEnv): Promise<void> {
  const logger = createLogger('start', env.LOG_LEVEL ?? 'error');
  const dataDir = dataDirFromEnv(env);
  let stopping = false;
  let parts: Parts | undefined;
  let controlPlane: { env: ControlPlaneEnv; names: string[] } | undefined;

  const stop = async () => {
    stopping = true;
    if (parts && controlPlane) {
      await parts.supervisor.stopAll(controlPlane.names);
      await stopMiners(controlPlane.env, logger);
    }
    if (!parts) return;
    await parts.stop();
    say('stopped');
  };
  const fail = failAfter(stop, logger);
  onTermination(stop, { logger, onBegin: (reason) => say(`stopping (${reason}) ...`) });

  try {
    requireBuild();
    parts = await startParts({ dataDir, logger, onProgress: say, env, purpose: 'eirel-ai start' });
    if (stopping) return await parts.stop();
    const { supervisor } = parts;
    sayWhatEnds(supervisor);
    supervisor.on('gaveUp', ({ reason }) => {
      // While starting, the error that `start` rejects with tells the same.
      if (controlPlane && !stopping) fail(reason);
    });

    const { applied } = await migrate(parts.env.DATABASE_URL ?? '', { migrationsDir: migrationsDir() });
    if (applied.length > 0) say(`database: applied ${applied.join(', ')}`);

    const sandbox = await prepareSandbox({ env, onProgress: say });
    const given = {
      ...env,
      ...sandbox.env,
      ...(await choosePorts(env, CONTROL_PLANE_PORT_VARIABLES)),
      ...parts.env,
    };
    const processEnv = controlPlaneEnv(given, dataDir);
    const specs = controlPlaneProcesses(processEnv, parts.started);
    const names = specs.map(({ name }) => name);
    supervisor.add(...specs);
    // From here on there are workers, which may start miners.
    const starting = supervisor.start(names);
    controlPlane = { env: processEnv, names };
    await starting;
    if (stopping) return;
    const url = `http://127.0.0.1:${processEnv.OWNER_API_PORT}`;
    parts.announce({ OWNER_API_PUBLIC_URL: url });
    process.stdout.write(
      [
        'eirel-ai is up.',
        `  API           ${url}`,
        `  API docs      ${url}/docs`,
        `  health        ${url}/healthz`,
        ...(parts.temporalUiUrl ? [`  Temporal UI   ${parts.temporalUiUrl}`] : []),
        `  data          ${dataDir}`,
        `  logs          ${join(dataDir, 'logs')}`,
        'Ctrl-C stops it.',
        '',
      ].join('\n'),
    );
  } catch (error) {
    if (stopping) return;
    if (error instanceof DataDirBusyError) {
      return fail(
        `eirel-ai is already running on ${dataDir} (process ${error.pid}, ${error.purpose}).`,
        ALREADY_RUNNING,
      );
    }
    const known = [PartUnavailableError, ProcessFailedError, MigrationError].some(
      (kind) => error instanceof kind,
    );
    fail(known ? (error as Error).message : `start failed: ${(error as Error).stack ?? String(error)}`);
  }
}

function requireBuild(): void {
  const missing = notBuilt(['api/main.js', 'workers/main.js', 'services/provider-proxy/main.js']);
  if (missing.length === 0) return;
  throw new PartUnavailableError(`not built: ${missing.join(', ')}. Run \`npm run build\` first.`);
}

/**
 * Stops the agents that run as processes of this machine: once the worker is gone they are nobody's. Those in
 * Docker or Kubernetes have a keeper of their own, and serve on while the control plane is restarted.
 */
async function stopMiners(env: NodeJS.ProcessEnv, logger: Logger): Promise<void> {
  const runtime = containerRuntimeFromEnv(env, logger);
  if (runtime.backend === 'process') await runtime.stopAll(MINER_GRACE_SECONDS);
}
