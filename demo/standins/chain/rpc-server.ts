import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Block, Chain, TxStatus } from './chain';
import type { Faults } from './faults';
import { failureOf, headerJson, RpcFailure, rpcMethods } from './rpc-methods';
import type { Method } from './rpc-methods';

interface Subscription {
  socket: WebSocket;
  /** Name of the notifications. */
  method: string;
  stop(): void;
}

// pair of subscribe and unsubscribe names, and the notification's
const SUBSCRIPTIONS: Record<string, { notify: string; stop: string }> = {
  chain_subscribeNewHeads: { notify: 'chain_newHead', stop: 'chain_unsubscribeNewHeads' },
  chain_subscribeNewHead: { notify: 'chain_newHead', stop: 'chain_unsubscribeNewHead' },
  chain_subscribeAllHeads: { notify: 'chain_allHead', stop: 'chain_unsubscribeAllHeads' },
  chain_subscribeFinalizedHeads: { notify: 'chain_finalizedHead', stop: 'chain_unsubscribeFinalizedHeads' },
  state_subscribeRuntimeVersion: { notify: 'state_runtimeVersion', stop: 'state_unsubscribeRuntimeVersion' },
  state_subscribeStorage: { notify: 'state_storage', stop: 'state_unsubscribeStorage' },
  author_submitAndWatchExtrinsic: { notify: 'author_extrinsicUpdate', stop: 'author_unwatchExtrinsic' },
};

/** JSON-RPC over WebSocket for one chain. */
export class RpcServer {
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly methods: Record<string, Method>;

  private constructor(
    private readonly chain: Chain,
    private readonly server: WebSocketServer,
    extra: Record<string, Method>,
    private readonly faults: Faults,
  ) {
    this.methods = { ...rpcMethods(chain, Date.now(), faults), ...extra };
    const stops = Object.values(SUBSCRIPTIONS).map((s) => s.stop);
    const all = [...Object.keys(this.methods), ...Object.keys(SUBSCRIPTIONS), ...stops, 'rpc_methods'].sort();
    this.methods.rpc_methods = () => ({ methods: all });
    server.on('connection', (socket) => this.accept(socket));
  }

  /**
   * Listens on a port, 0 for any free one.
   * @param extra further methods, such as the fault switches
   */
  static async listen(
    chain: Chain,
    options: { host: string; port: number; extra: Record<string, Method>; faults: Faults },
  ): Promise<RpcServer> {
    const server = new WebSocketServer({
      host: options.host,
      port: options.port,
      maxPayload: 16 * 1024 * 1024,
      verifyClient: (_info, done) => done(!options.faults.refuseUpgrades, 429, 'Too Many Requests'),
    });
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    return new RpcServer(chain, server, options.extra, options.faults);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Cuts every connection without a goodbye, as a crash or a broken network does. */
  dropConnections(): void {
    for (const socket of this.server.clients) socket.terminate();
  }

  async close(): Promise<void> {
    this.dropConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: WebSocket): void {
    socket.on('message', (data) => this.answer(socket, String(data)));
    socket.on('close', () => {
      for (const [id, subscription] of this.subscriptions) {
        if (subscription.socket === socket) this.unsubscribe(id);
      }
    });
    // A reset by the peer also ends in 'close', where the subscriptions go; without a listener it would end the process.
    socket.on('error', () => socket.terminate());
  }

  private answer(socket: WebSocket, raw: string): void {
    if (this.faults.stall && !raw.includes('"dev_')) return;
    let request: { id?: unknown; method?: unknown; params?: unknown };
    try {
      request = JSON.parse(raw) as typeof request;
    } catch {
      return this.send(socket, { id: null, error: { code: -32700, message: 'Parse error' } });
    }
    const { id = null, method, params } = request;
    try {
      const list = Array.isArray(params) ? params : [];
      const result = this.call(socket, String(method), list) ?? null;
      if (this.faults.dropAfterSubmit && String(method).startsWith('author_submit')) {
        this.faults.dropAfterSubmit = false;
        socket.terminate();
        return;
      }
      this.send(socket, { id, result });
    } catch (error) {
      this.send(socket, { id, error: failureOf(error) });
    }
  }

  private call(socket: WebSocket, name: string, params: unknown[]): unknown {
    if (SUBSCRIPTIONS[name]) return this.subscribe(socket, name, params);
    if (Object.values(SUBSCRIPTIONS).some((s) => s.stop === name)) return this.unsubscribe(String(params[0]));
    const method = Object.hasOwn(this.methods, name) ? this.methods[name] : undefined;
    if (!method) throw new RpcFailure(-32601, 'Method not found');
    return method(...params);
  }

  private subscribe(socket: WebSocket, name: string, params: unknown[]): string {
    const id = randomBytes(8).toString('hex');
    const method = (SUBSCRIPTIONS[name] as { notify: string }).notify;
    const notify = (result: unknown): void =>
      this.send(socket, { method, params: { subscription: id, result } });
    // The client learns the id from the answer, which must reach it before the first notification.
    const later = (result: unknown): NodeJS.Immediate => setImmediate(notify, result);
    const { chain } = this;
    let stop: () => void = () => undefined;
    if (name === 'author_submitAndWatchExtrinsic') {
      const early: TxStatus[] = [];
      const { hash, status } = chain.submit(String(params[0]));
      early.push(status);
      const onStatus = (of: string, update: TxStatus): void => {
        if (of === hash) later(update);
      };
      chain.on('status', onStatus);
      stop = () => chain.off('status', onStatus);
      early.forEach(later);
    } else if (name === 'state_subscribeRuntimeVersion') {
      later(chain.runtime.versionJson());
    } else if (name === 'state_subscribeStorage') {
      stop = this.watchStorage((params[0] as string[] | null) ?? [], later);
    } else if (name === 'chain_subscribeFinalizedHeads') {
      const onBlock = (block: Block): NodeJS.Immediate => later(headerJson(block));
      chain.on('finalized', onBlock);
      stop = () => chain.off('finalized', onBlock);
      later(headerJson(chain.finalized));
    } else {
      const onBlock = (block: Block): NodeJS.Immediate => later(headerJson(block));
      chain.on('head', onBlock);
      stop = () => chain.off('head', onBlock);
      later(headerJson(chain.best));
    }
    this.subscriptions.set(id, { socket, method, stop });
    return id;
  }

  private watchStorage(keys: string[], notify: (result: unknown) => unknown): () => void {
    const { chain } = this;
    const seen = new Map<string, string | null>();
    const report = (block: Block): void => {
      const changes = keys
        .map((key) => [key, chain.storageAt(key, block)] as const)
        .filter(([key, value]) => !seen.has(key) || seen.get(key) !== value);
      for (const [key, value] of changes) seen.set(key, value);
      if (changes.length > 0) notify({ block: block.hash, changes });
    };
    report(chain.best);
    chain.on('head', report);
    return () => chain.off('head', report);
  }

  private unsubscribe(id: string): boolean {
    const subscription = this.subscriptions.get(id);
    subscription?.stop();
    return this.subscriptions.delete(id);
  }

  private send(socket: WebSocket, message: object): void {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  }
}
