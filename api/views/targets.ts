/** Targets of a run as validators see them: what is asked, without the gold answers and without credentials. */
import { ObjectNotFound } from '../../adapters/object-store/types';
import type { RunRow } from '../../adapters/postgres/runs-read';
import type { ApiDeps } from '../deps';
import { bundleArtifacts } from './runs';

type JsonObject = Record<string, unknown>;

const HIDDEN_TASK_METADATA = ['hidden_fixture', 'visibility', 'seed_id', 'topic'];
const KEPT_GOLD = ['execution_mode', 'task_family'];
// Larger than any real bundle; a guard against reading something else into memory.
const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;

/** @param asked versions to show while nothing is frozen yet */
export async function targetsView(
  deps: ApiDeps,
  run: RunRow,
  familyId: string,
  asked: { benchmark_version: string; rubric_version: string; judge_model: string },
) {
  const snapshot = await deps.db.epochTargetSnapshot.findUnique({
    where: { runId_familyId: { runId: run.id, familyId } },
  });
  const bundle = await readBundle(deps, run);
  const metadata = run.metadataJson as JsonObject;
  return {
    run_id: run.id,
    family_id: familyId,
    benchmark_version: snapshot?.benchmarkVersion ?? asked.benchmark_version,
    rubric_version: snapshot?.rubricVersion ?? asked.rubric_version,
    judge_model: snapshot?.judgeModel ?? asked.judge_model,
    // Nothing is frozen by reading: before the run has done so it is shown as waiting.
    status: snapshot?.status ?? 'pending_deployments',
    members: ((snapshot?.membersJson ?? []) as JsonObject[]).map((member) =>
      publicMember(deps, run.id, member),
    ),
    evaluation_bundle: bundle && strippedBundle(bundle),
    evaluation_bundle_artifact: bundleArtifacts(metadata.evaluation_bundle_artifacts)[familyId] ?? null,
    retrieval_environment: bundle?.retrieval_environment ?? null,
    allowed_tool_policy: bundle?.allowed_tool_policy ?? null,
    policy_version: bundle?.policy_version ?? null,
  };
}

/** A member with the addresses that a validator may use, and nothing that authorises anybody. */
function publicMember(deps: ApiDeps, runId: string, member: JsonObject): JsonObject {
  const { auth_headers: _removed, ...metadata } = (member.metadata ?? {}) as JsonObject;
  const base = deps.config.publicUrl ?? '';
  const route = `/v1/validator/runs/${runId}/deployments/${String(metadata.deployment_id)}`;
  return {
    ...member,
    endpoint: `${base}${route}`,
    metadata: {
      ...metadata,
      validator_endpoint: `${base}${route}`,
      validator_health_path: `${route}/healthz`,
      validator_infer_path: `${route}/v1/agent/infer`,
    },
  };
}

async function readBundle(deps: ApiDeps, run: RunRow): Promise<JsonObject | null> {
  if (!run.bundleKey || run.status === 'scheduled') return null;
  try {
    return JSON.parse(
      (await deps.objectStore.getBytes(run.bundleKey, MAX_BUNDLE_BYTES)).toString('utf8'),
    ) as JsonObject;
  } catch (error) {
    if (error instanceof ObjectNotFound) return null;
    throw error;
  }
}

function strippedBundle(bundle: JsonObject): JsonObject {
  const { hidden_fixture_ids: _hidden, ...metadata } = (bundle.metadata ?? {}) as JsonObject;
  return {
    ...bundle,
    metadata,
    tasks: ((bundle.tasks ?? []) as JsonObject[]).map((task) => ({
      ...task,
      expected_output: only((task.expected_output ?? {}) as JsonObject, KEPT_GOLD),
      metadata: without((task.metadata ?? {}) as JsonObject, HIDDEN_TASK_METADATA),
    })),
  };
}

const only = (object: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)));
const without = (object: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
