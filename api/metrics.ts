import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metric, Registry } from 'prom-client';
import { sharedVerifier } from '../adapters/keys/verifier';
import { oracleCounts } from '../adapters/postgres/run-spend';
import type { ApiDeps } from './deps';

const REFRESH_MS = 5_000;
const refreshedAt = new WeakMap<Registry, number>();

/** The metric of a registry by name, made on first use. */
function once<M extends Metric>(registry: Registry, name: string, make: () => M): M {
  return (registry.getSingleMetric(name) as M | undefined) ?? make();
}

function gauge(registry: Registry, name: string, help: string, labelNames: string[] = []): Gauge {
  return once(registry, name, () => new Gauge({ name, help, labelNames, registers: [registry] }));
}

/** Seconds that requests took, by method, route and status. */
export function requestSeconds(registry: Registry): Histogram {
  const name = 'eirel_owner_http_request_seconds';
  return once(
    registry,
    name,
    () =>
      new Histogram({
        name,
        help: 'Seconds that requests took.',
        labelNames: ['method', 'route', 'status'],
        buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
        registers: [registry],
      }),
  );
}

/** Shows what the verifier of signatures does, each time that metrics are read. */
export function showVerifier(registry: Registry): void {
  const name = 'eirel_owner_signatures_total';
  once(registry, name, () => {
    const counter = new Counter({
      name,
      help: 'Signatures by verdict and engine; refused ones met a full queue.',
      labelNames: ['verdict', 'engine'],
      registers: [registry],
      collect() {
        const { engine, stats } = sharedVerifier();
        counter.reset();
        for (const verdict of ['valid', 'invalid', 'refused'] as const) {
          counter.inc({ verdict, engine: engine.name }, stats[verdict]);
        }
      },
    });
    return counter;
  });
  const queue = 'eirel_owner_signatures_queued';
  once(registry, queue, () => {
    const waiting: Gauge = new Gauge({
      name: queue,
      help: 'Signatures that wait to be verified.',
      registers: [registry],
      collect: () => void waiting.set(sharedVerifier().queued),
    });
    return waiting;
  });
}

/** Where the chain stands, as this process sees it. */
async function showChain(metrics: Registry, chain: NonNullable<ApiDeps['chain']>): Promise<void> {
  const health = await chain.health();
  const show = (name: string, help: string, value: number): void =>
    gauge(metrics, `eirel_owner_chain_${name}`, help).set(value);
  show('connected', 'Whether a chain endpoint answers.', health.connected ? 1 : 0);
  show('connections_total', 'Connections made to chain endpoints since the start.', health.connections);
  if (health.block !== null) show('block', 'Best block.', health.block);
  if (health.finalizedBlock !== null) show('finalized_block', 'Finalised block.', health.finalizedBlock);
  if (health.lagSeconds !== null) show('lag_seconds', 'Age of the best block.', health.lagSeconds);
  const endpoints = gauge(metrics, 'eirel_owner_chain_endpoint', 'The endpoint in use.', ['endpoint']);
  endpoints.reset();
  endpoints.set({ endpoint: health.endpoint }, 1);
}

/** Brings the gauges up to date, at most every five seconds. */
export async function refreshGauges(deps: ApiDeps): Promise<void> {
  const { metrics, db } = deps;
  const now = Date.now();
  if (now - (refreshedAt.get(metrics) ?? 0) < REFRESH_MS) return;
  refreshedAt.set(metrics, now);
  const [submissions, deployments, active, open, validators] = await Promise.all([
    db.managedMinerSubmission.groupBy({ by: ['status', 'familyId'], _count: { _all: true } }),
    db.managedDeployment.groupBy({ by: ['status', 'healthStatus', 'familyId'], _count: { _all: true } }),
    db.managedDeployment.count({ where: { isActive: true } }),
    db.evaluationRun.findFirst({ where: { status: 'open' } }),
    db.validator.count({ where: { isActive: true } }),
  ]);
  gauge(metrics, 'eirel_owner_api_up', 'The owner API answers.').set(1);
  if (deps.chain) await showChain(metrics, deps.chain);
  const sum = (rows: { _count: { _all: number } }[]): number =>
    rows.reduce((total, row) => total + row._count._all, 0);
  gauge(metrics, 'eirel_owner_submissions_total', 'Submissions ever made.').set(sum(submissions));
  gauge(metrics, 'eirel_owner_deployments_total', 'Deployments ever made.').set(sum(deployments));
  gauge(metrics, 'eirel_owner_active_deployments_total', 'Deployments of the active set.').set(active);
  gauge(metrics, 'eirel_owner_validators_active', 'Active validators.').set(validators);
  gauge(metrics, 'eirel_owner_open_run_sequence', 'Sequence of the open run, 0 when none is open.').set(
    open?.sequence ?? 0,
  );
  gauge(
    metrics,
    'eirel_owner_open_run_ends_at_seconds',
    'Unix time at which the open run ends, 0 when none is open.',
  ).set(open ? open.endsAt.getTime() / 1000 : 0);
  const bySubmission = gauge(metrics, 'eirel_owner_submissions', 'Submissions by status and family.', [
    'status',
    'family',
  ]);
  bySubmission.reset();
  for (const row of submissions)
    bySubmission.set({ status: row.status, family: row.familyId }, row._count._all);
  const byDeployment = gauge(
    metrics,
    'eirel_owner_deployments',
    'Deployments by status, health and family.',
    ['status', 'health_status', 'family'],
  );
  byDeployment.reset();
  for (const row of deployments) {
    byDeployment.set(
      { status: row.status, health_status: row.healthStatus, family: row.familyId },
      row._count._all,
    );
  }
  await refreshTasks(deps, open?.id ?? null);
}

async function refreshTasks(deps: ApiDeps, runId: string | null): Promise<void> {
  const byTask = gauge(
    deps.metrics,
    'eirel_owner_tasks',
    "The open run's (miner, task) rows by status and family.",
    ['status', 'family'],
  );
  byTask.reset();
  const byTruth = gauge(
    deps.metrics,
    'eirel_owner_enrichments',
    "The open run's tasks whose truth oracles are asked for, by how far that is.",
    ['status'],
  );
  byTruth.reset();
  if (!runId) return;
  for (const [status, count] of Object.entries(await oracleCounts(deps.db, runId))) {
    byTruth.set({ status }, count);
  }
  const tasks = await deps.db.minerEvaluationTask.groupBy({
    by: ['status', 'familyId'],
    where: { runId },
    _count: { _all: true },
  });
  for (const row of tasks) byTask.set({ status: row.status, family: row.familyId }, row._count._all);
}
