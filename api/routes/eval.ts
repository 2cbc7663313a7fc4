/** The tool-call ledger and the feedback to miners (api.md 4.5). */
import { readFeedback } from '../../adapters/postgres/feedback';
import { readJobLedger, recordToolCall } from '../../adapters/postgres/ledger';
import { feedbackQuery, feedbackResponseSchema } from '../../domain/contracts/feedback';
import {
  jobLedgerQuery,
  jobLedgerResponseSchema,
  toolCallRequestSchema,
  toolCallRowSchema,
} from '../../domain/contracts/ledger';
import { HttpError } from '../../domain/http-errors';
import { defineRoute, type Route } from '../route';

export const evalRoutes: readonly Route[] = [
  defineRoute(
    {
      method: 'post',
      path: '/v1/internal/eval/tool_calls',
      auth: 'internal',
      summary: 'Record a tool call of a job',
      tags: ['ledger'],
      request: { body: toolCallRequestSchema },
      responses: { 201: { description: 'The row', schema: toolCallRowSchema } },
    },
    ({ deps, body }) => recordToolCall(deps.db, body),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/internal/eval/job_ledger',
      auth: 'validator',
      summary: 'Tool calls of a job',
      description:
        "Jobs of the caller's own claims, of runs that are over, and ids that are no attempt's; any other is empty.",
      tags: ['ledger'],
      request: { query: jobLedgerQuery },
      responses: { 200: { description: 'Calls, oldest first', schema: jobLedgerResponseSchema } },
    },
    async ({ deps, query, hotkey }) => {
      const calls = await readJobLedger(deps.db, query.job_id, hotkey);
      return { job_id: query.job_id, n_calls: calls.length, tool_calls: calls };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/eval/feedback',
      auth: 'signed',
      summary: "The signer's feedback of a run",
      tags: ['feedback'],
      request: { query: feedbackQuery },
      responses: {
        200: {
          description:
            'Feedback, oldest first; while the run is open without the claims that answers are held against',
          schema: feedbackResponseSchema,
        },
        503: { description: 'Feedback is switched off' },
      },
    },
    async ({ deps, query, hotkey }) => {
      if (!deps.config.feedbackEnabled) throw new HttpError(503, 'eval feedback is temporarily disabled');
      const { run_id: runId, limit, cursor } = query;
      const { items, nextCursor } = await readFeedback(deps.db, {
        runId,
        minerHotkey: hotkey,
        limit,
        cursor,
      });
      return {
        run_id: runId,
        miner_hotkey: hotkey,
        n_items: items.length,
        next_cursor: nextCursor,
        items,
      };
    },
  ),
];
