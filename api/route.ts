/**
 * One route: its contract and its handler. The same object mounts the Express handler and describes the route in the
 * OpenAPI document, so the two cannot drift apart.
 */
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { ApiDeps } from './deps';

/**
 * `public` nobody, `signed` any valid hotkey signature, `validator` one that is on the whitelist, `owner` the owner's,
 * `internal` the internal service token.
 */
export type AuthKind = 'public' | 'signed' | 'validator' | 'owner' | 'internal';

/** Who called. `hotkey` is null for internal and public calls. */
export interface Principal {
  hotkey: string | null;
}

/** A check of a route's own, for routes that accept more than one credential; `describedAs` lists what it accepts. */
export interface CustomAuth {
  describedAs: readonly AuthKind[];
  /** @throws HttpError when the caller is refused */
  check(request: RawRequest, deps: ApiDeps): Promise<Principal>;
}

/** A request whose body has been read. `rawBody` is empty for routes that stream their body themselves. */
export interface RawRequest {
  req: Request;
  rawBody: Buffer;
  /** SHA-256 of those bytes, lowercase hex. */
  bodyHash: string;
}

export interface ResponseSpec {
  description: string;
  /** Left out for an answer that is not JSON. */
  schema?: z.ZodType;
  contentType?: string;
}

export interface RouteContract<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> {
  method: 'get' | 'post' | 'patch' | 'delete';
  /** OpenAPI form: `/v1/runs/{id}`; `{path*}` takes the rest of the path, slashes included. Aliases share everything. */
  path: string | readonly string[];
  auth: AuthKind | CustomAuth;
  summary: string;
  description?: string;
  tags: readonly string[];
  request?: { params?: P; query?: Q; body?: B };
  /** By status; the first 2xx is what a handler's plain return value is sent with. */
  responses: Record<number, ResponseSpec>;
  /** The handler reads `req` itself and authenticates with `authenticateHash`; nothing is buffered or parsed before it. */
  rawBody?: boolean;
  /** Content type of a body that the handler reads itself, for the document. */
  rawBodyType?: string;
  /** Fields are checked before the caller is; the original does so where the token is read inside the handler. */
  fieldsBeforeAuth?: boolean;
  /** Largest body in bytes; the JSON limit of the configuration without one. */
  bodyLimitBytes?: number;
  /** The handler writes the response itself and returns nothing. */
  stream?: boolean;
}

export interface RouteContext<P, Q, B> {
  deps: ApiDeps;
  req: Request;
  res: Response;
  params: P;
  query: Q;
  body: B;
  /** The signer; empty for `public` and `internal` routes. */
  hotkey: string;
  requestId: string;
  /** The exact bytes that were sent. */
  rawBytes: Buffer;
  /** Their SHA-256, lowercase hex. */
  bodyHash: string;
}

type Handler<P, Q, B> = (ctx: RouteContext<P, Q, B>) => Promise<unknown> | unknown;

/** A route with its types erased, as the router table keeps it. */
export interface Route {
  contract: RouteContract<z.ZodObject, z.ZodObject, z.ZodType>;
  paths: readonly string[];
  handler: Handler<unknown, unknown, unknown>;
}

/** An answer with another status or other headers than the contract's first 2xx. */
export class Reply {
  constructor(
    readonly status: number,
    readonly body: unknown,
    readonly headers: Record<string, string> = {},
  ) {}
}

/**
 * Declares a route. The handler is given validated, typed input; what it returns is sent as JSON with the contract's
 * first 2xx status, a `Reply` with its own. Errors are thrown as `HttpError`.
 */
export function defineRoute<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodUndefined,
>(contract: RouteContract<P, Q, B>, handler: Handler<z.output<P>, z.output<Q>, z.output<B>>): Route {
  const paths = typeof contract.path === 'string' ? [contract.path] : contract.path;
  return {
    contract: contract as unknown as Route['contract'],
    paths,
    handler: handler as Handler<unknown, unknown, unknown>,
  };
}

/** Express's spelling of an OpenAPI path. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\*\}/g, '*$1').replace(/\{(\w+)\}/g, ':$1');
}

/** OpenAPI's spelling of a route's path. */
export function openApiPath(path: string): string {
  return path.replace(/\{(\w+)\*\}/g, '{$1}');
}

/** Status of a plain return value: the lowest 2xx of the contract. */
export function successStatus(route: Route): number {
  const statuses = Object.keys(route.contract.responses).map(Number);
  return statuses.filter((status) => status >= 200 && status < 300).sort((a, b) => a - b)[0] ?? 200;
}
