/**
 * The owner API, typed by its own OpenAPI document: `schema.ts` is generated from the router table, so a call that the
 * server does not know does not compile. Requests are signed, bounded in time and read by `OwnerTransport`.
 */
import createClient, { type Client } from 'openapi-fetch';
import { isTransient, OwnerAnswerInvalid } from '../owner-client/errors';
import { pause, retryDelayMs, type Exchange, type OwnerTransport } from '../owner-client/transport';
import type { components, paths } from './schema';

/** Calls by path: `api.GET('/v1/runs/{id}/progress', { params: { path: { id } } })`; see `answerOf`. */
export type OwnerApi = Client<paths>;
/** A named type of the document, such as `Schema<'RunProgress'>`. */
export type Schema<Name extends keyof components['schemas']> = components['schemas'][Name];

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * A client over a transport.
 * @param options.timeoutMs deadline of one attempt, 30 s without one
 * @param options.attempts of a GET that found the server away; 1 without it. Changes are always sent once.
 */
export function createOwnerApi(
  transport: OwnerTransport,
  baseUrl: string,
  options: { timeoutMs?: number; attempts?: number } = {},
): OwnerApi {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, attempts = 1 } = options;
  const send = async (sent: Request): Promise<Response> => {
    const url = new URL(sent.url);
    const method = sent.method as Exchange['method'];
    const body = sent.body ? Buffer.from(await sent.arrayBuffer()) : undefined;
    const contentType = body ? (sent.headers.get('content-type') ?? undefined) : undefined;
    const path = url.pathname;
    const exchange = { method, path, url, body, contentType, timeoutMs, signal: sent.signal };
    const { status, headers, bytes } = await transport.exchange(exchange);
    refuseOther(method, path, headers['content-type'], bytes);
    const answer = new Response(status === 204 ? null : Uint8Array.from(bytes), { status, headers });
    return answer;
  };
  return createClient<paths>({
    baseUrl,
    fetch: async (sent) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await send(sent.clone());
        } catch (error) {
          if (sent.method !== 'GET' || attempt >= attempts || !isTransient(error)) throw error;
          await pause(retryDelayMs(error, attempt, 250, 5_000), sent.signal);
        }
      }
    },
  });
}

/** A page of something else that lives at this address is told from the API's own answers. */
function refuseOther(method: string, path: string, contentType: string | undefined, bytes: Buffer): void {
  if (contentType?.includes('text/html'))
    throw new OwnerAnswerInvalid(`${method} ${path} was answered with a web page, not by an owner API`);
  if (!contentType?.includes('application/json')) return;
  try {
    JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new OwnerAnswerInvalid(`${method} ${path} was answered with something that is not JSON`);
  }
}

/** The 2xx body of a call. Other answers have been thrown as `OwnerRefused` and its kin already. */
export async function answerOf<T>(call: Promise<{ data?: T }>): Promise<NonNullable<T> | Extract<T, null>> {
  const { data } = await call;
  return (data ?? null) as NonNullable<T> | Extract<T, null>;
}
