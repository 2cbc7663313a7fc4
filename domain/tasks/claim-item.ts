/** One task of a claim as the wire shows it (api.md 4.2, decisions 4, 5, 26, 28, 30). */
import { naiveIso } from '../time';
import { isObject } from './clean-json';

/** Metadata of a task that only the owner sees. */
export const HIDDEN_TASK_METADATA = ['hidden_fixture', 'visibility', 'seed_id', 'topic'] as const;
/** How long a validator's baseline is handed to later claims, in seconds; the owner's holds for the whole run. */
export const BASELINE_TTL_SECONDS = 12 * 3600;

/** What an attempt's job may still record after its lease has ended, in seconds (decision 2). */
export const JOB_GRACE_SECONDS = 60;

/** One miner of a claimed task, with the job that its attempt runs under. */
export interface ClaimedMiner {
  rowId: string;
  hotkey: string;
  deploymentId: string;
  jobId: string;
  /** 1 for the first attempt at this (task, miner). */
  attempt: number;
}

/** One leased task. `fencing` is the number of the lease; times are instants, money is USD. */
export interface ClaimedTask {
  taskEvaluationId: string;
  runId: string;
  familyId: string;
  taskId: string;
  taskIndex: number;
  payload: Record<string, unknown>;
  rubricVersion: string;
  benchmarkVersion: string;
  scoringVersion: number;
  fencing: bigint;
  claimedAt: Date;
  expiresAt: Date;
  expectedClaims: unknown[];
  mustNotClaim: unknown[];
  oracleStatus: string | null;
  /** null when none is stored, or the stored one is a validator's and 12 hours old. */
  cachedBaseline: Record<string, unknown> | null;
  miners: ClaimedMiner[];
}

/** Wire form of `ClaimedTask`. */
export interface ClaimItem {
  task_evaluation_id: string;
  run_id: string;
  family_id: string;
  task_id: string;
  task_index: number;
  task_payload: Record<string, unknown>;
  miners: { hotkey: string; endpoint: string; auth_headers: Record<string, string> }[];
  claim_expires_at: string;
  rubric_version: string;
  benchmark_version: string;
  cached_baseline: Record<string, unknown> | null;
  expected_claims: unknown[];
  must_not_claim: unknown[];
  oracle_status: string | null;
  scoring_version: number;
  fencing: number;
  claim_heartbeat_url: string;
}

/** A task without the metadata that only the owner sees; `expected_output` stays, validators judge by it. */
export function validatorPayload(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { metadata } = payload;
  if (!isObject(metadata)) return { ...payload };
  const hidden: readonly string[] = HIDDEN_TASK_METADATA;
  const shown = Object.entries(metadata).filter(([key]) => !hidden.includes(key));
  return { ...payload, metadata: Object.fromEntries(shown) };
}

/**
 * Builds the item that a validator gets.
 * @param publicUrl base of this API as validators reach it, `EIREL_PUBLIC_URL`
 * @param tokenOf mints the bearer of one attempt
 */
export function claimItem(
  task: ClaimedTask,
  publicUrl: string,
  tokenOf: (task: ClaimedTask, miner: ClaimedMiner) => string,
): ClaimItem {
  const base = publicUrl.replace(/\/+$/, '');
  const url = (path: string) => `${base}${path}`;
  const part = encodeURIComponent;
  return {
    task_evaluation_id: task.taskEvaluationId,
    run_id: task.runId,
    family_id: task.familyId,
    task_id: task.taskId,
    task_index: task.taskIndex,
    task_payload: validatorPayload(task.payload),
    miners: task.miners.map((miner) => ({
      hotkey: miner.hotkey,
      endpoint: url(`/v1/validator/runs/${part(task.runId)}/deployments/${part(miner.deploymentId)}`),
      auth_headers: { Authorization: `Bearer ${tokenOf(task, miner)}` },
    })),
    claim_expires_at: naiveIso(task.expiresAt),
    rubric_version: task.rubricVersion,
    benchmark_version: task.benchmarkVersion,
    cached_baseline: task.cachedBaseline,
    expected_claims: task.expectedClaims,
    must_not_claim: task.mustNotClaim,
    oracle_status: task.oracleStatus,
    scoring_version: task.scoringVersion,
    fencing: Number(task.fencing),
    claim_heartbeat_url: url(
      `/v1/families/${part(task.familyId)}/task-evaluations/${part(task.taskEvaluationId)}/heartbeat`,
    ),
  };
}

/**
 * When a lease ends after a heartbeat (decision 6): one lease from now, never beyond the work cap counted from the
 * claim, and never earlier than it ends already.
 */
export function extendedExpiry(
  claim: { claimedAt: Date; expiresAt: Date },
  limits: { leaseSeconds: number; workCapSeconds: number },
  now: Date,
): Date {
  const wanted = now.getTime() + limits.leaseSeconds * 1000;
  const cap = claim.claimedAt.getTime() + limits.workCapSeconds * 1000;
  return new Date(Math.max(claim.expiresAt.getTime(), Math.min(wanted, cap)));
}
