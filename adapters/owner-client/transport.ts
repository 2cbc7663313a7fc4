import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { signRequest } from '../keys/sign';
import type { Hotkey } from '../keys/types';
import { isTransient, OwnerAnswerInvalid, OwnerRefused, OwnerUnreachable } from './errors';

export interface OwnerClientConfig {
  /** Base address of the owner API, without a trailing slash. */
  baseUrl: string;
  /** Signs every request; null for public routes only. */
  hotkey: Hotkey | null;
  /** Attempts of an idempotent call, the first included. */
  attempts?: number;
  /** First wait between attempts, in milliseconds; it doubles, with jitter, up to `maxDelayMs`. */
  baseDelayMs?: number;
  maxDelayMs?: number;
}

export interface OwnerCall<T extends z.ZodType> {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Percent-encoded where needed, without a query. */
  path: string;
  query?: Record<string, string | number | undefined>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, with its content type. */
  raw?: { bytes: Buffer; contentType: string };
  /** Contract of the 2xx body. */
  answer: T;
  /** Deadline of one attempt, milliseconds. */
  timeoutMs: number;
  /** May be sent again when it is not known whether it arrived. */
  idempotent: boolean;
  signal?: AbortSignal;
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Sends requests to the owner API: every attempt is signed afresh and carries its own request id. */
export class OwnerTransport {
  private readonly agent = new Agent({ connect: { timeout: 10_000 }, headersTimeout: 0, bodyTimeout: 0 });
  private readonly attempts: number;
  private readonly baseDelayMs: number;
  private readonly maxDelayMs: number;

  constructor(private readonly config: OwnerClientConfig) {
    this.attempts = config.attempts ?? 4;
    this.baseDelayMs = config.baseDelayMs ?? 250;
    this.maxDelayMs = config.maxDelayMs ?? 5_000;
  }

  /**
   * Sends a call, and again after a transient failure where the call is idempotent.
   * @throws OwnerRefused, OwnerUnreachable, OwnerAnswerInvalid, or the reason of `signal` when it aborts
   */
  async send<T extends z.ZodType>(call: OwnerCall<T>): Promise<z.output<T>> {
    const attempts = call.idempotent ? this.attempts : 1;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once(call);
      } catch (error) {
        if (attempt >= attempts || !isTransient(error)) throw error;
        await pause(retryDelayMs(error, attempt, this.baseDelayMs, this.maxDelayMs), call.signal);
      }
    }
  }

  /** Frees the connections; calls under way fail. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async once<T extends z.ZodType>(call: OwnerCall<T>): Promise<z.output<T>> {
    const url = new URL(`${this.config.baseUrl}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const body =
      call.raw?.bytes ?? (call.json === undefined ? undefined : Buffer.from(JSON.stringify(call.json)));
    const contentType = call.raw?.contentType ?? (body ? 'application/json' : undefined);
    const { method, path, timeoutMs, signal } = call;
    const answer = await this.exchange({ method, path, url, body, contentType, timeoutMs, signal });
    return parseAnswer(call, answer.bytes.toString('utf8'));
  }

  /**
   * Signs and sends one request, once.
   * @returns a 2xx answer with its whole body; @throws OwnerRefused for any other status, OwnerUnreachable,
   *   OwnerAnswerInvalid for a body beyond all bounds, or the reason of `signal` when it aborts
   */
  async exchange(
    call: Exchange,
  ): Promise<{ status: number; headers: Record<string, string>; bytes: Buffer }> {
    const { status, headers, read } = await this.answer(call, readBytes);
    return { status, headers, bytes: read };
  }

  /**
   * As `exchange`, for a body of any size: it goes to a file as it comes, within the same deadline.
   * @throws what `exchange` throws; the system's own error where the file cannot be written
   */
  async download(call: Exchange, file: string): Promise<void> {
    const out = await open(file, 'w', 0o600);
    try {
      let full: unknown;
      const written = this.answer(call, async (body) => {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          await out.writeFile(chunk).catch((error: unknown) => {
            full = error;
            throw error;
          });
        }
      });
      await written.catch((error: unknown) => {
        throw full ?? error;
      });
    } finally {
      await out.close();
    }
  }

  private async answer<T>(
    call: Exchange,
    use: (body: Dispatcher.ResponseData['body']) => Promise<T>,
  ): Promise<{ status: number; headers: Record<string, string>; read: T }> {
    call.signal?.throwIfAborted();
    const { method, path, url, body } = call;
    const timeout = AbortSignal.timeout(call.timeoutMs);
    const signal = call.signal ? AbortSignal.any([call.signal, timeout]) : timeout;
    try {
      const response = await request(url, {
        dispatcher: this.agent,
        method,
        headers: {
          accept: 'application/json',
          ...(call.contentType ? { 'content-type': call.contentType } : {}),
          ...(this.config.hotkey
            ? signRequest(this.config.hotkey, { method, path: url.pathname, body })
            : {}),
        },
        body: body ?? null,
        signal,
      });
      const { statusCode: status, headers } = response;
      if (status < 200 || status > 299) {
        const detail = detailOf((await readBytes(response.body)).toString('utf8'));
        throw new OwnerRefused(status, detail, method, path, retryAfter(headers['retry-after']));
      }
      return { status, headers: flatHeaders(headers), read: await use(response.body) };
    } catch (error) {
      call.signal?.throwIfAborted();
      if (error instanceof OwnerAnswerInvalid || error instanceof OwnerRefused) throw error;
      throw unreachable(error, call, timeout.aborted);
    }
  }
}

/** One signed request. */
export interface Exchange {
  method: OwnerCall<z.ZodType>['method'];
  /** As it is named in errors. */
  path: string;
  url: URL;
  body: Buffer | undefined;
  contentType: string | undefined;
  /** Deadline, milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

function flatHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

function parseAnswer<T extends z.ZodType>(call: OwnerCall<T>, text: string): z.output<T> {
  let value: unknown;
  try {
    value = text === '' ? null : JSON.parse(text);
  } catch {
    throw new OwnerAnswerInvalid(`${call.method} ${call.path} was answered with something that is not JSON`);
  }
  const parsed = call.answer.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'the body';
  throw new OwnerAnswerInvalid(
    `${call.method} ${call.path} was answered with an unexpected body: ${where}: ${issue?.message ?? 'invalid'}`,
  );
}

async function readBytes(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) {
      throw new OwnerAnswerInvalid(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function unreachable(error: unknown, call: Exchange, timedOut: boolean): OwnerUnreachable {
  const why = timedOut ? `no answer within ${call.timeoutMs / 1000} s` : reasonOf(error);
  return new OwnerUnreachable(
    `${call.method} ${call.path}: the owner API at ${call.url.origin} was not reached (${why}); check OWNER_API_URL and that it runs`,
    { cause: error },
  );
}

/** The system's word for a connection failure, such as ECONNREFUSED, else the message. */
export function reasonOf(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && code) return code;
  return error instanceof Error ? error.message : String(error);
}

/** `detail` of an error body, or the text itself, shortened, when it is not the usual JSON. */
export function detailOf(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object' && 'detail' in value) return value.detail;
  } catch {
    // Not JSON: a gateway's own page.
  }
  return text.slice(0, 200);
}

function retryAfter(header: string | string[] | undefined): number | null {
  const text = Array.isArray(header) ? header[0] : header;
  const seconds = Number(text);
  return text !== undefined && Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 120) : null;
}

/**
 * How long to wait before the next attempt: what the server asked for, else `base * 2^(attempt-1)` up to `max`, of which
 * a random half is left out so that many clients do not come back together.
 * @param attempt the one that failed, from 1; @returns milliseconds
 */
export function retryDelayMs(error: unknown, attempt: number, baseMs: number, maxMs: number): number {
  if (error instanceof OwnerRefused && error.retryAfterSeconds !== null)
    return error.retryAfterSeconds * 1000;
  const full = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
  return full / 2 + (Math.random() * full) / 2;
}

/** Sleeps; @throws the reason of `signal` when it aborts first */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
