/** A small owner API for tests: real HTTP, signatures and replays checked, leases with fencing, faults on demand. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifySignedRequest } from '../../../adapters/keys/verify';
import { naiveIso } from '../../../domain/time';

export interface Invocation {
  deployment: string;
  route: 'stream' | 'unary';
  body: Record<string, unknown>;
  authorization: string | undefined;
}

/** What a miner behind the proxy does with one invocation. */
export type Behaviour = (invocation: Invocation, res: ServerResponse) => void | Promise<void>;

interface Task {
  id: string;
  payload: Record<string, unknown>;
  extra: Record<string, unknown>;
  status: 'pending' | 'claimed' | 'evaluated';
  fencing: number;
  expiresAt: number;
  claims: number;
  claimKey: string | null;
}

export interface Received {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

export class TestOwner {
  readonly miners = new Map<string, Behaviour>();
  readonly tasks: Task[] = [];
  readonly invocations: Invocation[] = [];
  readonly results: Received[] = [];
  readonly releases: Received[] = [];
  readonly refusals: string[] = [];
  heartbeats = 0;
  /** Knows no validator. */
  strangers = false;
  leaseMs = 30_000;
  weights: Record<string, unknown> = { run_id: null, ready: false, weights: {}, family_winners: [] };
  /** Answers a claim after it has leased its tasks. Return true when it was answered. */
  onClaim: ((res: ServerResponse) => boolean) | null = null;
  /** Answers a heartbeat instead of the ordinary handling. */
  onHeartbeat: ((res: ServerResponse) => boolean) | null = null;
  /** Answers a result after it was stored (or not). Return true when it was answered. */
  onResult: ((res: ServerResponse, count: number) => boolean) | null = null;
  private readonly nonces = new Set<string>();
  private server: Server | null = null;
  private port = 0;
  private fencing = 0;

  async start(): Promise<void> {
    const server = createServer((req, res) => {
      this.handle(req, res).catch((error: unknown) => {
        this.refusals.push(String(error));
        res.destroy();
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Breaks every connection and refuses new ones; `start` brings it back on the same port. */
  async kill(): Promise<void> {
    const { server } = this;
    this.server = null;
    server?.closeAllConnections();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  addTask(id: string, payload: Record<string, unknown>, extra: Record<string, unknown> = {}): void {
    this.tasks.push({
      id,
      payload,
      extra,
      status: 'pending',
      fencing: 0,
      expiresAt: 0,
      claims: 0,
      claimKey: null,
    });
  }

  private async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const path = (req.url ?? '').split('?')[0] as string;
    const body = (raw.length > 0 ? JSON.parse(raw.toString()) : {}) as Record<string, unknown>;
    const invoke = /^\/v1\/validator\/runs\/run-1\/deployments\/([^/]+)\/v1\/agent\/infer(\/stream)?$/.exec(
      path,
    );
    if (invoke) return this.invoke(invoke[1] as string, invoke[2] ? 'stream' : 'unary', req, body, res);

    if (path === '/healthz') return send(res, 200, { status: 'ok' });
    const verdict = verifySignedRequest({
      method: req.method ?? '',
      rawUrl: req.url ?? '',
      body: raw,
      headers: req.headers,
    });
    if (!verdict.ok) return this.refuse(res, 401, verdict.reason);
    if (req.method === 'POST') {
      for (const nonce of [verdict.signature, verdict.requestId ?? '']) {
        if (this.nonces.has(nonce)) return this.refuse(res, 409, 'replayed request');
        this.nonces.add(nonce);
      }
    }
    if (path === '/v1/families/general_chat/tasks/claim') return this.claim(body, res);
    if (path === '/v1/validators/me' && this.strangers) {
      return this.refuse(res, 403, 'validator access denied');
    }
    if (path === '/v1/validators/me') return send(res, 200, { hotkey: verdict.hotkey, is_active: true });
    if (path === '/v1/weights') return send(res, 200, this.weights);
    const act = /^\/v1\/families\/general_chat\/task-evaluations\/([^/]+)\/(\S+)$/.exec(path);
    const task = this.tasks.find(({ id }) => id === act?.[1]);
    if (!act || !task) return this.refuse(res, 404, 'Not Found');
    return this.act(act[2] as string, task, { method: req.method ?? '', path, body }, res);
  }

  private claim(body: Record<string, unknown>, res: ServerResponse): void {
    const now = Date.now();
    const key = typeof body.claim_key === 'string' ? body.claim_key : null;
    const held = this.tasks.filter(
      (task) => key !== null && task.claimKey === key && task.status === 'claimed' && task.expiresAt > now,
    );
    const used = this.tasks.some((task) => key !== null && task.claimKey === key);
    for (const task of this.tasks) {
      if (task.status === 'claimed' && task.expiresAt <= now) task.status = 'pending';
    }
    const pending = used ? [] : this.tasks.filter(({ status }) => status === 'pending');
    const taken = pending.slice(0, Number(body.batch_size));
    for (const task of taken) {
      task.claimKey = key;
      task.status = 'claimed';
      task.claims += 1;
      task.fencing = this.fencing += 1;
      task.expiresAt = now + this.leaseMs;
    }
    if (this.onClaim?.(res)) return;
    const answered = used ? held : taken;
    send(res, 200, { tasks: answered.map((task) => this.item(task)), remaining_task_count: answered.length });
  }

  private item(task: Task): Record<string, unknown> {
    const miners = [...this.miners.keys()].map((hotkey) => ({
      hotkey,
      endpoint: `${this.url}/v1/validator/runs/run-1/deployments/${hotkey}`,
      auth_headers: { Authorization: `Bearer token-${hotkey}` },
    }));
    return {
      task_evaluation_id: task.id,
      run_id: 'run-1',
      family_id: 'general_chat',
      task_id: `task-${task.id}`,
      task_index: 0,
      task_payload: task.payload,
      miners,
      claim_expires_at: naiveIso(new Date(task.expiresAt)),
      rubric_version: 'r',
      benchmark_version: 'b',
      cached_baseline: null,
      expected_claims: [],
      must_not_claim: [],
      oracle_status: 'deterministic',
      scoring_version: 2,
      fencing: task.fencing,
      ...task.extra,
    };
  }

  private act(verb: string, task: Task, received: Received, res: ServerResponse): void {
    const held =
      task.status === 'claimed' && task.expiresAt > Date.now() && received.body.fencing === task.fencing;
    if (verb === 'heartbeat') {
      this.heartbeats += 1;
      if (this.onHeartbeat?.(res)) return;
      if (!held) return this.refuse(res, 409, 'rejected_not_claimed: the lease is over');
      task.expiresAt = Date.now() + this.leaseMs;
      return send(res, 200, { claim_expires_at: naiveIso(new Date(task.expiresAt)), fencing: task.fencing });
    }
    if (verb === 'baseline-failed') {
      if (!held) return this.refuse(res, 409, 'rejected_not_claimed: the lease is over');
      this.releases.push(received);
      task.status = 'pending';
      return send(res, 200, { status: 'released' });
    }
    if (verb !== 'result') return this.refuse(res, 404, 'Not Found');
    const settled = task.status === 'evaluated' && received.body.fencing === task.fencing;
    if (!held && !settled) return this.refuse(res, 409, 'rejected_not_claimed: the lease is over');
    this.results.push(received);
    task.status = 'evaluated';
    if (this.onResult?.(res, this.results.length)) return;
    send(res, 200, {
      task_evaluation_id: task.id,
      status: 'accepted',
      family_evaluation_complete: false,
      remaining_task_count: 0,
    });
  }

  private async invoke(
    deployment: string,
    route: Invocation['route'],
    req: IncomingMessage,
    body: Record<string, unknown>,
    res: ServerResponse,
  ): Promise<void> {
    const { authorization } = req.headers;
    if (authorization !== `Bearer token-${deployment}`) return this.refuse(res, 401, 'not this attempt');
    const invocation = { deployment, route, body, authorization };
    this.invocations.push(invocation);
    await this.miners.get(deployment)?.(invocation, res);
  }

  private refuse(res: ServerResponse, status: number, detail: string): void {
    this.refusals.push(`${status} ${detail}`);
    send(res, status, { detail });
  }
}

export function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(body));
}

/** Streams an answer word by word, and ends it as the owner's proxy does. */
export function answer(text: string, metadata: Record<string, unknown> = {}): Behaviour {
  return (_invocation, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const word of text.match(/\s*\S+/g) ?? []) {
      res.write(`${JSON.stringify({ event: 'delta', text: word })}\n`);
    }
    res.write('a line that is no event\n');
    const owned = { job_id: randomUUID(), proxy_cost_usd: 0.002, executed_tool_calls: [], ...metadata };
    res.end(`${JSON.stringify({ event: 'done', status: 'completed', metadata: owned })}\n`);
  };
}

/** Ends with `failed`, with the owner's word for whose fault it was. */
export function failing(failureClass: 'owner' | 'miner', error: string): Behaviour {
  return (_invocation, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.end(
      `${JSON.stringify({ event: 'done', status: 'failed', error, metadata: { failure_class: failureClass } })}\n`,
    );
  };
}
