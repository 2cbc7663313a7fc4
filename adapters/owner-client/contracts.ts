/** Answers of the owner API as its clients read them: what is used is checked, what else comes is kept. */
import { z } from 'zod';

const text = z.string().nullish();

export const weightsSchema = z.looseObject({
  run_id: z.string().nullable(),
  ready: z.boolean(),
  weights: z.record(z.string(), z.number()),
  family_winners: z.array(
    z.looseObject({
      family_id: z.string(),
      winner_hotkey: text,
      family_weight: z.number(),
      official_family_score: z.number().default(0),
    }),
  ),
  evidence_sha256: z.string().nullable().default(null),
  digest: z.string().nullable().default(null),
  signer_hotkey: z.string().nullable().default(null),
  signature: z.string().nullable().default(null),
});
export type WeightsAnswer = z.infer<typeof weightsSchema>;

export const jobLedgerSchema = z.looseObject({
  job_id: z.string(),
  tool_calls: z.array(z.looseObject({ tool_name: z.string(), status: text })),
});
export type JobLedger = z.infer<typeof jobLedgerSchema>;

export const validatorSelfSchema = z.looseObject({ hotkey: z.string(), is_active: z.boolean() });
export type ValidatorSelf = z.infer<typeof validatorSelfSchema>;

export const tasksStatusSchema = z.looseObject({
  run_id: z.string(),
  family_id: z.string(),
  total_tasks: z.int(),
  pending_tasks: z.int(),
  claimed_tasks: z.int(),
  evaluated_tasks: z.int(),
  miners: z.array(z.looseObject({ miner_hotkey: z.string(), judgments_received: z.int() })),
});
export type TasksStatus = z.infer<typeof tasksStatusSchema>;

export const runSchema = z.looseObject({
  run_id: z.string(),
  sequence: z.int(),
  status: z.string(),
  started_at: text,
  ends_at: text,
  closed_at: text,
});
export type RunAnswer = z.infer<typeof runSchema>;

export const submissionSchema = z.looseObject({
  id: z.string(),
  miner_hotkey: z.string(),
  family_id: z.string(),
  status: z.string(),
  introduced_run_id: text,
  deployment: z.looseObject({ id: z.string(), status: z.string(), health_status: z.string() }).nullish(),
});
export type SubmissionAnswer = z.infer<typeof submissionSchema>;

export const feedbackSchema = z.looseObject({
  run_id: z.string(),
  miner_hotkey: z.string(),
  n_items: z.int(),
  items: z.array(z.looseObject({ task_id: z.string(), outcome: z.string(), composite_score: z.number() })),
});
export type FeedbackAnswer = z.infer<typeof feedbackSchema>;

export const scorecardsSchema = z.array(
  z.looseObject({ miner_hotkey: z.string(), deployment_id: z.string(), raw_score: z.number() }),
);
export type Scorecards = z.infer<typeof scorecardsSchema>;
