/** Orders of the owner about submissions, deployments, tasks and publications, and the record of all orders. */
import { z } from 'zod';
import { listEnrichments } from '../../adapters/postgres/enrichments';
import { hotkeyParams } from '../../domain/contracts/admin';
import { idParams } from '../../domain/contracts/common';
import {
  actionPayload,
  actionsQuery,
  banBody,
  bannedPayload,
  banPayload,
  cancelBody,
  cancelPayload,
  deploymentOrderPayload,
  enrichmentPayload,
  enrichmentsQuery,
  plainOrder,
  publishPayload,
  reEnrichPayload,
  stuckPayload,
  unbanPayload,
} from '../../domain/contracts/orders';
import { HttpError } from '../../domain/http-errors';
import { naiveIso, naiveIsoOrNull } from '../../domain/time';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { steerDeployment } from '../steering/deployment';
import { cancelPublications } from '../steering/publication';
import { publishWeights } from '../steering/publish';
import { banSubmission, unbanHotkey } from '../steering/submission';
import { stuckWorkflows } from '../steering/stuck';
import { reEnrichTask } from '../steering/task';

const tags = ['admin'];
const silent = { 503: { description: 'Its workflow, or Temporal, does not answer' } };

const deploymentOrder = (action: 'drain' | 'undrain', summary: string): Route =>
  defineRoute(
    {
      method: 'post',
      path: `/v1/admin/deployments/{id}/${action}`,
      auth: 'owner',
      summary,
      tags,
      request: { params: idParams, body: plainOrder },
      responses: {
        200: { description: 'Done, or already so', schema: deploymentOrderPayload },
        404: { description: 'No such deployment' },
        409: { description: 'It is retired' },
        ...silent,
      },
    },
    ({ deps, params, body, hotkey }) => steerDeployment(deps, action, params.id, hotkey, body),
  );

export const orderRoutes: Route[] = [
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/submissions/{id}/ban',
      auth: 'owner',
      summary: 'Refuse the hotkey of a submission from now on, and take back what it has submitted',
      tags,
      request: { params: idParams, body: banBody },
      responses: {
        200: { description: 'Banned, now or before', schema: banPayload },
        404: { description: 'No such submission' },
        ...silent,
      },
    },
    ({ deps, params, body, hotkey }) => banSubmission(deps, params.id, hotkey, body),
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/hotkeys/{hotkey}/unban',
      auth: 'owner',
      summary: 'Let a banned hotkey submit again',
      tags,
      request: { params: hotkeyParams, body: plainOrder },
      responses: {
        200: { description: 'Lifted, now or before', schema: unbanPayload },
        404: { description: 'It was never banned' },
      },
    },
    ({ deps, params, body, hotkey }) => unbanHotkey(deps, params.hotkey, hotkey, body),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/bans',
      auth: 'owner',
      summary: 'Banned hotkeys, latest first',
      tags,
      responses: { 200: { description: 'Bans in force', schema: z.array(bannedPayload) } },
    },
    async ({ deps }) => {
      const rows = await deps.db.bannedHotkey.findMany({
        where: { liftedAt: null },
        orderBy: { createdAt: 'desc' },
        take: 500,
      });
      return rows.map((row) => ({
        hotkey: row.hotkey,
        reason: row.reason,
        banned_by: row.bannedBy,
        banned_at: naiveIso(row.createdAt),
      }));
    },
  ),
  deploymentOrder('drain', 'Finish the leases of a deployment, stop it, and keep runs from starting it'),
  deploymentOrder('undrain', 'Let runs start a drained deployment again'),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/runs/{id}/tasks/{task_id}/re-enrich',
      auth: 'owner',
      summary: 'Ask the oracles about a task again whose truth is not settled',
      tags,
      request: { params: idParams.extend({ task_id: z.string() }), body: plainOrder },
      responses: {
        200: { description: 'Asked again, or settled already', schema: reEnrichPayload },
        404: { description: 'No such task' },
        409: { description: 'The run is over' },
        ...silent,
      },
    },
    ({ deps, params, body, hotkey }) => reEnrichTask(deps, params.id, params.task_id, hotkey, body),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/runs/{id}/enrichments',
      auth: 'owner',
      summary: 'Tasks of a run whose truth oracles are asked for: how far each is, why, and what it cost',
      tags,
      request: { params: idParams, query: enrichmentsQuery },
      responses: {
        200: { description: 'Enrichments, in claim order', schema: z.array(enrichmentPayload) },
        404: { description: 'No such run' },
      },
    },
    async ({ deps, params, query }) => {
      if ((await deps.db.evaluationRun.count({ where: { id: params.id } })) === 0) {
        throw new HttpError(404, `run ${params.id} not found`);
      }
      const rows = await listEnrichments(deps.db, params.id, query.status);
      return rows.map((row) => ({
        task_id: row.taskId,
        task_index: row.taskIndex,
        status: row.status,
        oracle_status: row.oracleStatus,
        reason: row.reason,
        side: row.side,
        cost_usd: row.costMicroUsd / 1e6,
        settled_at: naiveIsoOrNull(row.settledAt),
      }));
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/publications/cancel',
      auth: 'owner',
      summary: "Have running publications of a run's weights give up before their next extrinsic",
      tags,
      request: { body: cancelBody },
      responses: { 200: { description: 'Told, or none is running', schema: cancelPayload }, ...silent },
    },
    ({ deps, body, hotkey }) => cancelPublications(deps, hotkey, body),
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/publications/publish',
      auth: 'owner',
      summary: "Have a closed run's weights published now by the validators that publish from here",
      tags,
      request: { body: cancelBody },
      responses: {
        200: { description: 'Started, told to try now, or published already', schema: publishPayload },
        404: { description: 'No such run' },
        409: { description: 'It has no weights yet, or nobody publishes from here' },
        ...silent,
      },
    },
    ({ deps, body, hotkey }) => publishWeights(deps, hotkey, body),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/actions',
      auth: 'owner',
      summary: 'What operators ordered, latest first: who, when, why, by which way, and what came of it',
      tags,
      request: { query: actionsQuery },
      responses: { 200: { description: 'Orders', schema: z.array(actionPayload) } },
    },
    async ({ deps, query }) => {
      const rows = await deps.db.operatorAction.findMany({
        where: query.target === undefined ? {} : { target: query.target },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: query.limit,
      });
      return rows.map((row) => ({
        id: row.id,
        at: naiveIso(row.createdAt),
        actor: row.actor,
        via: row.via,
        action: row.action,
        target: row.target,
        reason: row.reason,
        request: row.requestJson as Record<string, unknown>,
        outcome: row.outcome,
        message: row.message,
      }));
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/stuck',
      auth: 'owner',
      summary: 'What is stuck and why: every running workflow that something keeps from going on',
      tags,
      responses: {
        200: { description: 'Workflows, longest running first', schema: z.array(stuckPayload) },
        ...silent,
      },
    },
    ({ deps }) => stuckWorkflows(deps),
  ),
];
