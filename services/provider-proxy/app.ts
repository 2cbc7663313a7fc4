import type { Redis } from 'ioredis';
import { createLlmClient } from '../../adapters/llm';
import type { Logger } from '../../adapters/logging';
import type { PrismaClient } from '../../adapters/postgres';
import { createService, parseBody, type Service } from '../http';
import { identifyJob, requireOwner } from './auth';
import { BudgetKeeper } from '../../adapters/budget/keeper';
import type { ProxyDeps } from './accounting';
import { complete, completionRequestSchema } from './completions';
import type { ProviderProxyConfig } from './config';
import { chargeTool, chargeToolSchema, jobCost, jobUsage } from './jobs';
import { createPrismaJobDirectory, createPrismaLedger } from '../../adapters/budget/ledger';
import { createProxyMetrics } from './metrics';
import { allowedModels } from './models';
import { completeOpenAi, isOpenAiShaped, openAiRequestSchema } from './openai';

/** What the proxy runs on; the caller opens and closes it. */
export interface ProviderProxyResources {
  config: ProviderProxyConfig;
  prisma: PrismaClient;
  redis: Redis;
  logger: Logger;
}

/** The service, and a wait for calls whose caller has gone but whose price must still be settled. */
export interface ProviderProxy {
  service: Service;
  settled(): Promise<void>;
}

const BODY_LIMIT_BYTES = 8 * 1024 * 1024;

/** Builds the provider-proxy: the only door through which a miner's agent reaches a model. */
export function createProviderProxy({
  config,
  prisma,
  redis,
  logger,
}: ProviderProxyResources): ProviderProxy {
  const underWay = new Set<Promise<unknown>>();
  const tracked = <T>(work: Promise<T>): Promise<T> => {
    const done = work.finally(() => underWay.delete(done));
    underWay.add(done);
    return done;
  };
  const ledger = createPrismaLedger(prisma);
  const jobs = createPrismaJobDirectory(prisma);

  const service: Service = createService({
    name: 'provider-proxy',
    logger,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    readiness: {
      redis: () => redis.ping(),
      postgres: () => prisma.$queryRaw`SELECT 1`,
    },
    routes(app) {
      app.post('/v1/chat/completions', async (req, res) => {
        const caller = await identifyJob(req, config, jobs);
        if (isOpenAiShaped(req.body)) {
          await tracked(completeOpenAi(caller, parseBody(openAiRequestSchema, req), res, deps()));
        } else {
          res.json(await tracked(complete(caller, parseBody(completionRequestSchema, req), deps())));
        }
      });
      app.get('/v1/models', async (req, res) => {
        const caller = await identifyJob(req, config, jobs);
        const data = allowedModels(caller, config).map((id) => ({
          id,
          object: 'model',
          created: 0,
          owned_by: id.slice(0, id.indexOf('/')),
        }));
        res.json({ object: 'list', data });
      });
      app.get('/v1/jobs/:job/cost', async (req, res) => {
        requireOwner(req, config);
        res.json(await jobCost(req.params.job, deps()));
      });
      app.get('/v1/jobs/:job/usage', async (req, res) => {
        requireOwner(req, config);
        res.json(await jobUsage(req.params.job, deps()));
      });
      app.post('/v1/jobs/:job/charge_tool', async (req, res) => {
        requireOwner(req, config);
        const charge = parseBody(chargeToolSchema, req);
        const span = req.header('x-eirel-span-id');
        const spanned = span ? { ...charge, span_id: span } : charge;
        res.json(await tracked(chargeTool(req.params.job, spanned, deps(), jobs)));
      });
    },
  });
  const metrics = createProxyMetrics(service.registry);
  const shared: ProxyDeps = {
    config,
    ledger,
    metrics,
    logger,
    llm: createLlmClient(config.llm),
    budget: new BudgetKeeper(redis, ledger, config.budgets),
  };
  function deps(): ProxyDeps {
    return shared;
  }
  return {
    service,
    settled: async () => {
      await Promise.allSettled(underWay);
    },
  };
}
