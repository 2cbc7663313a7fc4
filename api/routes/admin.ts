import { z } from 'zod';
import { openRun } from '../../adapters/postgres/runs-read';
import {
  adminCurrentRunPayload,
  adminDeploymentPayload,
  adminListQuery,
  adminNeuronPayload,
  adminRunPayload,
  adminSubmissionPayload,
  advancePayload,
  hotkeyParams,
  validatorBody,
  validatorChangePayload,
  validatorPatchBody,
  validatorPayload,
  neuronSyncPayload,
  whoamiPayload,
} from '../../domain/contracts/admin';
import { messageOf } from '../../adapters/logging';
import { syncMetagraphNow } from '../../adapters/temporal/metagraph-sync';
import { HttpError } from '../../domain/http-errors';
import { naiveIso, naiveIsoOrNull } from '../../domain/time';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { advanceRun } from '../steering/advance';
import { forgetValidator } from '../validator-directory';
import { neuronView, whoami } from '../views/neurons';
import { validatorView } from '../views/validators';

const tags = ['admin'];
const SYNC_DEADLINE_MS = 60_000;
const notFound = { 404: { description: 'No such validator' } };

export const adminRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/whoami',
      auth: 'owner',
      summary: 'Who the owner is, and of which subnet',
      tags,
      responses: { 200: { description: 'The owner', schema: whoamiPayload } },
    },
    ({ deps, hotkey }) => whoami(deps, hotkey),
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/validators',
      auth: 'owner',
      summary: 'Admit a validator, or set its uid and stake and make it active again',
      tags,
      request: { body: validatorBody },
      responses: { 200: { description: 'Admitted', schema: validatorChangePayload } },
    },
    async ({ deps, body, hotkey }) => {
      const values = { uid: body.uid, stake: body.stake, isActive: true, lastSyncedAt: deps.clock() };
      await deps.db.$transaction([
        deps.db.validator.upsert({
          where: { hotkey: body.hotkey },
          create: { hotkey: body.hotkey, ...values },
          update: values,
        }),
        deps.db.operatorAction.create({
          data: {
            actor: hotkey,
            via: 'api',
            action: 'validator.add',
            target: body.hotkey,
            requestJson: body,
            outcome: 'applied',
          },
        }),
      ]);
      forgetValidator(deps, body.hotkey);
      return { status: 'added', hotkey: body.hotkey };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/validators',
      auth: 'owner',
      summary: 'Validators, by uid',
      tags,
      responses: { 200: { description: 'Validators', schema: z.array(validatorPayload) } },
    },
    async ({ deps }) => {
      const rows = await deps.db.validator.findMany({ orderBy: [{ uid: 'asc' }, { hotkey: 'asc' }] });
      return rows.map(validatorView);
    },
  ),
  defineRoute(
    {
      method: 'delete',
      path: '/v1/admin/validators/{hotkey}',
      auth: 'owner',
      summary: 'Remove a validator from the whitelist',
      tags,
      request: { params: hotkeyParams },
      responses: { 200: { description: 'Removed', schema: validatorChangePayload }, ...notFound },
    },
    async ({ deps, params, hotkey }) => {
      const { count } = await deps.db.validator.deleteMany({ where: { hotkey: params.hotkey } });
      forgetValidator(deps, params.hotkey);
      if (count === 0) throw new HttpError(404, 'validator not found');
      await deps.db.operatorAction.create({
        data: {
          actor: hotkey,
          via: 'api',
          action: 'validator.remove',
          target: params.hotkey,
          outcome: 'applied',
        },
      });
      return { status: 'removed', hotkey: params.hotkey };
    },
  ),
  defineRoute(
    {
      method: 'patch',
      path: '/v1/admin/validators/{hotkey}',
      auth: 'owner',
      summary: 'Enable or disable a validator',
      tags,
      request: { params: hotkeyParams, body: validatorPatchBody },
      responses: { 200: { description: 'Changed', schema: validatorChangePayload }, ...notFound },
    },
    async ({ deps, params, body, hotkey }) => {
      const { count } = await deps.db.validator.updateMany({
        where: { hotkey: params.hotkey },
        data: { isActive: body.is_active },
      });
      forgetValidator(deps, params.hotkey);
      if (count === 0) throw new HttpError(404, 'validator not found');
      await deps.db.operatorAction.create({
        data: {
          actor: hotkey,
          via: 'api',
          action: body.is_active ? 'validator.enable' : 'validator.disable',
          target: params.hotkey,
          outcome: 'applied',
        },
      });
      return { status: 'updated', hotkey: params.hotkey, is_active: body.is_active };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/runs',
      auth: 'owner',
      summary: 'The last 20 runs, latest first',
      tags,
      responses: { 200: { description: 'Runs', schema: z.array(adminRunPayload) } },
    },
    async ({ deps }) => {
      const rows = await deps.db.evaluationRun.findMany({ orderBy: { sequence: 'desc' }, take: 20 });
      return rows.map((row) => ({
        id: row.id,
        sequence: row.sequence,
        status: row.status,
        started_at: naiveIso(row.startedAt),
        ends_at: naiveIso(row.endsAt),
        closed_at: naiveIsoOrNull(row.closedAt),
      }));
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/runs/current',
      auth: 'owner',
      summary: 'The open run',
      tags,
      responses: { 200: { description: 'The run, or that none is open', schema: adminCurrentRunPayload } },
    },
    async ({ deps }) => {
      const row = await openRun(deps.db);
      if (!row) return { status: 'no_open_run' as const };
      return {
        id: row.id,
        sequence: row.sequence,
        status: row.status,
        started_at: naiveIso(row.startedAt),
        ends_at: naiveIso(row.endsAt),
      };
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/runs/advance',
      auth: 'owner',
      summary: 'Close the open run at once and wait for the next one to open',
      tags,
      responses: {
        200: { description: 'Advanced', schema: advancePayload },
        409: { description: 'There is no run to advance' },
        500: { description: 'No other run opened in time' },
        503: { description: "The run's workflow does not answer" },
      },
    },
    ({ deps, hotkey }) => advanceRun(deps, hotkey),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/neurons',
      auth: 'owner',
      summary: 'Registered neurons, by uid',
      tags,
      responses: { 200: { description: 'Neurons', schema: z.array(adminNeuronPayload) } },
    },
    async ({ deps }) => {
      const rows = await deps.db.registeredNeuron.findMany({
        where: { deregisteredAt: null },
        orderBy: [{ uid: 'asc' }, { hotkey: 'asc' }],
      });
      return rows.map(neuronView);
    },
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/neurons/sync',
      auth: 'owner',
      summary: 'Read the neurons from the chain now',
      tags,
      responses: {
        200: { description: 'Synced', schema: neuronSyncPayload },
        502: { description: 'The chain could not be read; the neurons stay as they were' },
      },
    },
    async ({ deps }) => {
      try {
        return await syncMetagraphNow(deps.temporal, SYNC_DEADLINE_MS);
      } catch (error) {
        const cause = (error as { cause?: unknown }).cause;
        throw new HttpError(502, `metagraph sync failed: ${messageOf(cause ?? error)}`);
      }
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/submissions',
      auth: 'owner',
      summary: 'Submissions of everybody, newest first',
      tags,
      request: { query: adminListQuery },
      responses: { 200: { description: 'Submissions', schema: z.array(adminSubmissionPayload) } },
    },
    async ({ deps, query }) => {
      const rows = await deps.db.managedMinerSubmission.findMany({
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: query.limit,
      });
      return rows.map((row) => ({
        id: row.id,
        miner_hotkey: row.minerHotkey,
        submission_seq: row.submissionSeq,
        family_id: row.familyId,
        status: row.status,
        introduced_run_id: row.introducedRunId,
        created_at: naiveIso(row.createdAt),
      }));
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/admin/deployments',
      auth: 'owner',
      summary: 'Deployments of everybody, recently updated first',
      tags,
      request: { query: adminListQuery },
      responses: { 200: { description: 'Deployments', schema: z.array(adminDeploymentPayload) } },
    },
    async ({ deps, query }) => {
      const rows = await deps.db.managedDeployment.findMany({
        orderBy: [{ updatedAt: 'desc' }, { id: 'desc' }],
        take: query.limit,
      });
      return rows.map((row) => ({
        id: row.id,
        submission_id: row.submissionId,
        miner_hotkey: row.minerHotkey,
        family_id: row.familyId,
        status: row.status,
        health_status: row.healthStatus,
        placement_status: row.placementStatus,
        assigned_node_name: row.assignedNodeName,
        is_active: row.isActive,
        updated_at: naiveIso(row.updatedAt),
      }));
    },
  ),
];
