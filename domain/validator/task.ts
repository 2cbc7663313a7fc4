/** What a validator is handed with a claim, read tolerantly: an owner may send more than we know (api.md 4.2, decision 26). */
import { z } from 'zod';
import { recordedToolName } from '../status';
import { parseIsoTimestamp } from '../time';

const json = z.record(z.string(), z.unknown());
// An entry that is no text says nothing that could be judged against; it is dropped, not the whole task with it.
const texts = z
  .array(z.unknown())
  .transform((values) => values.filter((value): value is string => typeof value === 'string'));

/** One turn of a scripted conversation; `assistant` is set where the reply is part of the script. */
export const scriptedTurnSchema = z.object({ user: z.string(), assistant: z.string().nullish() });
export type ScriptedTurn = z.infer<typeof scriptedTurnSchema>;

export const taskPayloadSchema = z.looseObject({
  prompt: z.string().default(''),
  mode: z.string().nullish(),
  category: z.string().nullish(),
  web_search: z.boolean().nullish(),
  turns: z.array(scriptedTurnSchema).nullish(),
  allowed_tools: texts.nullish(),
  inputs: json.nullish(),
  expected_output: json.nullish(),
  metadata: json.nullish(),
  oracle_source: z.string().nullish(),
});
export type TaskPayload = z.infer<typeof taskPayloadSchema>;

export const offeredMinerSchema = z.object({
  hotkey: z.string().min(1),
  /** Base address; `/v1/agent/infer/stream` or `/v1/agent/infer` is appended. */
  endpoint: z.url({ protocol: /^https?$/ }),
  /** Sent along as they are. */
  auth_headers: z.record(z.string(), z.string()).default({}),
});
export type OfferedMiner = z.infer<typeof offeredMinerSchema>;

export const cachedBaselineSchema = z.looseObject({
  response_text: z.string().nullish(),
  citations: z.array(z.unknown()).nullish(),
  source_vendor: z.string().nullish(),
  _reconciled: json.nullish(),
});
export type CachedBaseline = z.infer<typeof cachedBaselineSchema>;

const wireTime = z.string().transform((text, ctx) => {
  const millis = parseIsoTimestamp(text);
  if (millis !== null) return new Date(millis);
  ctx.addIssue({ code: 'custom', message: 'is not an ISO-8601 time' });
  return z.NEVER;
});

/** One leased task with its miners. `claim_expires_at` becomes a Date. */
export const claimedTaskSchema = z.object({
  task_evaluation_id: z.string().min(1),
  run_id: z.string().min(1),
  family_id: z.string().min(1),
  task_id: z.string().min(1),
  task_index: z.int().nullish(),
  task_payload: taskPayloadSchema,
  miners: z.array(offeredMinerSchema),
  claim_expires_at: wireTime,
  rubric_version: z.string().nullish(),
  benchmark_version: z.string().nullish(),
  /** Number of the lease; a result under an older one is refused. */
  fencing: z.number().nullish(),
  expected_claims: texts.nullish(),
  must_not_claim: texts.nullish(),
  oracle_status: z.string().nullish(),
  oracle_disagreement_note: z.string().nullish(),
  scoring_version: z.union([z.literal(1), z.literal(2)]).nullish(),
  cached_baseline: cachedBaselineSchema.nullish(),
});
export type ClaimedTask = z.infer<typeof claimedTaskSchema>;

/** A task as it comes, known well enough to be given back when the rest of it cannot be read. */
export const rawClaimedTaskSchema = z.looseObject({
  task_evaluation_id: z.string().min(1),
  fencing: z.number().nullish().catch(null),
});
export type RawClaimedTask = z.infer<typeof rawClaimedTaskSchema>;

/** Answer of the claim route; each task is read by itself with `claimedTaskSchema`. */
export const claimResponseSchema = z.object({
  tasks: z.array(rawClaimedTaskSchema),
  remaining_task_count: z.int().default(0),
});
export type ClaimResponse = z.infer<typeof claimResponseSchema>;

/** Answer of the heartbeat route. */
export const heartbeatResponseSchema = z.object({
  claim_expires_at: wireTime,
  fencing: z.number().nullish(),
});
export type HeartbeatResponse = z.infer<typeof heartbeatResponseSchema>;

/** Answer of the result route. */
export const resultResponseSchema = z.looseObject({
  task_evaluation_id: z.string(),
  status: z.string(),
  family_evaluation_complete: z.boolean().default(false),
  remaining_task_count: z.int().default(0),
});
export type ResultResponse = z.infer<typeof resultResponseSchema>;

/** Latency budgets per turn by mode, in seconds (evaluation.md 2.4). */
export interface LatencyBudgets {
  instant: number;
  thinking: number;
}

/** The mode a task runs in: what it says, else what its inputs say, else `instant`. */
export function modeOf(task: TaskPayload): string {
  const fromInputs = task.inputs?.mode;
  return task.mode || (typeof fromInputs === 'string' && fromInputs) || 'instant';
}

/** Seconds that one turn may take, null for a mode without a budget. */
export function latencyBudgetSeconds(mode: string, budgets: LatencyBudgets): number | null {
  return mode === 'instant' ? budgets.instant : mode === 'thinking' ? budgets.thinking : null;
}

/** What the answers of one task are judged against. */
export interface JudgingTruth {
  /** Settled claims, most important first; the gold answer alone where the owner sent none. */
  expectedClaims: string[];
  /** Everything an answer must not claim. */
  mustNotClaim: string[];
  /** The task's own part of it, which the judges are shown as constraints. */
  floorMustNotClaim: string[];
  gold: string;
  requiredTool: string | null;
  oracleStatus: string;
  disagreementNote: string | null;
  /** Text that answers are compared with, '' when there is none. */
  referenceText: string;
  /** Where the reference comes from. */
  referenceSource: string;
  referenceCitations: unknown[];
}

/**
 * Collects the truth of a claimed task. The reference is the owner's cached baseline, else the first expected claim,
 * else the gold answer (evaluation.md 3.5, decision 4).
 */
export function judgingTruth(task: ClaimedTask): JudgingTruth {
  const expected = task.task_payload.expected_output ?? {};
  const gold = textOr(expected.answer, '').trim();
  const floor = stringsOf(expected.must_not_claim);
  const claims = (task.expected_claims ?? []).map((claim) => claim.trim()).filter(Boolean);
  const expectedClaims = claims.length > 0 ? claims : gold ? [gold] : [];
  const deterministic = task.task_payload.oracle_source !== 'three_oracle';
  const oracleStatus = task.oracle_status || (deterministic ? 'deterministic' : 'disputed');
  const baseline = task.cached_baseline;
  const cached = (baseline?.response_text ?? '').trim();
  const first = expectedClaims[0] ?? '';
  const claimSource = oracleStatus === 'deterministic' ? 'deterministic' : 'consensus_claim';
  return {
    expectedClaims,
    mustNotClaim: unique([...floor, ...(task.must_not_claim ?? [])]),
    floorMustNotClaim: floor,
    gold,
    requiredTool: recordedToolName(textOr(expected.required_tool, '').trim()) || null,
    oracleStatus,
    disagreementNote:
      task.oracle_disagreement_note ?? (textOr(baseline?._reconciled?.disagreement_note, '') || null),
    referenceText: cached || first,
    referenceSource: cached ? baseline?.source_vendor || 'cached_baseline' : first ? claimSource : 'none',
    referenceCitations: cached ? (baseline?.citations ?? []) : [],
  };
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? unique(value.filter((item) => typeof item === 'string')) : [];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values.map((value) => value.trim()).filter(Boolean))];
}
