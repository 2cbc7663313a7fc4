import { Counter, Histogram, type Registry } from 'prom-client';
import type { AuthRefusal } from './auth';

/** What every service counts that miners' tokens open; the registry adds the label `service`. */
export interface GateMetrics {
  authRefusals: Counter<'reason'>;
  ledgerFailures: Counter;
}

/** What every tool service counts. */
export interface ToolMetrics extends GateMetrics {
  calls: Counter<'tool' | 'outcome'>;
  seconds: Histogram<'tool'>;
  quotaRejections: Counter;
  budgetRejections: Counter<'scope'>;
  costUsd: Counter<'tool'>;
}

/** Registers the counters of who was turned away and of a ledger out of reach. */
export function createGateMetrics(registry: Registry): GateMetrics {
  const registers = [registry];
  const metrics: GateMetrics = {
    authRefusals: new Counter({
      name: 'eirel_tool_auth_refusals_total',
      help: 'Requests turned away by their bearer or job, by reason',
      labelNames: ['reason'],
      registers,
    }),
    ledgerFailures: new Counter({
      name: 'eirel_tool_ledger_failures_total',
      help: 'Calls refused or withheld because the ledger could not be reached',
      registers,
    }),
  };
  // Reasons that have not occurred show as 0, so that a rate can be built over the first one.
  const reasons: AuthRefusal[] = ['missing', 'forged', 'expired', 'foreign', 'replayed', 'contradiction'];
  for (const reason of reasons) metrics.authRefusals.inc({ reason }, 0);
  return metrics;
}

/** Registers the counters of a tool service. */
export function createToolMetrics(registry: Registry): ToolMetrics {
  const registers = [registry];
  return {
    ...createGateMetrics(registry),
    calls: new Counter({
      name: 'eirel_tool_calls_total',
      help: 'Tool calls that were carried out, by outcome',
      labelNames: ['tool', 'outcome'],
      registers,
    }),
    seconds: new Histogram({
      name: 'eirel_tool_call_duration_seconds',
      help: 'Time that tool calls took, without authentication and ledger',
      labelNames: ['tool'],
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    quotaRejections: new Counter({
      name: 'eirel_tool_quota_rejections_total',
      help: 'Calls refused because their job had made as many as it may',
      registers,
    }),
    budgetRejections: new Counter({
      name: 'eirel_tool_budget_rejections_total',
      help: 'Calls refused because a spending ceiling would be passed',
      labelNames: ['scope'],
      registers,
    }),
    costUsd: new Counter({
      name: 'eirel_tool_cost_usd_total',
      help: 'What tool calls were charged, in USD',
      labelNames: ['tool'],
      registers,
    }),
  };
}
