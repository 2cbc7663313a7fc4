/** Progress lines for people: what is being done, and how long it took. Everything goes to standard error. */

const HEARTBEAT_MS = 15_000;

/** Seconds since `since` (milliseconds since the epoch), as a short text such as `0.4 s` or `31 s`. */
export function seconds(since) {
  const value = (Date.now() - since) / 1000;
  return value < 10 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}

/** Writes one line. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs `work` and reports it as `label ... 31 s`. On a terminal the line counts up while the work goes on;
 * elsewhere a line is written when it ends, and every 15 s while it does not, so that a log never looks dead.
 * @template T
 * @param {string} label
 * @param {() => Promise<T>} work
 * @returns {Promise<T>} what `work` returned; its error is passed on after `label ... failed` was written
 */
export async function step(label, work) {
  const since = Date.now();
  const live = process.stderr.isTTY === true;
  const show = () =>
    process.stderr.write(
      live ? `\r${label} ... ${seconds(since)}` : `${label} ... ${seconds(since)} so far\n`,
    );
  if (live) show();
  const timer = setInterval(show, live ? 1000 : HEARTBEAT_MS);
  const finish = (text) => {
    clearInterval(timer);
    process.stderr.write(`${live ? '\r' : ''}${label} ... ${text}\n`);
  };
  try {
    const result = await work();
    finish(seconds(since));
    return result;
  } catch (error) {
    finish(`failed after ${seconds(since)}`);
    throw error;
  }
}
