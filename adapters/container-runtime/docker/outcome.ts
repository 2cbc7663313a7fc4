/** How an agent's container ended, and what it said. */
import { constants } from 'node:os';
import type Docker from 'dockerode';
import { isNotFound } from './engine';

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, value]) => [value, name]));
const SIGKILL_EXIT = 137;
/** How long an engine's events are waited for. */
const EVENTS_MS = 3000;

export interface Outcome {
  exitCode: number;
  /** Name of the signal, where a shell's convention (128 + number) says so. */
  signal?: string;
  oomKilled: boolean;
}

/**
 * Reads the end of a container that is not running. Some engines do not mark a container that was killed for want of
 * memory; then a kill by SIGKILL counts as one where the engine recorded such an event for it.
 */
export async function outcomeOf(docker: Docker, agent: Docker.ContainerInspectInfo): Promise<Outcome> {
  const { ExitCode, OOMKilled } = agent.State;
  const signal = ExitCode > 128 ? SIGNALS.get(ExitCode - 128) : undefined;
  const oomKilled = OOMKilled || (ExitCode === SIGKILL_EXIT && (await sawOutOfMemory(docker, agent)));
  return { exitCode: ExitCode, oomKilled, ...(signal === undefined ? {} : { signal }) };
}

async function sawOutOfMemory(docker: Docker, agent: Docker.ContainerInspectInfo): Promise<boolean> {
  const seconds = (text: string): number => Math.floor(Date.parse(text) / 1000);
  const stream = await docker.getEvents({
    since: seconds(agent.State.StartedAt),
    until: seconds(agent.State.FinishedAt) + 2,
    filters: { container: [agent.Id], event: ['oom'] },
  });
  return new Promise((resolve) => {
    const settle = (seen: boolean): void => {
      clearTimeout(timer);
      (stream as NodeJS.ReadableStream & { destroy(): void }).destroy();
      resolve(seen);
    };
    const timer = setTimeout(() => settle(false), EVENTS_MS);
    stream.on('data', () => settle(true));
    stream.on('end', () => settle(false));
    // Without its events the engine's own mark is all there is.
    stream.on('error', () => settle(false));
  });
}

export function describeOutcome(outcome: Outcome): string {
  if (outcome.oomKilled) return 'because it reached its memory limit';
  return outcome.signal === undefined ? `with exit code ${outcome.exitCode}` : `by signal ${outcome.signal}`;
}

/** The newest lines of a container's output, oldest first; empty when there is no such container. */
export async function containerLines(docker: Docker, container: string, count: number): Promise<string[]> {
  if (count <= 0) return [];
  let raw: Buffer;
  try {
    raw = await docker
      .getContainer(container)
      .logs({ stdout: true, stderr: true, tail: count, follow: false });
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
  const lines = demultiplex(raw).toString('utf8').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(-count);
}

/** Output of a container without a terminal comes in frames: stream, three zeros, length, content. */
function demultiplex(raw: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length;) {
    const length = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces);
}
