/** The streaming proxy: NDJSON from the agent to the validator, its end held back and completed by the owner. */
import { once } from 'node:events';
import type { Response } from 'express';
import { agentLines } from './agent';
import { callAgent, CallerGone, InvocationFailed, jobOf, type FailureClass, type Invocation } from './invoke';
import { attestedMetadata, hasReservedKeys, minerMetadata } from './owner-metadata';

/** What becomes of one line of an agent's stream. */
export type LineFate =
  { kind: 'forward'; line: string } | { kind: 'drop' } | { kind: 'done'; event: Record<string, unknown> };

/**
 * Decides on a line. `done` is held, `trace` is swallowed, all else goes on as it is, but for metadata that only the
 * owner may set. A line that is not JSON goes on too, unless it opens like an object: readers laxer than this one (NaN,
 * say) could take it for an event, and for a `done` with forged metadata.
 */
export function lineFate(line: string): LineFate {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return line.startsWith('{') ? { kind: 'drop' } : { kind: 'forward', line };
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return { kind: 'forward', line };
  const event = value as Record<string, unknown>;
  if (event.event === 'done') return { kind: 'done', event };
  if (event.event === 'trace') return { kind: 'drop' };
  if (!hasReservedKeys(event.metadata)) return { kind: 'forward', line };
  return { kind: 'forward', line: JSON.stringify({ ...event, metadata: minerMetadata(event.metadata) }) };
}

/** A `done` of the proxy's own. */
function failedDone(error: string, failureClass: FailureClass): Record<string, unknown> {
  return { event: 'done', status: 'failed', error, metadata: { failure_class: failureClass } };
}

/**
 * Streams one invocation. Whatever becomes of the agent, the answer is a 200 whose last line is a `done`.
 * @throws HttpError before anything is sent, where the deployment is not placed
 */
export async function streamInvocation(invocation: Invocation, res: Response): Promise<void> {
  let forwarded = false;
  let held: Record<string, unknown> | null = null;
  const begin = () => {
    if (res.headersSent) return;
    res.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    res.flushHeaders();
  };
  const send = async (line: string) => {
    begin();
    // A slow reader slows the agent down instead of filling memory.
    if (!res.write(`${line}\n`)) await once(res, 'drain', { signal: invocation.signal });
  };
  let own: Record<string, unknown> | null = null;
  try {
    await callAgent(
      invocation,
      async (call) => {
        held = null;
        begin();
        for await (const line of agentLines(call)) {
          const fate = lineFate(line);
          if (fate.kind === 'done') held = fate.event;
          if (fate.kind !== 'forward') continue;
          await send(fate.line);
          forwarded = true;
        }
      },
      () => forwarded,
    );
    // The original calls such a stream completed; an agent that did not say so did not complete.
    own = held ? null : failedDone('the agent ended its stream without a done event', 'miner');
  } catch (error) {
    if (error instanceof CallerGone || invocation.signal.aborted) return;
    if (!(error instanceof InvocationFailed)) throw error;
    own = failedDone(error.message, error.failureClass);
  }
  const done = own ?? minersDone(held);
  const metadata = {
    ...(done.metadata as object),
    ...(await attestedMetadata(invocation.deps, jobOf(invocation))),
  };
  begin();
  res.end(
    `${JSON.stringify({ ...done, metadata: { runtime_kind: invocation.target.runtimeKind, ...metadata } })}\n`,
  );
}

function minersDone(held: Record<string, unknown> | null): Record<string, unknown> {
  return { ...held, metadata: minerMetadata(held?.metadata) };
}
