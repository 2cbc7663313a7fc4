import { Agent, request, type Dispatcher } from 'undici';
import { parseStreamLine, type AgentStreamEvent } from '../../domain/contracts/invocation';
import { StreamFold, unaryResponse, type TurnResponse } from '../../domain/validator/answer';
import type { InvocationBody } from '../../domain/validator/conversation';
import { OwnerUnreachable } from './errors';
import { detailOf, reasonOf } from './transport';

/** What one request to a miner's endpoint came to; whose fault a failure is, is the caller's to decide. */
export type InvocationOutcome =
  | { kind: 'answered'; response: TurnResponse }
  | { kind: 'status'; status: number; detail: string; failureClass: unknown; reason: string | null }
  /** The stream or body grew beyond `maxBytes`. */
  | { kind: 'too_large'; maxBytes: number }
  /** Not JSON, or not an object. */
  | { kind: 'malformed' };

export interface InvocationTarget {
  endpoint: string;
  authHeaders: Readonly<Record<string, string>>;
}

/** Most bytes of one answer, stream framing included. */
export const MAX_INVOCATION_BYTES = 16 * 1024 * 1024;

/** The connection broke. `begun` tells whether the answer had started, so that the agent may have worked. */
export class InvocationBroken extends OwnerUnreachable {
  constructor(
    message: string,
    readonly begun: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** Calls miners' agents through the endpoints that a claim names. */
export class InvocationClient {
  private readonly agent = new Agent({ connect: { timeout: 10_000 }, headersTimeout: 0, bodyTimeout: 0 });

  constructor(private readonly maxBytes = MAX_INVOCATION_BYTES) {}

  /**
   * `POST {endpoint}/v1/agent/infer/stream`, read to its end.
   * @throws InvocationBroken, or the reason of `signal`
   */
  stream(target: InvocationTarget, body: InvocationBody, signal: AbortSignal): Promise<InvocationOutcome> {
    return this.call(target, '/v1/agent/infer/stream', body, signal, async (response) => {
      const fold = new StreamFold();
      const complete = await eachLine(response.body, this.maxBytes, (event) => fold.add(event));
      return complete
        ? { kind: 'answered', response: fold.response() }
        : { kind: 'too_large', maxBytes: this.maxBytes };
    });
  }

  /**
   * `POST {endpoint}/v1/agent/infer`.
   * @throws InvocationBroken, or the reason of `signal`
   */
  unary(target: InvocationTarget, body: InvocationBody, signal: AbortSignal): Promise<InvocationOutcome> {
    return this.call(target, '/v1/agent/infer', body, signal, async (response) => {
      const text = await boundedText(response.body, this.maxBytes);
      if (text === null) return { kind: 'too_large', maxBytes: this.maxBytes };
      const answer = unaryResponse(jsonOrUndefined(text));
      return answer ? { kind: 'answered', response: answer } : { kind: 'malformed' };
    });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async call(
    target: InvocationTarget,
    route: string,
    body: InvocationBody,
    signal: AbortSignal,
    read: (response: Dispatcher.ResponseData) => Promise<InvocationOutcome>,
  ): Promise<InvocationOutcome> {
    signal.throwIfAborted();
    const url = new URL(`${target.endpoint.replace(/\/+$/, '')}${route}`);
    let begun = false;
    try {
      const response = await request(url, {
        dispatcher: this.agent,
        method: 'POST',
        headers: {
          ...target.authHeaders,
          'content-type': 'application/json',
          accept: 'application/x-ndjson, application/json',
        },
        body: JSON.stringify(body),
        signal,
      });
      begun = true;
      if (response.statusCode >= 200 && response.statusCode <= 299) return await read(response);
      return statusOutcome(response.statusCode, (await boundedText(response.body, 64 * 1024)) ?? '');
    } catch (error) {
      signal.throwIfAborted();
      throw new InvocationBroken(
        `the owner API at ${url.origin} was not reached for an invocation (${reasonOf(error)})`,
        begun,
        error,
      );
    }
  }
}

function statusOutcome(status: number, text: string): InvocationOutcome {
  const detail = detailOf(text);
  const value = jsonOrUndefined(text) as { failure_class?: unknown; reason?: unknown } | null | undefined;
  return {
    kind: 'status',
    status,
    detail: typeof detail === 'string' ? detail : JSON.stringify(detail),
    failureClass: value?.failure_class,
    reason: typeof value?.reason === 'string' ? value.reason : null,
  };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Gives each event of an NDJSON body to `take`; false when the body is larger than `maxBytes`. */
async function eachLine(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
  take: (event: AgentStreamEvent) => void,
): Promise<boolean> {
  let size = 0;
  let rest: Buffer[] = [];
  const flush = (): void => {
    const event = parseStreamLine(Buffer.concat(rest).toString('utf8'));
    rest = [];
    if (event) take(event);
  };
  for await (const chunk of body) {
    let bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) return false;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
      rest.push(bytes.subarray(0, end));
      flush();
      bytes = bytes.subarray(end + 1);
    }
    if (bytes.length > 0) rest.push(bytes);
  }
  flush();
  return true;
}

async function boundedText(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) return null;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}
