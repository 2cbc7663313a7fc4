/** Whom a call is charged to. */
export interface JobIdentity {
  jobId: string;
  deploymentId: string | null;
  runId: string | null;
}

/** One call, as it is kept for good. Money in micro-USD, time in milliseconds. */
export interface LedgerEntry extends JobIdentity {
  id: string;
  /** `llm`, or `tool:<name>`. */
  kind: string;
  provider: string;
  model: string;
  status: 'ok' | 'error';
  errorCode: string | null;
  promptTokens: number;
  completionTokens: number;
  costMicroUsd: number;
  latencyMs: number;
}
