import type { Redis } from 'ioredis';
import { createLlmClient } from '../../adapters/llm';
import type { Logger } from '../../adapters/logging';
import type { PrismaClient } from '../../adapters/postgres';
import { createService, parseBody, type Service } from '../http';
import { BudgetKeeper } from '../../adapters/budget/keeper';
import { createPrismaLedger } from '../../adapters/budget/ledger';
import { CallerAuth } from '../tools/auth';
import { createAttemptDirectory } from '../tools/directory';
import { identifyJob, PROXY_WORDS, requireOwner } from './auth';
import type { ProxyDeps } from './accounting';
import { complete, completionRequestSchema } from './completions';
import type { ProviderProxyConfig } from './config';
import { chargeTool, chargeToolSchema, jobCost, jobUsage } from './jobs';
import { embed, embeddingRequestSchema } from './embeddings';
import { createProxyMetrics } from './metrics';
import { allowedModels } from './models';
import { completeOpenAi, isOpenAiShaped, openAiRequestSchema } from './openai';
import { proxyDocument } from './openapi';

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
  const document = proxyDocument();

  const service: Service = createService({
    name: 'provider-proxy',
    logger,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    readiness: {
      redis: () => redis.ping(),
      postgres: () => prisma.$queryRaw`SELECT 1`,
    },
    routes(app) {
      app.get('/openapi.json', (_req, res) => {
        res.json(document);
      });
      app.post('/v1/chat/completions', async (req, res) => {
        const caller = await identifyJob(req, deps());
        if (isOpenAiShaped(req.body)) {
          await tracked(completeOpenAi(caller, parseBody(openAiRequestSchema, req), res, deps()));
        } else {
          res.json(await tracked(complete(caller, parseBody(completionRequestSchema, req), deps())));
        }
      });
      app.post('/v1/embeddings', async (req, res) => {
        const caller = await identifyJob(req, deps());
        await tracked(embed(caller, parseBody(embeddingRequestSchema, req), res, deps()));
      });
      app.get('/v1/models', async (req, res) => {
        const caller = await identifyJob(req, deps());
        const data = allowedModels(caller, config).map((id) => ({
          id,
          object: 'model',
          created: 0,
          owned_by: id.slice(0, id.indexOf('/')),
        }));
        res.json({ object: 'list', data });
      });
      app.get('/v1/jobs/:job/cost', async (req, res) => {
        requireOwner(req, config.masterToken, deps());
        res.json(await jobCost(req.params.job, deps()));
      });
      app.get('/v1/jobs/:job/usage', async (req, res) => {
        requireOwner(req, config.masterToken, deps());
        res.json(await jobUsage(req.params.job, deps()));
      });
      app.post('/v1/jobs/:job/charge_tool', async (req, res) => {
        requireOwner(req, config.masterToken, deps());
        const charge = parseBody(chargeToolSchema, req);
        const span = req.header('x-eirel-span-id');
        const spanned = span ? { ...charge, span_id: span } : charge;
        res.json(await tracked(chargeTool(req.params.job, spanned, deps())));
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
    auth: new CallerAuth(config, PROXY_WORDS, createAttemptDirectory(prisma)),
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
