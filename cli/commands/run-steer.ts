/** `eirel-ai run pause|resume|close|extend|open|retry`: the owner steers a run. */
import { Option, type Command } from 'commander';
import { answerOf, type Schema } from '../../adapters/owner-api';
import { pause as sleep } from '../../adapters/owner-client/transport';
import { parseIsoTimestamp } from '../../domain/time';
import { CliError, EXIT, UsageError } from '../exit-codes';
import { seconds, wholeNumber } from '../options';
import { orderBodyOf, withOrderOptions, type OrderOptions } from '../order-command';
import { fields } from '../output';
import type { Progress } from '../progress-view';
import { fetchProgress, runIdOf, waitedInVain } from '../run-api';
import type { Api } from '../api';
import { Session } from '../session';

type Steering = Schema<'RunSteering'>;
/** A close that drains answers when the drain has begun; the update itself may take a while. */
const STEER_MS = 60_000;
const POLL_MS = 1_000;

interface SteerOptions extends OrderOptions {
  wait?: boolean;
  timeout: number;
  mode?: 'now' | 'drain';
  seconds?: number;
  until?: string;
}

interface Action {
  verb: 'pause' | 'resume' | 'close' | 'extend' | 'open' | 'retry';
  description: string;
  /** Asked before it is done. */
  question: (runId: string, options: SteerOptions) => string;
  /** Whether what was asked for has come about. */
  reached: (progress: Progress, answer: Steering) => boolean;
}

const ACTIONS: readonly Action[] = [
  {
    verb: 'pause',
    description: 'hand out no more tasks; leases finish, the clock stands still',
    question: (runId) => `Pause ${runId}?`,
    reached: (progress) => progress.phase === 'paused',
  },
  {
    verb: 'resume',
    description: 'hand out tasks again; the end moves by the length of the pause',
    question: (runId) => `Resume ${runId}?`,
    reached: (progress) => progress.phase === 'running',
  },
  {
    verb: 'close',
    description: 'end the run early, score it and publish its weights',
    question: (runId, { mode }) =>
      mode === 'now'
        ? `Close ${runId} now? What validators are working on expires.`
        : `Close ${runId}? Running leases finish first.`,
    reached: (progress) => progress.status === 'completed',
  },
  {
    verb: 'extend',
    description: 'move the end of the run',
    question: (runId, { seconds, until }) =>
      seconds === undefined ? `Extend ${runId} until ${until}?` : `Extend ${runId} by ${seconds} s?`,
    reached: (progress, answer) =>
      (parseIsoTimestamp(progress.ends_at) ?? 0) >= (parseIsoTimestamp(answer.ends_at) ?? Infinity),
  },
  {
    verb: 'open',
    description: 'open a scheduled run before its time',
    question: (runId) => `Open ${runId} now?`,
    reached: (progress) => progress.status === 'open' && !['opening', 'deploying'].includes(progress.phase),
  },
  {
    verb: 'retry',
    description: 'try the step that the run is stuck in again now',
    question: (runId) => `Try the stuck step of ${runId} again now?`,
    reached: (progress) => progress.stuck === null,
  },
];

/** Adds the steering verbs to `eirel-ai run`. */
export function registerRunSteering(run: Command): void {
  for (const action of ACTIONS) {
    const command = withOrderOptions(run.command(`${action.verb} <run>`))
      .description(`${action.description} ("current" names the current run)`)
      .option('--wait', 'wait until it has come about')
      .option('--timeout <seconds>', 'longest time to wait', seconds, 600);
    if (action.verb === 'close') {
      command.addOption(
        new Option('--mode <mode>', 'drain: running leases finish; now: they expire')
          .choices(['now', 'drain'])
          .default('drain'),
      );
    }
    if (action.verb === 'extend') {
      command
        .option('--seconds <n>', 'by how much', wholeNumber(1, 366 * 86_400))
        .option('--until <time>', 'to when: an ISO time with its zone, such as 2026-01-31T12:00:00Z');
    }
    command.action(async (argument: string, options: SteerOptions, self: Command) => {
      if (action.verb === 'extend' && (options.seconds === undefined) === (options.until === undefined)) {
        throw new UsageError('extend takes either --seconds or --until');
      }
      const session = new Session(self);
      await session.withApi('owner', (api) => steer(session, api, action, argument, options));
    });
  }
}

async function steer(
  session: Session,
  api: Api,
  action: Action,
  argument: string,
  options: SteerOptions,
): Promise<void> {
  const runId = await runIdOf(api, argument);
  if (!options.dryRun) await session.confirm(action.question(runId, options), options.yes);
  const params = { path: { id: runId } };
  const body = orderBodyOf(options);
  const { POST } = api.within(STEER_MS);
  const answer = await answerOf(
    action.verb === 'close'
      ? POST('/v1/admin/runs/{id}/close', { params, body: { ...body, mode: options.mode ?? 'drain' } })
      : action.verb === 'extend'
        ? POST('/v1/admin/runs/{id}/extend', {
            params,
            body: {
              ...body,
              ...(options.seconds === undefined ? { until: options.until } : { seconds: options.seconds }),
            },
          })
        : POST(`/v1/admin/runs/{id}/${action.verb}`, { params, body }),
  );
  if (!options.wait || options.dryRun) return session.printer.data(answer, steeringText);
  session.say(answer.message);
  const progress = await waitFor(api, action, answer, options.timeout);
  const { phase, status, ends_at } = progress;
  session.printer.data({ ...answer, phase, status, ends_at }, steeringText);
}

/** @throws CliError 1 when the run completed otherwise, 6 when the time is up */
async function waitFor(api: Api, action: Action, answer: Steering, limit: number): Promise<Progress> {
  const deadline = Date.now() + limit * 1000;
  for (;;) {
    const progress = await fetchProgress(api, answer.run_id);
    if (action.reached(progress, answer)) return progress;
    if (progress.status === 'completed') {
      throw new CliError(`${answer.run_id} completed before the ${action.verb} took effect`, EXIT.failed);
    }
    if (Date.now() + POLL_MS > deadline) {
      throw waitedInVain(`the ${action.verb} of ${answer.run_id}`, limit, progress);
    }
    await sleep(POLL_MS);
  }
}

function steeringText(answer: Steering): string {
  return fields([
    ['run', answer.run_id],
    ['action', answer.action],
    ['changed', answer.dry_run ? 'no (dry run)' : answer.changed],
    ['phase', answer.phase],
    ['status', answer.status],
    ['ends', answer.ends_at],
    ['message', answer.message],
  ]);
}
