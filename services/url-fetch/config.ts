import { usdToMicro } from '../../domain/pricing/cost';
import { numberEnv, parseEnv } from '../http';
import { toolConfigFromEnv, type ToolServiceConfig } from '../tools';
import { pageFetchConfigFromEnv, type PageFetchConfig } from './fetch-config';

export interface UrlFetchConfig extends ToolServiceConfig {
  priceMicroUsd: number;
  page: PageFetchConfig;
}

/**
 * Reads the configuration of url-fetch.
 * @throws Error that names the variables which are missing or wrong
 */
export function urlFetchConfigFromEnv(env: NodeJS.ProcessEnv): UrlFetchConfig {
  const common = toolConfigFromEnv(
    {
      port: 'EIREL_URL_FETCH_PORT',
      defaultPort: 8087,
      token: 'EIREL_URL_FETCH_API_TOKEN',
      maxRequests: 'EIREL_URL_FETCH_DEFAULT_MAX_REQUESTS',
      defaultMaxRequests: 12,
    },
    env,
  );
  const { EIREL_URL_FETCH_PER_CALL_COST_USD: price } = parseEnv(
    { EIREL_URL_FETCH_PER_CALL_COST_USD: numberEnv(0.0005, 0, 1000) },
    env,
  );
  return {
    ...common,
    priceMicroUsd: usdToMicro(price),
    page: pageFetchConfigFromEnv(
      {
        maxBytes: 'EIREL_URL_FETCH_MAX_RESPONSE_BYTES',
        timeoutSeconds: 'EIREL_URL_FETCH_TIMEOUT_SECONDS',
        maxRedirects: 'EIREL_URL_FETCH_MAX_REDIRECTS',
        userAgent: 'EIREL_URL_FETCH_USER_AGENT',
      },
      env,
    ),
  };
}
