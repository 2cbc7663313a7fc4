/** Wire contract of `GET /v1/eval/feedback` (api.md 4.5, evaluation.md 5.1 and 5.2). */
import { z } from 'zod';

/** Without a `limit` everything comes at once, as the original answers; `cursor` is a page's `next_cursor`. */
export const feedbackQuery = z.object({
  run_id: z.string().min(1).max(64),
  limit: z.coerce.number().int().min(1).max(500).optional(),
  cursor: z.string().max(512).optional(),
});

/**
 * What is beyond the original's fields: `factors` is the official breakdown, `explanation` the same in sentences; the
 * claims, and words that quote them, are withheld (null, or `[withheld]`) until the run is completed.
 */
export const feedbackRowSchema = z.object({
  id: z.string(),
  run_id: z.string(),
  miner_hotkey: z.string(),
  task_id: z.string(),
  outcome: z.string(),
  failure_mode: z.string().nullable(),
  guidance: z.string(),
  prompt_excerpt: z.string(),
  response_excerpt: z.string(),
  composite_score: z.number(),
  knockout_reasons: z.array(z.string()),
  oracle_status: z.string().nullable(),
  created_at: z.string(),
  factors: z.record(z.string(), z.unknown()),
  explanation: z.string(),
  /** how many expected claims the judge did not find, null where it did not say */
  missing_claim_count: z.int().nullable(),
  expected_claims: z.array(z.string()).nullable(),
  missing_claims: z.array(z.string()).nullable(),
  oracle_note: z.string().nullable(),
  redacted: z.boolean(),
});
export type FeedbackRow = z.infer<typeof feedbackRowSchema>;

export const feedbackResponseSchema = z
  .object({
    run_id: z.string(),
    miner_hotkey: z.string(),
    /** on this page */
    n_items: z.int(),
    next_cursor: z.string().nullable(),
    items: z.array(feedbackRowSchema),
  })
  .meta({ id: 'Feedback' });
