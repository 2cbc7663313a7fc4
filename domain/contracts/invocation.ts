import { z } from 'zod';
import { laxBool, laxInt } from './lax';

/**
 * The contract between the subnet and a miner's agent: what `POST /v1/agent/infer` and its stream take and give
 * (runtime-and-tools.md 1.7, api.md 4.7). Unknown keys are dropped, as the original does, except inside `turns`.
 */

/** Deepest nesting of `metadata`, `inputs` and `context_bundle`: objects and arrays count one level each. */
export const MAX_NESTING = 8;
/** Most history entries in one request. */
export const MAX_HISTORY = 100;
/** Longest history content, in UTF-8 bytes. */
export const MAX_CONTENT_BYTES = 32_768;
/** Longest scripted turn, in characters (code points). */
export const MAX_TURN_CHARS = 10_000;
/** Keys that only the owner may put into a response's `metadata`; a miner's are stripped (decisions.md row 29). */
export const RESERVED_METADATA_KEYS = [
  'job_id',
  'executed_tool_calls',
  'proxy_cost_tag',
  'proxy_cost_usd',
  'proxy_tool_cost_usd',
  'proxy_cost_absent',
  'proxy_cost_by_span',
] as const;

/**
 * How deep a JSON value nests: a scalar is 0, `{}` is 1, `{a: []}` is 2. Stops counting beyond `limit`, so a
 * hostile value costs no more than the limit.
 */
export function nestingDepth(value: unknown, limit = MAX_NESTING + 1): number {
  if (value === null || typeof value !== 'object' || limit <= 0) return 0;
  let deepest = 0;
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    deepest = Math.max(deepest, nestingDepth(item, limit - 1));
  }
  return deepest + 1;
}

const json = z.record(z.string(), z.unknown());
const object = json.default({});
const shallow = json
  .refine((value) => nestingDepth(value) <= MAX_NESTING, {
    error: `nesting must not be deeper than ${MAX_NESTING} levels`,
  })
  .default({});
const text = z.string().nullish();
const characters = (max: number) =>
  z.string().refine((value) => [...value].length <= max, { error: `must have at most ${max} characters` });

/** One earlier message of the conversation. */
export const historyMessageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string().refine((value) => Buffer.byteLength(value, 'utf8') <= MAX_CONTENT_BYTES, {
    error: `content must be at most ${MAX_CONTENT_BYTES} UTF-8 bytes`,
  }),
  metadata: object,
});
export type HistoryMessage = z.infer<typeof historyMessageSchema>;

/** One turn of a scripted conversation; extra keys are refused. */
export const turnSchema = z.strictObject({
  user: characters(MAX_TURN_CHARS).min(1),
  assistant: characters(MAX_TURN_CHARS).nullish(),
});
export type Turn = z.infer<typeof turnSchema>;

const constraintsSchema = z.object({
  max_latency_ms: laxInt({ min: 1 }).nullish(),
  sync_mode: laxBool().default(true),
  quality_tier: z.enum(['standard', 'premium']).default('standard'),
  modalities_allowed: z.array(z.string()).default(['text']),
});

/** Body of `POST /v1/agent/infer` and `/v1/agent/infer/stream`. */
export const agentInvocationRequestSchema = z.object({
  prompt: z.string().min(1),
  history: z.array(historyMessageSchema).max(MAX_HISTORY).default([]),
  turns: z.array(turnSchema).nullish(),
  mode: z.enum(['instant', 'thinking']).nullish(),
  web_search: laxBool().nullish(),
  turn_id: text,
  task_id: text,
  session_id: text,
  family_id: text,
  episode_id: text,
  workflow_spec_id: text,
  workflow_version: text,
  planner_node_id: text,
  role_id: text,
  resume_token: text,
  callback_url: text,
  upstream_node_outputs: object,
  context_bundle: shallow,
  checkpoint_state: object,
  artifact_requirements: object,
  trace_policy: object,
  inputs: shallow,
  metadata: shallow,
  constraints: constraintsSchema.prefault({}),
  max_execution_seconds: laxInt({ min: 1 }).nullish(),
  checkpoint_interval_seconds: laxInt({ min: 1 }).nullish(),
});
export type AgentInvocationRequest = z.infer<typeof agentInvocationRequestSchema>;
/** The request as a caller may write it, defaults left out. */
export type AgentInvocationRequestInput = z.input<typeof agentInvocationRequestSchema>;

/** A file that an agent produced. */
export const agentArtifactSchema = z.object({
  artifact_id: z.string(),
  kind: z.enum(['image', 'audio', 'video', 'document', 'other']),
  uri: z.string(),
  mime_type: text,
  metadata: object,
});
export type AgentArtifact = z.infer<typeof agentArtifactSchema>;

/** Answer of `POST /v1/agent/infer`; `latency_ms` in milliseconds, `cost_tao` in TAO. */
export const agentInvocationResponseSchema = z.object({
  task_id: text,
  family_id: text,
  status: z.enum(['completed', 'failed', 'deferred']).default('completed'),
  output: object,
  artifacts: z.array(agentArtifactSchema).default([]),
  citations: z.array(z.string()).default([]),
  latency_ms: z.number().min(0).default(0),
  cost_tao: z.number().min(0).default(0),
  error: text,
  checkpoint_events: z.array(json).default([]),
  runtime_state_patch: object,
  resume_token: text,
  reliability_score: z.number().min(0).max(1).nullish(),
  recovery_score: z.number().min(0).max(1).nullish(),
  metadata: object,
});
export type AgentInvocationResponse = z.infer<typeof agentInvocationResponseSchema>;

/** A cited source: a bare URL, or a URL with a title. */
export const citationSchema = z.union([z.string(), z.looseObject({ url: z.string(), title: text })]);
export type Citation = z.infer<typeof citationSchema>;

const eventMetadata = { metadata: json.nullish() };

/** `delta`: a piece of the answer; the pieces concatenate. */
export const deltaEventSchema = z.looseObject({
  event: z.literal('delta'),
  text: z.string(),
  ...eventMetadata,
});
/** `tool_call`: the agent says that it calls a tool. */
export const toolCallEventSchema = z.looseObject({
  event: z.literal('tool_call'),
  tool_call: json,
  ...eventMetadata,
});
/** `tool_result`: what a tool gave back. */
export const toolResultEventSchema = z.looseObject({ event: z.literal('tool_result'), ...eventMetadata });
/** `citation`: one source, as it is found. */
export const citationEventSchema = z.looseObject({
  event: z.literal('citation'),
  citation: citationSchema,
  ...eventMetadata,
});
/** `trace`: the agent's own debugging; the owner's proxy removes it. */
export const traceEventSchema = z.looseObject({ event: z.literal('trace'), ...eventMetadata });
/** `checkpoint`: a graph agent's saved state. */
export const checkpointEventSchema = z.looseObject({ event: z.literal('checkpoint'), ...eventMetadata });
/**
 * `done`: the last line; its citations replace those streamed before. A field that breaks the contract loses its
 * own value only: the line stays a `done`, and a status that is not one counts as failed.
 */
export const doneEventSchema = z.looseObject({
  event: z.literal('done'),
  status: z.enum(['completed', 'failed', 'deferred']).default('completed').catch('failed'),
  output: json.nullish().catch(null),
  citations: z.array(citationSchema).nullish().catch(null),
  tool_calls: z.array(json).nullish().catch(null),
  error: text.catch(null),
  metadata: json.nullish().catch(null),
});
export type DoneEvent = z.infer<typeof doneEventSchema>;

/** One line of the NDJSON stream. */
export const agentStreamEventSchema = z.discriminatedUnion('event', [
  deltaEventSchema,
  toolCallEventSchema,
  toolResultEventSchema,
  citationEventSchema,
  traceEventSchema,
  checkpointEventSchema,
  doneEventSchema,
]);
export type AgentStreamEvent = z.infer<typeof agentStreamEventSchema>;

/**
 * Reads one line of an agent's stream.
 * @returns the event, or null for a blank line, text that is not JSON, or an event that the contract does not know;
 *   such lines are skipped, never fatal (evaluation.md 2.4)
 */
export function parseStreamLine(line: string): AgentStreamEvent | null {
  const trimmed = line.trim();
  if (!trimmed) return null;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    return null;
  }
  const parsed = agentStreamEventSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/**
 * Removes from a miner's metadata the keys that the owner alone may set.
 * @returns a new object; the argument is not changed
 */
export function stripReservedMetadata(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const reserved: readonly string[] = RESERVED_METADATA_KEYS;
  return Object.fromEntries(
    Object.entries(metadata).filter(([key]) => !reserved.includes(key) && !key.startsWith('proxy_cost_')),
  );
}

const ANSWER_KEYS = ['answer', 'content', 'text', 'response', 'message'] as const;

/**
 * The text that a miner answered with (evaluation.md 2.4): a key of `output`, else text blocks joined by blank
 * lines, else the output itself where it is a string, else `output_text`, `response_text`, `text` or `content`
 * beside it. The envelope is never serialised, since that would show the judge which side is the miner's.
 * @returns the text, or '' when there is none
 */
export function answerText(response: { output?: unknown } & Record<string, unknown>): string {
  const { output } = response;
  if (typeof output === 'string') return output;
  if (isObject(output)) {
    for (const key of ANSWER_KEYS) {
      const found = textOf(output[key]);
      if (found) return found;
    }
  }
  for (const key of ['output_text', 'response_text', 'text', 'content']) {
    const found = textOf(response[key]);
    if (found) return found;
  }
  return '';
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  const blocks = value.map((block) => {
    if (typeof block === 'string') return block;
    return isObject(block) && typeof block.text === 'string' ? block.text : '';
  });
  return blocks.filter(Boolean).join('\n\n');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
