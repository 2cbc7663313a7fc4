/** A tiny real agent over HTTP whose behaviour a test decides; it can die and be started again. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listen } from './owner';

export interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

export type Behaviour = (received: Received, res: ServerResponse) => void | Promise<void>;

export class FakeAgent {
  readonly received: Received[] = [];
  behave: Behaviour = (_received, res) => stream(res, [{ event: 'done', status: 'completed' }]);
  private server: Server | null = null;
  private port = 0;

  /** Listens; on another port than before, as a process that is started again does. */
  async start(): Promise<string> {
    this.server = createServer((req, res) => void this.serve(req, res));
    await listen(this.server);
    this.port = (this.server.address() as AddressInfo).port;
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Breaks every connection and refuses new ones, as a killed process does. */
  async die(): Promise<void> {
    const { server } = this;
    this.server = null;
    server?.closeAllConnections();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const received = {
      path: req.url ?? '',
      headers: req.headers,
      body: JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>,
    };
    this.received.push(received);
    await this.behave(received, res);
  }
}

/** Answers with NDJSON; text is sent as it is. */
export function stream(res: ServerResponse, events: readonly (object | string)[]): void {
  res.writeHead(200, { 'content-type': 'application/x-ndjson' });
  res.end(
    `${events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event))).join('\n')}\n`,
  );
}

/** Sends the head and some lines, and leaves the answer open. */
export function begin(res: ServerResponse, events: readonly object[]): void {
  res.writeHead(200, { 'content-type': 'application/x-ndjson' });
  res.flushHeaders();
  for (const event of events) res.write(`${JSON.stringify(event)}\n`);
}
