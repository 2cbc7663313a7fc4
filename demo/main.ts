import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dataDirFromEnv, onTermination, runningStackEnv } from '../adapters/local-stack';
import { createLogger, messageOf } from '../adapters/logging';
import { connectTemporal, temporalConfigFromEnv } from '../adapters/temporal';
import { saveHistories } from './histories';
import { renderOutcome } from './report';
import { Demo, type Progress } from './scenario';

const HELP = `npm run demo -- [options]

Runs one whole evaluation run of the subnet on this machine: three miners, two validators, weights on a local chain.

  --keep            leave everything running at the end, until Ctrl-C
  --run-seconds N   length of the run (default 30)
  --tasks N         tasks of the run (default 12)
  --open-weights    commit-reveal off: validators set their weights openly (default: one commits by time lock, one by hash)
  --save-histories DIR
                    write one history of every workflow type there, for the replay tests
  --help            this text

With EIREL_PROVIDER_CHUTES_API_KEY set, the miners' models are the vendor's; with EIREL_EVAL_JUDGE_BASE_URL, _API_KEY and
_MODEL set, the judge's is. With BITTENSOR_NETWORK=ws://… (and BITTENSOR_NETUID) the chain is that node's: the demo's keys are
funded there by EIREL_DEMO_FUNDER (a secret URI, default //Alice) and registered. Without, local servers stand in for them and nothing leaves this machine.
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      keep: { type: 'boolean', default: false },
      'run-seconds': { type: 'string', default: '30' },
      tasks: { type: 'string', default: '12' },
      'open-weights': { type: 'boolean', default: false },
      'save-histories': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const started = Date.now();
  const base = dataDirFromEnv(process.env);
  const dataDir = resolve(base, 'demo');
  if (runningStackEnv(dataDir)) {
    process.stderr.write('a demo is running already; stop it with Ctrl-C where it was started\n');
    return 3;
  }
  await rm(dataDir, { recursive: true, force: true });
  const logger = createLogger('demo', process.env.LOG_LEVEL ?? 'error');
  const demo = new Demo({
    dataDir,
    toolsDir: join(base, 'tools'),
    runSeconds: Number(values['run-seconds']),
    leaseSeconds: 15,
    taskCount: Number(values.tasks),
    weights: values['open-weights'] ? 'open' : 'hidden',
    logger,
    env: process.env,
  });
  onTermination(() => demo.stop(), { logger, onBegin: (reason) => say(`stopping (${reason}) ...`) });
  const say = (text: string): void => {
    process.stderr.write(`[${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`);
  };
  demo.on('say', say);
  let shown = '';
  demo.on('progress', (progress) => {
    const line = progressLine(progress);
    // The seconds count down; only what happened makes a line.
    const news = line.replace(/, \d+ s left/, '');
    if (news !== shown) say(line);
    shown = news;
  });
  try {
    await demo.start();
    urls(demo).forEach(say);
    const outcome = await demo.play();
    process.stdout.write(`\n${renderOutcome(outcome)}\n\n${urls(demo).join('\n')}\n`);
    say(`the run took ${((Date.now() - started) / 1000).toFixed(1)} s in all`);
    if (values['save-histories'] && demo.parts) {
      const client = await connectTemporal(temporalConfigFromEnv(demo.parts.env));
      const files = await saveHistories(client, resolve(values['save-histories']));
      await client.connection.close();
      say(`histories: ${files.join(', ')}`);
    }
    if (values.keep) {
      say('everything keeps running; Ctrl-C stops it');
      await new Promise(() => undefined);
    }
    await demo.stop();
    return outcome.evidenceDifferences === 0 ? 0 : 1;
  } catch (error) {
    say(`the demo failed: ${messageOf(error)}`);
    say(`logs are in ${join(dataDir, 'logs')}`);
    logger.error('demo failed', { error });
    await demo.stop();
    return 1;
  }
}

function urls(demo: Demo): string[] {
  const api = demo.processes?.apiUrl ?? '';
  return [
    `Temporal Web UI  ${demo.parts?.temporalUiUrl ?? 'as you configured it'}`,
    `API docs         ${api}/docs`,
    `leaderboard      ${api}/api/v1/dashboard/leaderboard?family_id=general_chat&run_id=run-1`,
    `evidence         ${api}/v1/runs/run-1/evidence`,
  ];
}

function progressLine(progress: Progress): string {
  const { total } = progress;
  const { pending, claimed, evaluated } = progress.tasks;
  const left = progress.remaining_seconds == null ? '' : `, ${Math.round(progress.remaining_seconds)} s left`;
  return `${progress.run_id} ${progress.phase}${left}: ${evaluated}/${total} judged, ${claimed} leased, ${pending} waiting`;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exit(1);
  },
);
