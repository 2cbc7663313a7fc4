/** What the owner adds to an agent's answer, after taking out what the agent has no right to say (decision 29). */
import { messageOf } from '../../adapters/logging';
import { jobCosts, readToolCalls, usd } from '../../adapters/postgres/ledger';
import { stripReservedMetadata } from '../../domain/contracts/invocation';
import type { ApiDeps } from '../deps';

/** Keys beside the contract's reserved ones that only the proxy sets. */
const PROXY_KEYS = ['failure_class', 'proxy_tool_cost_usd'];

/** A miner's metadata without the keys that are the owner's. */
export function minerMetadata(metadata: unknown): Record<string, unknown> {
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) return {};
  const kept = Object.entries(stripReservedMetadata(metadata as Record<string, unknown>));
  return Object.fromEntries(kept.filter(([key]) => !PROXY_KEYS.includes(key)));
}

/** True when a miner's metadata holds a key that is the owner's. */
export function hasReservedKeys(metadata: unknown): boolean {
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) return false;
  return Object.keys(minerMetadata(metadata)).length !== Object.keys(metadata).length;
}

/**
 * The attested facts of a job: its id, its tool calls and its cost, in USD. A cost that cannot be read is null, which
 * leaves the cost out of the score.
 */
export async function attestedMetadata(deps: ApiDeps, jobId: string): Promise<Record<string, unknown>> {
  const unreadable = (what: string) => (error: unknown) => {
    deps.logger.error(`the ${what} of a job could not be read`, { jobId, reason: messageOf(error) });
    return null;
  };
  const [costs, calls] = await Promise.all([
    jobCosts(deps.db, [jobId]).catch(unreadable('cost')),
    readToolCalls(deps.db, jobId).catch(unreadable('tool calls')),
  ]);
  const cost = costs?.get(jobId) ?? null;
  return {
    job_id: jobId,
    proxy_cost_tag: jobId,
    proxy_cost_usd: cost === null ? null : usd(cost.modelMicroUsd),
    proxy_tool_cost_usd: cost === null ? null : usd(cost.toolMicroUsd),
    proxy_cost_absent: cost !== null && cost.calls === 0,
    executed_tool_calls: (calls ?? []).map((call) => ({
      tool: call.tool_name,
      args: call.args_json,
      status: call.status,
      latency_ms: call.latency_ms,
      cost_usd: call.cost_usd,
    })),
  };
}
