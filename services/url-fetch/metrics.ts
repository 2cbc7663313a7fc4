import { Counter, type Registry } from 'prom-client';

/** Counters of url-fetch under the names that the dashboards know. */
export interface FetchMetrics {
  requests: Counter;
  ssrfBlocks: Counter;
  rateLimitBlocks: Counter;
  failures: Counter<'kind'>;
  truncations: Counter;
}

export function createFetchMetrics(registry: Registry): FetchMetrics {
  const counter = (name: string, help: string) =>
    new Counter({ name: `eirel_url_fetch_${name}_total`, help, registers: [registry] });
  return {
    requests: counter('requests', 'Fetches asked for'),
    ssrfBlocks: counter('ssrf_blocks', 'Fetches refused because of where they led'),
    rateLimitBlocks: counter('rate_limit_blocks', 'Fetches refused because their host was asked too often'),
    truncations: counter('truncations', 'Bodies cut at the size limit'),
    failures: new Counter({
      name: 'eirel_url_fetch_failures_total',
      help: 'Fetches that were tried and failed, by kind',
      labelNames: ['kind'],
      registers: [registry],
    }),
  };
}
