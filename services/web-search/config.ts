import type { SearchConfig } from '../../adapters/search';
import { usdToMicro } from '../../domain/pricing/cost';
import { intEnv, numberEnv, parseEnv, textEnv } from '../http';
import { toolConfigFromEnv, type ToolServiceConfig } from '../tools';
import { pageFetchConfigFromEnv, type PageFetchConfig } from '../url-fetch/fetch-config';

export interface WebSearchConfig extends ToolServiceConfig {
  priceMicroUsd: number;
  search: SearchConfig;
  perBackendTimeoutMs: number;
  /** How long a run's results and pages are kept, in seconds. */
  cacheSeconds: number;
  page: PageFetchConfig;
}

/**
 * Reads the configuration of web-search.
 * @throws Error that names the variables which are missing or wrong
 */
export function webSearchConfigFromEnv(env: NodeJS.ProcessEnv): WebSearchConfig {
  const common = toolConfigFromEnv(
    {
      port: 'EIREL_WEB_SEARCH_TOOL_PORT',
      defaultPort: 8085,
      token: 'EIREL_WEB_SEARCH_TOOL_API_TOKEN',
      maxRequests: 'EIREL_WEB_SEARCH_TOOL_DEFAULT_MAX_REQUESTS',
      defaultMaxRequests: 12,
    },
    env,
  );
  const values = parseEnv(
    {
      EIREL_WEB_SEARCH_TOOL_BACKENDS: textEnv(),
      EIREL_WEB_SEARCH_TOOL_BACKEND: textEnv(),
      EIREL_WEB_SEARCH_TOOL_CATALOG_PATH: textEnv(),
      EIREL_WEB_SEARCH_PER_BACKEND_TIMEOUT_SECONDS: numberEnv(10, 0.1, 60),
      EIREL_WEB_SEARCH_PER_QUERY_COST_USD: numberEnv(0.003, 0, 1000),
      EIREL_WEB_SEARCH_CACHE_SECONDS: intEnv(7 * 86_400, 60, 90 * 86_400),
      EIREL_BRAVE_SEARCH_API_KEY: textEnv(),
      EIREL_BRAVE_SEARCH_BASE_URL: textEnv(),
      EIREL_SERPER_API_KEY: textEnv(),
      EIREL_SERPER_BASE_URL: textEnv(),
      EIREL_TAVILY_API_KEY: textEnv(),
      EIREL_TAVILY_BASE_URL: textEnv(),
    },
    env,
  );
  const vendor = (apiKey: string | undefined, baseUrl: string | undefined) => ({
    ...(apiKey ? { apiKey } : {}),
    ...(baseUrl ? { baseUrl } : {}),
  });
  const order = values.EIREL_WEB_SEARCH_TOOL_BACKENDS ?? values.EIREL_WEB_SEARCH_TOOL_BACKEND ?? '';
  return {
    ...common,
    priceMicroUsd: usdToMicro(values.EIREL_WEB_SEARCH_PER_QUERY_COST_USD),
    perBackendTimeoutMs: values.EIREL_WEB_SEARCH_PER_BACKEND_TIMEOUT_SECONDS * 1000,
    cacheSeconds: values.EIREL_WEB_SEARCH_CACHE_SECONDS,
    search: {
      order: order
        .split(',')
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name !== ''),
      brave: vendor(values.EIREL_BRAVE_SEARCH_API_KEY, values.EIREL_BRAVE_SEARCH_BASE_URL),
      serper: vendor(values.EIREL_SERPER_API_KEY, values.EIREL_SERPER_BASE_URL),
      tavily: vendor(values.EIREL_TAVILY_API_KEY, values.EIREL_TAVILY_BASE_URL),
      catalogPath: values.EIREL_WEB_SEARCH_TOOL_CATALOG_PATH,
    },
    page: pageFetchConfigFromEnv(
      {
        maxBytes: 'EIREL_WEB_SEARCH_FETCH_MAX_BYTES',
        timeoutSeconds: 'EIREL_WEB_SEARCH_FETCH_TIMEOUT_SECONDS',
        maxRedirects: 'EIREL_WEB_SEARCH_FETCH_REDIRECT_LIMIT',
        userAgent: 'EIREL_WEB_SEARCH_FETCH_USER_AGENT',
      },
      env,
    ),
  };
}
