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

/** A pause that ends early, without an error, when this process is told to stop. @throws CancelledFailure on a cancellation */
export async function pauseUntilStop(milliseconds: number, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) return;
  const listening = new AbortController();
  const stopped = new Promise<void>((resolve) =>
    stopping.addEventListener('abort', () => resolve(), { once: true, signal: listening.signal }),
  );
  try {
    await Promise.race([Context.current().sleep(milliseconds), stopped]);
  } finally {
    listening.abort();
  }
}

/** Waits until this worker is shut down, for an activity that has nothing to do while it drains. Never returns. */
export async function untilShutDown(): Promise<never> {
  try {
    return await Context.current().cancelled;
  } catch {
    throw ApplicationFailure.create({
      type: 'WorkerStopping',
      message: 'this worker is stopping; another goes on',
    });
  }
}
