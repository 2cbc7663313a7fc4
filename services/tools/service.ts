import type { Redis } from 'ioredis';
import { BudgetKeeper } from '../../adapters/budget/keeper';
import { createPrismaLedger } from '../../adapters/budget/ledger';
import { CallRecords } from '../../adapters/budget/records';
import type { Logger } from '../../adapters/logging';
import type { PrismaClient } from '../../adapters/postgres';
import { HttpError } from '../../domain/http-errors';
import { createService, parseBody, type ReadinessCheck, type Service } from '../http';
import { CallerAuth } from './auth';
import { callTool, type ToolDeps } from './call';
import { createAttemptDirectory } from './directory';
import { identify } from './identify';
import { ToolLedger } from './ledger';
import { createToolMetrics } from './metrics';
import { openApiDocument } from './openapi';
import { Quota } from './quota';
import type { Caller, SideRoute, ToolDefinition, ToolServiceConfig, ToolServiceWords } from './types';
import { usageRoute } from './usage';

/** What a tool service is made of. */
export interface ToolServiceOptions {
  config: ToolServiceConfig;
  words: ToolServiceWords;
  prisma: PrismaClient;
  redis: Redis;
  logger: Logger;
  /** Its tools; every one is a charged, counted and recorded POST route. */
  tools: readonly ToolDefinition[];
  /** Its other routes; `GET /v1/jobs/{job}/usage` is always there. */
  routes?: readonly SideRoute[];
  /** Checks beside those of PostgreSQL and Redis. */
  readiness?: Readonly<Record<string, ReadinessCheck>>;
  health?: () => object;
  /** Largest JSON body in bytes; 2 MiB without one. */
  bodyLimitBytes?: number;
}

/** A tool service, and a wait for calls whose caller has gone but which must still be recorded and settled. */
export interface ToolService {
  service: Service;
  /** Lets the owner give every job its calls anew. @returns how many counters were set back */
  resetQuotas(): Promise<number>;
  settled(): Promise<void>;
}

/** Builds a tool service: the shared middleware around its tools, its side routes and its OpenAPI document. */
export function createToolService(options: ToolServiceOptions): ToolService {
  const { config, words, prisma, redis, logger, tools } = options;
  const underWay = new Set<Promise<unknown>>();
  const records = new CallRecords(prisma);
  const ledger = new ToolLedger(prisma, records, logger);
  const names = tools.map((tool) => tool.name);
  const quota = new Quota(redis, words.name, async (jobId) => {
    const rows = await ledger.counts(jobId, names);
    return rows.reduce((sum, row) => sum + row.calls, 0);
  });
  const routes = [usageRoute(ledger, names, config.maxRequestsPerJob), ...(options.routes ?? [])];
  const document = openApiDocument(words, tools, routes);

  const service = createService({
    name: words.name,
    logger,
    ...(options.bodyLimitBytes === undefined ? {} : { bodyLimitBytes: options.bodyLimitBytes }),
    ...(options.health ? { health: options.health } : {}),
    readiness: {
      redis: () => redis.ping(),
      postgres: () => prisma.$queryRaw`SELECT 1`,
      ...options.readiness,
    },
    routes(app) {
      app.get('/openapi.json', (_req, res) => {
        res.json(document);
      });
      for (const tool of tools) {
        app.post([tool.path, ...(tool.aliases ?? [])], async (req, res) => {
          const work = callTool(tool, req, res, deps()).finally(() => underWay.delete(work));
          underWay.add(work);
          res.json(await work);
        });
      }
      for (const route of routes) {
        app[route.method](route.path, async (req, res) => {
          const caller = await allow(route, await callerOf(route, () => identify(req, deps())), words);
          const body = route.request ? parseBody(route.request, req) : undefined;
          res.json(await route.handle({ req, caller, body }));
        });
      }
    },
  });
  const shared: ToolDeps = {
    config,
    words,
    logger,
    ledger,
    quota,
    auth: new CallerAuth(config, words, createAttemptDirectory(prisma)),
    budget: new BudgetKeeper(redis, createPrismaLedger(prisma, records), config.budgets),
    metrics: createToolMetrics(service.registry),
  };
  function deps(): ToolDeps {
    return shared;
  }
  return {
    service,
    resetQuotas: () => quota.reset(),
    settled: async () => {
      await Promise.allSettled(underWay);
    },
  };
}

async function callerOf(route: SideRoute, ask: () => Promise<Caller>): Promise<Caller> {
  return route.access === 'public' ? { kind: 'owner', job: null } : ask();
}

function allow(route: SideRoute, caller: Caller, words: ToolServiceWords): Caller {
  if (route.access === 'owner' && caller.kind !== 'owner') {
    throw new HttpError(403, `the owner's token is required for ${route.path}`);
  }
  if (route.access === 'job' && !caller.job) throw new HttpError(400, words.missingJob);
  return caller;
}
