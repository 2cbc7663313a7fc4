import { Batch } from '../batch';
import { isItemFault, type PrismaClient } from '../postgres';
import type { LedgerEntry } from './entry';

/** A tool call as it stands in the attestation log; only calls of status `ok` attest. */
export interface AttestedCall {
  id: string;
  jobId: string;
  toolName: string;
  /** SHA-256 of the arguments' canonical JSON. */
  argsHash: string;
  argsJson: object;
  resultDigest: string;
  latencyMs: number;
  costUsd: number;
  status: 'ok' | 'error';
  error: string | null;
}

/** One call to be kept: its charge, its attestation, or both, under one id. */
export interface CallRecord {
  charge: LedgerEntry | null;
  attestation: AttestedCall | null;
}

/** The worst-case price of a call under way. */
export interface Hold {
  callId: string;
  jobId: string;
  deploymentId: string | null;
  runId: string | null;
  amountMicroUsd: number;
  /** After how long it counts no more, whatever became of the call, in milliseconds. */
  lapseMs: number;
}

const BATCH = { size: 200, lanes: 2, isItemFault };
const NOW = `clock_timestamp() AT TIME ZONE 'UTC'`;

const WRITE_CALLS = `
WITH call AS (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS c(
    id text, job_id text, deployment_id text, epoch_id text, charged boolean, attested boolean,
    kind text, provider text, model text, error_code text, prompt_tokens integer, completion_tokens integer,
    cost_micro_usd bigint, tool_name text, args_hash text, args_json jsonb, result_digest text, cost_usd float8,
    error text, status text, latency_ms integer)
), released AS (
  DELETE FROM budget_holds h USING call c WHERE h.id = c.id
), attested AS (
  INSERT INTO orchestrator_tool_call_log
    (id, job_id, tool_name, args_hash, args_json, result_digest, latency_ms, cost_usd, status, error, ts)
  SELECT id, job_id, tool_name, args_hash, args_json, result_digest, latency_ms, cost_usd, status, error, ${NOW}
  FROM call WHERE attested ON CONFLICT (id) DO NOTHING
)
INSERT INTO provider_calls
  (id, job_id, deployment_id, epoch_id, kind, provider, model, status, error_code, prompt_tokens, completion_tokens,
   cost_micro_usd, latency_ms, created_at)
SELECT id, job_id, deployment_id, epoch_id, kind, provider, model, status, error_code, prompt_tokens,
  completion_tokens, cost_micro_usd, latency_ms, ${NOW}
FROM call WHERE charged ON CONFLICT (id) DO NOTHING`;

const PLACE_HOLDS = `
INSERT INTO budget_holds (id, job_id, deployment_id, epoch_id, amount_micro_usd, expires_at)
SELECT id, job_id, deployment_id, epoch_id, amount, ${NOW} + lapse_ms * interval '1 millisecond'
FROM jsonb_to_recordset($1::jsonb) AS h(
  id text, job_id text, deployment_id text, epoch_id text, amount bigint, lapse_ms bigint)
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at`;

/**
 * Writes what calls hold and what became of them. Calls that come together are written by one statement; each is
 * answered when it is committed. A call's record and the end of its hold are one step.
 */
export class CallRecords {
  private readonly calls: Batch<CallRecord>;
  private readonly holds: Batch<Hold>;

  constructor(private readonly prisma: PrismaClient) {
    this.calls = new Batch((records) => this.writeCalls(records), BATCH);
    this.holds = new Batch((holds) => this.placeHolds(holds), BATCH);
  }

  /** Writes a call, and lets go of its hold; the same id twice is one entry. Database errors pass through. */
  write(record: CallRecord): Promise<void> {
    return this.calls.add(record);
  }

  /** Keeps a hold before its call is sent. Database errors pass through. */
  hold(hold: Hold): Promise<void> {
    return this.holds.add(hold);
  }

  /** Lets go of a hold whose call was never sent. */
  async release(callId: string): Promise<void> {
    await this.prisma.budgetHold.deleteMany({ where: { id: callId } });
  }

  private async writeCalls(records: readonly CallRecord[]): Promise<void[]> {
    await this.prisma.$executeRawUnsafe(WRITE_CALLS, JSON.stringify(records.map(rowOf)));
    return records.map(() => undefined);
  }

  private async placeHolds(holds: readonly Hold[]): Promise<void[]> {
    const rows = holds.map((hold) => ({
      id: hold.callId,
      job_id: hold.jobId,
      deployment_id: hold.deploymentId,
      epoch_id: hold.runId,
      amount: hold.amountMicroUsd,
      lapse_ms: Math.ceil(hold.lapseMs),
    }));
    await this.prisma.$executeRawUnsafe(PLACE_HOLDS, JSON.stringify(rows));
    return holds.map(() => undefined);
  }
}

function rowOf({ charge, attestation }: CallRecord): Record<string, unknown> {
  return {
    charged: charge !== null,
    attested: attestation !== null,
    ...(charge && {
      id: charge.id,
      job_id: charge.jobId,
      deployment_id: charge.deploymentId,
      epoch_id: charge.runId,
      kind: charge.kind,
      provider: charge.provider,
      model: charge.model,
      status: charge.status,
      error_code: charge.errorCode,
      prompt_tokens: charge.promptTokens,
      completion_tokens: charge.completionTokens,
      cost_micro_usd: charge.costMicroUsd,
      latency_ms: charge.latencyMs,
    }),
    ...(attestation && {
      id: attestation.id,
      job_id: attestation.jobId,
      tool_name: attestation.toolName,
      args_hash: attestation.argsHash,
      args_json: attestation.argsJson,
      result_digest: attestation.resultDigest,
      latency_ms: attestation.latencyMs,
      cost_usd: attestation.costUsd,
      status: attestation.status,
      error: attestation.error,
    }),
  };
}
