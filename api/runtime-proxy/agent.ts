/** One HTTP call to a miner's agent, with every way in which it can fail told apart. */
import { Agent, request, type Dispatcher } from 'undici';

/** Whose failure a call was: `crash` is a connection that was refused or broke, so that the process is taken for dead. */
export class AgentFailure extends Error {
  override readonly name = 'AgentFailure';
  constructor(
    readonly kind: 'crash' | 'status' | 'timeout' | 'too_large' | 'malformed' | 'cancelled',
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

export interface AgentCall {
  url: string;
  body: unknown;
  headers: Record<string, string>;
  timeoutMs: number;
  maxResponseBytes: number;
  maxLineBytes: number;
  /** Aborted when the caller went away. */
  signal: AbortSignal;
}

// An agent is one process that may die at any time: a connection is never kept for the next call, so that a dead
// one is met when connecting and not in the middle of a request. Its own limits are those of the call.
const agents = new Agent({
  connect: { timeout: 10_000 },
  pipelining: 0,
  headersTimeout: 0,
  bodyTimeout: 0,
  connections: null,
});

/**
 * Posts to an agent and yields its answer line by line, without line ends; blank lines are left out.
 * @throws AgentFailure
 */
export async function* agentLines(call: AgentCall): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const tooLong = () =>
    new AgentFailure('too_large', `a line of the answer is longer than ${call.maxLineBytes} bytes`);
  const text = (last: Buffer): string => {
    const line = Buffer.concat([...rest, last])
      .toString('utf8')
      .trim();
    rest = [];
    restBytes = 0;
    return line;
  };
  for await (const chunk of agentBytes(call)) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      if (restBytes + end - from > call.maxLineBytes) throw tooLong();
      const line = text(chunk.subarray(from, end));
      from = end + 1;
      if (line) yield line;
    }
    rest.push(chunk.subarray(from));
    restBytes += chunk.length - from;
    if (restBytes > call.maxLineBytes) throw tooLong();
  }
  const line = text(Buffer.alloc(0));
  if (line) yield line;
}

/**
 * Posts to an agent and reads its answer as a JSON object.
 * @throws AgentFailure
 */
export async function agentObject(call: AgentCall): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of agentBytes(call)) chunks.push(chunk);
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
  } catch (error) {
    throw new AgentFailure('malformed', 'the agent did not answer with JSON', error);
  }
  throw new AgentFailure('malformed', 'the agent did not answer with a JSON object');
}

async function* agentBytes(call: AgentCall): AsyncGenerator<Buffer> {
  const timer = AbortSignal.timeout(call.timeoutMs);
  const signal = AbortSignal.any([timer, call.signal]);
  const failure = (error: unknown): AgentFailure => {
    if (error instanceof AgentFailure) return error;
    if (call.signal.aborted) return new AgentFailure('cancelled', 'the caller went away', error);
    if (timer.aborted) {
      return new AgentFailure('timeout', `the agent did not finish within ${call.timeoutMs / 1000} s`, error);
    }
    return new AgentFailure('crash', connectionWords(error), error);
  };
  let response: Dispatcher.ResponseData;
  try {
    response = await request(call.url, {
      method: 'POST',
      dispatcher: agents,
      headers: { 'content-type': 'application/json', ...call.headers },
      body: JSON.stringify(call.body),
      signal,
    });
  } catch (error) {
    throw failure(error);
  }
  let received = 0;
  try {
    if (response.statusCode < 200 || response.statusCode >= 300) {
      throw new AgentFailure('status', `pod returned ${response.statusCode}`);
    }
    for await (const chunk of response.body) {
      const bytes = chunk as Buffer;
      received += bytes.length;
      if (received > call.maxResponseBytes) {
        throw new AgentFailure('too_large', `the answer is larger than ${call.maxResponseBytes} bytes`);
      }
      yield bytes;
    }
  } catch (error) {
    throw failure(error);
  } finally {
    // Also when the reader stopped early: the connection must not be left to the agent's goodwill.
    response.body.on('error', () => undefined).destroy();
  }
}

function connectionWords(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  switch (code) {
    case 'ECONNREFUSED':
      return 'the agent refused the connection';
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'the agent did not accept a connection';
    default:
      return `the connection to the agent broke${typeof code === 'string' ? ` (${code})` : ''}`;
  }
}
