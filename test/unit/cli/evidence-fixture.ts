/** A small completed run as the owner publishes it: one drawn task set, two miners, real arithmetic. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hotkey } from '../../../adapters/keys/types';
import type { PublishedWeights } from '../../../cli/verify';
import {
  forbiddenClaims,
  goldAnswer,
  parseBundle,
  requiredTool,
  taskMode,
} from '../../../domain/contracts/dataset';
import { canonicalJson, computeRun, digestOf } from '../../../domain/evidence';
import type { RunEvidence, RunFacts } from '../../../domain/evidence';
import {
  commitment,
  deriveSeed,
  freezeBundle,
  poolIndex,
  sampleMatrix,
  samplerPromise,
} from '../../../domain/sampling';

const path = join(__dirname, '../../../demo/dataset/general_chat.json');
const BUDGETS = { instant: 120_000, thinking: 600_000 };

/** @param miners hotkeys, the first being the best */
export function exampleEvidence(runId: string, miners: readonly string[]): RunEvidence {
  const bundle = parseBundle(JSON.parse(readFileSync(path, 'utf8')), 'general_chat', path);
  const seed = deriveSeed('general_chat', 4, 'a secret of the owner');
  const sample = sampleMatrix({ pool: bundle.tasks, size: 4, seedHex: seed });
  const index = poolIndex(bundle.tasks);
  const promise = samplerPromise(sample, index, commitment(seed));
  const { tasks } = freezeBundle(bundle, sample.tasks, runId, promise);
  const facts: RunFacts = {
    run: {
      run_id: runId,
      sequence: 4,
      scoring_version: 2,
      quorum: 1,
      started_at: '2025-01-31T12:00:00',
      ends_at: '2025-02-03T12:00:00',
      closed_at: '2025-02-03T12:00:00.250000',
      judge_model: 'local-rubric-judge',
      latency_budgets_ms: BUDGETS,
    },
    families: [
      {
        family_id: 'general_chat',
        benchmark_version: 'general_chat_v1',
        rubric_version: 'general_chat_rubric_v1',
        family_weight: 0.8,
        min_score: 0.01,
        previous_winner: null,
        sampler: { ...promise, seed, pool: index, task_ids: sample.task_ids },
        members: miners.map((hotkey, uid) => ({
          hotkey,
          uid,
          deployment_id: `deployment-${uid}`,
          submission_id: `submission-${uid}`,
          archive_sha256: null,
          submitted_at: `2025-01-2${uid}T12:00:00`,
          deployed_at: '2025-01-31T12:00:00',
        })),
        tasks: tasks.map((task, task_index) => ({
          task_id: task.task_id,
          task_index,
          payload: task,
          expected_claims: [goldAnswer(task) ?? ''],
          must_not_claim: forbiddenClaims(task),
          oracle_status: 'deterministic',
          disagreement_note: null,
        })),
        results: miners.flatMap((miner_hotkey, rank) =>
          tasks.map((task) => ({
            miner_hotkey,
            deployment_id: `deployment-${rank}`,
            task_id: task.task_id,
            status: 'scored' as const,
            reason: null,
            judgments: [
              {
                validator_hotkey: 'validator-0',
                fencing: 1,
                job_id: null,
                input: {
                  outcome: rank === 0 ? ('correct' as const) : ('partial' as const),
                  failure_mode: null,
                  candidate_response: String(goldAnswer(task)),
                  must_not_claim: forbiddenClaims(task),
                  required_tool: requiredTool(task),
                  ledger_calls: ['web_search', 'url_fetch', 'sandbox_python', 'rag.retrieve'].map(
                    (tool_name) => ({
                      tool_name,
                      status: 'ok',
                    }),
                  ),
                  latency_ms: 9_000 + rank,
                  cost_usd: 0.01,
                  latency_budget_ms: BUDGETS[taskMode(task)],
                  grounded_correctness_score: 0.9,
                  instruction_safety_score: 1,
                  pairwise_preference_score: 0.5,
                },
                failure_reason: null,
                miner_latency_seconds: 9,
                judge_cost_usd: 0.001,
                guidance: null,
                validator_composite: null,
              },
            ],
          })),
        ),
      },
    ],
  };
  return JSON.parse(canonicalJson(computeRun(facts))) as RunEvidence;
}

/** The weights of that run as served, signed by the owner. */
export function exampleWeights(evidence: RunEvidence, owner: Hotkey): PublishedWeights {
  const evidence_sha256 = digestOf(evidence);
  const { weights } = evidence.weights;
  const run_id = evidence.run.run_id;
  const digest = digestOf({ run_id, evidence_sha256, weights });
  return {
    run_id,
    weights,
    evidence_sha256,
    digest,
    signer_hotkey: owner.ss58,
    signature: owner.sign(digest),
  };
}
