import { ApplicationFailure, Context } from '@temporalio/activity';

/**
 * A pause inside an activity that waits for something. It ends at once when the activity is cancelled, and when this worker
 * is told to stop: then the wait fails as retryable, and another worker takes it up.
 * @param milliseconds length of the pause; @param stopping aborted when the worker drains
 */
export async function pause(milliseconds: number, stopping: AbortSignal): Promise<void> {
  const context = Context.current();
  const listening = new AbortController();
  const handOver = new Promise<never>((_resolve, reject) => {
    const leave = (): void =>
      reject(
        ApplicationFailure.create({
          type: 'WorkerStopping',
          message: 'this worker is stopping; another goes on',
        }),
      );
    if (stopping.aborted) leave();
    else stopping.addEventListener('abort', leave, { once: true, signal: listening.signal });
  });
  try {
    await Promise.race([context.sleep(milliseconds), handOver]);
  } finally {
    listening.abort();
  }
}

/** Runs something long that reports no progress by itself, with heartbeats meanwhile. */
export async function beating<T>(act: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 1000);
  try {
    return await act();
  } finally {
    clearInterval(beat);
  }
}
