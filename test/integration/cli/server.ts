/** A small owner API for the command line to talk to: real HTTP, real signatures, answers that a test gives. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifySignedRequest } from '../../../adapters/keys/verify';

export interface Seen {
  method: string;
  path: string;
  query: Record<string, string>;
  /** Who signed it; null for an unsigned request. */
  signer: string | null;
  body: Buffer;
  json: unknown;
}

export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export type Handler = (request: Seen) => Answer;

export interface TestServer {
  url: string;
  /** Requests in the order of their arrival. */
  seen: Seen[];
  close(): Promise<void>;
}

/** @param routes by `METHOD /path`; anything else is 404. A signature that is there and wrong is 401 everywhere. */
export async function startServer(routes: Record<string, Handler>): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      const rawUrl = req.url ?? '/';
      const url = new URL(rawUrl, 'http://x');
      const method = req.method ?? 'GET';
      const signed = verifySignedRequest({ method, rawUrl, body, headers: req.headers });
      const wrong = !signed.ok && signed.reason !== 'missing signature headers';
      const request: Seen = {
        method,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        signer: signed.ok ? signed.hotkey : null,
        body,
        json:
          req.headers['content-type'] === 'application/json' ? JSON.parse(body.toString('utf8')) : undefined,
      };
      seen.push(request);
      const handler = routes[`${method} ${url.pathname}`];
      const answer: Answer = wrong
        ? { status: 401, body: { detail: signed.reason } }
        : (handler?.(request) ?? { status: 404, body: { detail: 'Not Found' } });
      res.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
      res.end(JSON.stringify(answer.body ?? null));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
