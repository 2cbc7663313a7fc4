import { Counter } from 'prom-client';
import { z } from 'zod';
import { Extractor, hostRateLimiter, SafeFetcher } from '../../adapters/safe-fetch';
import { searchBackends } from '../../adapters/search';
import {
  findOnPageRequestSchema,
  findOnPageResponseSchema,
  openPageRequestSchema,
  openPageResponseSchema,
  retrievalLedgerSchema,
  searchRequestSchema,
  searchResponseSchema,
  type FindOnPageRequest,
  type FindOnPageResponse,
  type OpenPageRequest,
  type OpenPageResponse,
  type RetrievalLedger,
  type SearchRequest,
  type SearchResponse,
} from '../../domain/contracts/tools/web-search';
import { HttpError } from '../../domain/http-errors';
import {
  createToolService,
  defineRoute,
  defineTool,
  ownJob,
  type BuiltToolService,
  type ToolResources,
} from '../tools';
import type { UrlFetchParts } from '../url-fetch/app';
import type { WebSearchConfig } from './config';
import { findOnPage } from './find';
import { openPage } from './open-page';
import { Searcher } from './search';
import { SearchStore } from './store';

const BACKEND_MARGIN_SECONDS = 5;
const EXTRACTION_SECONDS = 10;

/** Builds web-search: searches of the web, and the pages that they found. */
export function createWebSearch(
  config: WebSearchConfig,
  { prisma, redis, logger }: ToolResources,
  parts: UrlFetchParts = {},
): BuiltToolService {
  const backends = searchBackends(config.search);
  const store = new SearchStore(redis, config.cacheSeconds);
  const extractor = new Extractor(parts.extractor);
  const fetcher = new SafeFetcher(config.page.fetch, {
    admitHost: hostRateLimiter(redis, config.page.hostRate),
    ...(parts.resolve ? { resolve: parts.resolve } : {}),
  });
  const searcher = new Searcher({ backends, store, timeoutMs: config.perBackendTimeoutMs, logger });

  const search = defineTool<SearchRequest, SearchResponse>({
    name: 'web_search',
    path: '/v1/search',
    summary: 'Searches the web; the same query has the same results for every job of a run',
    request: searchRequestSchema as z.ZodType<SearchRequest>,
    response: searchResponseSchema,
    priceMicroUsd: config.priceMicroUsd,
    maxSeconds: (config.perBackendTimeoutMs / 1000) * backends.length + BACKEND_MARGIN_SECONDS,
    refusals: { 503: 'No search engine answers, or the ledger cannot be reached' },
    run: (input, call) => {
      requests.inc();
      return searcher.search(call.job, input);
    },
  });
  const open = defineTool<OpenPageRequest, OpenPageResponse>({
    name: 'web_search.open_page',
    path: '/v1/open-page',
    summary: 'Opens a page that a search of the same job has found',
    request: openPageRequestSchema,
    response: openPageResponseSchema,
    priceMicroUsd: 0,
    maxSeconds: config.page.fetch.totalMs / 1000 + EXTRACTION_SECONDS,
    refusals: { 404: 'No search of this job has found the document', 502: 'The page could not be fetched' },
    run: (input, call) => openPage(input, call, { store, fetcher, extractor }),
  });
  const find = defineRoute<FindOnPageRequest, FindOnPageResponse>({
    method: 'post',
    path: '/v1/find-on-page',
    summary: 'Finds lines of an opened page',
    access: 'job',
    request: findOnPageRequestSchema,
    response: findOnPageResponseSchema,
    refusals: { 404: 'No search of this job has found the document', 409: 'The page has not been opened' },
    handle: ({ caller, body }) => {
      if (!caller.job) throw new HttpError(400, 'missing X-Eirel-Job-Id');
      return findOnPage(caller.job, body, store);
    },
  });
  const ledger = defineRoute<unknown, RetrievalLedger>({
    method: 'get',
    path: '/v1/jobs/:job/ledger',
    summary: 'What a job has searched for, opened and found',
    access: 'either',
    response: retrievalLedgerSchema,
    refusals: { 404: 'The job has searched for nothing' },
    async handle({ req, caller }) {
      const jobId = ownJob(caller, req.params.job as string);
      const [searches, opened, found] = await Promise.all([
        store.events(jobId, 'searches'),
        store.events(jobId, 'opened_pages'),
        store.events(jobId, 'find_on_page_events'),
      ]);
      if (searches.length === 0) throw new HttpError(404, 'job not found');
      return {
        job_id: jobId,
        retrieval_ledger_id: `ledger:${jobId}`,
        execution_mode: 'live_web',
        searches,
        opened_pages: opened,
        find_on_page_events: found,
      };
    },
  });
  const reset = defineRoute({
    method: 'post',
    path: '/v1/usage/reset',
    summary: 'Gives every job its calls anew',
    access: 'owner',
    response: z.object({ cleared_job_count: z.int() }),
    handle: async () => ({ cleared_job_count: await service.resetQuotas() }),
  });

  const service = createToolService({
    config,
    words: {
      name: 'web-search',
      invalidToken: 'invalid web search tool auth token',
      missingJob: 'missing X-Eirel-Job-Id',
      quotaExceeded: () => 'web search tool request budget exceeded',
    },
    prisma,
    redis,
    logger,
    tools: [search, open],
    routes: [find, ledger, reset],
    health: () => ({ status: 'ok', backends: backends.map((backend) => backend.name) }),
    bodyLimitBytes: 64 * 1024,
  });
  const requests = new Counter({
    name: 'eirel_web_search_tool_requests_total',
    help: 'Searches asked for',
    registers: [service.service.registry],
  });
  void extractor.warmUp();
  return { ...service, close: () => extractor.close() };
}
