import type { z } from 'zod';
import { SearchError } from './types';

const MAX_BODY_BYTES = 2 * 1024 * 1024;

export interface JsonRequest<T> {
  backend: string;
  url: URL;
  method: 'GET' | 'POST';
  headers: Record<string, string>;
  body?: unknown;
  schema: z.ZodType<T>;
  signal: AbortSignal;
}

/**
 * Asks an engine for JSON of a known shape. Redirects are not followed: they would carry the key along.
 * @throws SearchError: retryable for an outage, 429, 5xx and answers that are not what they should be; hard for any
 *   other status
 */
export async function askJson<T>(request: JsonRequest<T>): Promise<T> {
  const { backend, url, method, headers, body, schema, signal } = request;
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      redirect: 'error',
      signal,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    // The error's own text could repeat the address, and with it what the operator keeps in it.
    throw new SearchError(backend, true, signal.aborted ? 'no answer in time' : 'could not be reached');
  }
  if (!response.ok) {
    await response.body?.cancel();
    const retryable = response.status === 429 || response.status >= 500;
    throw new SearchError(backend, retryable, `answered ${response.status}`);
  }
  const text = await readText(backend, response, signal);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SearchError(backend, true, 'answered something that is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new SearchError(backend, true, 'answered without results');
  return parsed.data;
}

async function readText(backend: string, response: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      const bytes = chunk as Uint8Array;
      size += bytes.length;
      if (size > MAX_BODY_BYTES)
        throw new SearchError(backend, false, `answered more than ${MAX_BODY_BYTES} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    if (error instanceof SearchError) throw error;
    throw new SearchError(backend, true, signal.aborted ? 'no answer in time' : 'broke off its answer');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Text of an engine without its markup, in one line. */
export function plain(text: string | null | undefined): string {
  return (text ?? '')
    .replace(/<\/?[a-z][^<>]{0,200}>/gi, '')
    .replace(/&(amp|lt|gt|quot|#39|#x27);/g, (entity) => ENTITIES[entity] ?? entity)
    .replace(/\s+/g, ' ')
    .trim();
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#x27;': "'",
};
