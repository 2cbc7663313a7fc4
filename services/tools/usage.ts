import { z } from 'zod';
import { HttpError } from '../../domain/http-errors';
import type { ToolName } from '../../domain/status';
import type { ToolLedger } from './ledger';
import { defineRoute, type Caller, type SideRoute } from './types';

/** Counters of one job at one service, as recorded; failed calls count. */
export const jobUsageSchema = z.object({
  job_id: z.string(),
  ledger_id: z.string(),
  request_count: z.int(),
  tool_counts: z.record(z.string(), z.int()),
  failed_count: z.int(),
  max_requests: z.int(),
});

/** `GET /v1/jobs/{job}/usage`: a job reads its own counters, the owner anybody's. */
export function usageRoute(ledger: ToolLedger, tools: readonly ToolName[], maxRequests: number): SideRoute {
  return defineRoute({
    method: 'get',
    path: '/v1/jobs/:job/usage',
    summary: 'Calls that a job has made of this service',
    access: 'either',
    response: jobUsageSchema,
    refusals: { 404: 'The job has made no call' },
    async handle({ req, caller }) {
      const jobId = ownJob(caller, req.params.job as string);
      const rows = await ledger.counts(jobId, tools);
      if (rows.length === 0) throw new HttpError(404, 'job usage not found');
      const counts: Record<string, number> = {};
      for (const { tool, calls } of rows) counts[tool] = (counts[tool] ?? 0) + calls;
      return {
        job_id: jobId,
        ledger_id: `ledger:${jobId}`,
        request_count: rows.reduce((sum, row) => sum + row.calls, 0),
        tool_counts: counts,
        failed_count: rows.reduce((sum, row) => sum + (row.status === 'ok' ? 0 : row.calls), 0),
        max_requests: maxRequests,
      };
    },
  });
}

/**
 * The job of a path, if the caller may read it.
 * @throws HttpError 403 for another's
 */
export function ownJob(caller: Caller, jobId: string): string {
  if (caller.kind === 'job' && caller.job.jobId !== jobId) {
    throw new HttpError(403, 'a job may only read what is its own');
  }
  return jobId;
}
