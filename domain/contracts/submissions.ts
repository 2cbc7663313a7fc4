/** Submissions as the wire shows them (api.md section 4.1). */
import { z } from 'zod';
import { orderBody } from './orders';
import { jsonObject, queryInt, clampedInt, wireTime } from './common';
import { deploymentPayload } from './deployments';
import { scorecardPayload } from './scorecards';

export const submissionPayload = z
  .object({
    id: z.string(),
    miner_hotkey: z.string(),
    submission_seq: z.int(),
    family_id: z.string(),
    introduced_run_id: z.string().nullable(),
    status: z.string(),
    submission_block: z.int(),
    manifest: jsonObject,
    archive_sha256: z.string(),
    created_at: wireTime,
    updated_at: wireTime,
    deployment: deploymentPayload.nullable(),
    latest_scorecard_summary: scorecardPayload.nullable(),
  })
  .meta({ id: 'Submission' });
export type SubmissionPayload = z.output<typeof submissionPayload>;

/** What the SDK's status command reads: a submission and how its build went. */
export const ownSubmissionPayload = submissionPayload
  .extend({
    submission_id: z.string(),
    deployment_id: z.string().nullable(),
    status_reason: z.string().nullable(),
    build_status: z.string(),
    build_error: z.string().nullable(),
  })
  .meta({ id: 'OwnSubmission' });

const index = z
  .string()
  .optional()
  .meta({ description: "the extrinsic's place in its block, instead of its hash" });

/** The fee's place on the chain may come in the query, or as fields of the form, which the signature covers. */
export const submitQuery = z.object({
  extrinsic_hash: z.string().optional(),
  extrinsic_index: index,
  block_hash: z.string().optional(),
});

export const submitForm = z.object({
  archive: z.string().meta({ format: 'binary', description: 'gzip tar with submission.yaml at its root' }),
  extrinsic_hash: z.string().optional(),
  extrinsic_index: index,
  block_hash: z.string().optional(),
});

export const scorecardsQuery = z.object({ limit: clampedInt({ min: 1, max: 100, fallback: 20 }) });

export const submissionEventPayload = z
  .object({
    step: z.string(),
    outcome: z.string(),
    reason: z.string().nullable(),
    details: jsonObject,
    created_at: wireTime,
  })
  .meta({ id: 'SubmissionEvent' });

export const submissionJourneyPayload = z
  .object({
    submission_id: z.string(),
    status: z.string(),
    reason: z.string().nullable(),
    /** What the workflow is doing now; null when it has ended or cannot be asked. */
    now: z.object({ step: z.string(), reason: z.string(), since: z.string() }).nullable(),
    events: z.array(submissionEventPayload),
  })
  .meta({ id: 'SubmissionJourney' });

const taskReport = z.object({
  task_id: z.string(),
  status: z.string(),
  error: z.string().nullable(),
  score_bearing: z.boolean(),
  judge_backed_result_count: z.int(),
});

export const submissionProgressPayload = z
  .object({
    submission_id: z.string(),
    submission_status: z.string(),
    family_id: z.string(),
    deployment: deploymentPayload.nullable(),
    task_events: z.array(taskReport),
    tasks: z.array(taskReport),
    validator_reports: z.array(z.unknown()),
    failure_classification_counts: z.object({
      infra_failed_results: z.int(),
      task_failed_results: z.int(),
    }),
    capability_counts: z.record(
      z.string(),
      z.object({ planned: z.int(), running: z.int(), completed: z.int(), failed: z.int() }),
    ),
  })
  .meta({ id: 'SubmissionProgress' });

export const canonicalPayload = z
  .object({
    submission_id: z.string(),
    status: z.enum(['pending', 'failed', 'finalized']),
    validator_count: z.int(),
    overall_score: z.number().nullable(),
    aggregation_method: z.string().nullable(),
    summary: jsonObject,
  })
  .meta({ id: 'CanonicalResult' });

export const poolQuery = z.object({
  limit: queryInt({ min: 1, max: 200, fallback: 50 }),
  offset: queryInt({ min: 0, fallback: 0 }),
});

export const poolItemPayload = z
  .object({
    submission: submissionPayload,
    artifact_download_url: z.string(),
    family_id: z.string(),
    deployment_status: z.string().nullable(),
  })
  .meta({ id: 'PoolItem' });

export const withdrawBody = orderBody;
export const withdrawPayload = z
  .object({
    submission_id: z.string(),
    status: z.string(),
    reason: z.string(),
    /** Only in the answer to a dry run. */
    dry_run: z.boolean().optional(),
  })
  .meta({ id: 'Withdrawal' });
