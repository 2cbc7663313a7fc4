import { Counter, Gauge, type Registry } from 'prom-client';
import { createGateMetrics, type GateMetrics } from '../tools/metrics';

/** The proxy's own metrics, under the names that the dashboards and alerts know. */
export interface ProxyMetrics extends GateMetrics {
  requests: Counter;
  rejections: Counter;
  providerRequests: Counter<'provider'>;
  costUsd: Counter<'provider'>;
}

export function createProxyMetrics(registry: Registry): ProxyMetrics {
  const registers = [registry];
  new Gauge({ name: 'eirel_provider_proxy_up', help: '1 while the proxy runs', registers }).set(1);
  return {
    ...createGateMetrics(registry),
    requests: new Counter({
      name: 'eirel_provider_proxy_requests_total',
      help: 'Model calls asked for',
      registers,
    }),
    rejections: new Counter({
      name: 'eirel_provider_proxy_quota_rejections_total',
      help: 'Calls refused because a budget would be passed',
      registers,
    }),
    providerRequests: new Counter({
      name: 'eirel_provider_proxy_provider_requests_total',
      help: 'Model calls asked for, by provider',
      labelNames: ['provider'],
      registers,
    }),
    costUsd: new Counter({
      name: 'eirel_provider_proxy_cost_usd_total',
      help: 'What model calls cost, in USD',
      labelNames: ['provider'],
      registers,
    }),
  };
}
