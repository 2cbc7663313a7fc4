import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Registry } from 'prom-client';
import { messageOf, type Logger } from '../../adapters/logging';
import { errorHandler, notFound } from './errors';
import { createHttpMetrics } from './metrics';

/** One thing a service cannot work without: resolves when it is there, rejects with the reason when not. */
export type ReadinessCheck = () => Promise<unknown>;

export interface ServiceOptions {
  /** Name in logs and metrics. */
  name: string;
  logger: Logger;
  /** Adds the service's routes; called once, before the 404 and error handlers are put behind them. */
  routes: (app: Express) => void;
  /** Checks behind `/readyz`, by the name shown there. */
  readiness?: Readonly<Record<string, ReadinessCheck>>;
  /** Body of `/healthz`; `{"status":"ok"}` without one. */
  health?: () => object;
  /** Largest JSON body in bytes; 2 MiB without one. */
  bodyLimitBytes?: number;
}

/** An app ready to be served, and the registry that its own metrics go to. */
export interface Service {
  name: string;
  app: Express;
  registry: Registry;
  logger: Logger;
  /** Makes `/readyz` answer 503, so that no new work is sent while the last is finished. */
  startDraining(): void;
}

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;
const READINESS_TIMEOUT_MS = 5_000;
const DEFAULT_BODY_LIMIT = 2 * 1024 * 1024;

/**
 * The Express app that every HTTP service is made of: request ids, JSON bodies, `/healthz`, `/readyz`, `/metrics`,
 * request metrics and JSON errors.
 */
export function createService(options: ServiceOptions): Service {
  const { name, logger } = options;
  const app = express();
  const { registry, observe } = createHttpMetrics(name);
  let draining = false;

  app.disable('x-powered-by');
  app.disable('etag');
  app.use(helmet({ contentSecurityPolicy: false }));
  app.use((req, res, next) => {
    const given = req.header('x-request-id');
    const id = given && REQUEST_ID.test(given) ? given : randomUUID();
    res.locals.requestId = id;
    res.setHeader('X-Request-Id', id);
    next();
  });
  app.use(observe);

  app.get('/healthz', (_req, res) => {
    res.json(options.health?.() ?? { status: 'ok' });
  });
  app.get('/readyz', async (_req, res) => {
    const checks = await runChecks(options.readiness ?? {});
    if (draining) checks.draining = 'the service is shutting down';
    const ready = Object.values(checks).every((result) => result === 'ok');
    res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not_ready', checks });
  });
  app.get('/metrics', async (_req, res) => {
    const text = await registry.metrics();
    res.type(registry.contentType).send(text);
  });

  app.use(express.json({ limit: options.bodyLimitBytes ?? DEFAULT_BODY_LIMIT, strict: false }));
  options.routes(app);
  app.use(notFound((path) => allowedMethods(app, path)));
  app.use(errorHandler(logger));

  return {
    name,
    app,
    registry,
    logger,
    startDraining: () => {
      draining = true;
    },
  };
}

async function runChecks(checks: Readonly<Record<string, ReadinessCheck>>): Promise<Record<string, string>> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check)] as const),
  );
  return Object.fromEntries(results);
}

async function outcomeOf(check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${READINESS_TIMEOUT_MS / 1000} s`)),
      READINESS_TIMEOUT_MS,
    );
  });
  try {
    await Promise.race([check(), late]);
    return 'ok';
  } catch (error) {
    return messageOf(error);
  } finally {
    clearTimeout(timer);
  }
}

// The parts of Express's router that tell which routes would match a path.
interface Layer {
  match(path: string): { path: string } | false;
  route?: { methods: Record<string, boolean> };
  handle?: { stack?: Layer[] };
}

function allowedMethods(app: Express, path: string): string[] {
  const found = new Set<string>();
  collectMethods((app.router as unknown as { stack: Layer[] }).stack, path, found);
  if (found.has('GET')) found.add('HEAD');
  return [...found].sort();
}

function collectMethods(stack: Layer[], path: string, found: Set<string>): void {
  for (const layer of stack) {
    const match = layer.match(path);
    if (!match) continue;
    if (layer.route) {
      for (const method of Object.keys(layer.route.methods)) found.add(method.toUpperCase());
    } else if (layer.handle?.stack) {
      collectMethods(layer.handle.stack, path.slice(match.path.length) || '/', found);
    }
  }
}
