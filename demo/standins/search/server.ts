import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { findPages, renderPage, type StandinPage } from './pages';

export type SearchVendor = 'brave' | 'serper' | 'tavily';

/** A search that got as far as an index. */
export interface SearchCall {
  vendor: SearchVendor;
  query: string;
  count: number;
}

/** An answer that a test puts in the place of the vendor's. */
export interface ScriptedSearch {
  status?: number;
  /** Sent as it is; an object as JSON. */
  body?: unknown;
  delayMs?: number;
  /** Cuts the connection without an answer. */
  hangUp?: boolean;
}

export interface SearchStandinOptions {
  /** 0 takes a free port. */
  port?: number;
  host?: string;
  pages?: readonly StandinPage[];
  /** The one key that is accepted; without one any non-empty key is. */
  apiKey?: string;
  /** Time that a search takes, in milliseconds. */
  latencyMs?: number;
  script?: (call: SearchCall) => ScriptedSearch | undefined;
}

export interface SearchStandin {
  url: string;
  port: number;
  /** Base URLs in the sense of each vendor's configuration. */
  baseUrls: Record<SearchVendor, string>;
  /** Searches asked for since the start. */
  calls(vendor?: SearchVendor): number;
  /** Pages served since the start. */
  pagesServed(): number;
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 64 * 1024;

interface State extends SearchStandinOptions {
  pages: readonly StandinPage[];
  origin: string;
  counts: Record<SearchVendor, number>;
  served: number;
}

/**
 * Starts a local server that speaks the search protocols of Brave (`GET /brave/web/search`), Serper
 * (`POST /serper/search`) and Tavily (`POST /tavily/search`) over one small web, whose pages it serves below `/pages/`.
 */
export async function startSearchStandin(options: SearchStandinOptions = {}): Promise<SearchStandin> {
  const state: State = {
    ...options,
    pages: options.pages ?? [],
    origin: '',
    counts: { brave: 0, serper: 0, tavily: 0 },
    served: 0,
  };
  const server = createServer((req, res) => {
    handle(req, res, state).catch((error: unknown) => {
      if (res.headersSent) res.destroy();
      else sendJson(res, 500, { message: error instanceof Error ? error.message : String(error) });
    });
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  state.origin = `http://${host}:${port}`;
  return {
    url: state.origin,
    port,
    baseUrls: {
      brave: `${state.origin}/brave`,
      serper: `${state.origin}/serper`,
      tavily: `${state.origin}/tavily`,
    },
    calls: (vendor) =>
      vendor ? state.counts[vendor] : state.counts.brave + state.counts.serper + state.counts.tavily,
    pagesServed: () => state.served,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(req: IncomingMessage, res: ServerResponse, state: State): Promise<void> {
  const url = new URL(req.url ?? '/', state.origin);
  const slug = /^\/pages\/([\w.-]+)$/.exec(url.pathname)?.[1];
  if (slug !== undefined) return servePage(res, slug, state);
  if (req.method === 'GET' && url.pathname === '/brave/web/search') {
    const count = Number(url.searchParams.get('count') ?? 10);
    const key = req.headers['x-subscription-token'];
    return search(res, state, { vendor: 'brave', query: url.searchParams.get('q') ?? '', count }, key);
  }
  if (req.method === 'POST' && url.pathname === '/serper/search') {
    const body = await readJson(req);
    const call: SearchCall = { vendor: 'serper', query: String(body.q ?? ''), count: Number(body.num ?? 10) };
    return search(res, state, call, req.headers['x-api-key']);
  }
  if (req.method === 'POST' && url.pathname === '/tavily/search') {
    const body = await readJson(req);
    const call: SearchCall = {
      vendor: 'tavily',
      query: String(body.query ?? ''),
      count: Number(body.max_results ?? 5),
    };
    return search(res, state, call, body.api_key);
  }
  sendJson(res, 404, { message: 'not found' });
}

async function search(res: ServerResponse, state: State, call: SearchCall, key: unknown): Promise<void> {
  state.counts[call.vendor] += 1;
  const scripted = state.script?.(call);
  const wait = scripted?.delayMs ?? state.latencyMs ?? 0;
  if (wait > 0) await delay(wait);
  if (scripted?.hangUp) {
    res.destroy();
    return;
  }
  if (scripted) {
    sendJson(res, scripted.status ?? 200, scripted.body ?? {});
    return;
  }
  if (typeof key !== 'string' || key === '' || (state.apiKey !== undefined && key !== state.apiKey)) {
    sendJson(res, 401, { message: 'Unauthorized.' });
    return;
  }
  if (call.query === '') {
    sendJson(res, 400, { message: 'Missing query parameter' });
    return;
  }
  const found = findPages(state.pages, call.query, call.count);
  sendJson(
    res,
    200,
    ANSWERS[call.vendor](call.query, found, (page) => `${state.origin}/pages/${page.slug}`),
  );
}

type AddressOf = (page: StandinPage) => string;

const ANSWERS: Record<SearchVendor, (query: string, found: StandinPage[], address: AddressOf) => object> = {
  brave: (query, found, address) => ({
    type: 'search',
    query: { original: query },
    web: {
      type: 'search',
      results: found.map((page) => ({
        type: 'search_result',
        title: page.title,
        url: address(page),
        description: `<strong>${page.title}</strong> ${page.text.slice(0, 200)}`,
        ...(page.publishedAt ? { page_age: page.publishedAt } : {}),
      })),
    },
  }),
  serper: (query, found, address) => ({
    searchParameters: { q: query, type: 'search', engine: 'google' },
    organic: found.map((page, index) => ({
      title: page.title,
      link: address(page),
      snippet: page.text.slice(0, 200),
      position: index + 1,
      ...(page.publishedAt ? { date: page.publishedAt } : {}),
    })),
    credits: 1,
  }),
  tavily: (query, found, address) => ({
    query,
    answer: found[0]?.text ?? null,
    images: [],
    results: found.map((page, index) => ({
      title: page.title,
      url: address(page),
      content: page.text,
      score: Math.max(0, 0.99 - index * 0.07),
      raw_content: null,
    })),
    response_time: 0.1,
  }),
};

function servePage(res: ServerResponse, slug: string, state: State): void {
  const page = state.pages.find((candidate) => candidate.slug === slug);
  state.served += 1;
  res.writeHead(page ? 200 : 404, { 'content-type': 'text/html; charset=utf-8' });
  res.end(
    page
      ? renderPage(
          page,
          state.pages.filter((other) => other !== page),
        )
      : '<title>Not found</title><p>There is no such page.</p>',
  );
}

async function readJson(req: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req) {
    size += (chunk as Buffer).length;
    if (size > BODY_LIMIT_BYTES) throw new Error('the request is too large');
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, unknown>;
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(typeof body === 'string' ? body : JSON.stringify(body));
}
