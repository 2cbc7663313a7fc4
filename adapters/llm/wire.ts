import { request, type Dispatcher } from 'undici';
import { isObject, VendorAnswer } from './vendor';

const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
const ERROR_MAX_BYTES = 64 * 1024;
const EVENT_MAX_CHARS = 8 * 1024 * 1024;

/** Reads a vendor's error body: its own word for the error, and its sentence. */
export type ErrorReader = (body: Record<string, unknown>) => { code: string; message: string };

interface Call {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: object;
  signal: AbortSignal;
  readError: ErrorReader;
  /** Longest answer that is read; 32 MiB when it is left out. */
  maxBytes?: number;
}

/**
 * Posts JSON and reads the JSON that comes back. Redirects are not followed, so a key goes nowhere else.
 * @throws VendorAnswer for a status that is not 200; what undici throws when there is no answer; SyntaxError for an
 *   answer that is not a JSON object
 */
export async function postJson(call: Call): Promise<Record<string, unknown>> {
  const { body } = await post(call, 'application/json');
  const parsed: unknown = JSON.parse(await textOf(body, call.maxBytes ?? ANSWER_MAX_BYTES));
  if (!isObject(parsed)) throw new SyntaxError('the answer is not a JSON object');
  return parsed;
}

/**
 * Posts JSON and reads server-sent events, each the JSON object of its `data`.
 * @throws as `postJson`; the iteration throws what breaks the stream off
 */
export async function postForEvents(call: Call): Promise<AsyncIterable<Record<string, unknown>>> {
  const { body } = await post(call, 'text/event-stream');
  return eventsOf(body);
}

async function post(call: Call, accept: string): Promise<Dispatcher.ResponseData> {
  const response = await request(call.url, {
    method: 'POST',
    headers: { ...call.headers, accept, 'content-type': 'application/json' },
    body: JSON.stringify(call.body),
    signal: call.signal,
    // The signal is the deadline, for headers and body together.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  if (response.statusCode === 200) return response;
  const text = await textOf(response.body, ERROR_MAX_BYTES);
  const { code, message } = readErrorText(text, call.readError);
  const retryAfter = response.headers['retry-after'];
  throw new VendorAnswer(
    response.statusCode,
    code,
    message,
    Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
  );
}

function readErrorText(text: string, read: ErrorReader): { code: string; message: string } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // A gateway's page, not the vendor's own words.
    body = undefined;
  }
  return isObject(body) ? read(body) : { code: '', message: text || 'no reason given' };
}

async function textOf(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new RangeError(`the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Splits a byte stream into the JSON objects of its `data:` fields; other fields and comments are passed over. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    if (rest.length > EVENT_MAX_CHARS) throw new RangeError('an event of the stream is too long');
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) {
        data.push(line.slice(5).replace(/^ /, ''));
      } else if (line === '' && data.length > 0) {
        const text = data.join('\n');
        data = [];
        if (text === '[DONE]') return;
        const value: unknown = JSON.parse(text);
        if (isObject(value)) yield value;
      }
    }
  }
}
