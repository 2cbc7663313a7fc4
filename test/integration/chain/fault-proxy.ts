/** A proxy before a node that breaks single calls, as networks, load balancers and bad nodes do. */
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/**
 * What becomes of a call: it passes; the connection breaks before the node has it, or after, so that only the answer is
 * lost; nobody ever answers; something that is no JSON-RPC comes back, or a made-up result, or a refusal.
 */
export type Fate =
  'pass' | 'drop' | 'drop-answer' | 'stall' | 'garbage' | { lie: unknown } | { refusal: string };

export interface FaultProxy {
  url: string;
  /** Decides over every call; all pass without it. */
  fate: (method: string, params: unknown[]) => Fate;
  /** New connections are refused with HTTP 429. */
  refuse: boolean;
  /** Connections that were opened, calls that came, and calls that the node has answered. */
  readonly seen: { connections: number; methods: string[]; answered: string[] };
  close(): Promise<void>;
}

interface Request {
  id: number;
  method: string;
  params: unknown[];
}

/** Starts a proxy on a free port before the node at `target`. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    verifyClient: (_info, done) => done(!proxy.refuse, 429, 'Too Many Requests'),
  });
  const proxy: FaultProxy = {
    url: '',
    fate: () => 'pass',
    refuse: false,
    seen: { connections: 0, methods: [], answered: [] },
    close: async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('connection', (client) => {
    proxy.seen.connections += 1;
    serve(proxy, client, new WebSocket(target));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  proxy.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

function serve(proxy: FaultProxy, client: WebSocket, node: WebSocket): void {
  const early: string[] = [];
  const dropAnswers = new Set<number>();
  const asked = new Map<number, string>();
  const forward = (text: string): void => {
    if (node.readyState === WebSocket.OPEN) node.send(text);
    else early.push(text);
  };
  node.on('open', () => early.splice(0).forEach((text) => node.send(text)));
  node.on('message', (data) => {
    const text = String(data);
    const { id } = JSON.parse(text) as Request;
    const method = asked.get(id);
    if (method && asked.delete(id)) proxy.seen.answered.push(method);
    if (dropAnswers.has(id)) client.terminate();
    else client.send(text);
  });
  client.on('message', (data) => {
    const text = String(data);
    const { id, method, params } = JSON.parse(text) as Request;
    proxy.seen.methods.push(method);
    const fate = proxy.fate(method, params);
    if (fate === 'drop') client.terminate();
    else if (fate === 'garbage') client.send('<html>502 Bad Gateway</html>');
    else if (typeof fate === 'object') {
      const answer = 'lie' in fate ? { result: fate.lie } : { error: { code: 4003, message: fate.refusal } };
      client.send(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
    } else if (fate !== 'stall') {
      if (fate === 'drop-answer') dropAnswers.add(id);
      asked.set(id, method);
      forward(text);
    }
  });
  for (const [end, other] of [
    [client, node],
    [node, client],
  ] as const) {
    end.on('close', () => other.terminate());
    // 'close' follows.
    end.on('error', () => end.terminate());
  }
}
