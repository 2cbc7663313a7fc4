import { randomBytes } from 'node:crypto';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:http';
import express from 'express';
import type { ErrorRequestHandler, Express, NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import swaggerUi from 'swagger-ui-express';
import { HttpError } from '../domain/http-errors';
import { authenticate } from './auth';
import { BodyTooLarge, parseJsonBody, readBody, refuseAnnouncedLength } from './body';
import type { ReadBody } from './body';
import type { ApiDeps } from './deps';
import { Dispatcher } from './dispatch';
import { requestSeconds, showVerifier } from './metrics';
import { openApiDocument } from './openapi';
import { expressPath, Reply, successStatus } from './route';
import type { Route } from './route';
import { validateInput } from './validate';

/**
 * The owner API as an Express application.
 * @param routers lists of routes, mounted in order; earlier routes win where paths overlap
 */
export function createApp(deps: ApiDeps, routers: readonly (readonly Route[])[]): Express {
  const routes = routers.flat();
  showVerifier(deps.metrics);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Signatures cover the path as sent, so two spellings of a path are two paths.
  app.set('strict routing', true);
  app.set('case sensitive routing', true);
  app.set('query parser', 'simple');
  app.use(requestId);
  app.use(securityHeaders());
  app.use(cors(deps.config.corsOrigins));
  const dispatcher = new Dispatcher();
  app.use(dispatcher.handle);
  mountDocument(app, routes);
  for (const route of routes) {
    const handler = serve(route, deps);
    for (const path of route.paths) {
      dispatcher.add(route.contract.method, path, handler);
      app[route.contract.method](expressPath(path), handler);
    }
  }
  const allowed = new Map<string, Set<string>>();
  for (const route of routes) {
    for (const path of route.paths) {
      const methods = allowed.get(path) ?? new Set();
      allowed.set(path, methods.add(route.contract.method.toUpperCase()));
    }
  }
  for (const [path, methods] of allowed) {
    app.all(expressPath(path), (_req, res) => {
      res.setHeader('allow', [...methods].join(', '));
      res.status(405).json({ detail: 'Method Not Allowed' });
    });
  }
  app.use((_req, res) => {
    res.status(404).json({ detail: 'Not Found' });
  });
  app.use(answerError(deps));
  return app;
}

/**
 * An HTTP server whose requests and responses are born as those of the application. Express makes them so when they
 * arrive by changing their prototypes, after which the engine finds none of their properties the quick way.
 */
export function createAppServer(app: Express): Server {
  function AppRequest(this: IncomingMessage, ...args: ConstructorParameters<typeof IncomingMessage>) {
    Reflect.apply(IncomingMessage as unknown as () => void, this, args);
  }
  AppRequest.prototype = app.request;
  function AppResponse(this: ServerResponse, ...args: ConstructorParameters<typeof ServerResponse>) {
    Reflect.apply(ServerResponse as unknown as () => void, this, args);
  }
  AppResponse.prototype = app.response;
  const classes = {
    IncomingMessage: AppRequest as unknown as typeof IncomingMessage,
    ServerResponse: AppResponse as unknown as typeof ServerResponse,
  };
  return createServer(classes, app);
}

function mountDocument(app: Express, routes: readonly Route[]): void {
  const document = openApiDocument(routes);
  app.get('/openapi.json', (_req, res) => void res.json(document));
  app.use('/docs', swaggerUi.serve, swaggerUi.setup(document, { customSiteTitle: 'eirel-ai owner API' }));
}

const requestId: RequestHandler = (req, res, next) => {
  const sent = req.headers['x-request-id'];
  const id = typeof sent === 'string' && sent !== '' ? sent : randomBytes(6).toString('hex');
  res.locals.requestId = id;
  res.setHeader('x-request-id', id);
  next();
};

/** What helmet sets is the same for every request, so that it is asked once. */
function securityHeaders(): RequestHandler {
  const headers: [string, string][] = [];
  const recorder = {
    setHeader: (name: string, value: string) => void headers.push([name, value]),
    removeHeader: () => undefined,
  };
  const set = helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  set({} as Request, recorder as unknown as Response, (error?: unknown) => {
    if (error) throw error as Error;
  });
  if (headers.length === 0) throw new Error('helmet set no headers');
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}

function cors(origins: readonly string[]): RequestHandler {
  return (req, res, next) => {
    const origin = req.headers.origin;
    const admitted = origins.includes('*') ? '*' : origin && origins.includes(origin) ? origin : null;
    if (admitted !== '*') res.vary('Origin');
    if (origin && admitted) {
      res.setHeader('access-control-allow-origin', admitted);
      res.setHeader('access-control-expose-headers', 'x-request-id');
    }
    if (req.method !== 'OPTIONS' || !req.headers['access-control-request-method']) return next();
    res.setHeader('access-control-allow-methods', 'GET, POST, PATCH, DELETE, OPTIONS');
    const wanted = req.headers['access-control-request-headers'];
    if (wanted) res.setHeader('access-control-allow-headers', wanted);
    res.setHeader('access-control-max-age', '600');
    res.status(admitted && origin ? 200 : 400).end();
  };
}

function serve(route: Route, deps: ApiDeps): RequestHandler {
  const { contract } = route;
  const status = successStatus(route);
  const seconds = requestSeconds(deps.metrics);
  return async (req: Request, res: Response, next: NextFunction) => {
    const started = process.hrtime.bigint();
    res.once('close', () => {
      const labels = { method: req.method, route: route.paths[0] ?? '', status: String(res.statusCode) };
      seconds.observe(labels, Number(process.hrtime.bigint() - started) / 1e9);
    });
    try {
      const limit = contract.bodyLimitBytes ?? deps.config.maxJsonBodyBytes;
      let body: ReadBody = { raw: Buffer.alloc(0), hash: '' };
      let parsed: unknown;
      if (contract.rawBody) {
        refuseAnnouncedLength(req, deps.config.maxBodyBytes);
      } else {
        body = await readBody(req, limit);
        if (contract.request?.body) parsed = parseJsonBody(req, body.raw);
      }
      if (contract.fieldsBeforeAuth) validateInput(route, req, parsed);
      const principal = contract.rawBody
        ? { hotkey: null }
        : await authenticate(contract.auth, { req, rawBody: body.raw, bodyHash: body.hash }, deps);
      const input = contract.rawBody
        ? { params: req.params, query: req.query, body: undefined }
        : validateInput(route, req, parsed);
      const answer = await route.handler({
        ...input,
        deps,
        req,
        res,
        hotkey: principal.hotkey ?? '',
        requestId: String(res.locals.requestId),
        rawBytes: body.raw,
        bodyHash: body.hash,
      });
      if (contract.stream) return;
      send(route, deps, res, answer instanceof Reply ? answer : new Reply(status, answer));
    } catch (error) {
      next(error);
    }
  };
}

function send(route: Route, deps: ApiDeps, res: Response, reply: Reply): void {
  if (res.headersSent) return;
  const spec = route.contract.responses[reply.status];
  if (deps.config.verifyResponses && spec?.schema) {
    const parsed = spec.schema.safeParse(reply.body);
    if (!parsed.success) {
      throw new Error(`the answer of ${route.paths[0]} breaks its own contract: ${parsed.error.message}`);
    }
  }
  res.status(reply.status).set(reply.headers);
  if (Buffer.isBuffer(reply.body)) res.type(spec?.contentType ?? 'application/octet-stream').end(reply.body);
  else if (spec?.contentType && typeof reply.body === 'string')
    res.set('content-type', spec.contentType).end(reply.body);
  else res.set('content-type', 'application/json').end(JSON.stringify(reply.body ?? null));
}

/** How PostgreSQL refuses the one character that its texts cannot hold. */
const UNSTORABLE =
  /invalid byte sequence for encoding "UTF8": 0x00|\\u0000 cannot be converted|unsupported Unicode escape sequence/;

function answerError(deps: ApiDeps): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) {
      deps.logger.warn('a response broke off', { method: req.method, path: req.path, error });
      res.destroy();
      return;
    }
    if (error instanceof BodyTooLarge) {
      req.resume();
      res.status(413).set('connection', 'close').type('text/plain').end('Request body too large');
      return;
    }
    if (error instanceof HttpError) {
      res
        .status(error.status)
        .set(error.headers)
        .json({ detail: error.detail, ...error.extra });
      return;
    }
    const status = (error as { status?: unknown }).status;
    if (error instanceof URIError || status === 400) {
      res.status(400).json({ detail: 'the path is not valid percent-encoding' });
      return;
    }
    if (error === undefined) return next();
    if (UNSTORABLE.test(String((error as Error).message))) {
      res
        .status(400)
        .json({ detail: 'a text of this request holds a null character, which cannot be stored' });
      return;
    }
    deps.logger.error('request failed', {
      method: req.method,
      path: req.path,
      requestId: String(res.locals.requestId),
      error,
    });
    res.status(500).json({ detail: 'Internal Server Error' });
  };
}
