import { closeBody, extendBody, steerBody, steerPayload } from '../../domain/contracts/admin';
import { idParams } from '../../domain/contracts/common';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { steerRun } from '../steering';
import type { SteerAction } from '../steering';

const tags = ['admin'];
const responses = {
  200: { description: 'Done, or already so', schema: steerPayload },
  404: { description: 'No such run' },
  409: { description: "The run's state does not allow it" },
  503: { description: "The run's workflow does not answer" },
};

const SUMMARIES: Record<'pause' | 'resume' | 'open', string> = {
  pause: 'Pause a run: no new claims, the timer stands still',
  resume: 'Resume a paused run',
  open: 'Open a scheduled run now',
};

const plain = (action: Exclude<SteerAction, 'close' | 'extend'>): Route =>
  defineRoute(
    {
      method: 'post',
      path: `/v1/admin/runs/{id}/${action}`,
      auth: 'owner',
      summary: SUMMARIES[action],
      tags,
      request: { params: idParams, body: steerBody },
      responses,
    },
    ({ deps, params, body, hotkey }) =>
      steerRun(deps, { action, runId: params.id, actor: hotkey, reason: body.reason, dryRun: body.dry_run }),
  );

export const runSteeringRoutes: Route[] = [
  plain('pause'),
  plain('resume'),
  plain('open'),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/runs/{id}/close',
      auth: 'owner',
      summary: 'Close a run, after its running leases (drain) or at once (now)',
      tags,
      request: { params: idParams, body: closeBody },
      responses,
    },
    ({ deps, params, body, hotkey }) =>
      steerRun(deps, {
        action: 'close',
        runId: params.id,
        actor: hotkey,
        reason: body.reason,
        dryRun: body.dry_run,
        mode: body.mode,
      }),
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/runs/{id}/extend',
      auth: 'owner',
      summary: 'Move the end of a run',
      tags,
      request: { params: idParams, body: extendBody },
      responses,
    },
    ({ deps, params, body, hotkey }) =>
      steerRun(deps, {
        action: 'extend',
        runId: params.id,
        actor: hotkey,
        reason: body.reason,
        dryRun: body.dry_run,
        seconds: body.seconds,
      }),
  ),
];
