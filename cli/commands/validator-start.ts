import { join } from 'node:path';
import {
  DataDirBusyError,
  onTermination,
  PartUnavailableError,
  ProcessFailedError,
  startParts,
  VALIDATOR_PORT_VARIABLES,
  validatorEnv,
  validatorProcesses,
  type Parts,
} from '../../adapters/local-stack';
import { createLogger } from '../../adapters/logging';
import { diagnose } from '../doctor';
import { CliError, EXIT, UsageError } from '../exit-codes';
import { choosePorts, failAfter, notBuilt, say, sayWhatEnds } from '../local-stack';

const OFF = ['0', 'false', 'no', 'off'];

/**
 * Runs a validator until it is told to stop: Temporal (unless TEMPORAL_ADDRESS names one), the judge (unless
 * EIREL_JUDGE_SERVICE_URL names one), the engine, and the worker that publishes weights. What failed of the doctor's checks
 * is said first; only what cannot mend itself keeps it from starting.
 */
export async function startValidator(env: NodeJS.ProcessEnv, dataDir: string): Promise<void> {
  requireBuild();
  if (!env.EIREL_JUDGE_SERVICE_URL && !env.EIREL_EVAL_JUDGE_API_KEY) {
    throw new UsageError('there is nothing to judge with', [
      'set EIREL_EVAL_JUDGE_BASE_URL, EIREL_EVAL_JUDGE_API_KEY and EIREL_EVAL_JUDGE_MODEL to run a judge here',
      'or name one that runs in EIREL_JUDGE_SERVICE_URL',
    ]);
  }
  const { hotkey, checks } = await diagnose(env, dataDir);
  for (const { check, status, found, fix } of checks) {
    if (status === 'failed') say(`${check}: ${found}\n  ${fix ?? ''}`);
  }
  if (hotkey === null) throw new CliError('a validator needs its hotkey', EXIT.usage);

  const logger = createLogger('validator', env.LOG_LEVEL ?? 'error');
  let parts: Parts | undefined;
  let names: string[] = [];
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    if (!parts) return;
    // The engine first: it delivers what it can while Temporal still runs.
    await parts.supervisor.stopAll(names);
    await parts.stop();
    say('stopped; what was under way is taken up by the next start');
  };
  const fail = failAfter(stop, logger);
  onTermination(stop, { logger, onBegin: (reason) => say(`stopping (${reason}) ...`) });

  try {
    parts = await startParts({
      dataDir,
      ...(env.EIREL_TOOLS_DIR ? { toolsDir: env.EIREL_TOOLS_DIR } : {}),
      want: ['temporal'],
      logger,
      onProgress: say,
      env,
      purpose: 'eirel-ai validator start',
    });
    if (stopping) return await parts.stop();
    const { supervisor } = parts;
    sayWhatEnds(supervisor);
    supervisor.on('gaveUp', ({ reason }) => {
      if (names.length > 0 && !stopping) fail(reason, EXIT.failed);
    });
    const own = validatorEnv(
      { ...env, ...(await choosePorts(env, VALIDATOR_PORT_VARIABLES)), ...parts.env },
      dataDir,
    );
    const publishes = !OFF.includes((env.EIREL_VALIDATOR_PUBLISH_WEIGHTS ?? 'on').trim().toLowerCase());
    const specs = validatorProcesses(own.env, {
      ownJudge: own.ownJudge,
      publishes,
      parts: parts.started,
    });
    supervisor.add(...specs);
    const starting = supervisor.start(specs.map(({ name }) => name));
    names = specs.map(({ name }) => name);
    await starting;
    if (stopping) return;
    const url = `http://127.0.0.1:${own.env.EIREL_VALIDATOR_PORT}`;
    process.stdout.write(
      [
        `validator ${hotkey} is up.`,
        `  status        ${url}/v1/status   (or: eirel-ai validator status)`,
        `  ready         ${url}/readyz`,
        `  metrics       ${url}/metrics`,
        ...(parts.temporalUiUrl ? [`  Temporal UI   ${parts.temporalUiUrl}`] : []),
        `  weights       ${publishes ? 'published on their cadence' : 'not published (EIREL_VALIDATOR_PUBLISH_WEIGHTS is off)'}`,
        `  data          ${dataDir}`,
        `  logs          ${join(dataDir, 'logs')}`,
        'Ctrl-C stops it; nothing is lost by that.',
        '',
      ].join('\n'),
    );
  } catch (error) {
    if (stopping) return;
    if (error instanceof DataDirBusyError) {
      return fail(
        `a validator is already running on ${dataDir} (process ${error.pid}, ${error.purpose}).`,
        EXIT.refused,
      );
    }
    const known = error instanceof PartUnavailableError || error instanceof ProcessFailedError;
    fail(known ? error.message : `start failed: ${(error as Error).stack ?? String(error)}`, EXIT.failed);
  }
}

function requireBuild(): void {
  const missing = notBuilt([
    'services/judge/main.js',
    'services/validator-engine/main.js',
    'workers/main.js',
  ]);
  if (missing.length === 0) return;
  throw new CliError(`not built: ${missing.join(', ')}`, EXIT.usage, ['run `npm ci && npm run build` first']);
}
