import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** A web server that misbehaves in every way that the tests need, by path. */
export interface Origin {
  url: string;
  target: string;
  port: number;
  /** Requests as they came: path and headers. */
  seen: { path: string; headers: IncomingMessage['headers'] }[];
  close(): Promise<void>;
}

const HTML = `<!doctype html><html><head><title>  The  Tower </title></head><body>
<nav><a href="/nav">Nav</a></nav><main><p>The tallest tower is in Dubai.</p><p>It has 163 floors.</p>
<a href="page2#part">Second page</a><a href="#top">Top</a><a href="javascript:alert(1)">No</a></main>
<footer>Imprint</footer></body></html>`;

type Handler = (req: IncomingMessage, res: ServerResponse, url: URL) => void;

const html: Handler = (_req, res) => {
  res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'set-cookie': 'session=secret' });
  res.end(HTML);
};

const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024));
const BROTLI_BOMB = brotliCompressSync(Buffer.alloc(32 * 1024 * 1024));

const ROUTES: Record<string, Handler> = {
  '/page': html,
  '/missing': (_req, res) => res.writeHead(404, { 'content-type': 'text/html' }).end('<p>gone</p>'),
  '/redirect': (_req, res, url) =>
    res.writeHead(302, { location: url.searchParams.get('to') ?? '/page', 'set-cookie': 'a=b' }).end('moved'),
  '/loop': (_req, res, url) => {
    const n = Number(url.searchParams.get('n') ?? 0);
    if (n === 0) html(_req, res, url);
    else res.writeHead(301, { location: `/loop?n=${n - 1}` }).end();
  },
  '/gzip-bomb': (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }).end(BOMB),
  '/brotli-bomb': (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'br' }).end(BROTLI_BOMB),
  '/endless': (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain' });
    const pump = () => {
      while (!res.destroyed && res.write('x'.repeat(16_384)));
      if (!res.destroyed) res.once('drain', pump);
    };
    pump();
  },
  '/silent': () => undefined,
  '/drip': (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain' });
    const timer = setInterval(() => res.write('.'), 50);
    res.once('close', () => clearInterval(timer));
  },
  '/stall': (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain' });
    res.write('begin');
  },
  '/huge-headers': (_req, res) => {
    for (let i = 0; i < 40; i += 1) res.setHeader(`x-filler-${i}`, 'y'.repeat(2000));
    res.end('x');
  },
  '/binary': (_req, res) => res.writeHead(200, { 'content-type': 'application/pdf' }).end('%PDF-1.7'),
  '/unlabelled-binary': (_req, res) => res.end(Buffer.from([0, 1, 2, 3])),
  '/bad-gzip': (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' }).end('not gzip'),
  '/odd-encoding': (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip, gzip' }).end('x'),
  '/latin1': (_req, res) =>
    res
      .writeHead(200, { 'content-type': 'text/plain; charset=iso-8859-1' })
      .end(Buffer.from([0x63, 0x61, 0x66, 0xe9])),
  '/meta-charset': (_req, res) =>
    res
      .writeHead(200, { 'content-type': 'text/html' })
      .end(Buffer.from('<meta charset="windows-1252"><title>caf\u00e9</title><p>\u0080 5', 'latin1')),
  '/json': (_req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"a": [1,  2]}'),
  '/robots.txt': (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/plain' }).end('User-agent: *\nDisallow: /private\n'),
  '/private': html,
  '/deep': (_req, res) =>
    res.writeHead(200, { 'content-type': 'text/html' }).end(`${'<div>'.repeat(180_000)}deep text`),
};

export async function startOrigin(): Promise<Origin> {
  const seen: Origin['seen'] = [];
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://origin');
    seen.push({ path: url.pathname, headers: req.headers });
    const route = ROUTES[url.pathname];
    if (route) route(req, res, url);
    else res.writeHead(404).end();
  });
  const { port } = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    target: `127.0.0.1:${port}`,
    port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A listener that counts who connects: nobody must. */
export async function startTrap(): Promise<{
  port: number;
  connections: () => number;
  close(): Promise<void>;
}> {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nsecret');
  });
  const { port } = await listen(server);
  return {
    port,
    connections: () => connections,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function listen(server: Server | ReturnType<typeof createServer>): Promise<AddressInfo> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server.address() as AddressInfo;
}
