import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { HttpError } from '../../domain/http-errors';
import { microToUsd, usdToMicro } from '../../domain/pricing/cost';
import { record, reserve, settle, type ProxyDeps } from './accounting';
import { BUDGET_EXHAUSTED, type JobSummary, type LedgerGroup } from '../../adapters/budget/ledger';

const TOOL_HOLD_MS = 60_000;

const usd = z.number().min(0);

/** Answer of `GET /v1/jobs/{job}/cost`. */
export const jobCostSchema = z.object({
  cost_usd_used: usd,
  llm_cost_usd: usd,
  tool_cost_usd: usd,
  max_usd_budget: usd,
  cost_rejections: z.int(),
  per_provider: z.record(z.string(), usd),
  per_span: z.record(z.string(), usd),
  per_span_buckets: z.record(z.string(), z.record(z.string(), usd)),
  span_parents: z.record(z.string(), z.string()),
});

/** Answer of `GET /v1/jobs/{job}/usage`. */
export const jobUsageSchema = z.object({
  job_id: z.string(),
  request_count: z.int(),
  actual_total_tokens: z.int(),
  cost_usd_used: usd,
  max_usd_budget: usd,
  cost_rejections: z.int(),
  provider_counts: z.record(z.string(), z.int()),
  model_counts: z.record(z.string(), z.int()),
  elapsed_seconds: z.number(),
});

/**
 * `GET /v1/jobs/{job}/cost` from the durable ledger, in USD. Spans are not kept, their maps are empty.
 * @throws HttpError 404 for a job without calls
 */
export async function jobCost(jobId: string, deps: ProxyDeps): Promise<z.infer<typeof jobCostSchema>> {
  const summary = await deps.ledger.summary(jobId);
  if (!summary) throw new HttpError(404, 'job not found');
  const perProvider: Record<string, number> = {};
  for (const group of summary.groups) {
    if (group.errorCode === BUDGET_EXHAUSTED) continue;
    const bucket = group.kind === 'llm' ? group.provider : group.kind;
    perProvider[bucket] = (perProvider[bucket] ?? 0) + group.costMicroUsd;
  }
  const llm = sum(summary, (group) => (group.kind === 'llm' ? group.costMicroUsd : 0));
  const total = sum(summary, (group) => group.costMicroUsd);
  return {
    cost_usd_used: microToUsd(total),
    llm_cost_usd: microToUsd(llm),
    tool_cost_usd: microToUsd(total - llm),
    max_usd_budget: microToUsd(deps.config.budgets.jobMicroUsd),
    cost_rejections: rejections(summary),
    per_provider: Object.fromEntries(
      Object.entries(perProvider).map(([key, micro]) => [key, microToUsd(micro)]),
    ),
    per_span: {},
    per_span_buckets: {},
    span_parents: {},
  };
}

/**
 * `GET /v1/jobs/{job}/usage` from the durable ledger: counts of model calls and tokens.
 * @throws HttpError 404 for a job without calls
 */
export async function jobUsage(jobId: string, deps: ProxyDeps): Promise<z.infer<typeof jobUsageSchema>> {
  const summary = await deps.ledger.summary(jobId);
  if (!summary) throw new HttpError(404, 'provider proxy job usage not found');
  const providers: Record<string, number> = {};
  const models: Record<string, number> = {};
  for (const group of summary.groups) {
    if (group.kind !== 'llm' || group.errorCode === BUDGET_EXHAUSTED) continue;
    const model = `${group.provider}:${group.model}`;
    providers[group.provider] = (providers[group.provider] ?? 0) + group.calls;
    models[model] = (models[model] ?? 0) + group.calls;
  }
  return {
    job_id: jobId,
    request_count: Object.values(providers).reduce((a, b) => a + b, 0),
    actual_total_tokens: sum(summary, (group) => group.tokens),
    cost_usd_used: microToUsd(sum(summary, (group) => group.costMicroUsd)),
    max_usd_budget: microToUsd(deps.config.budgets.jobMicroUsd),
    cost_rejections: rejections(summary),
    provider_counts: providers,
    model_counts: models,
    elapsed_seconds: Number(((Date.now() - summary.startedAt.getTime()) / 1000).toFixed(3)),
  };
}

/** Body of `POST /v1/jobs/{job}/charge_tool`; the amount in USD. */
export const chargeToolSchema = z.object({
  tool_name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[\w.-]+$/, 'must be a tool name'),
  amount_usd: z.number().min(0).max(1000),
  span_id: z.string().max(128).nullish(),
  parent_span_id: z.string().max(128).nullish(),
});
export type ChargeTool = z.infer<typeof chargeToolSchema>;

/** Answer of `POST /v1/jobs/{job}/charge_tool`. */
export const chargeToolResponseSchema = z.object({ cost_usd_used: usd, span_id: z.string().nullable() });

/**
 * Charges a tool call to a job, under the same ceilings as model calls.
 * @throws HttpError 404 for a job that was never minted and never called, 429 when a budget would be passed
 */
export async function chargeTool(
  jobId: string,
  charge: ChargeTool,
  deps: ProxyDeps,
): Promise<z.infer<typeof chargeToolResponseSchema>> {
  const job = await deps.auth.namedJob(jobId);
  if (!job.deploymentId && !(await deps.ledger.summary(jobId))) throw new HttpError(404, 'job not found');
  const amount = usdToMicro(charge.amount_usd);
  const call = {
    ...job,
    id: randomUUID(),
    kind: `tool:${charge.tool_name}`,
    provider: 'tool',
    model: charge.tool_name,
  };
  const reservation = await reserve(job, call, amount, TOOL_HOLD_MS, deps);
  await record(
    {
      ...call,
      status: 'ok',
      errorCode: null,
      promptTokens: 0,
      completionTokens: 0,
      costMicroUsd: amount,
      latencyMs: 0,
    },
    deps,
  );
  const balance = await settle(reservation, amount, job, deps);
  return { cost_usd_used: microToUsd(balance.jobUsedMicroUsd), span_id: charge.span_id ?? null };
}

function sum(summary: JobSummary, of: (group: LedgerGroup) => number): number {
  return summary.groups.reduce((total, group) => total + of(group), 0);
}

function rejections(summary: JobSummary): number {
  return sum(summary, (group) => (group.errorCode === BUDGET_EXHAUSTED ? group.calls : 0));
}
