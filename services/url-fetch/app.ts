import {
  Extractor,
  hostRateLimiter,
  isHtml,
  SafeFetcher,
  type ExtractorOptions,
} from '../../adapters/safe-fetch';
import {
  fetchRequestSchema,
  fetchResponseSchema,
  type FetchRequest,
  type FetchResponse,
} from '../../domain/contracts/tools/url-fetch';
import { firstCharacters } from '../../domain/tasks/clean-json';
import { createToolService, defineTool, type BuiltToolService, type ToolResources } from '../tools';
import type { Resolve } from '../../adapters/safe-fetch';
import type { UrlFetchConfig } from './config';
import { createFetchMetrics, type FetchMetrics } from './metrics';
import { fetchRefusal } from './refusals';

/** Parts that others than the process itself may want to put in. */
export interface UrlFetchParts {
  /** The system's resolver unless given. */
  resolve?: Resolve;
  extractor?: ExtractorOptions;
}

/** Builds url-fetch: one public page for a miner's agent, as readable text. */
export function createUrlFetch(
  config: UrlFetchConfig,
  { prisma, redis, logger }: ToolResources,
  parts: UrlFetchParts = {},
): BuiltToolService {
  const extractor = new Extractor(parts.extractor);
  const fetcher = new SafeFetcher(config.page.fetch, {
    admitHost: hostRateLimiter(redis, config.page.hostRate),
    ...(parts.resolve ? { resolve: parts.resolve } : {}),
  });
  const tool = defineTool<FetchRequest, FetchResponse>({
    name: 'url_fetch',
    path: '/v1/fetch',
    summary: 'Fetches one public page and answers its readable text and links',
    request: fetchRequestSchema,
    response: fetchResponseSchema,
    priceMicroUsd: config.priceMicroUsd,
    maxSeconds: config.page.fetch.totalMs / 1000 + EXTRACTION_SECONDS,
    refusals: { 400: 'ssrf_blocked, or no job is named', 502: 'The page could not be fetched' },
    async run(input, call) {
      metrics.requests.inc();
      let page;
      try {
        page = await fetcher.fetch(input.url, { signal: call.signal });
      } catch (error) {
        throw fetchRefusal(error, metrics);
      }
      if (page.truncated) metrics.truncations.inc();
      const readable = isHtml(page.mime) || (page.mime === '' && /^\s*<(!doctype|html)/i.test(page.text));
      const read = readable
        ? await extractor.read(page.text, page.finalUrl)
        : { title: '', lines: [page.text], links: [] };
      const { content, cut } = cutTo(collapse(read.lines), input.max_chars);
      const body: FetchResponse = {
        url: input.url,
        final_url: page.finalUrl,
        title: read.title,
        content,
        links: input.include_links ? read.links : [],
        status_code: page.status,
        content_type: page.contentType,
        bytes_read: page.bytes.length,
        truncated: page.truncated || cut,
      };
      return {
        body,
        digest: { final_url: body.final_url, status_code: body.status_code, title: body.title },
        ...(page.status >= 400 ? { failure: `upstream status ${page.status}` } : {}),
      };
    },
  });
  const service = createToolService({
    config,
    words: {
      name: 'url-fetch',
      invalidToken: 'invalid url-fetch tool auth token',
      missingJob: 'missing X-Eirel-Job-Id header',
      quotaExceeded: (max) => ({ error: 'url_fetch_quota_exhausted', max_requests: max }),
    },
    prisma,
    redis,
    logger,
    tools: [tool],
    bodyLimitBytes: 64 * 1024,
  });
  const metrics: FetchMetrics = createFetchMetrics(service.service.registry);
  void extractor.warmUp();
  return { ...service, close: () => extractor.close() };
}

const EXTRACTION_SECONDS = 10;

function collapse(lines: readonly string[]): string {
  return lines.join(' ').replace(/\s+/g, ' ').trim();
}

/** The first `max` characters, with an ellipsis behind them when more was there. */
function cutTo(text: string, max: number): { content: string; cut: boolean } {
  const content = firstCharacters(text, max);
  return content === text ? { content, cut: false } : { content: `${content}...`, cut: true };
}
