import type { Command } from 'commander';
import { answerOf } from '../../adapters/owner-api';
import { isTransient } from '../../adapters/owner-client';
import { pause } from '../../adapters/owner-client/transport';
import { Cancelled, CliError, EXIT } from '../exit-codes';
import { seconds } from '../options';
import { jsonLine, printable } from '../output';
import { progressLine, progressScreen, type Progress } from '../progress-view';
import { fetchProgress, runIdOf } from '../run-api';
import type { Api } from '../api';
import { Session } from '../session';

/** A server that is away for longer than this ends the watch, in milliseconds. */
const PATIENCE_MS = 120_000;

interface WatchOptions {
  interval: number;
  exitStatus?: boolean;
}

/** Adds `eirel-ai run watch`. */
export function registerRunWatch(run: Command): void {
  run
    .command('watch [run]')
    .description(
      'follow a run (the current one) until it completes: one live screen, or lines without a terminal',
    )
    .option('--interval <seconds>', 'time between two looks', seconds, 2)
    .option('--exit-status', 'exit with 1 when the run ends without a winner')
    .action(async (argument: string | undefined, options: WatchOptions, command: Command) => {
      const session = new Session(command);
      await session.withApi(null, (api) => watch(session, api, argument, options));
    });
}

async function watch(
  session: Session,
  api: Api,
  argument: string | undefined,
  options: WatchOptions,
): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Cancelled('stopped watching; the run goes on'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const display = displayFor(session);
  display.open();
  try {
    const runId = await runIdOf(api, argument);
    await follow(api, runId, options.interval * 1000, display, stop.signal);
    if (!options.exitStatus) return;
    const query = { run_id: runId };
    const { family_winners } = await answerOf(api.owner.GET('/v1/weights', { params: { query } }));
    if (family_winners.some(({ winner_hotkey }) => winner_hotkey)) return;
    throw new CliError(`${runId} ended without a winner`, EXIT.failed, [], {
      code: 'no_winner',
      owner: 'caller',
    });
  } finally {
    display.close();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Looks again and again; a server that is away for a while, say for a restart, is waited for once it has answered. */
async function follow(
  api: Api,
  runId: string,
  intervalMs: number,
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  let lastAnswer: number | undefined;
  for (;;) {
    try {
      const progress = await fetchProgress(api, runId, signal);
      lastAnswer = Date.now();
      display.show(progress);
      if (progress.status === 'completed') return;
    } catch (error) {
      const goOn = lastAnswer !== undefined && Date.now() - lastAnswer < PATIENCE_MS && isTransient(error);
      if (!goOn) throw error;
      display.trouble((error as Error).message);
    }
    await pause(intervalMs, signal);
  }
}

/** Where progress appears. */
interface Display {
  open(): void;
  show(progress: Progress): void;
  /** The server is away for the moment. */
  trouble(message: string): void;
  close(): void;
}

function displayFor(session: Session): Display {
  const { format, asked } = session.printer;
  if (process.stdout.isTTY && format === 'table') return new LiveScreen();
  return new Lines(asked && format !== 'table' ? jsonLine : progressLine, asked && format !== 'table');
}

/** Appends a line whenever something but the clock has changed. */
class Lines implements Display {
  private last = '';
  constructor(
    private readonly format: (progress: Progress) => string,
    private readonly forProgram: boolean,
  ) {}
  open(): void {}
  show(progress: Progress): void {
    const changed = jsonLine({ ...progress, remaining_seconds: 0 });
    if (changed === this.last) return;
    const line = this.format(progress);
    // A person is not told the same line twice, a program is told every change.
    if (!this.forProgram && this.last !== '' && line === this.format(JSON.parse(this.last) as Progress))
      return;
    this.last = changed;
    process.stdout.write(
      this.forProgram ? `${line}\n` : `${new Date().toISOString().slice(11, 19)}Z ${line}\n`,
    );
  }
  trouble(message: string): void {
    process.stderr.write(`${printable(message)}; trying again\n`);
  }
  close(): void {}
}

/** Draws one screen over itself, and leaves the last one standing. */
class LiveScreen implements Display {
  private last = '';
  open(): void {
    process.stdout.write('\x1b[?25l\x1b[2J');
  }
  show(progress: Progress): void {
    const size = {
      columns: process.stdout.columns || 100,
      rows: Math.max(5, (process.stdout.rows || 30) - 2),
    };
    this.last = progressScreen(progress, size, new Date());
    this.draw('Ctrl-C stops watching, not the run');
  }
  trouble(message: string): void {
    this.draw(`${printable(message).slice(0, (process.stdout.columns || 100) - 15)}; trying again`);
  }
  close(): void {
    process.stdout.write('\x1b[?25h\n');
  }
  private draw(foot: string): void {
    const lines = [...this.last.split('\n'), '', foot].map((line) => `${line}\x1b[K`);
    process.stdout.write(`\x1b[H${lines.join('\n')}\x1b[J`);
  }
}
