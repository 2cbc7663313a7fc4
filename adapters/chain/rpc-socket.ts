import { EventEmitter } from 'node:events';
import type { ApiOptions } from '@polkadot/api/types';
import { WebSocket } from 'ws';
import { ChainUnavailable } from './errors';

type ProviderInterface = NonNullable<ApiOptions['provider']>;

/** The node understood a call and refused it. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  constructor(
    readonly method: string,
    readonly code: number,
    readonly reason: string,
    readonly data: string | null,
  ) {
    super(`${method}: ${code}: ${reason}${data ? `: ${data}` : ''}`);
  }
}

interface Waiting {
  method: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: NodeJS.Timeout;
}

/**
 * JSON-RPC over one WebSocket, as the provider of @polkadot/api. Unlike the library's own, every call has a deadline,
 * nothing is cached, and there are no subscriptions, so that nothing happens behind the caller's back: a call that is not
 * answered in time ends the connection, since whatever else waits on it would wait in vain too.
 */
export class RpcSocket implements ProviderInterface {
  readonly hasSubscriptions = false;
  readonly isClonable = false;
  private readonly events = new EventEmitter();
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;

  private constructor(
    private readonly socket: WebSocket,
    readonly endpoint: string,
    private readonly timeoutMs: number,
  ) {
    socket.on('message', (data) => this.receive(String(data)));
    socket.on('close', (code) => this.fail(`the connection to ${endpoint} closed (${code})`));
    // 'close' always follows, and rejects what waits.
    socket.on('error', () => socket.terminate());
  }

  /**
   * Opens a connection.
   * @param timeoutMs deadline of opening and of every later call
   * @throws ChainUnavailable
   */
  static async open(endpoint: string, timeoutMs: number): Promise<RpcSocket> {
    const socket = new WebSocket(endpoint, { handshakeTimeout: timeoutMs, maxPayload: 64 * 1024 * 1024 });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (error) =>
        reject(new ChainUnavailable(`${endpoint}: ${error.message || 'cannot connect'}`)),
      );
    });
    socket.removeAllListeners('error');
    return new RpcSocket(socket, endpoint, timeoutMs);
  }

  get isConnected(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /**
   * Calls a method.
   * @throws RpcError when the node refuses it, ChainUnavailable when no answer came; the call may have had its effect
   */
  send<T = unknown>(method: string, params: unknown[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (!this.isConnected) {
        reject(new ChainUnavailable(`the connection to ${this.endpoint} is closed`, true));
        return;
      }
      const id = this.nextId++;
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(
          new ChainUnavailable(`${this.endpoint} did not answer ${method} within ${this.timeoutMs / 1000} s`),
        );
        this.socket.terminate();
      }, this.timeoutMs);
      this.waiting.set(id, { method, resolve: resolve as (result: unknown) => void, reject, timer });
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }
  /** Cuts the connection at once; nothing of it keeps the process alive. */
  disconnect(): Promise<void> {
    this.socket.terminate();
    return Promise.resolve();
  }
  clone(): never {
    throw new Error('a chain connection is never cloned: there is one for each process');
  }
  on(type: string, listener: (value?: unknown) => void): () => void {
    this.events.on(type, listener);
    return () => this.events.off(type, listener);
  }
  subscribe(): Promise<never> {
    return Promise.reject(new Error('this connection has no subscriptions'));
  }
  unsubscribe(): Promise<never> {
    return Promise.reject(new Error('this connection has no subscriptions'));
  }

  private receive(text: string): void {
    let answer: { id?: number; result?: unknown; error?: { code: number; message: string; data?: unknown } };
    try {
      answer = JSON.parse(text) as typeof answer;
    } catch {
      // What is not JSON-RPC comes from something that is no node.
      this.socket.terminate();
      return;
    }
    const call = this.waiting.get(answer.id ?? -1);
    if (!call) return;
    this.waiting.delete(answer.id as number);
    clearTimeout(call.timer);
    if (!answer.error) return call.resolve(answer.result);
    const { code, message, data } = answer.error;
    const detail =
      data === undefined || data === null ? null : typeof data === 'string' ? data : JSON.stringify(data);
    call.reject(new RpcError(call.method, code, message, detail));
  }

  private fail(reason: string): void {
    for (const call of this.waiting.values()) {
      clearTimeout(call.timer);
      call.reject(new ChainUnavailable(`${reason} while ${call.method} waited for its answer`, true));
    }
    this.waiting.clear();
    this.events.emit('disconnected');
  }
}
