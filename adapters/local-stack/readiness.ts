import { setTimeout as sleep } from 'node:timers/promises';
import { probeTcp } from './ports';

/** How one knows that a process is ready to do its work. */
export type Readiness =
  /** a GET of `url` answers with a status below 300 */
  | { kind: 'http'; url: string }
  /** somebody accepts connections */
  | { kind: 'tcp'; host?: string; port: number }
  /** `check` resolves; it is given the process id, and is called again after it rejected */
  | { kind: 'check'; check: (pid: number) => Promise<void> }
  /** it has lived for `seconds` */
  | { kind: 'alive'; seconds: number };

const PROBE_TIMEOUT_MS = 3000;
const POLL_MS = 100;

async function probe(readiness: Readiness, pid: number, since: number): Promise<void> {
  switch (readiness.kind) {
    case 'http': {
      const response = await fetch(readiness.url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
      await response.arrayBuffer();
      if (response.status >= 300) throw new Error(`${readiness.url} answered ${response.status}`);
      return;
    }
    case 'tcp':
      return probeTcp(readiness.host ?? '127.0.0.1', readiness.port, PROBE_TIMEOUT_MS);
    case 'check':
      return readiness.check(pid);
    case 'alive':
      if (Date.now() - since < readiness.seconds * 1000) throw new Error('not yet');
  }
}

/**
 * Waits until `readiness` of a process holds.
 * @param pid its process id
 * @param timeoutMs how long to wait, in milliseconds
 * @param signal ends the wait early, for example because the process is gone
 * @returns undefined when ready, else why not (the last probe's complaint)
 */
export async function waitUntilReady(
  readiness: Readiness,
  pid: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const since = Date.now();
  let complaint = 'it was never asked';
  while (!signal.aborted) {
    try {
      await probe(readiness, pid, since);
      return undefined;
    } catch (error) {
      const { message, cause } = error as Error;
      complaint = cause instanceof Error && cause.message ? cause.message : message;
    }
    if (Date.now() - since > timeoutMs) return complaint;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return complaint;
}
