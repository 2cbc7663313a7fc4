import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** A registry with the process metrics of Node and a histogram of requests, labelled with the service's name. */
export interface HttpMetrics {
  registry: Registry;
  /** Times every request that passes through it. */
  observe: RequestHandler;
}

/**
 * Makes the metrics of one service.
 * @param service value of the `service` label
 */
export function createHttpMetrics(service: string): HttpMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const duration = new Histogram({
    name: 'eirel_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 120, 600],
    registers: [registry],
  });
  const observe: RequestHandler = (req, res, next) => {
    const stop = duration.startTimer();
    res.on('close', () => {
      // The pattern, never the path: ids in a label would make a time series each.
      const route = req.route as { path?: unknown } | undefined;
      const path = typeof route?.path === 'string' ? `${req.baseUrl}${route.path}` : 'unmatched';
      stop({ method: req.method, route: path, status: String(res.statusCode) });
    });
    next();
  };
  return { registry, observe };
}
