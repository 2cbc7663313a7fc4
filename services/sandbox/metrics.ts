import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Metrics of the sandbox beside those of every tool. */
export interface SandboxMetrics {
  timeouts: Counter;
  failures: Counter;
  seconds: Histogram;
}

/** Registers them; `sessions` tells how many sessions are held now. */
export function createSandboxMetrics(registry: Registry, sessions: () => number): SandboxMetrics {
  const registers = [registry];
  new Gauge({
    name: 'eirel_sandbox_sessions',
    help: 'Sessions held',
    registers,
    collect() {
      this.set(sessions());
    },
  });
  return {
    timeouts: new Counter({
      name: 'eirel_sandbox_execute_timeouts_total',
      help: 'Executions that were stopped for their time',
      registers,
    }),
    failures: new Counter({
      name: 'eirel_sandbox_execute_failures_total',
      help: 'Executions whose sandbox or session ended under them or did not start',
      registers,
    }),
    seconds: new Histogram({
      name: 'eirel_sandbox_execute_seconds',
      help: 'Time from the start of a sandbox to its answer',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 35],
      registers,
    }),
  };
}
