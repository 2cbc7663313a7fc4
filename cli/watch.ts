/** `--watch` and `--wait`: the same question again and again. */
import { isTransient } from '../adapters/owner-client';
import { pause } from '../adapters/owner-client/transport';
import { Cancelled, CliError, EXIT } from './exit-codes';
import { jsonLine } from './output';
import type { Session } from './session';

const EVERY_MS = 2_000;
/** A server that is away for longer than this ends the watch. */
const PATIENCE_MS = 120_000;

/** Asks until `ended`, or until Ctrl-C; a server that goes away after its first answer is waited for. */
async function* answers<T>(session: Session, read: () => Promise<T>, ended: (value: T) => boolean) {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Cancelled('stopped watching; nothing else was stopped'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  let last: number | undefined;
  try {
    for (;;) {
      try {
        const value = await read();
        last = Date.now();
        yield value;
        if (ended(value)) return;
      } catch (error) {
        if (last === undefined || Date.now() - last > PATIENCE_MS || !isTransient(error)) throw error;
        session.say(`${(error as Error).message}; trying again`);
      }
      await pause(EVERY_MS, stop.signal);
    }
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/**
 * Shows an answer; with `watch` every answer that differs from the one before, drawn over it on a terminal and a line
 * of JSON each for programs, until `ended`.
 */
export async function shown<T>(
  session: Session,
  watch: boolean | undefined,
  read: () => Promise<T>,
  asText: (value: T) => string,
  ended: (value: T) => boolean,
): Promise<void> {
  if (!watch) return session.printer.data(await read(), asText);
  const live = process.stdout.isTTY && session.printer.format === 'table';
  let before = '';
  for await (const value of answers(session, read, ended)) {
    const now = jsonLine(value);
    if (now === before) continue;
    before = now;
    if (session.printer.format !== 'table') process.stdout.write(`${now}\n`);
    else process.stdout.write(`${live ? '\x1b[H\x1b[2J' : ''}${asText(value)}\n`);
  }
}

/**
 * Waits, telling what it waits for whenever that changes.
 * @param limit seconds
 * @throws CliError 6 when the time is up
 */
export async function until<T>(
  session: Session,
  read: () => Promise<T>,
  ended: (value: T) => boolean,
  limit: number,
  why: (value: T) => string,
): Promise<T> {
  const deadline = Date.now() + limit * 1000;
  let before = '';
  for await (const value of answers(session, read, ended)) {
    if (ended(value)) return value;
    const reason = why(value);
    if (reason !== before) session.say(reason);
    before = reason;
    if (Date.now() > deadline) {
      throw new CliError(`it did not come about within ${limit} s; now: ${reason}`, EXIT.temporary, [
        'what was asked for goes on: look again later',
      ]);
    }
  }
  throw new CliError('nothing was answered', EXIT.failed);
}
