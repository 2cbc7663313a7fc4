import { constants } from 'node:os';
import type { Logger } from '../logging';

// A terminal's Ctrl-C reaches this process twice when a parent passes signals on; only a later one means "at once".
const SAME_SIGNAL_MS = 1500;

/** What `onTermination` was told. */
export interface TerminationOptions {
  logger: Logger;
  /** called when the end begins, with a sentence on why */
  onBegin?: (reason: string) => void;
}

/**
 * Runs `stop` once when this process is asked to end (SIGINT, SIGTERM, SIGHUP) or fails with an uncaught error,
 * and ends the process after it, with 128 + signal number or 1. A second signal, at least 1.5 s later, ends it at
 * once (exit handlers then kill what is left).
 * @param stop stops everything; an error in it is logged and makes the exit code 1
 * @returns a function that takes the handlers away again
 */
export function onTermination(
  stop: () => Promise<void>,
  { logger, onBegin }: TerminationOptions,
): () => void {
  let begunAt: number | undefined;
  const begin = (reason: string, exitCode: number) => {
    if (begunAt !== undefined) {
      if (Date.now() - begunAt >= SAME_SIGNAL_MS) process.exit(exitCode);
      return;
    }
    begunAt = Date.now();
    onBegin?.(reason);
    stop().then(
      () => process.exit(exitCode),
      (error: unknown) => {
        logger.error('stopping failed', { error });
        process.exit(1);
      },
    );
  };
  const onSignal = (signal: NodeJS.Signals) => begin(`received ${signal}`, 128 + constants.signals[signal]);
  const onError = (error: unknown) => {
    logger.error('uncaught error', { error });
    begin(`uncaught error: ${error instanceof Error ? error.message : String(error)}`, 1);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
  };
}
