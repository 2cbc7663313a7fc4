/** Wire contract of `GET /v1/eval/feedback` (api.md 4.5, evaluation.md 5.1 and 5.2). */
import { z } from 'zod';

export const feedbackQuery = z.object({ run_id: z.string().min(1).max(64) });

/** `factors` is the official breakdown, `explanation` the same in sentences; both are beyond the original's fields. */
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
});
export type FeedbackRow = z.infer<typeof feedbackRowSchema>;

export const feedbackResponseSchema = z
  .object({
    run_id: z.string(),
    miner_hotkey: z.string(),
    n_items: z.int(),
    items: z.array(feedbackRowSchema),
  })
  .meta({ id: 'Feedback' });
