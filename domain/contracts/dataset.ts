/**
 * The evaluation bundle (evaluation.md section 1.3): one JSON object per family and run, from a file or an object
 * store. A sampler's pool is the same object with more tasks than are drawn.
 */
import { z } from 'zod';

export const BUNDLE_KIND = 'family_evaluation_bundle';

export const TASK_MODES = ['instant', 'thinking'] as const;
export const TaskModeSchema = z.enum(TASK_MODES);
export type TaskMode = z.infer<typeof TaskModeSchema>;

export const ORACLE_SOURCES = ['three_oracle', 'deterministic'] as const;
export type OracleSource = (typeof ORACLE_SOURCES)[number];

/** Names that older publishers wrote for what is now `deterministic`. */
const LEGACY_DETERMINISTIC = new Set([
  'live_endpoint',
  'live_endpoint_composed',
  'deterministic_grader',
  'gpt5_oracle',
  'planted_fact',
  'document_span',
  'sandbox_reference',
  'url_fetch_cache',
]);

/** Current names as they are, legacy names as `deterministic`, anything else null (which is treated as deterministic). */
export function normaliseOracleSource(value: unknown): OracleSource | null {
  if (value === 'three_oracle' || value === 'deterministic') return value;
  return typeof value === 'string' && LEGACY_DETERMINISTIC.has(value) ? 'deterministic' : null;
}

const JsonObject = z.record(z.string(), z.unknown());
/** Publishers write null and leave a field out alike; inside, a field is either there or not. */
const optional = <T extends z.ZodType>(schema: T) =>
  schema
    .nullish()
    .transform((value) => value ?? undefined)
    .optional();
const objectOrEmpty = JsonObject.nullish().transform((value) => value ?? {});
const stringsOrEmpty = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);

export const TurnSchema = z.object({
  user: z.string(),
  /** a scripted reply: this turn is history and no call is made for it */
  assistant: optional(z.string()),
});
export type Turn = z.infer<typeof TurnSchema>;

export const ExpectedOutputSchema = z.looseObject({
  /** gold answer; never shown to a miner */
  answer: optional(z.string()),
  must_not_claim: optional(z.array(z.string())),
  required_tool: optional(z.string()),
  /** shown to the oracles only */
  attached_document: optional(z.string()),
});

/** Unknown top-level fields of a task are dropped; unknown keys of the nested objects are kept. */
export const TaskSchema = z.object({
  task_id: z.string().min(1, 'a task needs an id').max(128),
  family_id: optional(z.string().min(1)),
  prompt: z.string(),
  task_mode: optional(z.string()),
  execution_mode: optional(z.string()),
  mode: optional(TaskModeSchema),
  domain: optional(z.string()),
  category: z
    .string()
    .nullish()
    .transform((value) => value ?? ''),
  difficulty: z
    .enum(['standard', 'hard', 'expert'])
    .nullish()
    .transform((value) => value ?? ('standard' as const)),
  web_search: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
  turns: optional(z.array(TurnSchema)),
  risk_tags: stringsOrEmpty,
  allowed_tools: stringsOrEmpty,
  retrieval_constraints: objectOrEmpty,
  expected_output: ExpectedOutputSchema.nullish().transform((value) => value ?? {}),
  inputs: objectOrEmpty,
  metadata: objectOrEmpty,
  oracle_source: z.unknown().nullish().transform(normaliseOracleSource),
});
export type EvaluationTask = z.infer<typeof TaskSchema>;

export const CorpusSchema = z.object({
  corpus_id: z.string().min(1),
  documents: z.array(
    z.object({ doc_id: z.string().min(1), content: z.string(), title: optional(z.string()) }),
  ),
});
export type Corpus = z.infer<typeof CorpusSchema>;

export const BundleSchema = z
  .object({
    kind: z.literal(BUNDLE_KIND),
    run_id: optional(z.string()),
    family_id: z.string().min(1),
    benchmark_version: optional(z.string()),
    rubric_version: optional(z.string()),
    tasks: z.array(TaskSchema),
    corpora: z
      .array(CorpusSchema)
      .nullish()
      .transform((value) => value ?? []),
    retrieval_environment: optional(JsonObject),
    allowed_tool_policy: optional(JsonObject),
    policy_version: optional(z.string()),
    source_artifacts: z.unknown().optional(),
    metadata: objectOrEmpty,
  })
  .superRefine((bundle, context) => {
    const seen = new Set<string>();
    bundle.tasks.forEach((task, index) => {
      if (seen.has(task.task_id)) {
        context.addIssue({
          code: 'custom',
          path: ['tasks', index, 'task_id'],
          message: `task id ${task.task_id} is used twice`,
        });
      }
      seen.add(task.task_id);
      if (task.family_id !== undefined && task.family_id !== bundle.family_id) {
        context.addIssue({
          code: 'custom',
          path: ['tasks', index, 'family_id'],
          message: `belongs to ${task.family_id}, the bundle to ${bundle.family_id}`,
        });
      }
    });
  })
  .transform((bundle) => ({
    ...bundle,
    tasks: bundle.tasks.map((task) => ({ ...task, family_id: bundle.family_id })),
  }));
export type EvaluationBundle = z.infer<typeof BundleSchema>;

/** A dataset that cannot be used; the message says which field and what to do. Nothing was changed. */
export class DatasetError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DatasetError';
  }
}

/**
 * Checks a parsed bundle or pool file.
 * @param json the parsed JSON
 * @param expectedFamily the family that the file is for
 * @param source where it came from, for the message (a path or an object key, no credentials)
 * @throws DatasetError naming up to five offending fields
 */
export function parseBundle(json: unknown, expectedFamily: string, source: string): EvaluationBundle {
  const result = BundleSchema.safeParse(json);
  if (!result.success) {
    const issues = result.error.issues;
    const shown = issues.slice(0, 5).map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`);
    const more = issues.length > shown.length ? ` and ${issues.length - shown.length} more` : '';
    throw new DatasetError(`dataset ${source} is not a valid evaluation bundle: ${shown.join('; ')}${more}`);
  }
  if (result.data.family_id !== expectedFamily) {
    throw new DatasetError(
      `dataset ${source} declares family ${result.data.family_id}, but ${expectedFamily} was asked for: check the key template`,
    );
  }
  return result.data;
}

/** The mode a miner is timed by; a task without one is `instant`. */
export function taskMode(task: Pick<EvaluationTask, 'mode'>): TaskMode {
  return task.mode ?? 'instant';
}

/** True when the three oracles are asked; null and legacy sources are deterministic. */
export function needsOracles(task: Pick<EvaluationTask, 'oracle_source'>): boolean {
  return task.oracle_source === 'three_oracle';
}

/** The gold answer trimmed, or null where the task has none. */
export function goldAnswer(task: Pick<EvaluationTask, 'expected_output'>): string | null {
  const answer = (task.expected_output.answer ?? '').trim();
  return answer === '' ? null : answer;
}

/** The claims that knock an answer out, before the reconciler adds its own. */
export function forbiddenClaims(task: Pick<EvaluationTask, 'expected_output'>): string[] {
  return task.expected_output.must_not_claim ?? [];
}

/** The tool that the ledger must attest, or null. */
export function requiredTool(task: Pick<EvaluationTask, 'expected_output'>): string | null {
  const tool = (task.expected_output.required_tool ?? '').trim();
  return tool === '' ? null : tool;
}

const UNTAGGED = 'untagged';

/** Row and column of the capability x domain matrix; category and domain stand in for missing tags. */
export function matrixTags(task: Pick<EvaluationTask, 'metadata' | 'category' | 'domain'>): {
  capability: string;
  domain: string;
} {
  return {
    capability: tag(task.metadata.capability) ?? tag(task.category) ?? UNTAGGED,
    domain: tag(task.metadata.domain) ?? tag(task.domain) ?? UNTAGGED,
  };
}

function tag(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null;
}

const OWNER_ONLY_METADATA = new Set(['hidden_fixture', 'visibility', 'seed_id', 'topic']);

/** A frozen task as a validator with a lease sees it: without the owner's own metadata, gold included (section 2.2). */
export function claimPayload(task: EvaluationTask): EvaluationTask {
  const metadata = Object.fromEntries(
    Object.entries(task.metadata).filter(([key]) => !OWNER_ONLY_METADATA.has(key)),
  );
  return { ...task, metadata };
}

/** What run views show of a bundle. */
export interface BundleSummary {
  kind: typeof BUNDLE_KIND;
  task_count: number;
  benchmark_version: string;
  rubric_version: string;
  categories: string[];
  difficulty_levels: string[];
  task_families: string[];
  evaluation_tracks: string[];
}

/** Counts and the sorted distinct labels of a frozen bundle. */
export function bundleSummary(bundle: EvaluationBundle): BundleSummary {
  const distinct = (values: readonly (string | null)[]): string[] =>
    [...new Set(values.filter((value) => value !== null && value !== ''))].sort() as string[];
  return {
    kind: BUNDLE_KIND,
    task_count: bundle.tasks.length,
    benchmark_version: bundle.benchmark_version ?? '',
    rubric_version: bundle.rubric_version ?? '',
    categories: distinct(bundle.tasks.map((task) => task.category)),
    difficulty_levels: distinct(bundle.tasks.map((task) => task.difficulty)),
    task_families: distinct(bundle.tasks.map((task) => tag(task.metadata.task_family) ?? task.category)),
    evaluation_tracks: distinct(bundle.tasks.map((task) => tag(task.metadata.evaluation_track))),
  };
}
