/**
 * One cluster's API: credentials and addresses as `@kubernetes/client-node` reads them, every call with a deadline,
 * over connections that are kept, and every refusal in words that say what to do.
 */
import { createHash } from 'node:crypto';
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node' with { 'resolution-mode': 'import' };
import { OwnerFault } from '../types';
import { loadClient } from './client-module';
import type { KubernetesConnection } from './config';

/** Who owns the fields that this backend applies. */
export const FIELD_MANAGER = 'eirel-owner-runtime';

export type Verb = 'get' | 'list' | 'patch' | 'update' | 'delete';

const METHODS: Record<Verb, string> = {
  get: 'GET',
  list: 'GET',
  patch: 'PATCH',
  update: 'PUT',
  delete: 'DELETE',
};

/** A kind of object, as the API addresses it. */
export interface Resource {
  /** Empty for the core group. */
  group: string;
  version: string;
  plural: string;
  kind: string;
}

const core = (kind: string, plural: string): Resource => ({ group: '', version: 'v1', plural, kind });
export const NAMESPACES = core('Namespace', 'namespaces');
export const NODES = core('Node', 'nodes');
export const PODS = core('Pod', 'pods');
export const SECRETS = core('Secret', 'secrets');
export const SERVICES = core('Service', 'services');
export const EVENTS = core('Event', 'events');
export const CONFIG_MAPS = core('ConfigMap', 'configmaps');
export const DEPLOYMENTS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
};
export const NETWORK_POLICIES: Resource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
};

/** The parts of an object that every kind has. */
export interface ApiObject {
  data?: Record<string, string>;
  apiVersion?: string;
  kind?: string;
  metadata?: {
    name?: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    uid?: string;
    resourceVersion?: string;
    managedFields?: { manager?: string; subresource?: string; fieldsV1?: object }[];
  };
}

export interface CallOptions {
  query?: Record<string, string>;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal | undefined;
}

/** The server's answer was a refusal. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  constructor(
    /** HTTP status. */
    readonly status: number,
    /** The server's own word for it, such as `NotFound`. */
    readonly reason: string,
    message: string,
    /** Seconds to wait before another attempt, where the server said so. */
    readonly retryAfterSeconds: number | null,
  ) {
    super(message);
  }
}

const ATTEMPTS = 4;
/** The largest answer that is read; a list of thousands of pods stays far below it. */
const ANSWER_MAX_BYTES = 256 * 1024 * 1024;

export class KubernetesApi {
  private kubeConfig: KubeConfig | undefined;
  private agent: { key: string; agent: HttpAgent | HttpsAgent } | undefined;

  constructor(
    private readonly connection: KubernetesConnection,
    readonly namespace: string,
  ) {}

  /** Creates the object or makes it what is given; fields that others set beside ours are left alone. */
  async apply<T extends ApiObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T> {
    const body = {
      apiVersion: apiVersion(resource),
      kind: resource.kind,
      ...object,
    };
    return this.call<T>('patch', resource, object.metadata?.name ?? '', {
      query: { fieldManager: FIELD_MANAGER, force: 'true', fieldValidation: 'Strict' },
      body,
      // JSON is YAML, and the server knows this content type in every supported release.
      contentType: 'application/apply-patch+yaml',
      signal,
    });
  }

  /** Makes the object exactly what is given, fields that others set included. @throws ApiRefusal 409 when it changed meanwhile */
  async replace<T extends ApiObject>(resource: Resource, object: T, signal?: AbortSignal): Promise<T> {
    const body = { apiVersion: apiVersion(resource), kind: resource.kind, ...object };
    return this.call<T>('update', resource, object.metadata?.name ?? '', {
      query: { fieldManager: FIELD_MANAGER },
      body,
      signal,
    });
  }

  /** Null when there is no such object. */
  async get<T>(resource: Resource, name: string, signal?: AbortSignal): Promise<T | null> {
    return orNull(this.call<T>('get', resource, name, { signal }));
  }

  /** @param query for example a `labelSelector` */
  async list<T>(resource: Resource, query: Record<string, string>, signal?: AbortSignal): Promise<T[]> {
    const answer = await this.call<{ items?: T[] }>('list', resource, '', { query, signal });
    return answer.items ?? [];
  }

  /** True when there was one to delete. */
  async delete(
    resource: Resource,
    name: string,
    options: { gracePeriodSeconds?: number; propagationPolicy?: 'Foreground' | 'Background' } = {},
  ): Promise<boolean> {
    return (await orNull(this.call('delete', resource, name, { body: options }))) !== null;
  }

  /**
   * @returns the object or the status that the server answered with
   * @throws ApiRefusal for 404 and conflicts; OwnerFault for everything else that keeps the call from being done
   */
  async call<T>(verb: Verb, resource: Resource, name: string, options: CallOptions = {}): Promise<T> {
    const deadline = AbortSignal.timeout(this.connection.timeoutSeconds * 1000);
    const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
    const what = `${verb} ${resource.plural}${name === '' ? '' : `/${name}`}`;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.once<T>(verb, resource, name, { ...options, signal });
      } catch (error) {
        options.signal?.throwIfAborted();
        if (deadline.aborted) {
          throw new OwnerFault(
            'kubernetes_unreachable',
            `${what}: the Kubernetes API did not answer within ${this.connection.timeoutSeconds} s`,
            { cause: error },
          );
        }
        const wait = attempt < ATTEMPTS ? retryDelayMs(error, attempt) : null;
        if (wait === null) throw this.explain(error, verb, resource, what);
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** The plain text that a path of the API answers with, for logs. */
  async text(path: string, signal?: AbortSignal): Promise<string> {
    const deadline = AbortSignal.timeout(this.connection.timeoutSeconds * 1000);
    const answer = await this.send('GET', path, undefined, undefined, {
      signal: signal ? AbortSignal.any([deadline, signal]) : deadline,
    });
    if (answer.status < 300) return answer.body.toString('utf8');
    const refusal = refusalOf(answer);
    if (refusal.status !== 401 && refusal.status !== 403) throw refusal;
    throw this.explain(refusal, 'get', { ...PODS, plural: 'pods/log' }, `get ${path.split('?')[0]}`);
  }

  /**
   * The same as it grows, once the server has begun to answer; the reader ends it, or the signal does.
   * Over a connection of its own, since those that are kept are few.
   * @throws ApiRefusal when the server does not give it
   */
  async follow(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.open('GET', path, undefined, undefined, { signal, ownConnection: true });
    if ((response.statusCode ?? 0) < 300) return response;
    throw refusalOf(await answerOf(response));
  }

  /** Path of a namespaced or cluster-wide object, or of the collection without a name. */
  path(resource: Resource, name: string): string {
    const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersion(resource)}`;
    const scope =
      resource === NAMESPACES || resource === NODES
        ? ''
        : `/namespaces/${encodeURIComponent(this.namespace)}`;
    return `${root}${scope}/${resource.plural}${name === '' ? '' : `/${encodeURIComponent(name)}`}`;
  }

  private async once<T>(verb: Verb, resource: Resource, name: string, options: CallOptions): Promise<T> {
    const query = new URLSearchParams(options.query).toString();
    const answer = await this.send(
      METHODS[verb],
      `${this.path(resource, name)}${query === '' ? '' : `?${query}`}`,
      options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body)),
      options.contentType ?? 'application/json',
      options,
    );
    if (answer.status >= 300) throw refusalOf(answer);
    return JSON.parse(answer.body.toString('utf8')) as T;
  }

  private async send(...request: Parameters<KubernetesApi['open']>): Promise<Answer> {
    return answerOf(await this.open(...request));
  }

  private async open(
    method: string,
    path: string,
    body: Buffer | undefined,
    contentType: string | undefined,
    options: { signal?: AbortSignal | undefined; ownConnection?: boolean },
  ): Promise<IncomingMessage> {
    const kubeConfig = await this.connect();
    const cluster = kubeConfig.getCurrentCluster();
    if (cluster === null) {
      throw new OwnerFault('kubernetes_config', 'the kubeconfig names no cluster in its current context');
    }
    const url = new URL(cluster.server.replace(/\/+$/, '') + path);
    const request: RequestOptions = { method, headers: {} };
    await kubeConfig.applyToHTTPSOptions(request);
    const agent =
      cluster.proxyUrl || options.ownConnection === true
        ? request.agent
        : this.keepAlive(url, request, cluster.skipTLSVerify);
    const headers = {
      ...(request.headers as Record<string, string>),
      accept: 'application/json',
      'user-agent': FIELD_MANAGER,
      ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': String(body.length) }),
    };
    return exchange(
      url,
      { ...request, method, headers, ...(agent === undefined ? {} : { agent }), signal: options.signal },
      body,
    );
  }

  /** The library makes an agent, and with it a TLS handshake, for each call; ours is made anew when credentials change. */
  private keepAlive(
    url: URL,
    request: RequestOptions,
    insecure: boolean | undefined,
  ): HttpAgent | HttpsAgent {
    const { ca, cert, key, pfx, passphrase, servername } = request;
    const hash = createHash('sha256');
    for (const part of [ca, cert, key, pfx, passphrase, servername]) hash.update(`${String(part)}\n`);
    const id = `${url.protocol}${hash.digest('hex')}`;
    if (this.agent?.key === id) return this.agent.agent;
    this.agent?.agent.destroy();
    const agent =
      url.protocol === 'http:'
        ? new HttpAgent({ keepAlive: true })
        : new HttpsAgent({
            keepAlive: true,
            maxSockets: 16,
            ...{ ca, cert, key, pfx, passphrase, servername },
            ...(insecure ? { rejectUnauthorized: false } : {}),
          });
    this.agent = { key: id, agent };
    return agent;
  }

  private async connect(): Promise<KubeConfig> {
    if (this.kubeConfig !== undefined) return this.kubeConfig;
    const { KubeConfig: Config } = await loadClient();
    const made = new Config();
    try {
      if (this.connection.kubeconfig === null) made.loadFromCluster();
      else made.loadFromFile(this.connection.kubeconfig);
    } catch (error) {
      throw new OwnerFault(
        'kubernetes_config',
        this.connection.kubeconfig === null
          ? `this process does not run in a pod with a service account: set EIREL_KUBECONFIG (${messageOf(error)})`
          : `EIREL_KUBECONFIG cannot be read: ${messageOf(error)}`,
        { cause: error },
      );
    }
    this.kubeConfig = made;
    return made;
  }

  private explain(error: unknown, verb: Verb, resource: Resource, what: string): Error {
    if (error instanceof OwnerFault) return error;
    if (!(error instanceof ApiRefusal)) {
      return new OwnerFault(
        'kubernetes_unreachable',
        `${what}: the Kubernetes API cannot be reached: ${messageOf(error)}`,
        { cause: error },
      );
    }
    const { status, message } = error;
    const missingNamespace = status === 404 && message.includes(`namespaces "${this.namespace}" not found`);
    if (missingNamespace) {
      return new OwnerFault(
        'namespace_missing',
        `namespace ${this.namespace} does not exist: apply deploy/k8s, or set EIREL_OWNER_RUNTIME_MANAGE_NAMESPACE`,
        { cause: error },
      );
    }
    if (status === 404 || status === 409) return error;
    if (status === 401) {
      return new OwnerFault(
        'kubernetes_unauthorized',
        `${what}: the Kubernetes API does not accept our credentials`,
        { cause: error },
      );
    }
    if (status === 403 && /exceeded quota/.test(message)) {
      return new OwnerFault('quota_exceeded', `${what}: ${message}`, { cause: error });
    }
    if (status === 403 && /violates PodSecurity/.test(message)) {
      return new OwnerFault('pod_security_refused', `${what}: ${message}`, { cause: error });
    }
    if (status === 403) {
      const group = resource.group === '' ? '' : `.${resource.group}`;
      return new OwnerFault(
        'kubernetes_forbidden',
        `the control plane's account lacks the verb "${verb}" on ${resource.plural}${group}: ` +
          `apply the role under deploy/k8s (the server says: ${message})`,
        { cause: error },
      );
    }
    return new OwnerFault('kubernetes_refused', `${what}: ${status} ${error.reason}: ${message}`, {
      cause: error,
    });
  }
}

interface Answer {
  status: number;
  body: Buffer;
  headers: IncomingMessage['headers'];
}

function exchange(url: URL, options: RequestOptions, body: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
    const request = send(url, options, resolve);
    request.on('error', reject);
    request.end(body);
  });
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > ANSWER_MAX_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk as Buffer);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks), headers: response.headers };
}

function refusalOf(answer: Answer): ApiRefusal {
  const text = answer.body.toString('utf8');
  let reason = '';
  let message = text.slice(0, 2000);
  try {
    const status = JSON.parse(text) as { reason?: string; message?: string };
    reason = status.reason ?? '';
    message = status.message ?? message;
  } catch {
    // Proxies in between answer in other formats; the text as it came says enough.
  }
  const retryAfter = Number(answer.headers['retry-after']);
  return new ApiRefusal(answer.status, reason, message, Number.isFinite(retryAfter) ? retryAfter : null);
}

const LOST_CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT']);

/** Everything this backend asks may be asked twice: reads, applies and deletes. Null when asking again would not help. */
function retryDelayMs(error: unknown, attempt: number): number | null {
  const backoff = 100 * 2 ** attempt;
  if (error instanceof ApiRefusal) {
    const passing = error.status === 429 || error.status >= 500;
    return passing ? Math.max(backoff, Math.min(5, error.retryAfterSeconds ?? 0) * 1000) : null;
  }
  return LOST_CONNECTION.has((error as NodeJS.ErrnoException).code ?? '') ? backoff : null;
}

async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return null;
    throw error;
  }
}

function apiVersion(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

export function messageOf(error: unknown): string {
  return error !== null && typeof error === 'object' && 'message' in error
    ? String(error.message)
    : String(error);
}
