import { z } from 'zod';
import { ObjectNotFound } from '../../adapters/object-store/types';
import { listOwnSubmissions } from '../../adapters/postgres/own-submissions';
import { listSubmissions } from '../../adapters/postgres/submissions';
import { loadScorecards } from '../../adapters/postgres/runs-read';
import { buildLogKey } from '../../domain/build-log';
import { idParams } from '../../domain/contracts/common';
import { NO_ORDER } from '../../domain/contracts/orders';
import { scorecardPayload } from '../../domain/contracts/scorecards';
import {
  canonicalPayload,
  ownSubmissionPayload,
  poolItemPayload,
  poolQuery,
  scorecardsQuery,
  submissionJourneyPayload,
  submissionPayload,
  submissionProgressPayload,
  withdrawBody,
  withdrawPayload,
} from '../../domain/contracts/submissions';
import { HttpError } from '../../domain/http-errors';
import { SUBMISSION_MESSAGES, workflowIds } from '../../domain/messages';
import type { SubmissionStatusView } from '../../domain/messages';
import { naiveIso } from '../../domain/time';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { latestScorecards, ownOrOwnersSubmission, ownSubmission } from '../submissions/own';
import { canonicalReport, progressReport } from '../submissions/reports';
import { sendArchive } from '../archives';
import { withdrawSubmission } from '../steering/submission';
import { tryQuery } from '../temporal-control';
import { buildStatus, submissionView } from '../views/submissions';

const tags = ['submissions'];
/** A build log is bounded where it is written. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;
const ownErrors = {
  403: { description: 'Another hotkey made it' },
  404: { description: 'No such submission' },
};

export const submissionRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/current',
      auth: 'signed',
      summary: "The signer's newest submission, or null",
      tags,
      responses: { 200: { description: 'The submission or null', schema: submissionPayload.nullable() } },
    },
    async ({ deps, hotkey }) => {
      const rows = await deps.db.managedMinerSubmission.findMany({
        where: { minerHotkey: hotkey },
        orderBy: { submissionSeq: 'desc' },
        take: 1,
        include: { deployments: { orderBy: { createdAt: 'desc' }, take: 1 } },
      });
      const [row] = rows;
      if (!row) return null;
      return submissionView(row, (await latestScorecards(deps, rows)).get(row.id) ?? null);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/mine',
      auth: 'signed',
      summary: 'All submissions of the signer, newest first, with how their builds went',
      tags,
      responses: { 200: { description: 'The submissions', schema: z.array(ownSubmissionPayload) } },
    },
    async ({ deps, hotkey }) => {
      const rows = await listOwnSubmissions(deps.db, hotkey, 200);
      const cards = await latestScorecards(deps, rows);
      return rows.map((row) => ({
        ...submissionView(row, cards.get(row.id) ?? null),
        submission_id: row.id,
        deployment_id: row.deployments[0]?.id ?? null,
        status_reason: row.statusReason,
        ...buildStatus(row),
      }));
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/pool',
      auth: 'internal',
      summary: 'Submissions of everybody, newest first',
      tags: ['internal'],
      request: { query: poolQuery },
      responses: { 200: { description: 'The submissions', schema: z.array(poolItemPayload) } },
    },
    async ({ deps, query }) => {
      const rows = await listSubmissions(deps.db, query);
      const cards = await latestScorecards(deps, rows);
      return rows.map((row) => ({
        submission: submissionView(row, cards.get(row.id) ?? null),
        artifact_download_url: `/v1/submissions/${row.id}/artifact`,
        family_id: row.familyId,
        deployment_status: row.deployments[0]?.status ?? null,
      }));
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}',
      auth: 'signed',
      summary: 'One submission; for its miner and the owner',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'The submission', schema: submissionPayload }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => {
      const row = await ownOrOwnersSubmission(deps, params.id, hotkey);
      return submissionView(row, (await latestScorecards(deps, [row])).get(row.id) ?? null);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}/artifact',
      auth: 'signed',
      summary: 'The archive of an own submission',
      tags,
      request: { params: idParams },
      stream: true,
      responses: { 200: { description: 'gzip tar', contentType: 'application/gzip' }, ...ownErrors },
    },
    async ({ deps, params, hotkey, res }) => {
      const row = await ownSubmission(deps, params.id, hotkey, 'artifact access denied');
      await sendArchive(deps, row.artifactId, res);
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}/build-log',
      auth: 'signed',
      summary: 'What the build of a submission printed, also while it runs; for its miner and the owner',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'Text', contentType: 'text/plain; charset=utf-8' }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => {
      const row = await ownOrOwnersSubmission(deps, params.id, hotkey);
      try {
        return (await deps.objectStore.getBytes(buildLogKey(row.id), MAX_LOG_BYTES)).toString('utf8');
      } catch (error) {
        if (!(error instanceof ObjectNotFound)) throw error;
        throw new HttpError(404, `submission is ${row.status}: its build has printed nothing yet`);
      }
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}/scorecards',
      auth: 'signed',
      summary: 'Scores of an own submission, newest first',
      tags,
      request: { params: idParams, query: scorecardsQuery },
      responses: { 200: { description: 'Scorecards', schema: z.array(scorecardPayload) }, ...ownErrors },
    },
    async ({ deps, params, query, hotkey }) => {
      const row = await ownSubmission(deps, params.id, hotkey, 'scorecard access denied');
      return loadScorecards(deps.db, { submissionIds: [row.id], limit: query.limit });
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}/progress',
      auth: 'signed',
      summary: 'How far the evaluation of an own submission has come',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'Progress', schema: submissionProgressPayload }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => progressReport(deps, await ownSubmission(deps, params.id, hotkey)),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}/canonical',
      auth: 'signed',
      summary: 'The result of an own submission in one verdict',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'Result', schema: canonicalPayload }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => canonicalReport(deps, await ownSubmission(deps, params.id, hotkey)),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/submissions/{id}/events',
      auth: 'signed',
      summary: 'What happened to a submission and why, and what happens next; for its miner and the owner',
      tags,
      request: { params: idParams },
      responses: { 200: { description: 'The journey', schema: submissionJourneyPayload }, ...ownErrors },
    },
    async ({ deps, params, hotkey }) => {
      const row = await ownOrOwnersSubmission(deps, params.id, hotkey);
      const [events, view] = await Promise.all([
        deps.db.submissionEvent.findMany({
          where: { submissionId: row.id },
          orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
        }),
        tryQuery<SubmissionStatusView>(
          deps.temporal,
          workflowIds.submission(row.id),
          SUBMISSION_MESSAGES.status,
        ),
      ]);
      return {
        submission_id: row.id,
        status: row.status,
        reason: row.statusReason,
        now:
          view && view.step !== 'ended' ? { step: view.step, reason: view.reason, since: view.since } : null,
        events: events.map((event) => ({
          step: event.step,
          outcome: event.outcome,
          reason: event.reason,
          details: event.detailsJson as Record<string, unknown>,
          created_at: naiveIso(event.createdAt),
        })),
      };
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/submissions/{id}/withdraw',
      auth: 'signed',
      summary: 'Take a submission back; for its miner and the owner',
      tags,
      request: { params: idParams, body: withdrawBody.optional() },
      responses: {
        200: { description: 'Withdrawn, now or before', schema: withdrawPayload },
        ...ownErrors,
        409: { description: 'It has ended in another way' },
        503: { description: 'Its workflow does not answer' },
      },
    },
    async ({ deps, params, body, hotkey }) =>
      withdrawSubmission(
        deps,
        await ownOrOwnersSubmission(deps, params.id, hotkey),
        hotkey,
        body ?? NO_ORDER,
      ),
  ),
];
