import { Counter, type Registry } from 'prom-client';

const COUNTERS = {
  claims: ['eirel_owner_task_claims_total', 'Leases given to validators'],
  results: ['eirel_owner_task_results_total', 'Results accepted, repeats left out'],
  disputed: [
    'eirel_owner_results_disputed_total',
    'Judgments whose score by the validator differs from the official one by more than 1e-6',
  ],
  returned: ['eirel_owner_rows_returned_total', 'Miner rows that a result gave back to the pool'],
  agent_crashes: [
    'eirel_owner_agent_crashes_total',
    'Calls under which the connection to an agent was refused or broke',
  ],
} as const;

/** A counter of the registry, made when it is first asked for. */
export function counterOf(registry: Registry, name: keyof typeof COUNTERS): Counter {
  const [metric, help] = COUNTERS[name];
  const present = registry.getSingleMetric(metric);
  return present instanceof Counter ? present : new Counter({ name: metric, help, registers: [registry] });
}
