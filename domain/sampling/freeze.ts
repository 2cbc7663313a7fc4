/** From drawn tasks to the bundle that a run is pinned to, and the digests that tie it to the pool. */
import type { EvaluationBundle, EvaluationTask } from '../contracts/dataset';
import { matrixTags } from '../contracts/dataset';
import { canonicalJson, digestOf } from '../evidence/canonical';
import type { MatrixDraw, MatrixItem } from './matrix';

const LIVE_WEB = 'live_web';
const DEFAULT_TRACK = 'public';
/** Given to tasks that search the live web and name no environment of their own. */
export const DEFAULT_RETRIEVAL_ENVIRONMENT = { kind: LIVE_WEB, tools: ['web_search', 'url_fetch'] };

/** One task of the pool as it is published: where it lies in the matrix and the digest of its content. */
export interface PoolItem extends MatrixItem {
  sha256: string;
}

/** What is published about a draw when the run opens (`metadata.dataset_generator.sampler`). */
export interface SamplerPromise {
  algorithm: string;
  /** SHA-256 of the seed */
  commitment: string;
  /** SHA-256 of the canonical pool index */
  pool_digest: string;
  pool_size: number;
  size: number;
}

/**
 * The pool without its content, sorted by task id: enough to repeat the draw, and to recognise each drawn task.
 */
export function poolIndex(pool: readonly EvaluationTask[]): PoolItem[] {
  return pool
    .map((task) => ({ task_id: task.task_id, ...matrixTags(task), sha256: taskDigest(task) }))
    .sort((a, b) => (a.task_id < b.task_id ? -1 : 1));
}

/** Digest of a whole pool, the same for every order of its tasks. */
export function poolDigest(index: readonly PoolItem[]): string {
  return digestOf([...index].sort((a, b) => (a.task_id < b.task_id ? -1 : 1)));
}

const STAMPED_KEYS = new Set([
  'owner_frozen',
  'run_id',
  'benchmark_version',
  'rubric_version',
  'evaluation_track',
]);

/** Digest of a task's content, the same before and after `freezeBundle` has stamped it. */
export function taskDigest(task: EvaluationTask): string {
  const metadata = Object.fromEntries(
    Object.entries(task.metadata).filter(([key]) => !STAMPED_KEYS.has(key)),
  );
  const inputs = Object.fromEntries(
    Object.entries(task.inputs).filter(
      ([key, value]) => key !== 'retrieval_environment' || !isDefaultEnvironment(value),
    ),
  );
  return digestOf({ ...task, metadata, inputs });
}

function isDefaultEnvironment(value: unknown): boolean {
  return canonicalJson(value ?? null) === canonicalJson(DEFAULT_RETRIEVAL_ENVIRONMENT);
}

/** The public record of a draw. */
export function samplerPromise(
  draw: MatrixDraw,
  index: readonly PoolItem[],
  commitmentHex: string,
): SamplerPromise {
  return {
    algorithm: draw.algorithm,
    commitment: commitmentHex,
    pool_digest: poolDigest(index),
    pool_size: index.length,
    size: draw.task_ids.length,
  };
}

/**
 * Freezes a bundle for a run (evaluation.md section 1.3): pins the versions, stamps every task's metadata, gives
 * live-web tasks a retrieval environment, derives the tool policy where there is none, and records the draw.
 * @param pool the bundle as loaded; not changed
 * @param tasks the drawn tasks in claim order (all of them where nothing is drawn)
 * @param runId e.g. `run-7`
 * @param promise the draw's public record, null where the bundle is served whole
 */
export function freezeBundle(
  pool: EvaluationBundle,
  tasks: readonly EvaluationTask[],
  runId: string,
  promise: SamplerPromise | null,
): EvaluationBundle {
  const versions = {
    benchmark_version: `${pool.family_id}_v1`,
    rubric_version: `${pool.family_id}_rubric_v1`,
  };
  const frozen = tasks.map((task) => freezeTask(task, pool.family_id, { run_id: runId, ...versions }));
  const anyLiveWeb = frozen.some((task) => task.execution_mode === LIVE_WEB);
  return {
    ...pool,
    ...versions,
    run_id: runId,
    policy_version: `${pool.family_id}_scoring_v1`,
    tasks: frozen,
    retrieval_environment:
      pool.retrieval_environment ?? (anyLiveWeb ? DEFAULT_RETRIEVAL_ENVIRONMENT : undefined),
    allowed_tool_policy: pool.allowed_tool_policy ?? {
      allowed_tools: [...new Set(tasks.flatMap((task) => task.allowed_tools))].sort(),
    },
    metadata: { ...pool.metadata, dataset_generator: generatorOf(pool.metadata.dataset_generator, promise) },
  };
}

function freezeTask(
  task: EvaluationTask,
  familyId: string,
  stamps: { run_id: string; benchmark_version: string; rubric_version: string },
): EvaluationTask & { family_id: string } {
  const track = task.metadata.evaluation_track;
  const needsEnvironment = task.execution_mode === LIVE_WEB && task.inputs.retrieval_environment == null;
  return {
    ...task,
    family_id: familyId,
    inputs: needsEnvironment
      ? { ...task.inputs, retrieval_environment: DEFAULT_RETRIEVAL_ENVIRONMENT }
      : task.inputs,
    metadata: {
      ...task.metadata,
      ...stamps,
      owner_frozen: true,
      evaluation_track: typeof track === 'string' && track !== '' ? track : DEFAULT_TRACK,
    },
  };
}

/** Always an object: readers take its presence as the sign that the frozen bundle may be reused. */
function generatorOf(published: unknown, promise: SamplerPromise | null): Record<string, unknown> {
  const base =
    published !== null && typeof published === 'object' && !Array.isArray(published)
      ? (published as Record<string, unknown>)
      : {};
  return { ...base, sampler: promise };
}
